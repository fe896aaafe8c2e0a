// SPDX-License-Identifier: GPL-2.0

/*
 * The separation kernel of a user-mode Linux: before the driver comes up it
 * writes subject information into the memory that is reserved by the driver's
 * name (see abstractions/mapping/uml.rs). Interface n of COUNT reads channel in<n>
 * and writes out<n>, which is in<n ^ 1>.
 *
 * With bare_timer_us= there is a timer that does nothing, for comparison.
 */

#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>

#define COUNT 32
#define CHANNEL_SIZE SZ_64K
#define IMAGE_SIZE SZ_32K
#define FIRST_ENTRY 80
#define ENTRY_SIZE 128

static const u8 magic[8] = "muinfo\0\3";

static void __init write_entry(u8 *entry, const char *way, int number, u64 address, bool writable)
{
	u64 size = CHANNEL_SIZE;

	/* A memory resource ... */
	entry[0] = 1;
	entry[4] = sprintf(entry + 5, "%s%d", way, number);
	/* ... that is a channel. */
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
	int n;

	if (!reserve_mem_find_by_name("muennet", &base, &length))
		return 0;
	if (length < IMAGE_SIZE + COUNT * CHANNEL_SIZE)
		return -ENOSPC;
	image = phys_to_virt(base);
	memset(image, 0, length);
	memcpy(image, magic, sizeof(magic));
	memcpy(image + 77, &count, sizeof(count));
	entry = image + FIRST_ENTRY;
	for (n = 0; n < COUNT; n++) {
		u64 channels = base + IMAGE_SIZE;

		write_entry(entry, "in", n, channels + (n ^ 1) * CHANNEL_SIZE, false);
		entry += ENTRY_SIZE;
		write_entry(entry, "out", n, channels + n * CHANNEL_SIZE, true);
		entry += ENTRY_SIZE;
	}
	pr_info("sinfo=%#llx\n", (unsigned long long)base);
	return 0;
}
fs_initcall(write_sinfo);

static unsigned int period_us;
static struct hrtimer bare_timer;

static int __init set_period(char *text)
{
	return kstrtouint(text, 10, &period_us) ? 0 : 1;
}
__setup("bare_timer_us=", set_period);

static enum hrtimer_restart do_nothing(struct hrtimer *timer)
{
	hrtimer_forward_now(timer, us_to_ktime(period_us));
	return HRTIMER_RESTART;
}

static int __init start_bare_timer(void)
{
	if (!period_us)
		return 0;
	hrtimer_setup(&bare_timer, do_nothing, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	hrtimer_start(&bare_timer, us_to_ktime(period_us), HRTIMER_MODE_REL_SOFT);
	return 0;
}
late_initcall(start_bare_timer);
