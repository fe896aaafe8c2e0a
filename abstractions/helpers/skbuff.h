/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wrappers for macros and inline functions for packets, and functions that
 * combine several of them: Rust can call functions only.
 */
#ifndef _MUENNET_SKBUFF_H
#define _MUENNET_SKBUFF_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

/* The maximum length of the headers of GSO packets, in bytes. */
#define MUENNET_HEADER_MAX	192

/* GSO parameters: gso_size and the offsets of the headers, in bytes. */
struct muennet_gso_info {
	u32 size;
	s32 network;
	s32 transport;
	bool tcp;
	bool udp;
};

bool muennet_skb_gso_info(const struct sk_buff *skb,
			  struct muennet_gso_info *to);
u32 muennet_skb_copy_and_sum(const struct sk_buff *skb, int from, void *to,
			     int count);
netdev_features_t muennet_gso_features_check(struct sk_buff *skb,
					     struct net_device *dev,
					     netdev_features_t features);

struct sk_buff *muennet_skb_copy_new(struct napi_struct *napi, const void *from,
				     unsigned int count, bool sum);
void muennet_skb_check_sum(struct sk_buff *skb, const struct net_device *dev,
			   __be16 protocol);
struct sk_buff *muennet_skb_alloc_frags(u32 length);
bool muennet_skb_vnet_hdr(const struct sk_buff *skb, void *to);
bool muennet_skb_receive_offload(struct napi_struct *napi, struct sk_buff *skb,
				 struct net_device *dev, u32 mark,
				 __be16 protocol, const void *offloads);
void muennet_skb_drop(struct sk_buff *skb);
void muennet_skb_tx_timestamp(struct sk_buff *skb);
void muennet_skb_consume(struct sk_buff *skb);
int muennet_skb_copy_and_csum(const struct sk_buff *skb, void *to);
bool muennet_skb_network_len_fits(const struct sk_buff *skb, unsigned int limit);
bool muennet_skb_mac_len_fits(const struct sk_buff *skb, unsigned int limit);
__be16 muennet_skb_set_protocol(struct sk_buff *skb);
struct sk_buff *muennet_skb_complete_csum(struct sk_buff *skb);
void muennet_icmp_fragmentation_needed(struct sk_buff *skb, u32 mtu);
void muennet_icmpv6_packet_too_big(struct sk_buff *skb, u32 mtu);
void muennet_skb_receive_frame(struct napi_struct *napi, struct sk_buff *skb);
void muennet_skb_receive(struct napi_struct *napi, struct sk_buff *skb,
			 struct net_device *dev, u32 mark, __be16 protocol);

#endif /* _MUENNET_SKBUFF_H */
