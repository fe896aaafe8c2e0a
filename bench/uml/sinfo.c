// SPDX-License-Identifier: GPL-2.0
/*
 * The separation kernel of a user-mode Linux. Before the driver is initialised, this
 * writes subject information to the memory that is reserved under the name of the
 * driver (abstractions/mapping/uml.rs). Interface n of COUNT reads channel in<n> and
 * writes out<n>, which is in<n ^ 1>. All channels have the same size.
 */
#include <linux/init.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>

#define COUNT		32
#define IMAGE_SIZE	SZ_32K
#define FIRST_ENTRY	80
#define ENTRY_SIZE	128

static const u8 magic[8] = "muinfo\0\3";

static void __init write_entry(u8 *entry, const char *direction, int number, u64 address, u64 size,
			       bool writable)
{
	/* The resource is memory. */
	entry[0] = 1;
	entry[4] = sprintf(entry + 5, "%s%d", direction, number);
	/* The content of the memory is a channel. */
	entry[72] = 5;
	entry[72 + 2] = writable;
	memcpy(entry + 72 + 8, &address, sizeof(address));
	memcpy(entry + 72 + 16, &size, sizeof(size));
}

static int __init write_sinfo(void)
{
	phys_addr_t base, length;
	u8 *image, *entry;
	u16 count = 2 * COUNT;
	u64 size;

	if (!reserve_mem_find_by_name("muennet", &base, &length))
		return 0;
	if (length < IMAGE_SIZE + COUNT * PAGE_SIZE)
		return -ENOSPC;
	size = rounddown_pow_of_two((length - IMAGE_SIZE) / COUNT);
	image = phys_to_virt(base);
	memset(image, 0, length);
	memcpy(image, magic, sizeof(magic));
	memcpy(image + 77, &count, sizeof(count));
	entry = image + FIRST_ENTRY;
	for (int n = 0; n < COUNT; n++) {
		u64 channels = base + IMAGE_SIZE;

		write_entry(entry, "in", n, channels + (n ^ 1) * size, size, false);
		entry += ENTRY_SIZE;
		write_entry(entry, "out", n, channels + n * size, size, true);
		entry += ENTRY_SIZE;
	}
	pr_info("sinfo=%#llx\n", (unsigned long long)base);
	return 0;
}
fs_initcall(write_sinfo);
