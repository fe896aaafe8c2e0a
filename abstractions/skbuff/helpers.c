// SPDX-License-Identifier: GPL-2.0
/*
 * C's macros and inline functions for packets, as functions that Rust can call.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>
#include <net/checksum.h>
#include <net/sock.h>
#include <net/gso.h>
#include <net/icmp.h>

#include "helpers.h"

#define MAX_TCP_HEADER_SIZE	60

void muennet_skb_drop(struct sk_buff *skb)
{
	dev_kfree_skb_any(skb);
}

void muennet_skb_tx_timestamp(struct sk_buff *skb)
{
	skb_tx_timestamp(skb);
}

void muennet_skb_consume(struct sk_buff *skb)
{
	dev_consume_skb_any(skb);
}

/*
 * Copies a whole packet, with the checksum that the stack left to the device
 * computed on the way. The checks are those of skb_partial_csum_set(). Not
 * skb_copy_and_csum_dev(), which leaves a sum of 0 as it is: over IPv6 that is
 * no checksum, and UDP drops the packet.
 */
int muennet_skb_copy(const struct sk_buff *skb, void *to)
{
	__sum16 sum;
	int start;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return skb_copy_bits(skb, 0, to, skb->len);

	start = skb_checksum_start_offset(skb);
	if (start < 0 || start > skb_headlen(skb) ||
	    (u32)start + skb->csum_offset + sizeof(sum) > skb->len)
		return -EINVAL;

	skb_copy_from_linear_data(skb, to, start);
	sum = csum_fold(skb_copy_and_csum_bits(skb, start, to + start,
					       skb->len - start));
	if (!sum)
		sum = CSUM_MANGLED_0;
	memcpy(to + start + skb->csum_offset, &sum, sizeof(sum));
	return 0;
}

/* Whether a packet is to be cut into segments, and how. */
bool muennet_skb_segmentation(const struct sk_buff *skb,
			      struct muennet_segmentation *to)
{
	const struct skb_shared_info *shared = skb_shinfo(skb);

	if (likely(!skb_is_gso(skb)))
		return false;

	to->size = shared->gso_size;
	to->network = skb_network_offset(skb);
	to->transport = skb_transport_offset(skb);
	to->tcp = shared->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6);
	to->udp = shared->gso_type & SKB_GSO_UDP_L4;
	return true;
}

/* Copies bytes that the packet must have, and returns their sum. */
u32 muennet_skb_copy_and_sum(const struct sk_buff *skb, int from, void *to,
			     int count)
{
	return (__force u32)skb_copy_and_csum_bits(skb, from, to, count);
}

/* Whether there is anything between an IP header and what it carries. */
static bool muennet_has_ip_options(const struct sk_buff *skb)
{
	if (vlan_get_protocol(skb) == htons(ETH_P_IPV6))
		return skb_network_header_len(skb) > sizeof(struct ipv6hdr);

	return skb_network_header_len(skb) > sizeof(struct iphdr);
}

/*
 * The stack cuts segments whose headers are longer than the driver repeats,
 * and those whose checksum may be of another address than the one in the IP
 * header: with a source route that is the end of the route.
 */
netdev_features_t muennet_features_check(struct sk_buff *skb,
					 struct net_device *dev,
					 netdev_features_t features)
{
	if (skb_is_gso(skb) &&
	    (skb_transport_offset(skb) + MAX_TCP_HEADER_SIZE > MUENNET_HEADER_MAX ||
	     muennet_has_ip_options(skb)))
		features &= ~NETIF_F_GSO_MASK;

	return vlan_features_check(skb, features);
}

/* The network header is where the data are, for there is no link layer. */
bool muennet_skb_fits(const struct sk_buff *skb, unsigned int limit)
{
	if (skb_is_gso(skb))
		return skb_gso_validate_network_len(skb, limit);

	return skb->len <= limit;
}

/* The same for a frame, whose link layer counts. */
bool muennet_skb_frame_fits(const struct sk_buff *skb, unsigned int limit)
{
	if (skb_is_gso(skb))
		return skb_gso_validate_mac_len(skb, limit);

	return skb->len <= limit;
}

/*
 * Sets the protocol of an IP packet that an AF_XDP socket sends, which has
 * passed no rules. Others without one are not what rules have taken them for.
 */
__be16 muennet_skb_set_protocol(struct sk_buff *skb)
{
	const u8 *first;
	u8 buffer;

	if (!skb->sk || skb->sk->sk_family != PF_XDP)
		return 0;

	first = skb_header_pointer(skb, 0, sizeof(buffer), &buffer);
	if (first && *first >> 4 == 4)
		skb->protocol = htons(ETH_P_IP);
	else if (first && *first >> 4 == 6)
		skb->protocol = htons(ETH_P_IPV6);
	return skb->protocol;
}

/* Takes the packet; returns it, a clone of it if others have it, or NULL. */
struct sk_buff *muennet_skb_complete_checksum(struct sk_buff *skb)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return skb;

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (skb && skb_checksum_help(skb)) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/* Only of packets whose headers are where the stack put them. */
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

/* Hands up a frame, which has an Ethernet header at least. */
void muennet_skb_receive_frame(struct napi_struct *napi, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, napi->dev);
	skb_postpull_rcsum(skb, eth_hdr(skb), ETH_HLEN);
	muennet_skb_check_sum(skb, napi->dev, skb->protocol);
	napi_gro_receive(napi, skb);
}

/*
 * Has a packet received as what its data begin with, the L3 header. GRO does
 * not compare marks, but it does compare hashes; as one of layer 2 it is made
 * anew for whoever asks for a hash of the flow.
 */
static void muennet_skb_receive_as(struct sk_buff *skb, struct net_device *dev,
				   u32 mark, __be16 protocol)
{
	skb->dev = dev;
	skb->mark = mark;
	skb_set_hash(skb, mark, PKT_HASH_TYPE_L2);
	skb->protocol = protocol;
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
}

/* Hands up a packet without link layer. */
void muennet_skb_receive(struct napi_struct *napi, struct sk_buff *skb,
			 struct net_device *dev, u32 mark, __be16 protocol)
{
	muennet_skb_receive_as(skb, dev, mark, protocol);
	muennet_skb_check_sum(skb, dev, protocol);
	napi_gro_receive(napi, skb);
}

/* A packet of this length, its headers in the linear part; in a softirq. */
struct sk_buff *muennet_skb_alloc_large(u32 length)
{
	u32 linear = min(length, MUENNET_HEADER_MAX);
	struct sk_buff *skb;
	int error;

	skb = alloc_skb_with_frags(NET_SKB_PAD + linear, length - linear,
				   PAGE_ALLOC_COSTLY_ORDER, &error,
				   GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;

	skb_reserve(skb, NET_SKB_PAD);
	skb_put(skb, linear);
	skb->data_len = length - linear;
	skb->len = length;
	return skb;
}

/* What the stack left to the device, as a struct virtio_net_hdr. */
bool muennet_skb_offloads(const struct sk_buff *skb, void *to)
{
	struct virtio_net_hdr hdr;

	if (virtio_net_hdr_from_skb(skb, &hdr, true, false, 0))
		return false;
	memcpy(to, &hdr, sizeof(hdr));
	return true;
}

/*
 * Hands up a packet without link layer for which something is left to do. The
 * offloads are checked like those of any peer; returns whether they make sense.
 */
bool muennet_skb_receive_large(struct napi_struct *napi, struct sk_buff *skb,
			       struct net_device *dev, u32 mark,
			       __be16 protocol, const void *offloads)
{
	struct virtio_net_hdr hdr;

	memcpy(&hdr, offloads, sizeof(hdr));
	muennet_skb_receive_as(skb, dev, mark, protocol);
	if (virtio_net_hdr_to_skb(skb, &hdr, true)) {
		dev_kfree_skb_any(skb);
		return false;
	}
	napi_gro_receive(napi, skb);
	return true;
}
