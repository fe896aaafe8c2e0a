// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates packets and checks whether their uninitialized memory contains a
 * pattern that a test has written to memory before.
 *
 * In debugfs:
 *	muenuninit/found	"<linear> <paged> <order> <packets> <with pattern>"
 *
 * for packets with <linear> linear bytes and <paged> bytes in pages of up to
 * this order. If there are bytes in pages, only those are checked.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#define PACKETS	200

static const char pattern[] = "*stale: ";

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

#define BUFFER_SIZE	32768

static struct dentry *folder;

static bool has_pattern(const struct sk_buff *skb, const struct kind *kind,
			char *buffer)
{
	const size_t length = sizeof(pattern) - 1;
	const size_t count = kind->paged ?: kind->linear;
	size_t at;

	if (skb_copy_bits(skb, skb->len - count, buffer, count))
		return false;
	for (at = 0; at + length <= count; at++)
		if (!memcmp(buffer + at, pattern, length))
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
static unsigned int count_with_pattern(const struct kind *kind, char *buffer)
{
	struct sk_buff_head packets;
	unsigned int matches = 0;
	struct sk_buff *skb;
	int i;

	__skb_queue_head_init(&packets);
	for (i = 0; i < PACKETS; i++) {
		skb = allocate(kind);
		if (!skb)
			break;
		matches += has_pattern(skb, kind, buffer);
		__skb_queue_tail(&packets, skb);
	}
	__skb_queue_purge(&packets);
	return matches;
}

static int found_show(struct seq_file *file, void *unused)
{
	char *buffer = kmalloc(BUFFER_SIZE, GFP_KERNEL);
	int i;

	if (!buffer)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		seq_printf(file, "%u %u %d %u %u\n", kinds[i].linear,
			   kinds[i].paged, kinds[i].order, PACKETS,
			   count_with_pattern(&kinds[i], buffer));
	kfree(buffer);
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

MODULE_DESCRIPTION("Finds a pattern in uninitialized packets, for tests of muennet");
MODULE_LICENSE("GPL");
