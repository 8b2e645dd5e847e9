/*
 * switch.S - riscv64, LP64D: the context switch, the fresh context, the runtime's thread-local.
 *
 * A saved context is the frame of weft__arch_switch on its stack, 208 bytes. Its address is what
 * weft__arch_switch stores and loads.
 *
 *      0  frm
 *      8  fs11 ... fs0 at 96
 *    104  s11 ... s1 at 184           fresh context: s1 is entry
 *    192  s0, the frame pointer       fresh context: 0, where frame-pointer walks end
 *    200  ra                          fresh context: the place in weft__arch_start where it begins
 *
 * All other registers are the caller's to save; gp and tp belong to the program and to the thread. Of
 * fcsr the rounding mode is switched, the exception flags are not.
 *
 * The frame has one shape before and after the stack pointer changes, and a register that is loaded
 * already is still found in its slot: one description of the frame (CFA = sp + 208) holds in between.
 *
 * The switch ends in ret: when both contexts call from the same place in the program, the return is
 * predicted.
 */
#include "arch_cpu.h"

#define SIZE WEFT__ARCH_CONTEXT_SIZE

	.text

/* void weft__arch_switch(void **save, void *load) */
	.p2align 6
	.globl	weft__arch_switch
	.hidden	weft__arch_switch
	.type	weft__arch_switch, @function
weft__arch_switch:
	.cfi_startproc
	frrm	t0
	.cfi_remember_state
	addi	sp, sp, -SIZE
	.cfi_def_cfa_offset SIZE
	sd	ra, 200(sp)
	sd	s0, 192(sp)
	sd	s1, 184(sp)
	sd	s2, 176(sp)
	sd	s3, 168(sp)
	sd	s4, 160(sp)
	sd	s5, 152(sp)
	sd	s6, 144(sp)
	sd	s7, 136(sp)
	sd	s8, 128(sp)
	sd	s9, 120(sp)
	sd	s10, 112(sp)
	sd	s11, 104(sp)
	fsd	fs0, 96(sp)
	fsd	fs1, 88(sp)
	fsd	fs2, 80(sp)
	fsd	fs3, 72(sp)
	fsd	fs4, 64(sp)
	fsd	fs5, 56(sp)
	fsd	fs6, 48(sp)
	fsd	fs7, 40(sp)
	fsd	fs8, 32(sp)
	fsd	fs9, 24(sp)
	fsd	fs10, 16(sp)
	fsd	fs11, 8(sp)
	.cfi_offset ra, -8
	.cfi_offset s0, -16
	.cfi_offset s1, -24
	.cfi_offset s2, -32
	.cfi_offset s3, -40
	.cfi_offset s4, -48
	.cfi_offset s5, -56
	.cfi_offset s6, -64
	.cfi_offset s7, -72
	.cfi_offset s8, -80
	.cfi_offset s9, -88
	.cfi_offset s10, -96
	.cfi_offset s11, -104
	.cfi_offset fs0, -112
	.cfi_offset fs1, -120
	.cfi_offset fs2, -128
	.cfi_offset fs3, -136
	.cfi_offset fs4, -144
	.cfi_offset fs5, -152
	.cfi_offset fs6, -160
	.cfi_offset fs7, -168
	.cfi_offset fs8, -176
	.cfi_offset fs9, -184
	.cfi_offset fs10, -192
	.cfi_offset fs11, -200
	sd	t0, 0(sp)
	sd	sp, 0(a0)
	mv	sp, a1
	ld	t1, 0(sp)
	ld	ra, 200(sp)
	ld	s0, 192(sp)
	ld	s1, 184(sp)
	ld	s2, 176(sp)
	ld	s3, 168(sp)
	ld	s4, 160(sp)
	ld	s5, 152(sp)
	ld	s6, 144(sp)
	ld	s7, 136(sp)
	ld	s8, 128(sp)
	ld	s9, 120(sp)
	ld	s10, 112(sp)
	ld	s11, 104(sp)
	fld	fs0, 96(sp)
	fld	fs1, 88(sp)
	fld	fs2, 80(sp)
	fld	fs3, 72(sp)
	fld	fs4, 64(sp)
	fld	fs5, 56(sp)
	fld	fs6, 48(sp)
	fld	fs7, 40(sp)
	fld	fs8, 32(sp)
	fld	fs9, 24(sp)
	fld	fs10, 16(sp)
	fld	fs11, 8(sp)
	addi	sp, sp, SIZE
	.cfi_restore_state
	bne	t0, t1, 1f
	ret
1:	fsrm	t1
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
	.type	weft__arch_start, @function
weft__arch_start:
	.cfi_startproc
	.cfi_undefined ra
	nop
.Lfresh:
	jalr	s1
	unimp
	.cfi_endproc
	.size	weft__arch_start, . - weft__arch_start

/* void *weft__arch_prepare(void *stack_top, void (*entry)(void)) */
	.p2align 4
	.globl	weft__arch_prepare
	.hidden	weft__arch_prepare
	.type	weft__arch_prepare, @function
weft__arch_prepare:
	.cfi_startproc
	addi	a0, a0, -SIZE
	lla	t0, .Lfresh
	frrm	t1
	sd	t0, 200(a0)
	sd	zero, 192(a0)
	sd	a1, 184(a0)
	sd	zero, 176(a0)
	sd	zero, 168(a0)
	sd	zero, 160(a0)
	sd	zero, 152(a0)
	sd	zero, 144(a0)
	sd	zero, 136(a0)
	sd	zero, 128(a0)
	sd	zero, 120(a0)
	sd	zero, 112(a0)
	sd	zero, 104(a0)
	sd	zero, 96(a0)
	sd	zero, 88(a0)
	sd	zero, 80(a0)
	sd	zero, 72(a0)
	sd	zero, 64(a0)
	sd	zero, 56(a0)
	sd	zero, 48(a0)
	sd	zero, 40(a0)
	sd	zero, 32(a0)
	sd	zero, 24(a0)
	sd	zero, 16(a0)
	sd	zero, 8(a0)
	sd	t1, 0(a0)
	ret
	.cfi_endproc
	.size	weft__arch_prepare, . - weft__arch_prepare

/* struct weft__thread *weft__tls_self, one for each thread, NULL at first */
	.section .tbss, "awT", @nobits
	.p2align 3
	.globl	weft__tls_self
	.hidden	weft__tls_self
	.type	weft__tls_self, @object
	.size	weft__tls_self, 8
weft__tls_self:
	.zero	8

	.section .note.GNU-stack, "", @progbits
