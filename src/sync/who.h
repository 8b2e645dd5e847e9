/* who.h - a number for who calls, to find out whether a call waits for itself. */
#ifndef WEFT_SYNC_WHO_H
#define WEFT_SYNC_WHO_H

#include "sched/sched.h"

/* The task's id, or the plain thread's, marked; never 0. */
ALWAYS_INLINE uint64_t who(void)
{
	struct weft__thread *self = weft__self();
	const struct weft__task *t = self != NULL ? at_load(&self->task, RELAXED) : NULL;

	if (likely(t != NULL))
		return t->id;
	return (uint64_t)1 << 63 | (uint32_t)(self != NULL ? self->tid : weft__os_thread_id());
}

#endif /* WEFT_SYNC_WHO_H */
