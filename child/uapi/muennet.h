/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/muennet.yaml */
/* YNL-GEN uapi header */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#ifndef _UAPI_LINUX_MUENNET_H
#define _UAPI_LINUX_MUENNET_H

#define MUENNET_FAMILY_NAME	"muennet"
#define MUENNET_FAMILY_VERSION	1

#define MUENNET_IFNAME_MAX_LEN		127
#define MUENNET_REGION_NAME_MAX_LEN	63
#define MUENNET_POLL_MIN		50
#define MUENNET_POLL_MAX		1000000

/**
 * enum muennet_mode - Contents of the elements in the channels of an
 *   interface.
 * @MUENNET_MODE_RAW: The bytes of a packet.
 * @MUENNET_MODE_IP: A header with the mark, followed by an IP packet.
 * @MUENNET_MODE_ETHERNET: An Ethernet frame.
 * @MUENNET_MODE_IP_OFFLOAD: A header with the mark of an IP packet and the
 *   offloads that the receiver completes, followed by the packet or a part of
 *   it.
 */
enum muennet_mode {
	MUENNET_MODE_RAW,
	MUENNET_MODE_IP,
	MUENNET_MODE_ETHERNET,
	MUENNET_MODE_IP_OFFLOAD,
};

/**
 * enum muennet_peer_state - State of the writer of an interface's in channel.
 * @MUENNET_PEER_STATE_UNKNOWN: The interface is down, has no in channel, or
 *   has not read it yet.
 * @MUENNET_PEER_STATE_INACTIVE: The channel has no active writer.
 * @MUENNET_PEER_STATE_ACTIVE: The interface reads the elements of the writer.
 * @MUENNET_PEER_STATE_INCOMPATIBLE: The writer has an unexpected protocol or
 *   element size.
 * @MUENNET_PEER_STATE_BROKEN: The writer violated the protocol of the channel.
 */
enum muennet_peer_state {
	MUENNET_PEER_STATE_UNKNOWN,
	MUENNET_PEER_STATE_INACTIVE,
	MUENNET_PEER_STATE_ACTIVE,
	MUENNET_PEER_STATE_INCOMPATIBLE,
	MUENNET_PEER_STATE_BROKEN,
};

/**
 * enum muennet_settings - Settings of a main interface that can change while
 *   it exists.
 * @MUENNET_SETTINGS_CARRIER_FOLLOWS_PEER: The interface has a carrier only
 *   while the peer writes to the in channel. Needs an in channel.
 * @MUENNET_SETTINGS_RESTART_WITH_PEER: The out channel starts a new epoch when
 *   the in channel does. Needs both channels and mode ethernet.
 * @MUENNET_SETTINGS_RX_PAUSE: The interface waits for the peer's reader
 *   instead of overrunning it. Needs both channels.
 * @MUENNET_SETTINGS_TX_PAUSE: The interface reports to the peer how far it has
 *   read. Needs both channels.
 */
enum muennet_settings {
	MUENNET_SETTINGS_CARRIER_FOLLOWS_PEER = 1,
	MUENNET_SETTINGS_RESTART_WITH_PEER = 2,
	MUENNET_SETTINGS_RX_PAUSE = 4,
	MUENNET_SETTINGS_TX_PAUSE = 8,
};

enum {
	MUENNET_A_IFINDEX = 1,
	MUENNET_A_IFNAME,
	MUENNET_A_NETNSID,
	MUENNET_A_PARENT_IFINDEX,
	MUENNET_A_PARENT_IFNAME,
	MUENNET_A_PARENT_NETNSID,
	MUENNET_A_FROM_IFINDEX,
	MUENNET_A_FROM_IFNAME,
	MUENNET_A_FROM_NETNSID,
	MUENNET_A_MARK,
	MUENNET_A_MARK_COUNT,
	MUENNET_A_MODE,
	MUENNET_A_MTU,
	MUENNET_A_UP,
	MUENNET_A_IN_CHANNEL,
	MUENNET_A_OUT_CHANNEL,
	MUENNET_A_PEER_STATE,
	MUENNET_A_STATS,
	MUENNET_A_RX_PAUSE,
	MUENNET_A_TX_PAUSE,
	MUENNET_A_VLAN,
	MUENNET_A_PMTU,
	MUENNET_A_MAC,
	MUENNET_A_POLL,
	MUENNET_A_SETTINGS,
	MUENNET_A_SETTINGS_MASK,
	MUENNET_A_CHANNEL,

	__MUENNET_A_MAX,
	MUENNET_A_MAX = (__MUENNET_A_MAX - 1)
};

enum {
	MUENNET_A_CHANNEL_NAME = 1,
	MUENNET_A_CHANNEL_PROTOCOL,
	MUENNET_A_CHANNEL_REGION_SIZE,
	MUENNET_A_CHANNEL_ELEMENT_SIZE,
	MUENNET_A_CHANNEL_ELEMENTS,
	MUENNET_A_CHANNEL_CONFIGURED_PROTOCOL,
	MUENNET_A_CHANNEL_WRITABLE,
	MUENNET_A_CHANNEL_EVENT,
	MUENNET_A_CHANNEL_VECTOR,
	MUENNET_A_CHANNEL_USER,

	__MUENNET_A_CHANNEL_MAX,
	MUENNET_A_CHANNEL_MAX = (__MUENNET_A_CHANNEL_MAX - 1)
};

enum {
	MUENNET_A_USER_IFINDEX = 1,
	MUENNET_A_USER_IFNAME,
	MUENNET_A_USER_NETNSID,
	MUENNET_A_USER_PEER_STATE,

	__MUENNET_A_USER_MAX,
	MUENNET_A_USER_MAX = (__MUENNET_A_USER_MAX - 1)
};

enum {
	MUENNET_A_STATS_RX_PACKETS = 1,
	MUENNET_A_STATS_RX_BYTES,
	MUENNET_A_STATS_RX_ERRORS,
	MUENNET_A_STATS_RX_DROPPED,
	MUENNET_A_STATS_RX_OVER_ERRORS,
	MUENNET_A_STATS_RX_FRAME_ERRORS,
	MUENNET_A_STATS_RX_MISSED_ERRORS,
	MUENNET_A_STATS_TX_PACKETS,
	MUENNET_A_STATS_TX_BYTES,
	MUENNET_A_STATS_TX_DROPPED,

	__MUENNET_A_STATS_MAX,
	MUENNET_A_STATS_MAX = (__MUENNET_A_STATS_MAX - 1)
};

enum {
	MUENNET_CMD_DEV_GET = 1,
	MUENNET_CMD_MARK_GET,
	MUENNET_CMD_CHILD_ADD,
	MUENNET_CMD_CHILD_DEL,
	MUENNET_CMD_MARK_ADD,
	MUENNET_CMD_MARK_DEL,
	MUENNET_CMD_MARK_MOVE,
	MUENNET_CMD_CHILD_ADD_NTF,
	MUENNET_CMD_CHILD_DEL_NTF,
	MUENNET_CMD_MARK_ADD_NTF,
	MUENNET_CMD_MARK_DEL_NTF,
	MUENNET_CMD_MARK_MOVE_NTF,
	MUENNET_CMD_DEV_ADD,
	MUENNET_CMD_DEV_DEL,
	MUENNET_CMD_DEV_SET,
	MUENNET_CMD_CHANNEL_GET,
	MUENNET_CMD_DEV_ADD_NTF,
	MUENNET_CMD_DEV_DEL_NTF,
	MUENNET_CMD_DEV_SET_NTF,

	__MUENNET_CMD_MAX,
	MUENNET_CMD_MAX = (__MUENNET_CMD_MAX - 1)
};

#define MUENNET_MCGRP_CHANGES	"changes"

#endif /* _UAPI_LINUX_MUENNET_H */
