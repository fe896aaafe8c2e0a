// SPDX-License-Identifier: GPL-2.0
/* Generic netlink families and messages. */
#include <net/genetlink.h>

#include "helpers.h"

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

struct nlattr *muennet_nest_start(struct sk_buff *skb, int type)
{
	return nla_nest_start(skb, type);
}

void muennet_nest_end(struct sk_buff *skb, struct nlattr *start)
{
	nla_nest_end(skb, start);
}
