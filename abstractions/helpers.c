// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers for macros and inline functions: Rust can call functions only.
 */
#include <linux/bottom_half.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/fault-inject.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/irqdomain.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/gro.h>
#include <net/ip_tunnels.h>
#include <net/sch_generic.h>
#include <asm/barrier.h>

#include "helpers.h"

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

void muennet_raw_spin_lock_init(raw_spinlock_t *lock, const char *name,
				struct lock_class_key *key)
{
#ifdef CONFIG_DEBUG_SPINLOCK
	__raw_spin_lock_init(lock, name, key, LD_WAIT_SPIN);
#else
	raw_spin_lock_init(lock);
#endif
}

unsigned long muennet_raw_spin_lock_irqsave(raw_spinlock_t *lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(lock, flags);
	return flags;
}

bool muennet_raw_spin_trylock_irqsave(raw_spinlock_t *lock,
				      unsigned long *flags)
{
	return raw_spin_trylock_irqsave(lock, *flags);
}

void muennet_raw_spin_unlock_irqrestore(raw_spinlock_t *lock,
					unsigned long flags)
{
	raw_spin_unlock_irqrestore(lock, flags);
}

void muennet_raw_spin_assert_is_held(raw_spinlock_t *lock)
{
	lockdep_assert_held(lock);
}

void muennet_read_barrier(void)
{
	/* Not smp_rmb(): the peer is another CPU even without CONFIG_SMP. */
	virt_rmb();
}

void muennet_write_barrier(void)
{
	/* Not smp_wmb(), for the same reason. */
	virt_wmb();
}

u64 muennet_load_acquire(const u64 *p)
{
	/* Pairs with muennet_store_release() of the peer. */
	return virt_load_acquire(p);
}

void muennet_store_release(u64 *p, u64 value)
{
	/* Pairs with muennet_load_acquire() of the peer. */
	virt_store_release(p, value);
}

u64 muennet_random_u64(void)
{
	return get_random_u64();
}

#ifdef CONFIG_ARM64
/*
 * Returns the Linux number of hwirq in the default domain, 0 for none, and whether it
 * was mapped now. The core warns if there is no domain, or if it is too small.
 */
unsigned int muennet_irq_create_mapping(unsigned int hwirq, bool *mapped)
{
	struct irq_domain *domain = irq_get_default_domain();
	unsigned int irq;

	*mapped = false;
	if (!domain || hwirq >= domain->hwirq_max)
		return 0;
	irq = irq_find_mapping(domain, hwirq);
	if (irq)
		return irq;
	irq = irq_create_mapping(domain, hwirq);
	*mapped = irq;
	return irq;
}
#endif

/* Returns the last physical address that the kernel can map. */
phys_addr_t muennet_last_address(void)
{
#ifdef CONFIG_ARM64
	return PHYS_MASK;
#else
	/* x86 limits the resources to what the processor can address. */
	return iomem_resource.end;
#endif
}

#ifdef CONFIG_UML
/*
 * Returns the address of a part of the memory that is reserved with the name of
 * the driver, or NULL if the range is not in it.
 */
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

/*
 * The core creates the folder byte_queue_limits in sysfs when it registers a
 * device that has a queueing discipline and no lock of its own. Whether the
 * device has a queueing discipline changes later.
 */
int muennet_register_netdevice(struct net_device *dev, bool byte_queue_limits)
{
	unsigned long no_queue = dev->priv_flags & IFF_NO_QUEUE;
	bool lltx = dev->lltx;
	int err;

	if (byte_queue_limits) {
		dev->lltx = false;
		dev->priv_flags &= ~IFF_NO_QUEUE;
	}
	err = register_netdevice(dev);
	dev->lltx = lltx;
	dev->priv_flags |= no_queue;
	return err;
}

/* Replaces the default queueing discipline of a device, if it has that. */
static void muennet_renew_default_qdisc(struct net_device *dev)
{
	struct Qdisc *old = rtnl_dereference(dev->qdisc);
	unsigned int i;

	/* One that is not the default has a handle. */
	if (old == &noop_qdisc || old->handle)
		return;
	if (dev->flags & IFF_UP)
		dev_deactivate(dev, true);
	for (i = 0; i < dev->num_tx_queues; i++)
		qdisc_put(dev_graft_qdisc(netdev_get_tx_queue(dev, i), NULL));
	rcu_assign_pointer(dev->qdisc, &noop_qdisc);
	qdisc_put(old);
	if (dev->flags & IFF_UP)
		dev_activate(dev);
}

static bool muennet_has_backlog(struct net_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->num_tx_queues; i++) {
		struct netdev_queue *txq = netdev_get_tx_queue(dev, i);

		if (qdisc_qlen_sum(rtnl_dereference(txq->qdisc_sleeping)))
			return true;
	}
	return false;
}

void muennet_netdev_drain_qdisc(struct net_device *dev, unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	/* One that is not the default stays, with its packets. */
	if (rtnl_dereference(dev->qdisc)->handle)
		return;
	while (dev->flags & IFF_UP && netif_carrier_ok(dev) &&
	       muennet_has_backlog(dev) && time_before(jiffies, end))
		fsleep(1000);
}

void muennet_netdev_limit_gso(struct net_device *dev, unsigned int max_segs)
{
	/* A limit below the last one of the driver is the user's, and stays. */
	bool follows = READ_ONCE(dev->gso_max_segs) == dev->tso_max_segs;

	/*
	 * Devices above are not told. They would take over a lower limit, but
	 * never a higher one again. The stack segments what they send.
	 */
	netif_set_tso_max_segs(dev, max_segs);
	if (follows)
		WRITE_ONCE(dev->gso_max_segs, max_segs);
}

void muennet_netdev_set_queueing(struct net_device *dev, bool on,
				 unsigned int gso_max_segs)
{
	if (on) {
		dev->priv_flags &= ~IFF_NO_QUEUE;
		muennet_netdev_limit_gso(dev, gso_max_segs);
	} else {
		dev->priv_flags |= IFF_NO_QUEUE;
		muennet_netdev_limit_gso(dev, TSO_MAX_SEGS);
	}
	muennet_renew_default_qdisc(dev);
}

bool muennet_netdev_has_qdisc(struct net_device *dev)
{
	const struct Qdisc *qdisc;
	bool has;

	rcu_read_lock();
	qdisc = rcu_dereference(netdev_get_tx_queue(dev, 0)->qdisc);
	has = qdisc->enqueue && qdisc != &noop_qdisc;
	rcu_read_unlock();
	return has;
}

void muennet_netif_start_queue(struct net_device *dev)
{
	netif_tx_start_all_queues(dev);
}

void muennet_netif_wake_queue(struct net_device *dev)
{
	netif_tx_wake_all_queues(dev);
}

bool muennet_netif_xmit_stopped(const struct net_device *dev)
{
	return netif_xmit_stopped(netdev_get_tx_queue(dev, 0));
}

/*
 * The lock of the core for the queue, which it does not take for devices with a
 * lock of their own, serialises these three.
 */
void muennet_netdev_sent_queue(struct net_device *dev, unsigned int bytes)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, 0);

	__netif_tx_lock_bh(txq);
	netdev_tx_sent_queue(txq, bytes);
	__netif_tx_unlock_bh(txq);
}

void muennet_netdev_completed_queue(struct net_device *dev, unsigned int bytes)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, 0);

	__netif_tx_lock_bh(txq);
#ifdef CONFIG_BQL
	/* dql_completed() does not survive more than were queued. */
	bytes = min(bytes, txq->dql.num_queued - txq->dql.num_completed);
#endif
	netdev_tx_completed_queue(txq, 1, bytes);
	__netif_tx_unlock_bh(txq);
}

void muennet_netdev_reset_queue(struct net_device *dev)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, 0);

	__netif_tx_lock_bh(txq);
	netdev_tx_reset_queue(txq);
	__netif_tx_unlock_bh(txq);
}

void __percpu *muennet_alloc_percpu(size_t size, size_t align)
{
	return __alloc_percpu(size, align);
}

/* raw_cpu_ptr(), because the caller may be migrated at any time. */
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

bool muennet_cpu_online(unsigned int cpu)
{
	return cpu_online(cpu);
}

void muennet_preempt_disable(void)
{
	preempt_disable();
}

void muennet_preempt_enable(void)
{
	preempt_enable();
}

/*
 * A random address is marked as such (NET_ADDR_RANDOM), so that user space may
 * replace it by a persistent one.
 */
void muennet_ether_setup(struct net_device *dev, const u8 *address)
{
	ether_setup(dev);
	if (address)
		eth_hw_addr_set(dev, address);
	else
		eth_hw_addr_random(dev);
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
}

/*
 * The protocol of packets that packet sockets send without one is set according
 * to their IP version.
 */
void muennet_ip_setup(struct net_device *dev)
{
	dev->header_ops = &ip_tunnel_header_ops;
}

/*
 * The driver has its own locks for transmission. With the transmit lock of the
 * core, a reply that is sent through the device while it transmits the packet,
 * such as an ICMP error, would be taken for a loop.
 */
void muennet_netif_set_private_flags(struct net_device *dev, bool keep_dst)
{
	/* A device with locks of the same classes may be on top of this one. */
	netdev_lockdep_set_classes(dev);
	dev->lltx = true;
	/* Without flow control a queueing discipline would always be empty. */
	dev->priv_flags |= IFF_NO_QUEUE;
	/*
	 * Netpoll transmits with interrupts off, but the lock of the driver
	 * disables softirqs only.
	 */
	dev->priv_flags |= IFF_DISABLE_NETPOLL;
	if (keep_dst)
		netif_keep_dst(dev);
}

void muennet_dev_net_set(struct net_device *dev, struct net *net)
{
	dev_net_set(dev, net);
}

void muennet_dev_hold(struct net_device *dev)
{
	dev_hold(dev);
}

void muennet_dev_put(struct net_device *dev)
{
	dev_put(dev);
}

/* Without CONFIG_DEBUG_FS these are inline functions. */
struct dentry *muennet_debugfs_create_dir(const char *name,
					  struct dentry *parent)
{
	return debugfs_create_dir(name, parent);
}

void muennet_debugfs_create_file(const char *name, struct dentry *parent,
				 void *data, const struct file_operations *ops)
{
	debugfs_create_file(name, 0400, parent, data, ops);
}

int muennet_debugfs_change_name(struct dentry *entry, const char *name)
{
	return debugfs_change_name(entry, "%s", name);
}

void muennet_debugfs_remove(struct dentry *entry)
{
	debugfs_remove(entry);
}

/* Writes a name of the device that is unique in all network namespaces. */
void muennet_netdev_path(const struct net_device *dev, char *path, size_t size)
{
	if (net_eq(dev_net(dev), &init_net))
		strscpy(path, dev->name, size);
	else
		snprintf(path, size, "%s@%u", dev->name, dev_net(dev)->ns.inum);
}

/*
 * Sets the operational state at once. Otherwise it follows the carrier within a
 * second, and scripts that read it after `ip link set up` would have to wait.
 */
void muennet_netif_operational(struct net_device *dev)
{
	if (netif_carrier_ok(dev) && dev->link_mode == IF_LINK_MODE_DEFAULT)
		netif_set_operstate(dev, IF_OPER_UP);
}

bool muennet_netdev_is_registered(const struct net_device *dev)
{
	return dev->reg_state == NETREG_REGISTERED;
}

/* Whether a device is registered, and in no list of devices to unregister. */
bool muennet_netdev_can_unregister(const struct net_device *dev)
{
	return dev->reg_state == NETREG_REGISTERED &&
	       list_empty(&dev->unreg_list);
}

bool muennet_netdev_is_unregistering(const struct net_device *dev)
{
	return dev->reg_state == NETREG_UNREGISTERING;
}

/*
 * For a device whose registration failed: waits until RCU callbacks have
 * dropped the last reference but that of the device to itself.
 */
void muennet_netdev_wait_unreferenced(const struct net_device *dev)
{
	rcu_barrier();
	while (WARN_ON_ONCE(netdev_refcnt_read(dev) != 1)) {
		msleep(20);
		rcu_barrier();
	}
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

void muennet_napi_gro_flush(struct napi_struct *napi)
{
	napi_gro_flush(napi, false);
}
