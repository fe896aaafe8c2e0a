// SPDX-License-Identifier: GPL-2.0
/*
 * Tells what is in memory that has just been allocated for packets and that
 * nobody has written yet: whether paint is, which a test has spread before.
 *
 * In debugfs:
 *	muenuninit/found	"<linear> <in pages> <order> <packets> <of these: painted>"
 *
 * for packets with so many linear bytes, and so many others in pages of up to
 * this order. Where there are some in pages only those are looked at.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#define PACKETS	200

static const char paint[] = "*paint: ";

static const struct kind {
	unsigned int linear;
	unsigned int paged;
	int order;
} kinds[] = {
	{ .linear = 100 },
	{ .linear = 1000 },
	{ .linear = 1700 },
	{ .linear = 3500 },
	{ .linear = 100, .paged = 4096 },
	{ .linear = 100, .paged = 32768, .order = 3 },
};

#define ROOM	32768

static struct dentry *folder;

static bool is_painted(const struct sk_buff *skb, const struct kind *kind,
		       char *room)
{
	const size_t length = sizeof(paint) - 1;
	const size_t count = kind->paged ?: kind->linear;
	size_t at;

	if (skb_copy_bits(skb, skb->len - count, room, count))
		return false;
	for (at = 0; at + length <= count; at++)
		if (!memcmp(room + at, paint, length))
			return true;
	return false;
}

static struct sk_buff *allocate(const struct kind *kind)
{
	struct sk_buff *skb;
	int error;

	skb = alloc_skb_with_frags(kind->linear, kind->paged, kind->order,
				   &error, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_put(skb, kind->linear);
	skb->data_len = kind->paged;
	skb->len += kind->paged;
	return skb;
}

/* All are allocated before the first is freed. */
static unsigned int count_painted(const struct kind *kind, char *room)
{
	struct sk_buff_head packets;
	unsigned int painted = 0;
	struct sk_buff *skb;
	int i;

	__skb_queue_head_init(&packets);
	for (i = 0; i < PACKETS; i++) {
		skb = allocate(kind);
		if (!skb)
			break;
		painted += is_painted(skb, kind, room);
		__skb_queue_tail(&packets, skb);
	}
	__skb_queue_purge(&packets);
	return painted;
}

static int found_show(struct seq_file *file, void *unused)
{
	char *room = kmalloc(ROOM, GFP_KERNEL);
	int i;

	if (!room)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		seq_printf(file, "%u %u %d %u %u\n", kinds[i].linear,
			   kinds[i].paged, kinds[i].order, PACKETS,
			   count_painted(&kinds[i], room));
	kfree(room);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(found);

static int __init muenuninit_init(void)
{
	folder = debugfs_create_dir("muenuninit", NULL);
	debugfs_create_file("found", 0400, folder, NULL, &found_fops);
	return 0;
}

static void __exit muenuninit_exit(void)
{
	debugfs_remove(folder);
}

module_init(muenuninit_init);
module_exit(muenuninit_exit);

MODULE_DESCRIPTION("Looks for paint in memory for packets, for tests of muennet");
MODULE_LICENSE("GPL");
