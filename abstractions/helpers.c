// SPDX-License-Identifier: GPL-2.0
/*
 * C's macros and inline functions, as functions that Rust can call.
 */
#include <linux/bottom_half.h>
#include <linux/etherdevice.h>
#include <linux/fault-inject.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/virtio_net.h>
#include <net/gro.h>
#include <net/icmp.h>
#include <asm/barrier.h>

#include "helpers.h"

#define MAX_TCP_HEADER_SIZE	60

void muennet_spin_lock_bh(spinlock_t *lock)
{
	spin_lock_bh(lock);
}

bool muennet_spin_trylock_bh(spinlock_t *lock)
{
	return spin_trylock_bh(lock);
}

void muennet_spin_unlock_bh(spinlock_t *lock)
{
	spin_unlock_bh(lock);
}

void muennet_read_barrier(void)
{
	/* The peer is another CPU even where this kernel is built for one. */
	virt_rmb();
}

void muennet_write_barrier(void)
{
	/* As above. */
	virt_wmb();
}

u64 muennet_random_u64(void)
{
	return get_random_u64();
}

#ifdef CONFIG_UML
/* The address of a part of the memory reserved by the name of the driver. */
void *muennet_reserved_memory(u64 start, size_t size)
{
	phys_addr_t base, length;

	if (!reserve_mem_find_by_name("muennet", &base, &length))
		return NULL;
	if (start < base || size > length || start - base > length - size)
		return NULL;
	return phys_to_virt(start);
}
#endif

#ifdef CONFIG_FAULT_INJECTION
static DECLARE_FAULT_ATTR(muennet_fault);

bool muennet_should_fail(void)
{
	return should_fail(&muennet_fault, 1);
}
#endif

void __percpu *muennet_alloc_percpu(size_t size, size_t align)
{
	return __alloc_percpu(size, align);
}

/* The caller may be moved to another CPU at any time, hence raw_. */
void *muennet_this_cpu(void __percpu *p)
{
	return raw_cpu_ptr(p);
}

void *muennet_per_cpu(void __percpu *p, unsigned int cpu)
{
	return per_cpu_ptr(p, cpu);
}

unsigned int muennet_next_possible_cpu(int cpu)
{
	return cpumask_next(cpu, cpu_possible_mask);
}

unsigned int muennet_nr_cpu_ids(void)
{
	return nr_cpu_ids;
}

void muennet_ether_setup(struct net_device *dev)
{
	ether_setup(dev);
	eth_hw_addr_random(dev);
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
}

/*
 * Transmission locks for itself. The core's lock on top would make it take an
 * answer that goes out by the device it came from for a loop.
 */
void muennet_netif_set_private_flags(struct net_device *dev, bool keep_dst)
{
	dev->lltx = true;
	/* There is no flow control, so that a queue would never hold anything. */
	dev->priv_flags |= IFF_NO_QUEUE;
	if (keep_dst)
		netif_keep_dst(dev);
}

void muennet_dev_hold(struct net_device *dev)
{
	dev_hold(dev);
}

void muennet_dev_put(struct net_device *dev)
{
	dev_put(dev);
}

/* A device's name that is unique in all network namespaces. */
void muennet_netdev_path(const struct net_device *dev, char *path, size_t size)
{
	if (net_eq(dev_net(dev), &init_net))
		strscpy(path, dev->name, size);
	else
		snprintf(path, size, "%s@%u", dev->name, dev_net(dev)->ns.inum);
}

void muennet_netif_start_queue(struct net_device *dev)
{
	netif_start_queue(dev);
}

/*
 * The operational state follows the carrier within a second; a script that
 * looks at it when its `ip link set up` has returned should not have to wait.
 */
void muennet_netif_operational(struct net_device *dev)
{
	if (netif_carrier_ok(dev) && dev->link_mode == IF_LINK_MODE_DEFAULT)
		netif_set_operstate(dev, IF_OPER_UP);
}

void muennet_netif_tx_disable(struct net_device *dev)
{
	netif_tx_disable(dev);
}

bool muennet_netif_running(const struct net_device *dev)
{
	return netif_running(dev);
}

bool muennet_xmit_more(void)
{
	return netdev_xmit_more();
}

void muennet_napi_add(struct net_device *dev, struct napi_struct *napi,
		      int (*poll)(struct napi_struct *napi, int budget))
{
	netif_napi_add(dev, napi, poll);
}

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
 * computed on the way. The checks are those of skb_partial_csum_set(): a
 * packet that breaks them must not reach the BUG_ON() of
 * skb_copy_and_csum_dev().
 */
int muennet_skb_copy(const struct sk_buff *skb, void *to)
{
	int start;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return skb_copy_bits(skb, 0, to, skb->len);

	start = skb_checksum_start_offset(skb);
	if (start < 0 || start > skb_headlen(skb) ||
	    (u32)start + skb->csum_offset + sizeof(__sum16) > skb->len)
		return -EINVAL;

	skb_copy_and_csum_dev(skb, to);
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

/*
 * Appends bytes to a new packet, which has room for them. Their sum, as the
 * copy sees them, spares the stack another pass over them.
 */
void muennet_skb_append_and_sum(struct sk_buff *skb, const void *from,
				unsigned int count)
{
	void *to = skb_put(skb, count);

	if (unlikely(!(skb->dev->features & NETIF_F_RXCSUM))) {
		memcpy(to, from, count);
		return;
	}
	skb->csum = csum_partial_copy_nocheck(from, to, count);
	skb->ip_summed = CHECKSUM_COMPLETE;
}

/*
 * Segments whose headers are longer than the driver repeats are cut by the
 * stack.
 */
netdev_features_t muennet_features_check(struct sk_buff *skb,
					 struct net_device *dev,
					 netdev_features_t features)
{
	if (skb_is_gso(skb) &&
	    skb_transport_offset(skb) + MAX_TCP_HEADER_SIZE > MUENNET_HEADER_MAX)
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
	napi_gro_receive(napi, skb);
}

/* Hands up a packet without link layer: its data begin with the L3 header. */
void muennet_skb_receive(struct napi_struct *napi, struct sk_buff *skb,
			 struct net_device *dev, u32 mark, __be16 protocol)
{
	skb->dev = dev;
	skb->mark = mark;
	skb->protocol = protocol;
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
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
	skb->dev = dev;
	skb->mark = mark;
	skb->protocol = protocol;
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	if (virtio_net_hdr_to_skb(skb, &hdr, true)) {
		dev_kfree_skb_any(skb);
		return false;
	}
	napi_gro_receive(napi, skb);
	return true;
}

void muennet_napi_gro_flush(struct napi_struct *napi)
{
	napi_gro_flush(napi, false);
}
