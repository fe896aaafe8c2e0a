/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The separation kernel's exceptions at EL2, and its entry to EL1. See hvc.c.
 *
 * At EL2 no memory is written: x1 is saved in tpidr_el2, and x2 in the stack
 * pointer.
 */
#include <linux/linkage.h>
#include <asm/esr.h>

#define PSTATE_DAIF	0x3c0

/* hvc #1, from AArch64 */
#define ESR_HVC_1	(ESR_ELx_EC_HVC64 << ESR_ELx_EC_SHIFT | ESR_ELx_IL | 1)

	.text
	.balign	2048
SYM_DATA_START(muensim_el2)
	/* From EL2. */
	.rept	8
	b	.
	.balign	128
	.endr

	/* Synchronous, from EL1. */
	msr	tpidr_el2, x1
	mov	sp, x2
	mrs	x1, esr_el2
	movz	w2, #(ESR_HVC_1 & 0xffff)
	movk	w2, #(ESR_HVC_1 >> 16), lsl #16
	cmp	w1, w2
	b.ne	0f
	/* An exception at EL1, with the return address behind the hypercall. */
	mrs	x1, elr_el2
	msr	elr_el1, x1
	mrs	x1, spsr_el2
	msr	spsr_el1, x1
	orr	x1, x1, #PSTATE_DAIF
	msr	spsr_el2, x1
	ldr	x1, muensim_el2_entry
	msr	elr_el2, x1
	b	1f
	/* Linux's call that sets the vectors; its others are not made while this runs. */
0:	cbnz	x0, 2f
	mrs	x1, tpidr_el2
	msr	vbar_el2, x1
	b	1f
2:	mov	x0, #-1
1:	mov	x2, sp
	mrs	x1, tpidr_el2
	eret
	.balign	128

	/* Others. */
	.rept	7
	b	.
	.balign	128
	.endr
SYM_DATA_END(muensim_el2)

SYM_DATA_START(muensim_el2_entry)
	.quad	0
SYM_DATA_END(muensim_el2_entry)
SYM_DATA(muensim_el2_end, .byte 0)

	.balign	4
/* At EL1, without interrupts. Only the hypercall's result, x0, changes. */
SYM_CODE_START(muensim_entry)
	sub	sp, sp, #192
	stp	x29, x30, [sp]
	mov	x29, sp
	stp	x1, x2, [sp, #16]
	stp	x3, x4, [sp, #32]
	stp	x5, x6, [sp, #48]
	stp	x7, x8, [sp, #64]
	stp	x9, x10, [sp, #80]
	stp	x11, x12, [sp, #96]
	stp	x13, x14, [sp, #112]
	stp	x15, x16, [sp, #128]
	stp	x17, x18, [sp, #144]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #160]
	bl	muensim_hypercall
	ldp	x1, x2, [sp, #160]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x17, x18, [sp, #144]
	ldp	x15, x16, [sp, #128]
	ldp	x13, x14, [sp, #112]
	ldp	x11, x12, [sp, #96]
	ldp	x9, x10, [sp, #80]
	ldp	x7, x8, [sp, #64]
	ldp	x5, x6, [sp, #48]
	ldp	x3, x4, [sp, #32]
	ldp	x1, x2, [sp, #16]
	ldp	x29, x30, [sp]
	add	sp, sp, #192
	eret
SYM_CODE_END(muensim_entry)
