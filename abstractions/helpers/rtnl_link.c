// SPDX-License-Identifier: GPL-2.0
/* Link kinds. */
#include <linux/delay.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "helpers.h"

/* Whether a device is registered, and in no list of devices to unregister. */
bool muennet_netdev_can_unregister(const struct net_device *dev)
{
	return dev->reg_state == NETREG_REGISTERED &&
	       list_empty(&dev->unreg_list);
}

bool muennet_netdev_is_unregistering(const struct net_device *dev)
{
	return dev->reg_state == NETREG_UNREGISTERING;
}

/*
 * For a device whose registration failed: waits until RCU callbacks have
 * dropped the last reference but that of the device to itself.
 */
void muennet_netdev_wait_unreferenced(const struct net_device *dev)
{
	rcu_barrier();
	while (WARN_ON_ONCE(netdev_refcnt_read(dev) != 1)) {
		msleep(20);
		rcu_barrier();
	}
}

u32 muennet_nla_u32(const struct nlattr *attr)
{
	return nla_get_u32(attr);
}

struct net *muennet_newlink_lower_net(struct rtnl_newlink_params *params)
{
	return rtnl_newlink_link_net(params);
}
