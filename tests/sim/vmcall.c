// SPDX-License-Identifier: GPL-2.0
/*
 * The hypercall on x86.
 *
 * `vmcall` outside of virtualisation is an invalid instruction (so it is under
 * QEMU's TCG, but not under KVM). What is executed, counted and skipped here is
 * the driver's own instruction, in the binary that users have.
 */
#include <linux/kdebug.h>
#include <linux/ptrace.h>
#include <linux/uaccess.h>
#include <asm/trapnr.h>

#include "muensim.h"

#define VMCALL_SIZE	3

static int on_die(struct notifier_block *nb, unsigned long action, void *data)
{
	static const u8 vmcall[VMCALL_SIZE] = { 0x0f, 0x01, 0xc1 };
	struct die_args *args = data;
	struct pt_regs *regs = args->regs;
	u8 found[VMCALL_SIZE];

	if (action != DIE_TRAP || args->trapnr != X86_TRAP_UD || user_mode(regs))
		return NOTIFY_DONE;
	if (copy_from_kernel_nofault(found, (void *)regs->ip, sizeof(found)) ||
	    memcmp(found, vmcall, sizeof(vmcall)))
		return NOTIFY_DONE;
	regs->ip += VMCALL_SIZE;
	muensim_hypercall(regs->ax);
	return NOTIFY_STOP;
}

static struct notifier_block on_die_block = { .notifier_call = on_die };

int muensim_hypercall_init(void)
{
	return register_die_notifier(&on_die_block);
}

/* Whoever triggers an event without us has met an invalid instruction. */
void muensim_hypercall_exit(void)
{
	unregister_die_notifier(&on_die_block);
}
