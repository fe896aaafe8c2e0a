// SPDX-License-Identifier: GPL-2.0
/* Per-CPU data. */
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include "helpers.h"

void __percpu *muennet_alloc_percpu(size_t size, size_t align)
{
	return __alloc_percpu(size, align);
}

/* raw_cpu_ptr(), because the caller may be migrated at any time. */
void *muennet_this_cpu(void __percpu *p)
{
	return raw_cpu_ptr(p);
}

void *muennet_per_cpu(void __percpu *p, unsigned int cpu)
{
	return per_cpu_ptr(p, cpu);
}

unsigned int muennet_next_possible_cpu(int cpu)
{
	return cpumask_next(cpu, cpu_possible_mask);
}
