// SPDX-License-Identifier: GPL-2.0
/* NAPI instances. */
#include <linux/netdevice.h>
#include <net/gro.h>

#include "helpers.h"

void muennet_napi_add(struct net_device *dev, struct napi_struct *napi,
		      int (*poll)(struct napi_struct *napi, int budget))
{
	netif_napi_add(dev, napi, poll);
}

void muennet_napi_gro_flush(struct napi_struct *napi)
{
	napi_gro_flush(napi, false);
}
