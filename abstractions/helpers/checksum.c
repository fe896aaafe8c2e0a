// SPDX-License-Identifier: GPL-2.0
/*
 * Checksums of received packets.
 *
 * The copy of a packet out of a mapping also computes the sum of its bytes.
 * The sum verifies the TCP or UDP checksum of the packet. The stack gets the
 * result (CHECKSUM_UNNECESSARY) instead of the sum (CHECKSUM_COMPLETE): code
 * that changes packets, as nftables and XDP do, would have to update the sum,
 * and the stack blames the device for a sum that is wrong. The stack itself
 * checks and counts packets with a wrong checksum, and packets whose checksum
 * is not verified here: fragments, packets in tunnels or with IPv6 extension
 * headers, and other protocols.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "helpers.h"

/*
 * The headers that are read here must be in the linear part of a packet with
 * page fragments: the link layer header, a VLAN tag, IP (60 bytes) and TCP.
 */
static_assert(ETH_HLEN + VLAN_HLEN + 60 + sizeof(struct tcphdr) <=
	      MUENNET_HEADER_MAX);

/* Fills a packet with page fragments, and returns the sum of its bytes. */
static __wsum muennet_fill_and_sum(struct sk_buff *skb, const u8 *from)
{
	const struct skb_shared_info *shared = skb_shinfo(skb);
	unsigned int at = skb_headlen(skb);
	__wsum sum;
	int i;

	sum = csum_partial_copy_nocheck(from, skb->data, at);
	for (i = 0; i < shared->nr_frags; i++) {
		const skb_frag_t *frag = &shared->frags[i];
		__wsum part;

		part = csum_partial_copy_nocheck(from + at,
						 skb_frag_address(frag),
						 skb_frag_size(frag));
		sum = csum_block_add(sum, part, at);
		at += skb_frag_size(frag);
	}
	return sum;
}

/*
 * Allocates a packet and copies memory into it that another subject may write
 * meanwhile. Each byte is read once. Call it in a poll of the NAPI instance.
 * If @sum is set and the device has NETIF_F_RXCSUM, stores the sum of the bytes
 * in skb->csum. Returns NULL if there is no memory.
 */
struct sk_buff *muennet_skb_copy_new(struct napi_struct *napi, const void *from,
				     unsigned int count, bool sum)
{
	struct sk_buff *skb;

	sum = sum && likely(napi->dev->features & NETIF_F_RXCSUM);
	if (unlikely(count > SKB_WITH_OVERHEAD(PAGE_SIZE - NET_SKB_PAD - NET_IP_ALIGN))) {
		/* In pieces: memory may be too fragmented for a single one. */
		skb = muennet_skb_alloc_frags(count);
		if (!skb)
			return NULL;
		skb->dev = napi->dev;
		if (sum) {
			skb->csum = muennet_fill_and_sum(skb, from);
		} else if (skb_store_bits(skb, 0, from, count)) {
			dev_kfree_skb_any(skb);
			return NULL;
		}
	} else {
		skb = napi_alloc_skb(napi, count);
		if (!skb)
			return NULL;
		if (sum)
			skb->csum = csum_partial_copy_nocheck(from,
							      skb_put(skb, count),
							      count);
		else
			memcpy(skb_put(skb, count), from, count);
	}
	if (sum)
		skb->ip_summed = CHECKSUM_COMPLETE;
	return skb;
}

/*
 * Returns whether the transport header has a TCP or UDP checksum that covers
 * all @length bytes.
 */
static bool muennet_has_checksum(const void *transport, unsigned int length,
				 u8 protocol)
{
	const struct udphdr *udp = transport;

	switch (protocol) {
	case IPPROTO_TCP:
		return length >= sizeof(struct tcphdr);
	case IPPROTO_UDP:
		return length >= sizeof(*udp) && ntohs(udp->len) == length &&
		       udp->check;
	default:
		return false;
	}
}

/*
 * Returns whether the TCP or UDP checksum of an IPv4 packet is correct. @sum is
 * the sum of the bytes of the packet.
 */
static bool muennet_is_intact_ip(const struct iphdr *ip, unsigned int length,
				 __wsum sum)
{
	unsigned int header;

	if (length < sizeof(*ip))
		return false;
	header = ip->ihl * 4;
	if (header < sizeof(*ip) || header > length ||
	    ntohs(ip->tot_len) != length || ip_is_fragment(ip))
		return false;

	length -= header;
	if (!muennet_has_checksum((const u8 *)ip + header, length, ip->protocol))
		return false;
	/*
	 * A header with a correct checksum sums up to zero, so that @sum is the
	 * sum of the payload. If the header checksum is wrong, IP drops the
	 * packet, independently of the result here.
	 */
	return !csum_tcpudp_magic(ip->saddr, ip->daddr, length, ip->protocol,
				  sum);
}

/* As above, for an IPv6 packet. */
static bool muennet_is_intact_ipv6(const struct ipv6hdr *ip,
				   unsigned int length, __wsum sum)
{
	if (length < sizeof(*ip))
		return false;
	length -= sizeof(*ip);
	if (ntohs(ip->payload_len) != length ||
	    !muennet_has_checksum(ip + 1, length, ip->nexthdr))
		return false;
	sum = csum_sub(sum, csum_partial(ip, sizeof(*ip), 0));
	return !csum_ipv6_magic(&ip->saddr, &ip->daddr, length, ip->nexthdr,
				sum);
}

/*
 * Verifies the checksum of a packet with the sum in skb->csum, if there is one,
 * and sets skb->ip_summed. The data of the packet must begin after the link
 * layer header, and skb->csum must be the sum of the data. All headers of the
 * packet must be in the linear part.
 */
void muennet_skb_check_sum(struct sk_buff *skb, const struct net_device *dev,
			   __be16 protocol)
{
	const u8 *data = skb->data;
	unsigned int length = skb->len;
	__wsum sum = skb->csum;
	bool intact = false;

	if (skb->ip_summed != CHECKSUM_COMPLETE)
		return;
	if (eth_type_vlan(protocol) && length >= VLAN_HLEN) {
		protocol = ((const struct vlan_hdr *)data)->h_vlan_encapsulated_proto;
		sum = csum_sub(sum, csum_partial(data, VLAN_HLEN, 0));
		data += VLAN_HLEN;
		length -= VLAN_HLEN;
	}
	if (likely(dev->features & NETIF_F_RXCSUM)) {
		if (protocol == htons(ETH_P_IP))
			intact = muennet_is_intact_ip((const void *)data,
						      length, sum);
		else if (protocol == htons(ETH_P_IPV6))
			intact = muennet_is_intact_ipv6((const void *)data,
							length, sum);
	}
	skb->ip_summed = intact ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE;
}
