// SPDX-License-Identifier: GPL-2.0
/* Network namespaces and their devices. */
#include <linux/netdevice.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "helpers.h"

struct net *muennet_dev_net(const struct net_device *dev)
{
	return dev_net(dev);
}

void muennet_put_net(struct net *net)
{
	put_net(net);
}

/*
 * Returns the device with the lowest index that is at least *ifindex. The
 * caller must hold the RTNL.
 */
struct net_device *muennet_next_netdev(struct net *net, unsigned long *ifindex)
{
	return xa_find(&net->dev_by_index, ifindex, ULONG_MAX, XA_PRESENT);
}
