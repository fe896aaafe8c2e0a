// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers for macros and inline functions for packets, and functions that
 * combine several of them: Rust can call functions only.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>
#include <net/checksum.h>
#include <net/sock.h>
#include <net/gso.h>

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
 * Copies a whole packet, and computes the checksum that the stack left to the
 * device. The checks are those of skb_partial_csum_set().
 *
 * skb_copy_and_csum_dev() cannot be used: it writes a checksum of 0 as 0, which
 * means that there is no checksum, and UDP over IPv6 drops such packets.
 */
int muennet_skb_copy_and_csum(const struct sk_buff *skb, void *to)
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

/* Returns whether a packet is a GSO packet, and writes its parameters. */
bool muennet_skb_gso_info(const struct sk_buff *skb,
			  struct muennet_gso_info *to)
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

/* Copies bytes and returns their sum. The packet must have these bytes. */
u32 muennet_skb_copy_and_sum(const struct sk_buff *skb, int from, void *to,
			     int count)
{
	return (__force u32)skb_copy_and_csum_bits(skb, from, to, count);
}

/* Returns whether there are IPv4 options or IPv6 extension headers. */
static bool muennet_has_ip_options(const struct sk_buff *skb)
{
	if (vlan_get_protocol(skb) == htons(ETH_P_IPV6))
		return skb_network_header_len(skb) > sizeof(struct ipv6hdr);

	return skb_network_header_len(skb) > sizeof(struct iphdr);
}

/*
 * Returns whether a GSO packet needs more elements than the limit of flow control
 * allows: see muennet_netdev_limit_gso(). An element holds a segment or, with
 * offloads, @dev's MTU. One more is allowed, because the length includes the
 * headers, but not with the lowest limit, that of the smallest rings.
 */
static bool muennet_exceeds_limit(const struct sk_buff *skb,
				  const struct net_device *dev)
{
	unsigned int limit = READ_ONCE(dev->tso_max_segs), size;

	if (limit == TSO_MAX_SEGS)
		return false;
	size = min_t(unsigned int, skb_shinfo(skb)->gso_size, READ_ONCE(dev->mtu));
	if (!size)
		return true;

	return DIV_ROUND_UP(skb->len, size) > limit + (limit > 1);
}

/*
 * Leaves segmentation to the stack for GSO packets whose headers are longer
 * than MUENNET_HEADER_MAX, the longest that the driver repeats in each segment,
 * and for those with IPv4 options or IPv6 extension headers: with a source
 * route, the checksum covers the address of the end of the route, not the one
 * in the IP header. Also for those that need more elements than the limit of
 * flow control allows: the core compares it with gso_segs, which may be unset,
 * and does not count elements.
 */
netdev_features_t muennet_gso_features_check(struct sk_buff *skb,
					     struct net_device *dev,
					     netdev_features_t features)
{
	if (skb_is_gso(skb) &&
	    (skb_transport_offset(skb) + MAX_TCP_HEADER_SIZE > MUENNET_HEADER_MAX ||
	     muennet_has_ip_options(skb) || muennet_exceeds_limit(skb, dev)))
		features &= ~NETIF_F_GSO_MASK;

	return vlan_features_check(skb, features);
}

/*
 * Returns whether a packet, or each segment of a GSO packet, has at most @limit
 * bytes. The data begin with the network header: there is no link layer header.
 */
bool muennet_skb_network_len_fits(const struct sk_buff *skb, unsigned int limit)
{
	if (skb_is_gso(skb))
		return skb_gso_validate_network_len(skb, limit);

	return skb->len <= limit;
}

/* As above for a frame: its link layer header counts. */
bool muennet_skb_mac_len_fits(const struct sk_buff *skb, unsigned int limit)
{
	if (skb_is_gso(skb))
		return skb_gso_validate_mac_len(skb, limit);

	return skb->len <= limit;
}

/*
 * Sets the protocol of a packet from an AF_XDP socket according to its IP
 * version, and returns it. Such packets bypass all rules. Rules have treated
 * other packets without a protocol as packets of no known protocol, so these
 * are not changed.
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

/*
 * Consumes the packet. Returns the packet, or a clone if it is shared, with its
 * checksum computed. Returns NULL on errors.
 */
struct sk_buff *muennet_skb_complete_csum(struct sk_buff *skb)
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

/* Passes a frame to the stack. It must have at least an Ethernet header. */
void muennet_skb_receive_frame(struct napi_struct *napi, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, napi->dev);
	skb_postpull_rcsum(skb, eth_hdr(skb), ETH_HLEN);
	muennet_skb_check_sum(skb, napi->dev, skb->protocol);
	napi_gro_receive(napi, skb);
}

/*
 * Sets the fields of a received packet whose data begin with the layer 3
 * header. GRO compares hashes but not marks: the mark is set as hash, too, so
 * that GRO does not merge packets with different marks. As its type is that of
 * a layer 2 hash, the stack computes a new one when it needs a flow hash.
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

/* Passes a packet without link layer header to the stack. */
void muennet_skb_receive(struct napi_struct *napi, struct sk_buff *skb,
			 struct net_device *dev, u32 mark, __be16 protocol)
{
	muennet_skb_receive_as(skb, dev, mark, protocol);
	muennet_skb_check_sum(skb, dev, protocol);
	napi_gro_receive(napi, skb);
}

/*
 * Allocates a packet of @length bytes, of which up to MUENNET_HEADER_MAX are in
 * the linear part, and the rest in page fragments.
 */
struct sk_buff *muennet_skb_alloc_frags(u32 length)
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

/*
 * Writes the offloads that the stack left to the device as a little-endian
 * struct virtio_net_hdr. Returns whether the structure can express them.
 */
bool muennet_skb_vnet_hdr(const struct sk_buff *skb, void *to)
{
	struct virtio_net_hdr hdr;

	if (virtio_net_hdr_from_skb(skb, &hdr, true, false, 0))
		return false;
	memcpy(to, &hdr, sizeof(hdr));
	return true;
}

/*
 * Passes a packet without link layer header to the stack, with its checksum and
 * segmentation offloads: a little-endian struct virtio_net_hdr from the peer,
 * which is not trusted. Returns false and drops the packet if it is invalid.
 */
bool muennet_skb_receive_offload(struct napi_struct *napi, struct sk_buff *skb,
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
