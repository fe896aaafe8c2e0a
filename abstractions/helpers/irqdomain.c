// SPDX-License-Identifier: GPL-2.0
/* Interrupts by their hardware numbers. */
#include <linux/irqdomain.h>

#include "helpers.h"

#ifdef CONFIG_ARM64
/*
 * Returns the Linux number of hwirq in the default domain, 0 for none, and whether it
 * was mapped now. The core warns if there is no domain, or if it is too small.
 */
unsigned int muennet_irq_create_mapping(unsigned int hwirq, bool *mapped)
{
	struct irq_domain *domain = irq_get_default_domain();
	unsigned int irq;

	*mapped = false;
	if (!domain || hwirq >= domain->hwirq_max)
		return 0;
	irq = irq_find_mapping(domain, hwirq);
	if (irq)
		return irq;
	irq = irq_create_mapping(domain, hwirq);
	*mapped = irq;
	return irq;
}
#endif
