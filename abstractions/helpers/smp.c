// SPDX-License-Identifier: GPL-2.0
/* Processors, and preemption on them. */
#include <linux/cpumask.h>
#include <linux/preempt.h>

#include "helpers.h"

bool muennet_cpu_online(unsigned int cpu)
{
	return cpu_online(cpu);
}

void muennet_preempt_disable(void)
{
	preempt_disable();
}

void muennet_preempt_enable(void)
{
	preempt_enable();
}
