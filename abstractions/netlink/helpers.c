// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers for macros and inline functions that the abstractions of netlink,
 * network namespaces and RCU need: Rust can call functions only.
 */
#include "helpers.h"

bool muennet_netif_carrier_ok(const struct net_device *dev)
{
	return netif_carrier_ok(dev);
}

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

struct net *muennet_genl_net(const struct genl_info *info)
{
	return genl_info_net(info);
}

const struct genl_info *muennet_genl_dump_info(struct netlink_callback *cb)
{
	return genl_info_dump(cb);
}

void muennet_genl_dump_check_consistent(struct netlink_callback *cb,
					void *header)
{
	genl_dump_check_consistent(cb, header);
}

bool muennet_genl_capable_over(struct sk_buff *skb, struct net *net, int cap)
{
	return netlink_ns_capable(skb, net->user_ns, cap);
}

int muennet_genl_reply(struct sk_buff *skb, struct genl_info *info)
{
	return genlmsg_reply(skb, info);
}

int muennet_genl_multicast(const struct genl_family *family, struct net *net,
			   struct sk_buff *skb, unsigned int group)
{
	return genlmsg_multicast_netns(family, net, skb, 0, group, GFP_KERNEL);
}

void muennet_genl_set_err(const struct genl_family *family, struct net *net,
			  unsigned int group, int code)
{
	genl_set_err(family, net, 0, group, code);
}

u32 muennet_nla_u32(const struct nlattr *attr)
{
	return nla_get_u32(attr);
}

struct nlattr *muennet_nest_start(struct sk_buff *skb, int type)
{
	return nla_nest_start(skb, type);
}

void muennet_nest_end(struct sk_buff *skb, struct nlattr *start)
{
	nla_nest_end(skb, start);
}

struct net *muennet_newlink_lower_net(struct rtnl_newlink_params *params)
{
	return rtnl_newlink_link_net(params);
}

void muennet_xa_init(struct xarray *xa)
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
