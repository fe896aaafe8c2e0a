/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wrappers for macros and inline functions that the abstractions of netlink,
 * network namespaces and RCU need: Rust can call functions only.
 */
#ifndef _MUENNET_NETLINK_HELPERS_H
#define _MUENNET_NETLINK_HELPERS_H

#include <linux/netdevice.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>

bool muennet_netif_carrier_ok(const struct net_device *dev);
struct net *muennet_dev_net(const struct net_device *dev);
void muennet_put_net(struct net *net);
struct net_device *muennet_next_netdev(struct net *net, unsigned long *ifindex);

struct net *muennet_genl_net(const struct genl_info *info);
const struct genl_info *muennet_genl_dump_info(struct netlink_callback *cb);
void muennet_genl_dump_check_consistent(struct netlink_callback *cb,
					void *header);
bool muennet_genl_capable_over(struct sk_buff *skb, struct net *net, int cap);
int muennet_genl_reply(struct sk_buff *skb, struct genl_info *info);
int muennet_genl_multicast(const struct genl_family *family, struct net *net,
			   struct sk_buff *skb, unsigned int group);
void muennet_genl_set_err(const struct genl_family *family, struct net *net,
			  unsigned int group, int code);

u32 muennet_nla_u32(const struct nlattr *attr);
struct nlattr *muennet_nest_start(struct sk_buff *skb, int type);
void muennet_nest_end(struct sk_buff *skb, struct nlattr *start);

struct net *muennet_newlink_lower_net(struct rtnl_newlink_params *params);

void muennet_xa_init(struct xarray *xa);
int muennet_xa_insert(struct xarray *xa, unsigned long index, void *entry);
void *muennet_xa_replace(struct xarray *xa, unsigned long index, void *old,
			 void *entry);

#endif /* _MUENNET_NETLINK_HELPERS_H */
