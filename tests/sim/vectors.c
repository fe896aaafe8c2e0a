// SPDX-License-Identifier: GPL-2.0
/*
 * Vectors and their interrupts. A vector belongs to a processor, whoever raises
 * it (events.c, doorbells.c).
 *
 * As in a Linux subject of Muen, vector v is the interrupt v - 0x30 on x86, and
 * the hardware interrupt v of the default domain on arm64.
 */
#include <linux/cpuhotplug.h>
#include <linux/debugfs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/smp.h>

#include "muensim.h"

#define VECTOR_OFFSET	0x30

static char *owners[LINES_MAX];
static int owner_count;
module_param_array(owners, charp, &owner_count, 0444);
MODULE_PARM_DESC(owners, "vector/processor, a list; others are processor 0's");

unsigned int muensim_first = 0x70;
module_param_named(first, muensim_first, uint, 0444);
MODULE_PARM_DESC(first, "first vector with an interrupt (0x70)");

unsigned int muensim_lines = 16;
module_param_named(lines, muensim_lines, uint, 0444);
MODULE_PARM_DESC(lines, "how many have one (16)");

/**
 * struct line - a vector and its interrupt
 * @work: raises the interrupt, in hard interrupt context
 * @call: has its processor queue @work
 * @pending: it was asked for, and its processor has not queued @work yet
 * @cpu: the processor that has the vector
 * @raised: how often that was asked for
 * @merged: of these: it had been asked for and had not come yet
 */
struct line {
	struct irq_work work;
	call_single_data_t call;
	atomic_t pending;
	int cpu;
	atomic64_t raised;
	atomic64_t merged;
};

static struct line line[LINES_MAX];
static int online_state;
static atomic_t moved;

bool muensim_has_line(unsigned long vector)
{
	return vector >= muensim_first && vector - muensim_first < muensim_lines;
}

/* On the processor that has the vector. */
static void called(void *data)
{
	struct line *this = data;

	/* Its processor may have come online before the call was there. */
	if (atomic_xchg(&this->pending, 0) && !irq_work_queue(&this->work))
		atomic64_inc(&this->merged);
}

/* Any context, also that of an exception. */
void muensim_raise(unsigned long vector)
{
	struct line *this = &line[vector - muensim_first];

	atomic64_inc(&this->raised);
	/* While it is set, and the processor offline, it stays pending. */
	if (atomic_xchg(&this->pending, 1)) {
		atomic64_inc(&this->merged);
		return;
	}
	preempt_disable();
	if (this->cpu == smp_processor_id())
		called(this);
	else
		smp_call_function_single_async(this->cpu, &this->call);
	preempt_enable();
}

void muensim_rung(unsigned int index)
{
	muensim_raise(muensim_first + index);
}

/* What is pending for a processor comes when it is online again. */
static int on_online(unsigned int cpu)
{
	int i;

	for (i = 0; i < muensim_lines; i++)
		if (line[i].cpu == cpu && atomic_read(&line[i].pending))
			called(&line[i]);
	return 0;
}

/* There is no controller behind the lines: nothing is lost by not masking. */
static void nothing(struct irq_data *data)
{
}

static int set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	atomic_inc(&moved);
	irq_data_update_effective_affinity(data, mask);
	return IRQ_SET_MASK_OK;
}

static struct irq_chip chip = {
	.name = "muensim",
	.irq_ack = nothing,
	.irq_mask = nothing,
	.irq_unmask = nothing,
	.irq_set_affinity = set_affinity,
};

static void set_up_irq(unsigned int irq)
{
	irq_set_chip_and_handler(irq, &chip, handle_edge_irq);
	irq_modify_status(irq, IRQ_NOREQUEST, IRQ_NOPROBE);
}

#ifdef CONFIG_ARM64

static struct irq_domain *domain;

static int map(struct irq_domain *unused, unsigned int irq, irq_hw_number_t vector)
{
	if (!muensim_has_line(vector))
		return -EINVAL;
	set_up_irq(irq);
	return 0;
}

static const struct irq_domain_ops domain_ops = { .map = map };

static int add_irqs(void)
{
	unsigned int end = muensim_first + muensim_lines;

	/* The other drivers of the machine name theirs. */
	if (irq_get_default_domain())
		return -EBUSY;
	domain = irq_domain_create_linear(NULL, end, &domain_ops, NULL);
	if (!domain)
		return -ENOMEM;
	irq_set_default_domain(domain);
	return 0;
}

static void remove_irqs(void)
{
	unsigned int vector, irq;

	irq_set_default_domain(NULL);
	for (vector = muensim_first; muensim_has_line(vector); vector++) {
		irq = irq_find_mapping(domain, vector);
		if (irq) {
			pr_err("muensim: the driver has left interrupt %u of vector %#x behind\n",
			       irq, vector);
			irq_dispose_mapping(irq);
		}
	}
	irq_domain_remove(domain);
}

/*
 * One that nobody has mapped, or that was freed, is lost: the core logs an interrupt
 * that comes while its mapping is being removed.
 */
static void handle(unsigned int vector)
{
	unsigned int irq = irq_find_mapping(domain, vector);
	struct irq_data *data = irq ? irq_get_irq_data(irq) : NULL;

	if (data && irqd_is_started(data))
		generic_handle_irq(irq);
}

#else

static unsigned int irq_of(unsigned int vector)
{
	return vector - VECTOR_OFFSET;
}

static int add_irqs(void)
{
	unsigned int first = muensim_first;
	int ret;
	int i;

	if (first < VECTOR_OFFSET)
		return -EINVAL;
	ret = irq_alloc_descs(irq_of(first), 0, muensim_lines, NUMA_NO_NODE);
	if (ret < 0)
		return ret;
	for (i = 0; i < muensim_lines; i++)
		set_up_irq(irq_of(first + i));
	return 0;
}

static void remove_irqs(void)
{
	irq_free_descs(irq_of(muensim_first), muensim_lines);
}

static void handle(unsigned int vector)
{
	generic_handle_irq(irq_of(vector));
}

#endif

static void deliver(struct irq_work *work)
{
	struct line *this = container_of(work, struct line, work);

	handle(muensim_first + (this - line));
}

static int vectors_show(struct seq_file *file, void *unused)
{
	int i;

	for (i = 0; i < muensim_lines; i++)
		seq_printf(file, "vector %#x %lld %lld\n", muensim_first + i,
			   atomic64_read(&line[i].raised),
			   atomic64_read(&line[i].merged));
	seq_printf(file, "moved %d\n", atomic_read(&moved));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vectors);

/* Takes "/processor" from the end of @text; without it, processor 0. */
int muensim_read_cpu(char *text, int *cpu)
{
	char *second = strchr(text, '/');

	*cpu = 0;
	if (!second)
		return 0;
	*second++ = '\0';
	if (kstrtoint(second, 0, cpu) || *cpu < 0 || *cpu >= nr_cpu_ids)
		return -EINVAL;
	return 0;
}

static int read_owners(void)
{
	int i;

	for (i = 0; i < owner_count; i++) {
		unsigned long vector;
		int cpu;

		if (muensim_read_cpu(owners[i], &cpu) || kstrtoul(owners[i], 0, &vector) ||
		    !muensim_has_line(vector))
			return -EINVAL;
		line[vector - muensim_first].cpu = cpu;
	}
	return 0;
}

int muensim_vectors_init(void)
{
	int ret;
	int i;

	if (!muensim_lines || muensim_lines > LINES_MAX)
		return -EINVAL;
	ret = read_owners();
	if (ret)
		return ret;
	for (i = 0; i < muensim_lines; i++) {
		line[i].work = IRQ_WORK_INIT_HARD(deliver);
		INIT_CSD(&line[i].call, called, &line[i]);
	}
	ret = add_irqs();
	if (ret)
		return ret;

	ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "muensim:online",
					on_online, NULL);
	if (ret < 0) {
		remove_irqs();
		return ret;
	}
	online_state = ret;
	return 0;
}

/* When nobody raises any more. */
void muensim_vectors_exit(void)
{
	int i;

	/* Calls may be on their way; they run with interrupts disabled. */
	for (i = 0; i < muensim_lines; i++)
		while (atomic_read(&line[i].pending) && cpu_online(line[i].cpu))
			cond_resched();
	cpuhp_remove_state_nocalls(online_state);
	synchronize_rcu();
	for (i = 0; i < muensim_lines; i++)
		irq_work_sync(&line[i].work);
	remove_irqs();
}

void muensim_vectors_file(struct dentry *folder)
{
	debugfs_create_file("vectors", 0400, folder, NULL, &vectors_fops);
}
