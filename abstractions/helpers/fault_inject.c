// SPDX-License-Identifier: GPL-2.0
/* Points for fault injection. */
#include <linux/fault-inject.h>

#include "helpers.h"

#ifdef CONFIG_FAULT_INJECTION
static DECLARE_FAULT_ATTR(muennet_fault);

bool muennet_fault_injected(void)
{
	return should_fail(&muennet_fault, 1);
}
#endif
