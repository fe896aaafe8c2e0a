// SPDX-License-Identifier: GPL-2.0

//! The transmit queues of a device: flow control between the driver and the queueing discipline.
//!
//! A device has one queue, or as many as the user who created it has asked for; all of them stop
//! together. Without flow control a device has no queueing discipline (`IFF_NO_QUEUE`), and the
//! core hands each packet to the driver at once. With flow control ([`DriverDevice::set_queueing`])
//! packets wait in the queueing discipline while the queue is stopped, by the driver or by the byte
//! queue limits.
//!
//! A device has the queueing discipline that drops everything (`noop_qdisc`) until it goes up, from
//! before its `ndo_init()` on: so all functions may be called as soon as the driver has the device.
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h),
//! [`include/linux/dynamic_queue_limits.h`](srctree/include/linux/dynamic_queue_limits.h)

use super::*;

impl DriverDevice {
    /// Gives the device a queueing discipline, and limits its GSO packets to `gso_max_segs`
    /// segments. [`None`] takes both away, with the packets in the queueing discipline. A queueing
    /// discipline that the user has chosen stays. May sleep.
    pub(crate) fn set_queueing(&self, gso_max_segs: Option<u32>, _rtnl: &Rtnl) {
        let on = gso_max_segs.is_some();
        let max_segs = gso_max_segs.unwrap_or(0);
        // SAFETY: By the type invariant the device is valid, and the RTNL is held. The function
        // does not use `max_segs` if `on` is false.
        unsafe { bindings::muennet_netdev_set_queueing(self.as_ptr(), on, max_segs) }
    }

    /// Changes the limit of GSO packets that [`Self::set_queueing`] has set. If the user has set a
    /// limit below the one before, it stays, unless it is above the new one:
    /// `netif_set_tso_max_segs()`.
    pub(crate) fn limit_gso(&self, max_segs: u32, _rtnl: &Rtnl) {
        // SAFETY: By the type invariant the device is valid, and the RTNL is held.
        unsafe { bindings::muennet_netdev_limit_gso(self.as_ptr(), max_segs) }
    }

    /// Waits up to `ms` milliseconds until the default queueing discipline has no packets, if the
    /// device is up and has that. May sleep.
    pub(crate) fn drain_qdisc(&self, ms: u32, _rtnl: &Rtnl) {
        // SAFETY: By the type invariant the device is valid, and the RTNL is held.
        unsafe { bindings::muennet_netdev_drain_qdisc(self.as_ptr(), ms) }
    }

    /// Returns whether packets wait in a queueing discipline while the queue is stopped. Without
    /// one the core drops them. Any context.
    #[inline]
    pub(crate) fn has_qdisc(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_netdev_has_qdisc(self.as_ptr()) }
    }

    /// Stops the queues: `netif_tx_stop_all_queues()`. Any context.
    pub(crate) fn stop_queue(&self) {
        // SAFETY: By the type invariant the device is valid. The state changes by atomic bit
        // operations.
        unsafe { bindings::netif_tx_stop_all_queues(self.as_ptr()) }
    }

    /// Starts the queues again if [`Self::stop_queue`] has stopped them, without scheduling their
    /// queueing disciplines: `netif_tx_start_all_queues()`. Any context.
    pub(crate) fn start_queue(&self) {
        // SAFETY: As in `stop_queue`.
        unsafe { bindings::muennet_netif_tx_start_all_queues(self.as_ptr()) }
    }

    /// Starts the queues again if [`Self::stop_queue`] has stopped them, and schedules their
    /// queueing disciplines: `netif_tx_wake_all_queues()`. Any context.
    pub(crate) fn wake_queue(&self) {
        // SAFETY: As in `stop_queue`.
        unsafe { bindings::muennet_netif_tx_wake_all_queues(self.as_ptr()) }
    }

    /// Returns whether the first queue is stopped, by the driver or by the byte queue limits:
    /// `netif_xmit_stopped()`. Any context.
    #[inline]
    pub(crate) fn queue_stopped(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_netdev_xmit_stopped(self.as_ptr()) }
    }

    /// Counts bytes as queued for the byte queue limits of the first queue, which may stop it:
    /// `netdev_sent_queue()`. Not in hard interrupt context.
    pub(crate) fn sent_queue(&self, bytes: u32) {
        // SAFETY: By the type invariant the device is valid. No other driver changes its limits,
        // and the function takes the lock of the queue.
        unsafe { bindings::muennet_netdev_sent_queue(self.as_ptr(), bytes) }
    }

    /// Counts queued bytes as sent, which may start the first queue: `netdev_completed_queue()`. If
    /// `bytes` is more than are queued, counts all that are queued. Not in hard interrupt context.
    pub(crate) fn completed_queue(&self, bytes: u32) {
        // SAFETY: As in `sent_queue`.
        unsafe { bindings::muennet_netdev_completed_queue(self.as_ptr(), bytes) }
    }

    /// Forgets all queued bytes: `netdev_reset_queue()`. Starts the first queue if the byte queue
    /// limits have stopped it. Not in hard interrupt context.
    pub(crate) fn reset_queue(&self) {
        // SAFETY: As in `sent_queue`.
        unsafe { bindings::muennet_netdev_reset_queue(self.as_ptr()) }
    }
}

/// Waits until packets that the core has begun to transmit without a queueing discipline have
/// reached their driver: `synchronize_net()`. May sleep.
pub(crate) fn synchronize_net() {
    // SAFETY: The function may be called wherever it is allowed to sleep.
    unsafe { bindings::synchronize_net() }
}
