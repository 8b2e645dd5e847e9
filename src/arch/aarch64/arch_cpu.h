/*
 * arch_cpu.h - aarch64: the layout of a saved context, the runtime's thread-local, pause. See arch.h.
 * Included by switch.S too, for the constants.
 */
#ifndef WEFT_ARCH_CPU_H
#define WEFT_ARCH_CPU_H

#if defined(__ILP32__)
#error "weft does not support ILP32: build for the LP64 ABI"
#endif

/* A saved context: its size, and where in it the frame pointer and the address to go on at lie. */
#define WEFT__ARCH_CONTEXT_SIZE 176
#define WEFT__ARCH_CONTEXT_FP 0
#define WEFT__ARCH_CONTEXT_PC 8

/* From the frame pointer of a function that keeps one: where the caller's frame pointer and the return
 * address lie. */
#define WEFT__ARCH_FRAME_FP 0
#define WEFT__ARCH_FRAME_PC 8

#ifndef __ASSEMBLER__

void weft__arch_switch(void **save, void *load);

static inline __attribute__((always_inline)) void weft__arch_switch_here(void **save, void *load)
{
	weft__arch_switch(save, load);
}

static inline __attribute__((always_inline)) int weft__arch_away(
	void *a, void *b, void *c, const char *d, int (*fn)(void *, void *, void *, const char *))
{
	return fn(a, b, c, d);
}

/* Volatile, so that it is neither merged with another read nor moved across a switch. */
static inline __attribute__((always_inline)) struct weft__thread *weft__self(void)
{
	struct weft__thread *thread;
	void *base;

	__asm__ volatile("mrs %1, tpidr_el0\n\t"
			 "adrp %0, :gottprel:weft__tls_self\n\t"
			 "ldr %0, [%0, :gottprel_lo12:weft__tls_self]\n\t"
			 "ldr %0, [%1, %0]"
			 : "=&r"(thread), "=&r"(base));
	return thread;
}

static inline __attribute__((always_inline)) void weft__self_set(struct weft__thread *thread)
{
	void *offset;
	void *base;

	__asm__ volatile("mrs %1, tpidr_el0\n\t"
			 "adrp %0, :gottprel:weft__tls_self\n\t"
			 "ldr %0, [%0, :gottprel_lo12:weft__tls_self]\n\t"
			 "str %2, [%1, %0]"
			 : "=&r"(offset), "=&r"(base)
			 : "r"(thread));
}

static inline __attribute__((always_inline)) void weft__pause(void)
{
	/* isb waits for the pipeline, as pause does on x86; yield does nothing on most processors. */
	__asm__ volatile("isb");
}

static inline __attribute__((always_inline)) void weft__arch_control_reset(void)
{
	unsigned long fpcr;

	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	if (__builtin_expect(fpcr != 0, 0))
		__asm__ volatile("msr fpcr, xzr");
}

#endif /* __ASSEMBLER__ */

#endif /* WEFT_ARCH_CPU_H */
