/* SPDX-License-Identifier: GPL-2.0 */
/*
 * C's macros and inline functions, as functions that Rust can call. One line
 * each; what is called for every packet is coarse instead, for every helper
 * costs a real call.
 */
#ifndef _MUENNET_HELPERS_H
#define _MUENNET_HELPERS_H

#include <linux/netdevice.h>
#include <linux/spinlock.h>

void muennet_spin_lock_bh(spinlock_t *lock);
bool muennet_spin_trylock_bh(spinlock_t *lock);
void muennet_spin_unlock_bh(spinlock_t *lock);

void muennet_read_barrier(void);
void muennet_write_barrier(void);
u64 muennet_random_u64(void);

#ifdef CONFIG_UML
void *muennet_reserved_memory(u64 start, size_t size);
#endif

#ifdef CONFIG_FAULT_INJECTION
bool muennet_should_fail(void);
#endif

void __percpu *muennet_alloc_percpu(size_t size, size_t align);
void *muennet_this_cpu(void __percpu *p);
void *muennet_per_cpu(void __percpu *p, unsigned int cpu);
unsigned int muennet_next_possible_cpu(int cpu);
unsigned int muennet_nr_cpu_ids(void);

void muennet_ether_setup(struct net_device *dev);
void muennet_netif_set_private_flags(struct net_device *dev, bool keep_dst);
void muennet_dev_hold(struct net_device *dev);
void muennet_dev_put(struct net_device *dev);
void muennet_netdev_path(const struct net_device *dev, char *path, size_t size);
void muennet_netif_start_queue(struct net_device *dev);
void muennet_netif_operational(struct net_device *dev);
void muennet_netif_tx_disable(struct net_device *dev);
bool muennet_netif_running(const struct net_device *dev);
bool muennet_xmit_more(void);
void muennet_napi_add(struct net_device *dev, struct napi_struct *napi,
		      int (*poll)(struct napi_struct *napi, int budget));

/* The longest headers that segments have, in bytes. */
#define MUENNET_HEADER_MAX	192

/* How the stack wants a packet to be cut; all in bytes, from its data on. */
struct muennet_segmentation {
	u32 size;
	s32 network;
	s32 transport;
	bool tcp;
	bool udp;
};

bool muennet_skb_segmentation(const struct sk_buff *skb,
			      struct muennet_segmentation *to);
u32 muennet_skb_copy_and_sum(const struct sk_buff *skb, int from, void *to,
			     int count);
netdev_features_t muennet_features_check(struct sk_buff *skb,
					 struct net_device *dev,
					 netdev_features_t features);

void muennet_skb_append_and_sum(struct sk_buff *skb, const void *from,
				unsigned int count);
struct sk_buff *muennet_skb_alloc_large(u32 length);
bool muennet_skb_offloads(const struct sk_buff *skb, void *to);
bool muennet_skb_receive_large(struct napi_struct *napi, struct sk_buff *skb,
			       struct net_device *dev, u32 mark,
			       __be16 protocol, const void *offloads);
void muennet_skb_drop(struct sk_buff *skb);
void muennet_skb_tx_timestamp(struct sk_buff *skb);
void muennet_skb_consume(struct sk_buff *skb);
int muennet_skb_copy(const struct sk_buff *skb, void *to);
bool muennet_skb_fits(const struct sk_buff *skb, unsigned int limit);
struct sk_buff *muennet_skb_complete_checksum(struct sk_buff *skb);
void muennet_icmp_fragmentation_needed(struct sk_buff *skb, u32 mtu);
void muennet_icmpv6_packet_too_big(struct sk_buff *skb, u32 mtu);
void muennet_skb_receive_frame(struct napi_struct *napi, struct sk_buff *skb);
void muennet_skb_receive(struct napi_struct *napi, struct sk_buff *skb,
			 struct net_device *dev, u32 mark, __be16 protocol);
void muennet_napi_gro_flush(struct napi_struct *napi);

#endif /* _MUENNET_HELPERS_H */
