// SPDX-License-Identifier: GPL-2.0
/* Files in debugfs that network devices have. */
#include <linux/debugfs.h>
#include <linux/netdevice.h>

#include "helpers.h"

/* Without CONFIG_DEBUG_FS these are inline functions. */
struct dentry *muennet_debugfs_dir(const char *name,
				   struct dentry *parent)
{
	return debugfs_create_dir(name, parent);
}

void muennet_debugfs_file(const char *name, struct dentry *parent,
			  void *data, const struct file_operations *ops)
{
	debugfs_create_file(name, 0400, parent, data, ops);
}

int muennet_debugfs_rename(struct dentry *entry, const char *name)
{
	return debugfs_change_name(entry, "%s", name);
}

void muennet_debugfs_drop(struct dentry *entry)
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
