/*
 * bias.h - a lock that costs nothing while one thread alone uses it, and little while several take turns.
 *
 * Tasks that talk to each other mostly run on one worker, since a waker keeps the one it wakes. For such a
 * lock even one locked operation is the greatest part of its work. So a lock that was taken by the same
 * thread often enough in a row is biased to it: that thread then announces its sections in its own record, by
 * plain stores. Another thread that comes takes the word `lock`, so that it is the only one who does, and
 * gets the bias from the owner:
 *
 *     owner                                   another, holding the word
 *     self->section = b                       owner = self | 1: it is wanted
 *     light half of a barrier                 asks the owner: its `asked` = b, its `special` |= ASKED
 *     owner == self -> in the section
 *     self->section = NULL at the end
 *
 *     comes to b again, or is between         handed over: owner == NULL
 *     two tasks: owner = NULL                 waits while owner's section == b
 *                                             in the section
 *
 * An owner that runs a task without giving way, sleeps or is preempted does not answer in time. Then the bias
 * is taken by force: owner = NULL; heavy half of the barrier; wait while its section == b. Either the owner
 * sees that it is none any more, takes section back and the word like everybody else; or the other sees the
 * section. Where there are no unequal barriers (os/barrier.h), no lock is ever biased.
 *
 * Force is the last resort: it interrupts every core, which costs as much as thousands of locked operations
 * where the kernel runs in a virtual machine.
 *
 * Leases. Where two cores use one lock all the time, what costs is that its line, and all it protects, goes
 * to and fro. So who wants a lock first watches for a moment whether its owner uses it (`last` counts then),
 * and if it does, lets it go on for some microseconds before it asks. Such a lock is biased after few
 * acquisitions in a row (NEEDED_LEASED), so each core in turn does a thousand operations at the price of one
 * core alone. After a bias was taken by force, it takes ever more of them.
 *
 * Sections are short and do not park, so a thread has one at a time and a task is not moved in it. A section
 * that ends in a park is ended by who runs next on the thread, once the context is saved, as a lock is
 * released (park.c).
 *
 *     lock             0 or 1: taken by those who are not the owner
 *     owner            atomic. Under lock: to a thread by itself, to wanted or NULL by others. By the owner
 *                      itself, without the lock: from wanted to NULL
 *     last             biased: counts the owner's sections; else under lock: who took it last (tid)
 *     streak, needed   under lock: how often in a row, how often is enough
 *
 * Memory order: what the owner did in its sections is published by the release of section and of owner, and
 * acquired by who waits for them.
 *
 * Who asks holds the word and waits, so b lives; before it goes on it takes `asked` back or, where the owner
 * is about to answer, waits for that. Two that want something of each other answer while they wait. A record
 * outlives its thread, and a section ends before its thread does: an owner that is gone is no special case,
 * and a thread that gets its record inherits its locks.
 */
#ifndef WEFT_SCHED_BIAS_H
#define WEFT_SCHED_BIAS_H

#include "sched/sched.h"

struct weft__bias {
	uint32_t lock;
	uint16_t streak, needed;
	struct weft__thread *owner;
	uint32_t last; /* atomic */
	uint32_t user; /* no part of the lock: room in the line for what it protects */
};

enum {
	BIAS_NEEDED = CHAOS ? 2 : 128,
	BIAS_NEEDED_MOST = CHAOS ? 4 : 1 << 15,
	BIAS_NEEDED_LEASED = CHAOS ? 2 : 16
};

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
		if (likely(at_load(&b->owner, RELAXED) == self)) { /* it was this thread that wrote it */
			at_bump(&b->last, 1);
			return;
		}
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
	if (likely(at_load(&b->owner, RELAXED) == self)) {
		at_bump(&b->last, 1);
		return true;
	}
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

/*
 * Enters in a section in which proc_is_ours. The section may end while inside: the monitor looks at section
 * before inside.
 */
ALWAYS_INLINE void bias_enter(struct weft__thread *self)
{
	ASSERT(!self->inside);
	at_store(&self->inside, 1, RELAXED);
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
