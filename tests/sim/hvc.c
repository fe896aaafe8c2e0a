// SPDX-License-Identifier: GPL-2.0
/*
 * The hypercall on arm64.
 *
 * `hvc` enters EL2, where the separation kernel runs. The machine has it, with
 * Linux at EL1, and with vectors of Linux that only install others. Those of
 * el2.S take their place: they let EL1 continue in muensim_entry(), as if the
 * driver's instruction had raised an exception there.
 */
#include <linux/cpuhotplug.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

#include "muensim.h"

static unsigned long stub;
module_param(stub, ulong, 0444);
MODULE_PARM_DESC(stub, "address of __hyp_stub_vectors, Linux's vectors for EL2");

/* EL2 has no translation: its code needs contiguous memory. */
static void *code;

/*
 * The last state before a processor is online, and the first one after it was. The
 * driver does not run there without the vectors: other states of a hotplug, also
 * those of vectors.c, deliver interrupts. No machine of the tests has this hardware.
 */
#define STATE	CPUHP_AP_ARM_MVEBU_COHERENCY

static int set_vectors(phys_addr_t vectors)
{
	register unsigned long result asm("x0") = HVC_SET_VECTORS;
	register unsigned long address asm("x1") = vectors;

	/* As of a function: see asm/virt.h. */
	asm volatile("hvc #0" : "+r" (result), "+r" (address) : :
		     "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
		     "x13", "x14", "x15", "x16", "x17", "memory");
	return result ? -EIO : 0;
}

static int on_online(unsigned int cpu)
{
	return set_vectors(virt_to_phys(code));
}

static int on_offline(unsigned int cpu)
{
	return set_vectors(__pa_symbol(stub));
}

int muensim_hypercall_init(void)
{
	const void *entry = muensim_entry;
	size_t size = muensim_el2_end - muensim_el2;
	int ret;

	if (!stub || size > PAGE_SIZE || read_sysreg(CurrentEL) != CurrentEL_EL1)
		return -ENODEV;
	code = (void *)__get_free_page(GFP_KERNEL);
	if (!code)
		return -ENOMEM;
	memcpy(code, muensim_el2, size);
	memcpy(code + (muensim_el2_entry - muensim_el2), &entry, sizeof(entry));
	/* EL2 bypasses the caches. Under QEMU's TCG there are none. */
	ret = cpuhp_setup_state(STATE, "muensim:el2", on_online, on_offline);
	if (ret < 0)
		free_page((unsigned long)code);
	return ret;
}

void muensim_hypercall_exit(void)
{
	cpuhp_remove_state(STATE);
	free_page((unsigned long)code);
}
