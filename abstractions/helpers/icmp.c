// SPDX-License-Identifier: GPL-2.0
/* ICMP errors. */
#include <linux/icmpv6.h>
#include <net/icmp.h>

#include "helpers.h"

/*
 * Sends errors only for packets whose data begin with the network header that
 * the stack has set.
 */
void muennet_icmp_fragmentation_needed(struct sk_buff *skb, u32 mtu)
{
	if (skb_network_offset(skb) == 0)
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			      htonl(mtu));
}

void muennet_icmpv6_packet_too_big(struct sk_buff *skb, u32 mtu)
{
	if (skb_network_offset(skb) == 0)
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
}
