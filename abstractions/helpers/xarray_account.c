// SPDX-License-Identifier: GPL-2.0
/* XArrays whose nodes are charged to the user. */
#include <linux/xarray.h>

#include "helpers.h"

void muennet_xa_init_account(struct xarray *xa)
{
	xa_init_flags(xa, XA_FLAGS_ACCOUNT);
}

int muennet_xa_insert(struct xarray *xa, unsigned long index, void *entry)
{
	return xa_insert(xa, index, entry, GFP_KERNEL);
}

/* Does not allocate if the index is in use: its node exists. */
void *muennet_xa_replace(struct xarray *xa, unsigned long index, void *old,
			 void *entry)
{
	return xa_cmpxchg(xa, index, old, entry, GFP_KERNEL);
}
