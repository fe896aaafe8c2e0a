// SPDX-License-Identifier: GPL-2.0
/*
 * The layout, according to the C compiler, of the types that the abstractions
 * access. Kbuild converts the assembly of this file to Rust constants. In each
 * build `layout.rs` compares them with the layout according to bindgen.
 */
#include <linux/kbuild.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>

#define SIZE(type)		DEFINE(type##__SIZE, sizeof(struct type))
#define FIELD(type, field)	DEFINE(type##__##field, offsetof(struct type, field))

int main(void)
{
	SIZE(net_device);
	FIELD(net_device, netdev_ops);
	FIELD(net_device, rtnl_link_ops);
	FIELD(net_device, priv_destructor);
	FIELD(net_device, ifindex);
	FIELD(net_device, mtu);
	FIELD(net_device, state);
	FIELD(net_device, flags);
	FIELD(net_device, hard_header_len);
	FIELD(net_device, features);
	FIELD(net_device, name);
	FIELD(net_device, hw_features);
	FIELD(net_device, vlan_features);
	FIELD(net_device, hw_enc_features);
	FIELD(net_device, min_mtu);
	FIELD(net_device, max_mtu);
	FIELD(net_device, type);
	FIELD(net_device, addr_len);
	FIELD(net_device, tx_queue_len);
	FIELD(net_device, needs_free_netdev);
	FIELD(net_device, priv);

	SIZE(net_device_ops);
	FIELD(net_device_ops, ndo_init);
	FIELD(net_device_ops, ndo_uninit);
	FIELD(net_device_ops, ndo_get_iflink);
	FIELD(net_device_ops, ndo_open);
	FIELD(net_device_ops, ndo_stop);
	FIELD(net_device_ops, ndo_start_xmit);
	FIELD(net_device_ops, ndo_features_check);
	FIELD(net_device_ops, ndo_set_rx_mode);
	FIELD(net_device_ops, ndo_set_mac_address);
	FIELD(net_device_ops, ndo_validate_addr);
	FIELD(net_device_ops, ndo_change_mtu);
	FIELD(net_device_ops, ndo_get_stats64);
	FIELD(net_device_ops, ndo_change_carrier);

	SIZE(napi_struct);
	FIELD(napi_struct, dev);

	SIZE(rtnl_link_ops);
	FIELD(rtnl_link_ops, kind);
	FIELD(rtnl_link_ops, priv_size);
	FIELD(rtnl_link_ops, setup);
	FIELD(rtnl_link_ops, validate);
	FIELD(rtnl_link_ops, newlink);
	FIELD(rtnl_link_ops, dellink);
	FIELD(rtnl_link_ops, get_link_net);

	SIZE(rtnl_newlink_params);
	FIELD(rtnl_newlink_params, tb);

	SIZE(genl_family);
	FIELD(genl_family, name);
	FIELD(genl_family, n_split_ops);
	FIELD(genl_family, split_ops);
	FIELD(genl_family, mcgrps);
	FIELD(genl_family, module);

	SIZE(genl_split_ops);
	FIELD(genl_split_ops, policy);
	FIELD(genl_split_ops, maxattr);
	FIELD(genl_split_ops, cmd);
	FIELD(genl_split_ops, flags);

	SIZE(genl_info);
	FIELD(genl_info, snd_seq);
	FIELD(genl_info, snd_portid);
	FIELD(genl_info, genlhdr);
	FIELD(genl_info, attrs);
	FIELD(genl_info, extack);

	SIZE(netlink_ext_ack);
	FIELD(netlink_ext_ack, _msg);
	FIELD(netlink_ext_ack, bad_attr);
	FIELD(netlink_ext_ack, miss_nest);
	FIELD(netlink_ext_ack, miss_type);
	FIELD(netlink_ext_ack, _msg_buf);

	SIZE(rtnl_link_stats64);
	FIELD(rtnl_link_stats64, rx_packets);
	FIELD(rtnl_link_stats64, tx_packets);
	FIELD(rtnl_link_stats64, rx_bytes);
	FIELD(rtnl_link_stats64, tx_bytes);
	FIELD(rtnl_link_stats64, rx_errors);
	FIELD(rtnl_link_stats64, tx_errors);
	FIELD(rtnl_link_stats64, rx_dropped);
	FIELD(rtnl_link_stats64, tx_dropped);
	FIELD(rtnl_link_stats64, rx_over_errors);
	FIELD(rtnl_link_stats64, rx_frame_errors);
	FIELD(rtnl_link_stats64, rx_missed_errors);

	SIZE(sk_buff);
	FIELD(sk_buff, len);
	FIELD(sk_buff, data_len);
	FIELD(sk_buff, data);
	DEFINE(sk_buff__mark, offsetof(struct sk_buff, mark));
	DEFINE(sk_buff__protocol, offsetof(struct sk_buff, protocol));

	SIZE(__call_single_data);
	FIELD(__call_single_data, node);
	FIELD(__call_single_data, func);
	FIELD(__call_single_data, info);
	DEFINE(call_single_data_t__ALIGN, __alignof__(call_single_data_t));

	SIZE(kernel_param);
	FIELD(kernel_param, name);
	FIELD(kernel_param, mod);
	FIELD(kernel_param, ops);
	FIELD(kernel_param, perm);
	FIELD(kernel_param, level);
	FIELD(kernel_param, flags);
	FIELD(kernel_param, arg);

	SIZE(kparam_array);
	FIELD(kparam_array, max);
	FIELD(kparam_array, elemsize);
	FIELD(kparam_array, num);
	FIELD(kparam_array, ops);
	FIELD(kparam_array, elem);

	DEFINE(resource__SIZE, sizeof(struct resource));
	FIELD(resource, end);

	DEFINE(spinlock__SIZE, sizeof(spinlock_t));
	return 0;
}
