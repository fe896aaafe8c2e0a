/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The input of bindgen: the headers of the C items that `parameters` lists, and
 * the wrappers for macros and inline functions.
 */

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/skbuff.h>
#include <linux/uaccess.h>
#include <uapi/linux/if_ether.h>

#include "../helpers/helpers.h"

/* Macros that bindgen does not evaluate. */
const u32 RUST_CONST_HELPER_ETHTOOL_COALESCE_RX_USECS = ETHTOOL_COALESCE_RX_USECS;
const netdev_features_t RUST_CONST_HELPER_NETIF_F_GSO_SOFTWARE = NETIF_F_GSO_SOFTWARE;
const netdev_features_t RUST_CONST_HELPER_NETIF_F_GSO_ENCAP_ALL = NETIF_F_GSO_ENCAP_ALL;
