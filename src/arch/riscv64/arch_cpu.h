/*
 * arch_cpu.h - riscv64: the layout of a saved context, the runtime's thread-local, pause. See arch.h.
 * Included by switch.S too, for the constants.
 */
#ifndef WEFT_ARCH_CPU_H
#define WEFT_ARCH_CPU_H

#if !defined(__riscv_float_abi_double)
#error "weft needs the LP64D ABI on riscv64"
#endif

/* A saved context: its size, and where in it the frame pointer and the address to go on at lie. */
#define WEFT__ARCH_CONTEXT_SIZE 208
#define WEFT__ARCH_CONTEXT_FP 192
#define WEFT__ARCH_CONTEXT_PC 200

/* From the frame pointer of a function that keeps one: where the caller's frame pointer and the return
 * address lie. */
#define WEFT__ARCH_FRAME_FP (-16)
#define WEFT__ARCH_FRAME_PC (-8)

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

	__asm__ volatile("la.tls.ie %0, weft__tls_self\n\t"
			 "add %0, %0, tp\n\t"
			 "ld %0, 0(%0)"
			 : "=r"(thread));
	return thread;
}

static inline __attribute__((always_inline)) void weft__self_set(struct weft__thread *thread)
{
	void *address;

	__asm__ volatile("la.tls.ie %0, weft__tls_self\n\t"
			 "add %0, %0, tp\n\t"
			 "sd %1, 0(%0)"
			 : "=&r"(address)
			 : "r"(thread));
}

static inline __attribute__((always_inline)) void weft__pause(void)
{
	__asm__ volatile(".4byte 0x0100000f"); /* pause of Zihintpause, a hint on processors without it */
}

static inline __attribute__((always_inline)) void weft__arch_control_reset(void)
{
	unsigned long mode;

	__asm__ volatile("frrm %0" : "=r"(mode));
	if (__builtin_expect(mode != 0, 0))
		__asm__ volatile("fsrm zero");
}

#endif /* __ASSEMBLER__ */

#endif /* WEFT_ARCH_CPU_H */
