/*
 * lock.h - the runtime's internal lock: short critical sections, no user code inside.
 *
 *     0 free    1 held
 *
 * One locked operation to take it, a plain store to release it. Who does not get it spins, politely: it
 * pauses longer each time, so that the holder's core keeps the line and does its next few operations
 * undisturbed. Then it sleeps on a futex, for the holder may be preempted by the kernel and cannot be robbed
 * then.
 *
 * A sleeper is announced in a count beside the locks, not in the word, or the release would have to be a
 * locked operation too:
 *
 *     release                          sleeper
 *     word = 0                         sleepers + 1
 *     light barrier                    heavy barrier
 *     sleepers != 0 -> wake one        while the lock is not to be had: sleep while word == 1
 *                                      sleepers - 1
 *
 * At least one of them sees the other's store. After its store the releaser uses the lock's address only to
 * wake, so the memory may be gone by then.
 *
 * Acquire orders what the last holder did before its release. Lock ranks (a holder takes only higher ones):
 *     primitive (channels, wait groups, descriptors, contexts from the root down) < cancel source < wheel
 *     < runtime (rt.lock) < slab, stacks
 */
#ifndef WEFT_OS_LOCK_H
#define WEFT_OS_LOCK_H

#include "arch/arch.h"
#include "base/atomic.h"
#include "os/barrier.h"
#include "os/os.h"

/* Threads that sleep for a lock, or are about to. Atomic. */
extern uint32_t weft__lock_sleepers INTERNAL;

NOINLINE void weft__lock_slow(uint32_t *lock);
NOINLINE void weft__lock_wake(uint32_t *lock);
/*
 * As lock_acquire, for a lock that a core takes again and again: it pauses longer from the beginning, so that
 * the line stays for a while where it is.
 */
void weft__lock_polite(uint32_t *lock);

/* Lets others run; after many times sleeps, for it may have priority over the one that it waits for. */
NOINLINE void weft__spin_wait_long(int i);
/*
 * The i-th wait, from 1 on, for what another thread does within some instructions; in between the kernel may
 * have preempted it.
 */
ALWAYS_INLINE void spin_wait(int i)
{
	if (i % 64 != 0)
		weft__pause();
	else
		weft__spin_wait_long(i);
}

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
	at_store(lock, 0, RELEASE);
	light_barrier(); /* the word before sleepers: pairs with the heavy barrier in lock_slow */
	if (unlikely(at_load(&weft__lock_sleepers, RELAXED) != 0))
		weft__lock_wake(lock);
}

#endif /* WEFT_OS_LOCK_H */
