// SPDX-License-Identifier: GPL-2.0
/*
 * Provokes reports of a debug kernel, for a test that checks that such a
 * report fails a run:
 *
 *	echo warn >/sys/module/provoke/parameters/report
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

/* Two locks in one order, and then in the other. */
static void provoke_lockdep(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

/* Reads memory that has been freed. */
static int provoke_kasan(void)
{
	char *memory = kzalloc(64, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	kfree(memory);
	OPTIMIZER_HIDE_VAR(memory);
	return READ_ONCE(memory[8]) < 0 ? -EIO : 0;
}

/*
 * Leaks many objects: kmemleak does not find some of them while a slab's
 * per-CPU arrays of free objects have stale pointers to them.
 */
static int provoke_kmemleak(void)
{
	void *memory;
	int i;

	for (i = 0; i < 2000; i++) {
		memory = kzalloc(128, GFP_KERNEL);
		if (!memory)
			return -ENOMEM;
		OPTIMIZER_HIDE_VAR(memory);
	}
	return 0;
}

/* Leaks eight bytes. */
static int provoke_leak(void)
{
	void *memory = kzalloc(8, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(memory);
	return memory ? 0 : -ENOMEM;
}

static int provoke(const char *what, const struct kernel_param *param)
{
	if (sysfs_streq(what, "warn"))
		WARN(1, "provoked\n");
	else if (sysfs_streq(what, "lockdep"))
		provoke_lockdep();
	else if (sysfs_streq(what, "kasan"))
		return provoke_kasan();
	else if (sysfs_streq(what, "kmemleak"))
		return provoke_kmemleak();
	else if (sysfs_streq(what, "leak"))
		return provoke_leak();
	else
		return -EINVAL;
	return 0;
}

static const struct kernel_param_ops report_ops = { .set = provoke };
module_param_cb(report, &report_ops, NULL, 0200);
MODULE_PARM_DESC(report, "warn, lockdep, kasan, kmemleak or leak");

MODULE_DESCRIPTION("Provokes reports of a debug kernel");
MODULE_LICENSE("GPL");
