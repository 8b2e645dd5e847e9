/*
 * arch_cpu.h - x86_64: the layout of a saved context, the runtime's thread-local, pause. See arch.h.
 * Included by switch.S too, for the constants.
 */
#ifndef WEFT_ARCH_CPU_H
#define WEFT_ARCH_CPU_H

#if defined(__ILP32__)
#error "weft does not support x32: build for the 64-bit ABI"
#endif

/* A saved context: its size, and where in it the frame pointer and the address to go on at lie. */
#define WEFT__ARCH_CONTEXT_SIZE 64
#define WEFT__ARCH_CONTEXT_FP 48
#define WEFT__ARCH_CONTEXT_PC 56

/* From the frame pointer of a function that keeps one: where the caller's frame pointer and the return
 * address lie. */
#define WEFT__ARCH_FRAME_FP 0
#define WEFT__ARCH_FRAME_PC 8

#ifndef __ASSEMBLER__

void weft__arch_switch(void **save, void *load);
int weft__arch_away(
	void *a, void *b, void *c, const char *d, int (*fn)(void *, void *, void *, const char *));

#ifdef __AVX512F__
#define WEFT__ARCH_CLOBBERS_WIDE                                                                             \
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", \
		"xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define WEFT__ARCH_CLOBBERS_WIDE
#endif
#ifdef __APX_F__
#define WEFT__ARCH_CLOBBERS_APX                                                                              \
	, "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25", "r26", "r27", "r28", "r29",  \
		"r30", "r31"
#else
#define WEFT__ARCH_CLOBBERS_APX
#endif

/*
 * A call by a jump. The function that it stands in must
 *     be OPAQUE: the list of registers holds for the processor that it is compiled for, and a caller that is
 *     compiled for another must not have it inlined, or learn from it what is kept;
 *     call others, and not only at its end: then the compiler keeps nothing in the red zone below the stack
 *     pointer;
 *     keep a frame pointer, or an unwinder that comes between push and jmp is eight bytes off.
 */
static inline __attribute__((always_inline)) void weft__arch_switch_here(void **save, void *load)
{
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "jmp weft__arch_switch\n"
			 "1:"
			 : "+D"(save), "+S"(load)
			 :
			 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
			 "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
			 "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
			 "st(7)", "cc", "memory" WEFT__ARCH_CLOBBERS_WIDE WEFT__ARCH_CLOBBERS_APX);
}

/* Volatile, so that it is neither merged with another read nor moved across a switch. */
static inline __attribute__((always_inline)) struct weft__thread *weft__self(void)
{
	struct weft__thread *thread;

	__asm__ volatile("movq weft__tls_self@gottpoff(%%rip), %0\n\t"
			 "movq %%fs:(%0), %0"
			 : "=r"(thread));
	return thread;
}

static inline __attribute__((always_inline)) void weft__self_set(struct weft__thread *thread)
{
	void *offset;

	__asm__ volatile("movq weft__tls_self@gottpoff(%%rip), %0\n\t"
			 "movq %1, %%fs:(%0)"
			 : "=&r"(offset)
			 : "r"(thread));
}

static inline __attribute__((always_inline)) void weft__pause(void)
{
	__asm__ volatile("pause");
}

static inline __attribute__((always_inline)) void weft__arch_control_reset(void)
{
	unsigned int mxcsr;
	unsigned short x87;

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
	if (__builtin_expect((mxcsr & 0xffc0) != 0x1f80 || x87 != 0x37f, 0)) {
		mxcsr = 0x1f80;
		x87 = 0x37f;
		__asm__ volatile("fnclex\n\tfldcw %1\n\tldmxcsr %0" : : "m"(mxcsr), "m"(x87));
	}
}

#endif /* __ASSEMBLER__ */

#endif /* WEFT_ARCH_CPU_H */
