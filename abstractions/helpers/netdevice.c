// SPDX-License-Identifier: GPL-2.0
/* Network devices, their queues and queueing disciplines. */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/ip_tunnels.h>
#include <net/sch_generic.h>

#include "helpers.h"

/*
 * The core creates the folder byte_queue_limits in sysfs when it registers a
 * device that has a queueing discipline and no lock of its own. Whether the
 * device has a queueing discipline changes later.
 */
int muennet_register_netdevice_bql(struct net_device *dev, bool byte_queue_limits)
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

/*
 * The core does this after ndo_init(), where a driver may already use the
 * queues of its device.
 */
void muennet_netdev_init_qdisc(struct net_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->num_tx_queues; i++) {
		struct netdev_queue *txq = netdev_get_tx_queue(dev, i);

		rcu_assign_pointer(txq->qdisc, &noop_qdisc);
		rcu_assign_pointer(txq->qdisc_sleeping, &noop_qdisc);
	}
	rcu_assign_pointer(dev->qdisc, &noop_qdisc);
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

void muennet_netif_tx_start_all_queues(struct net_device *dev)
{
	netif_tx_start_all_queues(dev);
}

void muennet_netif_tx_wake_all_queues(struct net_device *dev)
{
	netif_tx_wake_all_queues(dev);
}

bool muennet_netdev_xmit_stopped(const struct net_device *dev)
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

/*
 * A random address is marked as such (NET_ADDR_RANDOM), so that user space may
 * replace it by a persistent one.
 */
void muennet_ether_setup_address(struct net_device *dev, const u8 *address)
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

bool muennet_netif_running(const struct net_device *dev)
{
	return netif_running(dev);
}

bool muennet_xmit_more(void)
{
	return netdev_xmit_more();
}

bool muennet_netif_carrier_ok(const struct net_device *dev)
{
	return netif_carrier_ok(dev);
}
