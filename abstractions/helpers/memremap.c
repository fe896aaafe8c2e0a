// SPDX-License-Identifier: GPL-2.0
/* Memory that another machine or subject may write at the same time. */
#include <linux/io.h>
#include <linux/mm.h>
#include <asm/barrier.h>

#include "helpers.h"

void muennet_read_barrier(void)
{
	/* Not smp_rmb(): the peer is another CPU even without CONFIG_SMP. */
	virt_rmb();
}

void muennet_write_barrier(void)
{
	/* Not smp_wmb(), for the same reason. */
	virt_wmb();
}

u64 muennet_load_acquire(const u64 *p)
{
	/* Pairs with muennet_store_release() of the peer. */
	return virt_load_acquire(p);
}

void muennet_store_release(u64 *p, u64 value)
{
	/* Pairs with muennet_load_acquire() of the peer. */
	virt_store_release(p, value);
}

/* Returns the last physical address that the kernel can map. */
phys_addr_t muennet_last_address(void)
{
#ifdef CONFIG_ARM64
	return PHYS_MASK;
#else
	/* x86 limits the resources to what the processor can address. */
	return iomem_resource.end;
#endif
}

#ifdef CONFIG_UML
/*
 * Returns the address of a part of the memory that is reserved with the name of
 * the driver, or NULL if the range is not in it.
 */
void *muennet_reserved_memory(u64 start, size_t size)
{
	phys_addr_t base, length;

	if (!reserve_mem_find_by_name("muennet", &base, &length))
		return NULL;
	if (start < base || size > length || start - base > length - size)
		return NULL;
	return phys_to_virt(start);
}
#endif
