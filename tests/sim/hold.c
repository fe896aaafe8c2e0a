// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps a processor from taking interrupts, so that tests see what waits for it.
 *
 * In debugfs:
 *	muensim/hold	write "<processor>": returns when it is held
 *	muensim/release	write anything: returns when it is released
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "muensim.h"

/* Milliseconds after which it is released by itself: a test has failed then. */
#define HOLD_MAX	20000

static atomic_t held;
static atomic_t released;

static void hold(void *unused)
{
	int i;

	atomic_set_release(&held, 1);
	for (i = 0; i < HOLD_MAX && !atomic_read_acquire(&released); i++)
		mdelay(1);
	atomic_set_release(&held, 0);
}

static call_single_data_t call = CSD_INIT(hold, NULL);

static void wait_for(int state)
{
	while (atomic_read_acquire(&held) != state)
		cpu_relax();
}

static ssize_t hold_write(struct file *file, const char __user *from,
			  size_t count, loff_t *pos)
{
	unsigned int cpu;
	int ret;

	ret = kstrtouint_from_user(from, count, 0, &cpu);
	if (ret)
		return ret;
	if (atomic_read_acquire(&held))
		return -EBUSY;
	atomic_set(&released, 0);
	ret = smp_call_function_single_async(cpu, &call);
	if (ret)
		return ret;
	wait_for(1);
	return count;
}

static const struct file_operations hold_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = hold_write,
};

static ssize_t release_write(struct file *file, const char __user *from,
			     size_t count, loff_t *pos)
{
	muensim_hold_exit();
	return count;
}

static const struct file_operations release_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = release_write,
};

void muensim_hold_files(struct dentry *folder)
{
	debugfs_create_file("hold", 0200, folder, NULL, &hold_fops);
	debugfs_create_file("release", 0200, folder, NULL, &release_fops);
}

void muensim_hold_exit(void)
{
	atomic_set_release(&released, 1);
	wait_for(0);
}
