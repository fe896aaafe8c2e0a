// SPDX-License-Identifier: GPL-2.0
/*
 * A sampling profiler as a plugin of QEMU. It samples where the processors of a
 * machine spend their time, and counts the instructions of each block of code. It
 * runs outside the machine, so it also samples code with interrupts off.
 *
 *	-plugin profiler.so,fifo=PATH
 *
 * Each translated block stores its slot in a word of its processor when it is
 * executed, and adds its instructions to a counter of its slot. A thread samples
 * the words a thousand times a second. Each line that is written to the FIFO is a
 * path, to which the plugin then writes all counters:
 *
 *	<address> <samples> <instructions>
 *
 * Address 0 is user space. Address 1 is all code for which the table had no slot.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "qemu.h"

#define SLOT_BITS	18
#define SLOTS		(1u << SLOT_BITS)
#define MAX_VCPUS	8
#define PERIOD_NS	1000000

struct vcpu_data {
	uint64_t current;
	uint64_t instructions[SLOTS];
};

EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static struct qemu_plugin_scoreboard *score;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Open addressing. Slot 0 is user space, slot 1 is all code without a slot of its own. */
static uint64_t addresses[SLOTS];
static uint64_t samples[SLOTS];
static unsigned int used;
static char fifo[256];

static unsigned int slot_of(uint64_t address)
{
	unsigned int slot = (address * 0x9e3779b97f4a7c15ull) >> (64 - SLOT_BITS);

	if (!(address >> 63))
		return 0;
	if (used > SLOTS * 3 / 4)
		return 1;
	while (slot < 2 || (addresses[slot] && addresses[slot] != address))
		slot = (slot + 1) % SLOTS;
	if (!addresses[slot])
		used++;
	addresses[slot] = address;
	return slot;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	struct qemu_plugin_u64 current = { score, offsetof(struct vcpu_data, current) };
	struct qemu_plugin_u64 count = { score };
	unsigned int slot;

	pthread_mutex_lock(&lock);
	slot = slot_of(qemu_plugin_tb_vaddr(tb));
	pthread_mutex_unlock(&lock);
	count.offset = offsetof(struct vcpu_data, instructions[slot]);
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, INLINE_STORE_U64, current, slot);
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, INLINE_ADD_U64, count,
							  qemu_plugin_tb_n_insns(tb));
}

static void *sample(void *unused)
{
	struct qemu_plugin_u64 current = { score, offsetof(struct vcpu_data, current) };
	struct timespec pause = { 0, PERIOD_NS };

	for (;;) {
		int vcpus = qemu_plugin_num_vcpus();

		for (int vcpu = 0; vcpu < vcpus && vcpu < MAX_VCPUS; vcpu++)
			samples[qemu_plugin_u64_get(current, vcpu) % SLOTS]++;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void write_all(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return;
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		struct qemu_plugin_u64 count = {
			score, offsetof(struct vcpu_data, instructions[slot])
		};

		if (slot > 1 && !addresses[slot])
			continue;
		fprintf(file, "%#lx %lu %lu\n", slot == 1 ? 1 : addresses[slot], samples[slot],
			qemu_plugin_u64_sum(count));
	}
	fprintf(file, "end\n");
	fclose(file);
}

static void *serve(void *unused)
{
	char line[256];

	for (;;) {
		FILE *file = fopen(fifo, "r");

		if (!file)
			return NULL;
		while (fgets(line, sizeof(line), file)) {
			line[strcspn(line, "\n")] = 0;
			write_all(line);
		}
		fclose(file);
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	pthread_t thread;

	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "fifo=", 5))
			snprintf(fifo, sizeof(fifo), "%s", argv[i] + 5);
	score = qemu_plugin_scoreboard_new(sizeof(struct vcpu_data));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return pthread_create(&thread, NULL, sample, NULL) ||
	       pthread_create(&thread, NULL, serve, NULL);
}
