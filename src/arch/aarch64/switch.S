/*
 * switch.S - aarch64, AAPCS64: the context switch, the fresh context, the runtime's thread-local.
 *
 * A saved context is the frame of weft__arch_switch on its stack, 176 bytes. Its address is what
 * weft__arch_switch stores and loads.
 *
 *      0  x29          fresh context: 0, where frame-pointer walks end
 *      8  x30          fresh context: the place in weft__arch_start where it begins
 *     16  x19 x20      fresh context: x19 is entry
 *     32  x21 x22
 *     48  x23 x24
 *     64  x25 x26
 *     80  x27 x28
 *     96  d8 d9
 *    112  d10 d11
 *    128  d12 d13
 *    144  d14 d15
 *    160  fpcr, unused (8 bytes)
 *
 * All other registers are the caller's to save. fpsr, the exception flags, is not switched. x18 is left
 * alone.
 *
 * The frame has one shape before and after the stack pointer changes, and a register that is loaded
 * already is still found in its slot: one description of the frame (CFA = sp + 176) holds in between.
 *
 * The switch ends in ret: when both contexts call from the same place in the program, the return is
 * predicted.
 *
 * Indirect calls land on bti c.
 */
#include "arch_cpu.h"

#define SIZE WEFT__ARCH_CONTEXT_SIZE

	.text

/* void weft__arch_switch(void **save, void *load) */
	.p2align 6
	.globl	weft__arch_switch
	.hidden	weft__arch_switch
	.type	weft__arch_switch, %function
weft__arch_switch:
	.cfi_startproc
	hint	#34			/* bti c */
	mrs	x9, fpcr
	.cfi_remember_state
	sub	sp, sp, #SIZE
	.cfi_def_cfa_offset SIZE
	stp	x29, x30, [sp, #0]
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	.cfi_offset x29, -176
	.cfi_offset x30, -168
	.cfi_offset x19, -160
	.cfi_offset x20, -152
	.cfi_offset x21, -144
	.cfi_offset x22, -136
	.cfi_offset x23, -128
	.cfi_offset x24, -120
	.cfi_offset x25, -112
	.cfi_offset x26, -104
	.cfi_offset x27, -96
	.cfi_offset x28, -88
	.cfi_offset d8, -80
	.cfi_offset d9, -72
	.cfi_offset d10, -64
	.cfi_offset d11, -56
	.cfi_offset d12, -48
	.cfi_offset d13, -40
	.cfi_offset d14, -32
	.cfi_offset d15, -24
	str	x9, [sp, #160]
	mov	x10, sp
	str	x10, [x0]
	mov	sp, x1
	ldr	x10, [sp, #160]
	ldp	x29, x30, [sp, #0]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #SIZE
	.cfi_restore_state
	cmp	x9, x10
	b.ne	1f
	ret
1:	msr	fpcr, x10
	ret
	.cfi_endproc
	.size	weft__arch_switch, . - weft__arch_switch

/*
 * Where a fresh context begins, with the stack pointer at the top of the stack: calls entry. The
 * outermost frame: no return address, frame pointer 0. The nop is there because unwinders look one byte
 * before a return address, and the address after it is one while the context has not run.
 */
	.p2align 4
	.globl	weft__arch_start
	.hidden	weft__arch_start
	.type	weft__arch_start, %function
weft__arch_start:
	.cfi_startproc
	.cfi_undefined x30
	nop
.Lfresh:
	blr	x19
	brk	#1
	.cfi_endproc
	.size	weft__arch_start, . - weft__arch_start

/* void *weft__arch_prepare(void *stack_top, void (*entry)(void)) */
	.p2align 4
	.globl	weft__arch_prepare
	.hidden	weft__arch_prepare
	.type	weft__arch_prepare, %function
weft__arch_prepare:
	.cfi_startproc
	hint	#34			/* bti c */
	sub	x0, x0, #SIZE
	adr	x9, .Lfresh
	mrs	x10, fpcr
	stp	xzr, x9, [x0]
	stp	x1, xzr, [x0, #16]
	stp	xzr, xzr, [x0, #32]
	stp	xzr, xzr, [x0, #48]
	stp	xzr, xzr, [x0, #64]
	stp	xzr, xzr, [x0, #80]
	stp	xzr, xzr, [x0, #96]
	stp	xzr, xzr, [x0, #112]
	stp	xzr, xzr, [x0, #128]
	stp	xzr, xzr, [x0, #144]
	stp	x10, xzr, [x0, #160]
	ret
	.cfi_endproc
	.size	weft__arch_prepare, . - weft__arch_prepare

/* struct weft__thread *weft__tls_self, one for each thread, NULL at first */
	.section .tbss, "awT", %nobits
	.p2align 3
	.globl	weft__tls_self
	.hidden	weft__tls_self
	.type	weft__tls_self, %object
	.size	weft__tls_self, 8
weft__tls_self:
	.zero	8

/* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000000, 4, 1, 0

	.section .note.GNU-stack, "", %progbits
