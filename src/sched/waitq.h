/*
 * waitq.h - the queue of waiters of a primitive: a circle through next and prev, whose first is the oldest.
 * Public structs keep the first as a void *. All under the primitive's lock.
 */
#ifndef WEFT_SCHED_WAITQ_H
#define WEFT_SCHED_WAITQ_H

#include "sched/sched.h"

ALWAYS_INLINE struct weft__waiter *waitq_first(void *first)
{
	return (struct weft__waiter *)first;
}

/* To the end of the queue. */
ALWAYS_INLINE void waitq_add(void **queue, struct weft__waiter *w)
{
	struct weft__waiter *first = waitq_first(*queue);

	if (first == NULL) {
		w->next = w->prev = w;
		*queue = w;
	} else {
		w->next = first;
		w->prev = first->prev;
		first->prev->next = w;
		first->prev = w;
	}
}

/* To the front, for one that has waited before. */
ALWAYS_INLINE void waitq_add_front(void **queue, struct weft__waiter *w)
{
	waitq_add(queue, w);
	*queue = w;
}

ALWAYS_INLINE bool waitq_has(const struct weft__waiter *w)
{
	return w->next != NULL;
}

/* Requires that w is in the queue. */
ALWAYS_INLINE void waitq_remove(void **queue, struct weft__waiter *w)
{
	if (w->next == w) {
		*queue = NULL;
	} else {
		w->next->prev = w->prev;
		w->prev->next = w->next;
		if (*queue == w)
			*queue = w->next;
	}
	w->next = w->prev = NULL;
}

#endif /* WEFT_SCHED_WAITQ_H */
