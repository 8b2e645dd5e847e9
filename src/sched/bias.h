/*
 * bias.h - a lock that costs nothing while one thread alone uses it.
 *
 * Tasks that talk to each other mostly run on one worker, since a waker keeps the one it wakes. For such a
 * lock even one locked operation is the greatest part of its work. So a lock that was taken by the same
 * thread often enough in a row is biased to it: that thread then announces its sections in its own record, by
 * plain stores, and another thread that comes takes the bias away first.
 *
 *     owner                                   another, holding the word `lock`
 *     self->section = b                       owner = NULL
 *     light barrier                           heavy barrier
 *     owner == self -> in the section         wait while owner->section == b
 *     self->section = NULL at the end         in the section
 *
 * The barriers are unequal halves (os/barrier.h); where there are none, no lock is ever biased. Either the
 * owner sees that it is none any more, takes section back and the word like everybody else; or the other sees
 * the section and waits for its end. Sections are short and do not park, so a thread has one at a time and a
 * task is not moved in it. A section that ends in a park is ended by who runs next on the thread, once the
 * context is saved, as a lock is released (park.c).
 *
 * To take a bias away costs a system call that interrupts every core, about as much as a few hundred locked
 * operations. So the bias comes only after `needed` acquisitions by one thread in a row, and that number
 * grows four times with every loss.
 *
 *     lock     0 or 1: taken by those who are not the owner
 *     owner    atomic: written under lock; by a thread for itself, or NULL by another
 *     last, streak, needed    under lock: who took it last (tid), how often in a row, how often is enough
 *
 * A record outlives its thread, and a section ends before its thread does: an owner that is gone is no
 * special case, and a thread that gets its record inherits its locks.
 */
#ifndef WEFT_SCHED_BIAS_H
#define WEFT_SCHED_BIAS_H

#include "sched/sched.h"

struct weft__bias {
	uint32_t lock;
	uint16_t streak, needed;
	struct weft__thread *owner;
	uint32_t last;
	uint32_t user; /* no part of the lock: room in the line for what it protects */
};

enum { BIAS_NEEDED = CHAOS ? 2 : 128, BIAS_NEEDED_MOST = CHAOS ? 4 : 1 << 15 };

#define WEFT__BIAS_INIT                                                                                      \
	{                                                                                                    \
		.needed = BIAS_NEEDED                                                                        \
	}

NOINLINE void weft__bias_acquire_slow(struct weft__thread *self, struct weft__bias *b);

/* self: the calling thread's record, or NULL. */
ALWAYS_INLINE void bias_acquire(struct weft__thread *self, struct weft__bias *b)
{
	ASSERT(self == weft__self());
	if (likely(self != NULL)) {
		at_store(&self->section, b, RELAXED);
		compiler_barrier(); /* section before owner: the light half, pairs with bias.c */
		if (likely(at_load(&b->owner, RELAXED) == self))
			return; /* it was this thread that wrote it */
	}
	weft__bias_acquire_slow(self, b);
}

/*
 * A section of the owner, for what takes a few instructions and no call: false, and no section, for anybody
 * else. The monitor does not take the processor of a thread that is in a section; so when proc_is_ours, the
 * section is as good as enter.
 */
ALWAYS_INLINE bool bias_begin(struct weft__thread *self, struct weft__bias *b)
{
	at_store(&self->section, b, RELAXED);
	compiler_barrier(); /* as in bias_acquire; and section before claim, pairs with retake in monitor.c */
	if (likely(at_load(&b->owner, RELAXED) == self))
		return true;
	at_store(&self->section, NULL, RELAXED);
	return false;
}

ALWAYS_INLINE void bias_end(struct weft__thread *self)
{
	at_store(&self->section, NULL, RELEASE); /* pairs with the wait in bias.c */
}

ALWAYS_INLINE bool proc_is_ours(struct weft__thread *self)
{
	/* Acquire: what the monitor did with a processor that it borrowed. */
	return likely(at_load(&self->claim, ACQUIRE) == CLAIM_NONE);
}

ALWAYS_INLINE void bias_release(struct weft__thread *self, struct weft__bias *b)
{
	if (likely(self != NULL) && likely(at_load(&self->section, RELAXED) == b))
		bias_end(self);
	else
		lock_release(&b->lock);
}

/* For weft__park: the word that it must release, NULL when it ends the section instead. */
ALWAYS_INLINE uint32_t *bias_lock(struct weft__thread *self, struct weft__bias *b)
{
	return likely(at_load(&self->section, RELAXED) == b) ? NULL : &b->lock;
}

#endif /* WEFT_SCHED_BIAS_H */
