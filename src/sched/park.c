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
 * Open. A waiter that stands in more than one queue (a select, or a call with a context) may be claimed by
 * one of them while it is still entering the others or has not left its stack: it is OPEN then, and becomes
 * WAITING by a swap once its context is saved. Who claims it while it is OPEN is early, and may still have
 * something to do to it when it parks. So the two meet once more, and who comes second makes it ready:
 *
 *     who parks it, finding it claimed         who claimed it early, when done (weft__parked)
 *     swap NOBODY  -> PARKER: stays parked     swap NOBODY -> CLAIMER: leaves it to the parker
 *          CLAIMER -> PARKER: makes it ready   swap PARKER -> CLAIMER: makes it ready
 *
 * Who comes first does not touch the waiter after that.
 *
 * A plain thread sleeps on the futex word in its record. weft__ready sets the word once for each claim and
 * the thread consumes it once, so there is never a wake-up too many; a late FUTEX_WAKE hits a record, and at
 * worst ends a sleep early, which the loop takes.
 *
 * weft__ready reads what it needs from the waiter and lets go of it before it makes it run: the waiter's
 * stack, and the primitive, may be gone at once.
 */
#include "sched/sched.h"

void weft__park_commit(struct weft__thread *self, struct weft__task *t, struct weft__waiter *w)
{
	uint32_t *lock = w->lock;
	struct weft__limit limit = w->limit;
	bool several = w->several, wake = false;

	PROBE(park, t, w->reason);
	if (limit.deadline != WEFT_NEVER) {
		t->timer.when = limit.deadline;
		t->timer.waiter = w;
		/*
		 * The task may run as soon as it is armed, unless it is one of several or needs the lock
		 * first.
		 */
		weft__timer_arm(self->proc, &t->timer);
	}
	if (several) {
		if (limit.cancel != NULL)
			wake = weft__cancel_link(limit.cancel, &w->node, w);
		wake = wake || weft__waiter_close(w);
	}
	/* Here w may be gone. */
	if (lock != NULL)
		lock_release(lock);
	else
		at_store(&self->section, NULL, RELEASE); /* as bias_release */
	if (unlikely(wake)) {
		PROBE(ready, t);
		weft__make_ready(self, t);
	}
}

static void park_thread(struct weft__thread *self, struct weft__waiter *w)
{
	weft_time_t deadline = w->limit.deadline;
	bool claimed = w->limit.cancel != NULL && weft__cancel_link(w->limit.cancel, &w->node, w);

	claimed = claimed || (w->several && weft__waiter_close(w));
	if (w->lock != NULL)
		lock_release(w->lock);
	else
		at_store(&self->section, NULL, RELEASE); /* as bias_release */
	if (claimed)
		return;
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
	struct weft__limit limit, const char *reason)
{
	struct weft__task *t = w->task;

	w->lock = lock;
	w->limit = limit;
	w->reason = reason;
	if (!w->several) { /* else it is in queues already, and may be looked at */
		if (limit.cancel != NULL)
			weft__waiter_open(w);
		else
			w->sole = limit.deadline == WEFT_NEVER;
	}
	if (unlikely(t == NULL)) {
		park_thread(self, w);
	} else {
		at_store(&t->since_ms, at_load(&rt.coarse_ms, RELAXED), RELAXED);
		at_store(&t->reason, reason, RELAXED);
		self->park = w;
		self = weft__switch_away(self, AFTER_PARK);
		at_store(&t->reason, NULL, RELAXED);
		if (limit.deadline != WEFT_NEVER)
			weft__timer_cancel(&t->timer);
	}
	if (limit.cancel != NULL) {
		int32_t error = weft__cancel_unlink(limit.cancel, &w->node);
		if (w->value == (uintptr_t)&w->node)
			w->value = (uintptr_t)(intptr_t)error;
	}
	return self;
}

/* It is open; or it is about to claim another, or to give up on that: a matter of some instructions. */
NOINLINE bool weft__claim_slow(struct weft__waiter *w, enum wait_state how)
{
	for (int i = 1;; i++) {
		uint32_t state = at_load(&w->state, RELAXED);
		if (state > WAIT_TRYING)
			return false;
		if (state != WAIT_TRYING && at_cas(&w->state, &state, (uint32_t)how, ACQ_REL, RELAXED)) {
			w->early = state == WAIT_OPEN;
			return true;
		}
		spin_wait(i);
	}
}

void weft__ready(struct weft__thread *self, struct weft__waiter *w)
{
	struct weft__task *t = w->task;
	struct weft__thread *thread = w->thread;

	if (unlikely(!weft__parked(w)))
		return;
	if (likely(t != NULL)) {
		PROBE(ready, t);
		weft__make_ready(self, t);
		return;
	}
	at_store(&thread->futex, 1, RELEASE);
	weft__os_futex_wake(&thread->futex, 1);
}
