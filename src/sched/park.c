/*
 * park.c - park and ready: the three steps that every blocking call is made of, for tasks and plain threads
 * alike.
 *
 *     waiter                                    waker
 *     1 lock; see that it must block;
 *       put a struct weft__waiter in the queue
 *     2 weft__park: switch away; when the       lock; take a waiter off the queue;
 *       registers are saved, whoever runs       weft__claim(w, WOKEN); unlock
 *       next arms the deadline and unlocks
 *     3 runs again                              weft__ready(w)
 *
 * Since the lock is held until the context is saved, a waker cannot make a task run that has not left its
 * stack. The timer of the deadline needs no lock of the primitive: it is armed after the context is saved,
 * and fires by claiming the waiter under the lock of its wheel. The one compare-and-swap on state decides
 * between wakers and timer. Who has timed out takes the lock and removes its waiter; a waker that finds it
 * before and fails to claim it drops it and takes the next.
 *
 * A plain thread sleeps on the futex word in its record. weft__ready sets the word once for each claim and
 * the thread consumes it once, so there is never a wake-up too many; a late FUTEX_WAKE hits a record, and at
 * worst ends a sleep early, which the loop takes.
 *
 * weft__ready reads what it needs from the waiter and lets go of it before it makes it run: the waiter's
 * stack, and the primitive, may be gone at once.
 */
#include <errno.h>

#include "sched/sched.h"

void weft__waiter_init(struct weft__thread *self, struct weft__waiter *w)
{
	w->next = w->prev = NULL;
	w->task = self->task;
	w->thread = self;
	at_store(&w->state, WAIT_WAITING, RELAXED);
	w->value = 0;
}

void weft__park_commit(struct weft__thread *self, struct weft__task *t, struct weft__waiter *w)
{
	uint32_t *lock = w->lock;

	PROBE(park, t, w->reason);
	if (w->deadline != WEFT_NEVER) {
		t->timer.when = w->deadline;
		t->timer.waiter = w;
		/* The task may run as soon as it is armed; it cannot return before it has had the lock. */
		weft__timer_arm(self->proc, &t->timer);
	}
	if (lock != NULL)
		lock_release(lock);
}

static void park_thread(struct weft__thread *self, struct weft__waiter *w)
{
	weft_time_t deadline = w->deadline;

	if (w->lock != NULL)
		lock_release(w->lock);
	while (at_load(&self->futex, ACQUIRE) == 0) {
		if (weft__os_futex_wait(&self->futex, 0, deadline) != -ETIMEDOUT)
			continue;
		if (weft__claim(w, WAIT_TIMED_OUT))
			return;
		deadline = WEFT_NEVER; /* somebody claimed it: weft__ready is on its way */
	}
	at_store(&self->futex, 0, RELAXED);
}

struct weft__thread *weft__park(struct weft__thread *self, struct weft__waiter *w, uint32_t *lock,
	weft_time_t deadline, const char *reason)
{
	struct weft__task *t = w->task;

	w->lock = lock;
	w->deadline = deadline;
	w->reason = reason;
	if (unlikely(t == NULL)) {
		park_thread(self, w);
		return self;
	}
	at_store(&t->since_ms, at_load(&rt.coarse_ms, RELAXED), RELAXED);
	at_store(&t->reason, reason, RELAXED);
	self->park = w;
	self = weft__switch_away(self, AFTER_PARK);
	at_store(&t->reason, NULL, RELAXED);
	if (deadline != WEFT_NEVER)
		weft__timer_cancel(&t->timer);
	return self;
}

void weft__ready(struct weft__thread *self, struct weft__waiter *w)
{
	struct weft__task *t = w->task;
	struct weft__thread *thread = w->thread;

	if (likely(t != NULL)) {
		PROBE(ready, t);
		weft__make_ready(self, t);
		return;
	}
	at_store(&thread->futex, 1, RELEASE);
	weft__os_futex_wake(&thread->futex, 1);
}
