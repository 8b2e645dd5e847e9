/*
 * arch.h - what differs between processors: the context switch, the runtime's one thread-local, pause.
 *
 * The context of a task that does not run is its stack pointer; the callee-saved registers and the
 * floating-point control state lie at the top of its stack in the layout of the processor's switch.S.
 */
#ifndef WEFT_ARCH_H
#define WEFT_ARCH_H

struct weft__thread;

/*
 * Saves the caller's context on its stack, stores the stack pointer in *save, makes `load` the stack
 * pointer and returns in the context that was saved there. Keeps the callee-saved registers and the
 * floating-point control state (rounding, exceptions masked) of each context; signal masks and the
 * floating-point exception flags are not switched: the flags are unspecified after the call.
 *
 * *save is written before the switch is done: nobody may load it, nor free the stack, until then.
 * Requires that `load` was saved or prepared by the same program and is loaded once.
 */
void weft__arch_switch(void **save, void *load);

/*
 * The same inline. Returning from it costs least in a function that weft__arch_away calls. The function must
 * call others, too.
 *     static inline void weft__arch_switch_here(void **save, void *load);
 *
 * Returns fn(a, b, c, d), which switches. To be called last: it returns to the caller's caller.
 *     int weft__arch_away(void *a, void *b, void *c, const char *d, weft__away_fn *fn);
 */
typedef int weft__away_fn(void *a, void *b, void *c, const char *d);

/*
 * A context on a fresh stack whose highest byte is below stack_top (16-byte aligned): the first switch
 * to the result calls entry(), which must not return. It starts with the caller's floating-point
 * control state. The frame ends the stack for unwinders and for frame-pointer walks.
 */
void *weft__arch_prepare(void *stack_top, void (*entry)(void));

/*
 * The record of the calling thread (NULL when weft does not know it yet). Reads the thread pointer each
 * time: no compiler may carry the value, or the address of the variable, across a switch to another
 * thread.
 *     static inline struct weft__thread *weft__self(void);
 *     static inline void weft__self_set(struct weft__thread *thread);
 * The variable weft__tls_self (8 bytes, hidden, .tbss) is defined in switch.S, which no link-time
 * optimisation sees. Access is by the initial-exec model.
 *
 * Sets the floating-point control state to the default: round to nearest, no exception traps, nothing flushed
 * to zero. Writes it only when it differs.
 *     static inline void weft__arch_control_reset(void);
 *
 * A hint that the caller spins.
 *     static inline void weft__pause(void);
 *
 * For those who walk stacks, in bytes:
 *     WEFT__ARCH_CONTEXT_SIZE               of a saved context; the stack pointer of its owner is behind it
 *     WEFT__ARCH_CONTEXT_FP, _CONTEXT_PC    where in it the frame pointer and the address to go on at lie
 *     WEFT__ARCH_FRAME_FP, _FRAME_PC        where, from a frame pointer, the caller's frame pointer and the
 *                                           return address lie; the outermost frame pointer is 0
 */
#if defined(__x86_64__)
#include "x86_64/arch_cpu.h"
#elif defined(__aarch64__)
#include "aarch64/arch_cpu.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "riscv64/arch_cpu.h"
#else
#error "weft runs on x86_64, aarch64 and riscv64"
#endif

#endif /* WEFT_ARCH_H */
