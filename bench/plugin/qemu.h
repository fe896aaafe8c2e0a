/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of QEMU's plugin API (version 4) that the profiler uses. Debian builds
 * QEMU with plugins, but has no package with the header.
 */
#ifndef MUENNET_BENCH_QEMU_H
#define MUENNET_BENCH_QEMU_H

#include <stddef.h>
#include <stdint.h>

#define QEMU_PLUGIN_VERSION	4
#define EXPORT			__attribute__((visibility("default")))

enum { INLINE_ADD_U64, INLINE_STORE_U64 };

struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_scoreboard;

/* A number for each virtual processor. */
struct qemu_plugin_u64 {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

typedef void (*tb_trans_cb)(uint64_t id, struct qemu_plugin_tb *tb);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *tb, int op,
						       struct qemu_plugin_u64 entry,
						       uint64_t imm);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
uint64_t qemu_plugin_u64_get(struct qemu_plugin_u64 entry, unsigned int vcpu);
uint64_t qemu_plugin_u64_sum(struct qemu_plugin_u64 entry);
int qemu_plugin_num_vcpus(void);

#endif
