// SPDX-License-Identifier: GPL-2.0
/*
 * Plays the separation kernel for the events of a machine.
 *
 * A subject triggers an event by a hypercall with the event's number (vmcall.c,
 * hvc.c), and the policy says which vector that raises, in the same subject or
 * in that which another machine plays (doorbells.c):
 *
 *	modprobe muensim routes=1:0x70,2/1:0x71,3:0,4:0x72@1 owners=0x71/1
 *
 * (On arm64 with the parameter of hvc.c, too.)
 * Event 1 raises vector 0x70, event 3 none, event 4 raises vector 0x72 in
 * machine 1. There are no other vectors than first ... first + lines - 1.
 *
 * Each processor is a subject of its own: it has its own events, and vectors that
 * are raised there. Event 2 and vector 0x71 are processor 1's, all else processor
 * 0's. What is raised for a processor that is offline comes when it is
 * online again.
 *
 * In debugfs:
 *	muensim/events	"event <number>/<processor> <how often>", "unknown <how
 *			often>": not there on the processor that triggered it
 *	muensim/vectors	"vector <number> <raised> <of these: merged>", "moved <how
 *			often>": an interrupt was to go to other processors
 *	muensim/raise	write "<vector> [<how often>]": raises it at once
 *	muensim/trigger	write "<event> [<how often>]": triggers it, uncounted
 */
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "muensim.h"

#define EVENTS		256
#define CPUS		8
#define HERE		-1

static char *routes[EVENTS];
static int route_count;
module_param_array(routes, charp, &route_count, 0444);
MODULE_PARM_DESC(routes,
		 "event[/processor]:vector[@machine], a list; vector 0 raises nothing");

/**
 * struct event - an event of a processor
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

static struct event event[CPUS][EVENTS];
static atomic64_t unknown;
/* There are events for other machines. */
static bool elsewhere;
static struct dentry *folder;

static void trigger(const struct event *this)
{
	if (!this->vector)
		return;
	if (this->machine == HERE)
		muensim_raise(this->vector);
	else
		muensim_ring(this->machine, this->vector - muensim_first);
}

/* On the processor that makes the hypercall, without interrupts. */
void muensim_hypercall(unsigned long number)
{
	/* The driver cannot be moved where it does this. */
	unsigned int cpu = raw_smp_processor_id();
	struct event *this;

	if (cpu >= CPUS || number >= EVENTS || !event[cpu][number].known) {
		atomic64_inc(&unknown);
		return;
	}
	this = &event[cpu][number];
	atomic64_inc(&this->count);
	trigger(this);
}

static int events_show(struct seq_file *file, void *unused)
{
	int cpu, i;

	for (cpu = 0; cpu < CPUS; cpu++)
		for (i = 0; i < EVENTS; i++)
			if (event[cpu][i].known)
				seq_printf(file, "event %d/%d %lld\n", i, cpu,
					   atomic64_read(&event[cpu][i].count));
	seq_printf(file, "unknown %lld\n", atomic64_read(&unknown));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(events);

/* The first processor that has the event. */
static const struct event *find_event(unsigned long number)
{
	int cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		if (number < EVENTS && event[cpu][number].known)
			return &event[cpu][number];
	return NULL;
}

static bool has_event(unsigned long number)
{
	return find_event(number);
}

static void trigger_number(unsigned long number)
{
	trigger(find_event(number));
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
	return repeat(from, count, muensim_has_line, muensim_raise);
}

static const struct file_operations raise_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = raise_write,
};

static ssize_t trigger_write(struct file *file, const char __user *from,
			     size_t count, loff_t *pos)
{
	return repeat(from, count, has_event, trigger_number);
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
		int cpu;

		if (!second)
			return -EINVAL;
		*second++ = '\0';
		if (muensim_read_cpu(routes[i], &cpu))
			return -EINVAL;
		third = strchr(second, '@');
		if (third) {
			*third++ = '\0';
			if (kstrtoint(third, 0, &machine) || machine < 0)
				return -EINVAL;
		}
		if (kstrtoul(routes[i], 0, &number) ||
		    kstrtoul(second, 0, &vector) || number >= EVENTS ||
		    cpu >= CPUS || (vector && !muensim_has_line(vector)))
			return -EINVAL;
		event[cpu][number].known = true;
		event[cpu][number].vector = vector;
		event[cpu][number].machine = machine;
		elsewhere |= vector && machine != HERE;
	}
	return 0;
}

static int __init muensim_init(void)
{
	int ret = muensim_vectors_init();

	if (ret)
		return ret;
	ret = read_routes();
	if (ret)
		goto remove_vectors;
	ret = muensim_doorbells_init(muensim_lines, elsewhere);
	if (ret)
		goto remove_vectors;
	ret = muensim_hypercall_init();
	if (ret)
		goto remove_doorbells;

	folder = debugfs_create_dir("muensim", NULL);
	debugfs_create_file("events", 0400, folder, NULL, &events_fops);
	muensim_vectors_file(folder);
	muensim_hold_files(folder);
	debugfs_create_file("raise", 0200, folder, NULL, &raise_fops);
	debugfs_create_file("trigger", 0200, folder, NULL, &trigger_fops);
	return 0;

remove_doorbells:
	muensim_doorbells_exit();
remove_vectors:
	muensim_vectors_exit();
	return ret;
}

static void __exit muensim_exit(void)
{
	debugfs_remove(folder);
	muensim_hold_exit();
	muensim_hypercall_exit();
	muensim_doorbells_exit();
	muensim_vectors_exit();
}

module_init(muensim_init);
module_exit(muensim_exit);

MODULE_DESCRIPTION("Plays the Muen Separation Kernel for tests of muennet");
MODULE_LICENSE("GPL");
