/*
 * lock.h - the runtime's internal lock: short critical sections, no user code inside.
 *
 *     0 free    1 held    2 held, and somebody may sleep on the word
 *
 * Spins briefly, then sleeps on a futex: the holder may be preempted by the kernel and cannot be robbed then.
 * Acquire orders what the last holder did before its release. Lock ranks (a holder takes only higher ones):
 *     primitive (wait groups, descriptors) < wheel < runtime (rt.lock) < slab, stacks
 */
#ifndef WEFT_OS_LOCK_H
#define WEFT_OS_LOCK_H

#include "arch/arch.h"
#include "base/atomic.h"
#include "os/os.h"

NOINLINE void weft__lock_slow(uint32_t *lock);
NOINLINE void weft__lock_wake(uint32_t *lock);

ALWAYS_INLINE bool lock_try(uint32_t *lock)
{
	uint32_t free = 0;

	return at_cas(lock, &free, 1, ACQUIRE, RELAXED);
}

ALWAYS_INLINE void lock_acquire(uint32_t *lock)
{
	if (unlikely(!lock_try(lock)))
		weft__lock_slow(lock);
}

ALWAYS_INLINE void lock_release(uint32_t *lock)
{
	if (unlikely(at_xchg(lock, 0, RELEASE) == 2))
		weft__lock_wake(lock);
}

#endif /* WEFT_OS_LOCK_H */
