/*
 * switch.S - x86_64, System V ABI: the context switch, the fresh context, the runtime's thread-local.
 *
 * A saved context lies on its stack, its highest word being the return address of the call to the
 * switch. Its address is what weft__arch_switch stores and loads.
 *
 *      0  mxcsr (4 bytes), x87 control word (2), unused (2)
 *      8  r15
 *     16  r14
 *     24  r13
 *     32  r12         fresh context: entry
 *     40  rbx
 *     48  rbp         fresh context: 0, where frame-pointer walks end
 *     56  return address; fresh context: weft__arch_start + 1
 *
 * All other registers are the caller's to save. Of mxcsr and the x87 unit the ABI keeps the control
 * bits only: the exception flags are not switched, and are lost when the control bits of the two
 * contexts differ.
 *
 * The stack pointer stands at the return address from the first instruction to the last, and the
 * registers are saved in the red zone below it. So one description of the frame (CFA = rsp + 8) holds
 * before and after the stack pointer changes, and until it does, registers that are loaded already are
 * found in the old context's slots. Nothing of the old context is touched after the stack pointer has
 * left it. The flags that the comparison leaves pass through the loads.
 *
 * Returns. The processor predicts a return by the calls it has seen, and those were another task's: a miss
 * costs as much as the rest of the switch. An indirect jump is predicted by what happened before it, and is
 * right where tasks take turns. So a switch is entered by a jump and left by one (weft__arch_switch_here),
 * and leaves the predictor of returns as it was.
 *
 * weft__arch_away calls the function that switches, so the return of that one is predicted: it is to the same
 * place for all tasks. Then it goes on to its own caller: by a return where the task that parked here before
 * was called from the same place, as tasks of one kind are; else by a jump. `tls_away` is that place.
 *
 * Indirect calls land on endbr64 (IBT), and the jumps that stand for returns are not tracked. Shadow stacks
 * are not supported, and the object says so by silence.
 */
#include "arch_cpu.h"

#define CONTROL_BITS 0xffffffc0 /* mxcsr without the six exception flags */

	.text

/* void weft__arch_switch(void **save, void *load) */
	.p2align 6
	.globl	weft__arch_switch
	.hidden	weft__arch_switch
	.type	weft__arch_switch, @function
weft__arch_switch:
	.cfi_startproc
	endbr64
	stmxcsr	-56(%rsp)
	fnstcw	-52(%rsp)
	leaq	-56(%rsp), %rdx
	movq	%rbp, 48(%rdx)
	movq	%rbx, 40(%rdx)
	movq	%r12, 32(%rdx)
	movq	%r13, 24(%rdx)
	movq	%r14, 16(%rdx)
	movq	%r15, 8(%rdx)
	.cfi_offset %rbp, -16
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
	movq	%rdx, (%rdi)
	movl	(%rdx), %eax
	xorl	(%rsi), %eax
	andl	$CONTROL_BITS, %eax
	movzwl	4(%rdx), %ecx
	xorw	4(%rsi), %cx
	orl	%ecx, %eax
	movq	48(%rsi), %rbp
	movq	40(%rsi), %rbx
	movq	32(%rsi), %r12
	movq	24(%rsi), %r13
	movq	16(%rsi), %r14
	movq	8(%rsi), %r15
	movq	56(%rsi), %rcx
	leaq	64(%rsi), %rsp
	.cfi_def_cfa_offset 0
	.cfi_register %rip, %rcx
	jne	1f
	notrack jmp	*%rcx
1:	/* The flags are cleared first: one that the resumed context does not mask would trap. */
	fnclex
	fldcw	4(%rsi)
	ldmxcsr	(%rsi)
	notrack jmp	*%rcx
	.cfi_endproc
	.size	weft__arch_switch, . - weft__arch_switch

/* int weft__arch_away(void *a, void *b, void *c, const char *d, weft__away_fn *fn) */
	.p2align 4
	.globl	weft__arch_away
	.hidden	weft__arch_away
	.type	weft__arch_away, @function
weft__arch_away:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	8(%rbp), %rax
	movq	tls_away@gottpoff(%rip), %r10
	movq	%rax, %fs:(%r10)
	call	*%r8
	popq	%rbp
	.cfi_restore %rbp
	.cfi_def_cfa %rsp, 8
	movq	(%rsp), %rcx
	movq	tls_away@gottpoff(%rip), %rdx
	cmpq	%rcx, %fs:(%rdx)
	jne	1f
	ret
1:	leaq	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	notrack jmp	*%rcx
	.cfi_endproc
	.size	weft__arch_away, . - weft__arch_away

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
	.cfi_undefined %rip
	nop
	call	*%r12
	ud2
	.cfi_endproc
	.size	weft__arch_start, . - weft__arch_start

/* void *weft__arch_prepare(void *stack_top, void (*entry)(void)) */
	.p2align 4
	.globl	weft__arch_prepare
	.hidden	weft__arch_prepare
	.type	weft__arch_prepare, @function
weft__arch_prepare:
	.cfi_startproc
	endbr64
	leaq	-WEFT__ARCH_CONTEXT_SIZE(%rdi), %rax
	leaq	weft__arch_start+1(%rip), %rcx
	xorl	%edx, %edx
	movq	%rdx, (%rax)
	stmxcsr	(%rax)
	fnstcw	4(%rax)
	movq	%rdx, 8(%rax)
	movq	%rdx, 16(%rax)
	movq	%rdx, 24(%rax)
	movq	%rsi, 32(%rax)
	movq	%rdx, 40(%rax)
	movq	%rdx, WEFT__ARCH_CONTEXT_FP(%rax)
	movq	%rcx, WEFT__ARCH_CONTEXT_PC(%rax)
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

/* Where the caller of the last weft__arch_away on this thread goes on */
	.type	tls_away, @object
	.size	tls_away, 8
tls_away:
	.zero	8

/* GNU_PROPERTY_X86_FEATURE_1_AND: IBT */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000002, 4, 1, 0

	.section .note.GNU-stack, "", @progbits
