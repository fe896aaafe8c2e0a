// SPDX-License-Identifier: GPL-2.0
/*
 * Plays the separation kernel for the events of a machine.
 *
 * A subject triggers an event by `vmcall` with the event's number in RAX, and
 * the policy says which vector that raises, in the same subject or in that
 * which another machine plays (doorbells.c):
 *
 *	modprobe muensim routes=1:0x70,2:0x71,3:0,4:0x72@1
 *
 * Event 1 raises vector 0x70, event 3 none, event 4 raises vector 0x72 in
 * machine 1. Vector v is Linux interrupt
 * v - 0x30, as in a Linux subject of Muen; the numbers are fixed, and there
 * are no others than those of the vectors first ... first + lines - 1.
 *
 * `vmcall` outside of virtualisation is an invalid instruction (so it is under
 * QEMU's TCG, but not under KVM). What is executed, counted and skipped here is
 * the driver's own instruction, in the binary that users have.
 *
 * In debugfs:
 *	muensim/events	"event <number> <how often>", "unknown <how often>"
 *	muensim/vectors	"vector <number> <raised> <of these: merged>"
 *	muensim/raise	write "<vector> [<how often>]": raises it at once
 *	muensim/trigger	write "<event> [<how often>]": triggers it, uncounted
 */
#include <linux/debugfs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdesc.h>
#include <linux/kdebug.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <asm/trapnr.h>

#include "muensim.h"

#define EVENTS		256
#define HERE		-1
#define VECTOR_OFFSET	0x30
#define VMCALL_SIZE	3

static char *routes[EVENTS];
static int route_count;
module_param_array(routes, charp, &route_count, 0444);
MODULE_PARM_DESC(routes, "event:vector[@machine], a list; vector 0 raises nothing");

static unsigned int first = 0x70;
module_param(first, uint, 0444);
MODULE_PARM_DESC(first, "first vector with an interrupt (0x70)");

static unsigned int lines = 16;
module_param(lines, uint, 0444);
MODULE_PARM_DESC(lines, "how many have one (16)");

/**
 * struct line - a vector and its interrupt
 * @work: raises the interrupt, in hard interrupt context
 * @raised: how often that was asked for
 * @merged: of these: it had been asked for and had not come yet
 */
struct line {
	struct irq_work work;
	atomic64_t raised;
	atomic64_t merged;
};

/**
 * struct event - an event
 * @known: the policy has it
 * @vector: what it raises; 0 for nothing
 * @machine: where; HERE in this one
 * @count: how often it was triggered
 */
struct event {
	bool known;
	unsigned int vector;
	int machine;
	atomic64_t count;
};

static struct line line[LINES_MAX];
static struct event event[EVENTS];
static atomic64_t unknown;
/* There are events for other machines. */
static bool elsewhere;
static struct dentry *folder;

static unsigned int irq_of(unsigned int vector)
{
	return vector - VECTOR_OFFSET;
}

static bool has_line(unsigned long vector)
{
	return vector >= first && vector - first < lines;
}

static void deliver(struct irq_work *work)
{
	struct line *this = container_of(work, struct line, work);

	generic_handle_irq(irq_of(first + (this - line)));
}

/* In hard interrupt context. */
void muensim_rung(unsigned int index)
{
	atomic64_inc(&line[index].raised);
	generic_handle_irq(irq_of(first + index));
}

/* Any context, also that of an exception. */
static void raise(unsigned long vector)
{
	struct line *this = &line[vector - first];

	atomic64_inc(&this->raised);
	if (!irq_work_queue(&this->work))
		atomic64_inc(&this->merged);
}

static void trigger(unsigned long number)
{
	struct event *this = &event[number];

	if (!this->vector)
		return;
	if (this->machine == HERE)
		raise(this->vector);
	else
		muensim_ring(this->machine, this->vector - first);
}

static int on_die(struct notifier_block *nb, unsigned long action, void *data)
{
	static const u8 vmcall[VMCALL_SIZE] = { 0x0f, 0x01, 0xc1 };
	struct die_args *args = data;
	struct pt_regs *regs = args->regs;
	u8 found[VMCALL_SIZE];

	if (action != DIE_TRAP || args->trapnr != X86_TRAP_UD || user_mode(regs))
		return NOTIFY_DONE;
	if (copy_from_kernel_nofault(found, (void *)regs->ip, sizeof(found)) ||
	    memcmp(found, vmcall, sizeof(vmcall)))
		return NOTIFY_DONE;

	regs->ip += VMCALL_SIZE;
	if (regs->ax >= EVENTS || !event[regs->ax].known) {
		atomic64_inc(&unknown);
		return NOTIFY_STOP;
	}
	atomic64_inc(&event[regs->ax].count);
	trigger(regs->ax);
	return NOTIFY_STOP;
}

static struct notifier_block on_die_block = { .notifier_call = on_die };

/* There is no controller behind the lines: nothing is lost by not masking. */
static void nothing(struct irq_data *data)
{
}

static struct irq_chip chip = {
	.name = "muensim",
	.irq_ack = nothing,
	.irq_mask = nothing,
	.irq_unmask = nothing,
};

static int events_show(struct seq_file *file, void *unused)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		if (event[i].known)
			seq_printf(file, "event %d %lld\n", i,
				   atomic64_read(&event[i].count));
	seq_printf(file, "unknown %lld\n", atomic64_read(&unknown));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(events);

static int vectors_show(struct seq_file *file, void *unused)
{
	int i;

	for (i = 0; i < lines; i++)
		seq_printf(file, "vector %#x %lld %lld\n", first + i,
			   atomic64_read(&line[i].raised),
			   atomic64_read(&line[i].merged));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vectors);

static bool has_event(unsigned long number)
{
	return number < EVENTS && event[number].known;
}

/* Calls @once as often as a user asks for, with the number that is written. */
static ssize_t repeat(const char __user *from, size_t count,
		      bool (*exists)(unsigned long number),
		      void (*once)(unsigned long number))
{
	unsigned long number, often = 1;
	char text[32];
	char *second;
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	text[count] = '\0';

	second = strchr(text, ' ');
	if (second) {
		*second++ = '\0';
		ret = kstrtoul(second, 0, &often);
		if (ret)
			return ret;
	}
	ret = kstrtoul(text, 0, &number);
	if (ret)
		return ret;
	if (!exists(number))
		return -ENXIO;

	while (often--) {
		once(number);
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return count;
}

static ssize_t raise_write(struct file *file, const char __user *from,
			   size_t count, loff_t *pos)
{
	return repeat(from, count, has_line, raise);
}

static const struct file_operations raise_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = raise_write,
};

static ssize_t trigger_write(struct file *file, const char __user *from,
			     size_t count, loff_t *pos)
{
	return repeat(from, count, has_event, trigger);
}

static const struct file_operations trigger_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = trigger_write,
};

static int read_routes(void)
{
	int i;

	for (i = 0; i < route_count; i++) {
		unsigned long number, vector;
		char *second = strchr(routes[i], ':');
		char *third;
		int machine = HERE;

		if (!second)
			return -EINVAL;
		*second++ = '\0';
		third = strchr(second, '@');
		if (third) {
			*third++ = '\0';
			if (kstrtoint(third, 0, &machine) || machine < 0)
				return -EINVAL;
		}
		if (kstrtoul(routes[i], 0, &number) ||
		    kstrtoul(second, 0, &vector) || number >= EVENTS ||
		    (vector && !has_line(vector)))
			return -EINVAL;
		event[number].known = true;
		event[number].vector = vector;
		event[number].machine = machine;
		elsewhere |= vector && machine != HERE;
	}
	return 0;
}

static int __init muensim_init(void)
{
	int ret;
	int i;

	if (first < VECTOR_OFFSET || !lines || lines > LINES_MAX)
		return -EINVAL;
	ret = read_routes();
	if (ret)
		return ret;

	ret = irq_alloc_descs(irq_of(first), 0, lines, NUMA_NO_NODE);
	if (ret < 0)
		return ret;
	for (i = 0; i < lines; i++) {
		line[i].work = IRQ_WORK_INIT_HARD(deliver);
		irq_set_chip_and_handler(irq_of(first + i), &chip,
					 handle_edge_irq);
		irq_modify_status(irq_of(first + i), IRQ_NOREQUEST, IRQ_NOPROBE);
	}

	ret = muensim_doorbells_init(lines, elsewhere);
	if (ret)
		goto free_lines;
	ret = register_die_notifier(&on_die_block);
	if (ret)
		goto remove_doorbells;

	folder = debugfs_create_dir("muensim", NULL);
	debugfs_create_file("events", 0400, folder, NULL, &events_fops);
	debugfs_create_file("vectors", 0400, folder, NULL, &vectors_fops);
	debugfs_create_file("raise", 0200, folder, NULL, &raise_fops);
	debugfs_create_file("trigger", 0200, folder, NULL, &trigger_fops);
	return 0;

remove_doorbells:
	muensim_doorbells_exit();
free_lines:
	irq_free_descs(irq_of(first), lines);
	return ret;
}

/* Whoever triggers an event without us has met an invalid instruction. */
static void __exit muensim_exit(void)
{
	int i;

	debugfs_remove(folder);
	unregister_die_notifier(&on_die_block);
	muensim_doorbells_exit();
	for (i = 0; i < lines; i++)
		irq_work_sync(&line[i].work);
	irq_free_descs(irq_of(first), lines);
}

module_init(muensim_init);
module_exit(muensim_exit);

MODULE_DESCRIPTION("Plays the Muen Separation Kernel for tests of muennet");
MODULE_LICENSE("GPL");
