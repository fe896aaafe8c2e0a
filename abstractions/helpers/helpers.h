/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wrappers for macros and inline functions: Rust can call functions only. Each
 * wrapper is one line. Functions that are called for each packet combine
 * several steps instead, because each call of a wrapper is a real call.
 */
#ifndef _MUENNET_HELPERS_H
#define _MUENNET_HELPERS_H

#include <linux/debugfs.h>
#include <linux/netdevice.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>

#include "skbuff.h"

void muennet_spin_lock_bh(spinlock_t *lock);
bool muennet_spin_trylock_bh(spinlock_t *lock);
void muennet_spin_unlock_bh(spinlock_t *lock);

void muennet_raw_spin_lock_init(raw_spinlock_t *lock, const char *name,
				struct lock_class_key *key);
unsigned long muennet_raw_spin_lock_irqsave(raw_spinlock_t *lock);
bool muennet_raw_spin_trylock_irqsave(raw_spinlock_t *lock,
				      unsigned long *flags);
void muennet_raw_spin_unlock_irqrestore(raw_spinlock_t *lock,
					unsigned long flags);
void muennet_raw_spin_assert_is_held(raw_spinlock_t *lock);

void muennet_read_barrier(void);
void muennet_write_barrier(void);
u64 muennet_load_acquire(const u64 *p);
void muennet_store_release(u64 *p, u64 value);
u64 muennet_random_u64(void);

#ifdef CONFIG_ARM64
unsigned int muennet_irq_create_mapping(unsigned int hwirq, bool *mapped);
#endif
phys_addr_t muennet_last_address(void);
#ifdef CONFIG_UML
void *muennet_reserved_memory(u64 start, size_t size);
#endif

#ifdef CONFIG_FAULT_INJECTION
bool muennet_fault_injected(void);
#endif

void __percpu *muennet_alloc_percpu(size_t size, size_t align);
void *muennet_this_cpu(void __percpu *p);
void *muennet_per_cpu(void __percpu *p, unsigned int cpu);
unsigned int muennet_next_possible_cpu(int cpu);
bool muennet_cpu_online(unsigned int cpu);
void muennet_preempt_disable(void);
void muennet_preempt_enable(void);

void muennet_ether_setup_address(struct net_device *dev, const u8 *address);
void muennet_ip_setup(struct net_device *dev);
void muennet_netif_set_private_flags(struct net_device *dev, bool keep_dst);
int muennet_register_netdevice_bql(struct net_device *dev, bool byte_queue_limits);
void muennet_netdev_init_qdisc(struct net_device *dev);
void muennet_netdev_set_queueing(struct net_device *dev, bool on,
				 unsigned int gso_max_segs);
void muennet_netdev_limit_gso(struct net_device *dev, unsigned int max_segs);
void muennet_netdev_drain_qdisc(struct net_device *dev, unsigned int ms);
bool muennet_netdev_has_qdisc(struct net_device *dev);
void muennet_netif_tx_start_all_queues(struct net_device *dev);
void muennet_netif_tx_wake_all_queues(struct net_device *dev);
bool muennet_netdev_xmit_stopped(const struct net_device *dev);
void muennet_netdev_sent_queue(struct net_device *dev, unsigned int bytes);
void muennet_netdev_completed_queue(struct net_device *dev, unsigned int bytes);
void muennet_netdev_reset_queue(struct net_device *dev);
struct dentry *muennet_debugfs_dir(const char *name,
				   struct dentry *parent);
void muennet_debugfs_file(const char *name, struct dentry *parent,
			  void *data, const struct file_operations *ops);
int muennet_debugfs_rename(struct dentry *entry, const char *name);
void muennet_debugfs_drop(struct dentry *entry);

void muennet_dev_net_set(struct net_device *dev, struct net *net);
void muennet_dev_hold(struct net_device *dev);
void muennet_dev_put(struct net_device *dev);
void muennet_netdev_path(const struct net_device *dev, char *path, size_t size);
void muennet_netif_operational(struct net_device *dev);
bool muennet_netdev_is_registered(const struct net_device *dev);
bool muennet_netdev_can_unregister(const struct net_device *dev);
bool muennet_netdev_is_unregistering(const struct net_device *dev);
void muennet_netdev_wait_unreferenced(const struct net_device *dev);
bool muennet_netif_running(const struct net_device *dev);
bool muennet_xmit_more(void);
void muennet_napi_add(struct net_device *dev, struct napi_struct *napi,
		      int (*poll)(struct napi_struct *napi, int budget));

void muennet_napi_gro_flush(struct napi_struct *napi);

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

void muennet_xa_init_account(struct xarray *xa);
int muennet_xa_insert(struct xarray *xa, unsigned long index, void *entry);
void *muennet_xa_replace(struct xarray *xa, unsigned long index, void *old,
			 void *entry);

#endif /* _MUENNET_HELPERS_H */
