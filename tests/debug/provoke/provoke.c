// SPDX-License-Identifier: GPL-2.0
/*
 * Provokes one report of the debug kernel, for a test that wants to see that
 * such a report makes a run fail. `what` says which.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "warn, lockdep, kasan or kmemleak");

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
static void provoke_kasan(void)
{
	char *memory = kzalloc(64, GFP_KERNEL);

	if (!memory)
		return;
	kfree(memory);
	pr_info("freed memory holds %d\n", READ_ONCE(memory[8]));
}

/* Forgets memory. */
static noinline void provoke_kmemleak(void)
{
	void *memory;
	int i;

	for (i = 0; i < 8; i++) {
		memory = kzalloc(128, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(memory);
	}
}

static int __init provoke_init(void)
{
	if (!strcmp(what, "warn"))
		WARN(1, "provoked\n");
	else if (!strcmp(what, "lockdep"))
		provoke_lockdep();
	else if (!strcmp(what, "kasan"))
		provoke_kasan();
	else if (!strcmp(what, "kmemleak"))
		provoke_kmemleak();
	else
		return -EINVAL;
	return 0;
}
module_init(provoke_init);

static void __exit provoke_exit(void)
{
}
module_exit(provoke_exit);

MODULE_DESCRIPTION("Provokes reports of a debug kernel");
MODULE_LICENSE("GPL");
