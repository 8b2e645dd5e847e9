/*
 * wake.h - parking in one queue; and waiters that were claimed under a primitive's lock, and are made ready
 * after it.
 *
 * wake_take requires the lock; weft__wake is called without it. Between the two nobody but the waker touches
 * the waiters, so it can write results into what lies around them. Once weft__wake is called they, and the
 * primitive, may be gone.
 */
#ifndef WEFT_SYNC_WAKE_H
#define WEFT_SYNC_WAKE_H

#include "sched/waitq.h"

/* In the order in which they were taken; linked through next. */
struct wake {
	struct weft__waiter *first, *last;
};

/* Adds a waiter that was claimed. */
ALWAYS_INLINE void wake_add(struct wake *wake, struct weft__waiter *w)
{
	w->next = NULL;
	if (wake->last != NULL)
		wake->last->next = w;
	else
		wake->first = w;
	wake->last = w;
}

/*
 * Claims a waiter that was taken off its queue. False: it has timed out or was cancelled; it is on its way to
 * the lock, and sees that it is off the queue.
 */
ALWAYS_INLINE bool wake_take(struct wake *wake, struct weft__waiter *w)
{
	if (!weft__claim(w, WAIT_WOKEN))
		return false;
	wake_add(wake, w);
	return true;
}

/* weft__park for a waiter that stands in one queue, whose lock is held. */
ALWAYS_INLINE struct weft__thread *park(struct weft__thread *self, struct weft__waiter *w, uint32_t *lock,
	struct weft__limit limit, const char *reason)
{
	if (!limit_any(limit))
		return weft__park_sole(self, w, lock, reason);
	return weft__park(self, w, lock, limit, reason);
}

/* Takes the whole queue. How many could be claimed. */
uint32_t weft__wake_take_all(struct wake *wake, void **queue);

/* Makes them ready: inside, or from anywhere. */
void weft__wake_inside(struct weft__thread *self, const struct wake *wake);
void weft__wake_slow(const struct wake *wake);
ALWAYS_INLINE void weft__wake(const struct wake *wake)
{
	if (unlikely(wake->first != NULL))
		weft__wake_slow(wake);
}

#endif /* WEFT_SYNC_WAKE_H */
