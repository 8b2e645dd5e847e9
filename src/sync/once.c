/*
 * once.c - Once, and the value that is made once.
 *
 *     state               to
 *     NEW                 RUNNING   by the call that will run fn
 *     RUNNING             WAITED    by one that will wait, under `lock`, before it queues
 *                         DONE      by the one that ran fn: nobody waits
 *     WAITED              RUNNING   by the one that ran fn, under `lock`: it has taken off all that waited
 *     DONE
 *
 * DONE is what callers look for without the lock; they may free the memory then. So storing it is the last
 * thing that the runner does with it: it takes off whoever waits, and claims them, until it can swap RUNNING
 * for DONE; only then are they made ready. A waiter that has timed out takes the lock to leave the queue, and
 * returns 0 when it finds DONE all the same.
 *
 * runner is written by the one that runs fn. Who finds its own number there calls from inside fn.
 *
 * Order: the swap to DONE is a release, reading DONE an acquire; a waiter acquires by its claim.
 */
#include <weft/sync.h>

#include "sync/context.h"
#include "sync/wake.h"
#include "sync/who.h"

enum { NEW, RUNNING, DONE, WAITED };

static void finish(weft_once_t *once)
{
	struct wake wake = { NULL, NULL };
	uint32_t running = RUNNING;

	while (!at_cas(&once->weft__state, &running, DONE, RELEASE, RELAXED)) {
		lock_acquire(&once->weft__lock);
		(void)weft__wake_take_all(&wake, &once->weft__waiters);
		at_store(&once->weft__state, RUNNING, RELAXED);
		lock_release(&once->weft__lock);
		running = RUNNING;
	}
	weft__wake(&wake);
}

/* True: runs, and the caller is counted as a waiter. Requires the lock. */
static bool announce(weft_once_t *once)
{
	uint32_t state = RUNNING;

	return at_cas(&once->weft__state, &state, WAITED, ACQUIRE, ACQUIRE) || state == WAITED;
}

static int wait(weft_once_t *once, struct weft__limit limit)
{
	struct weft__thread *self;
	struct weft__waiter w;
	int err;

	if ((err = limit_over(limit)) != 0 || (err = known()) != 0)
		return err;
	self = enter();
	weft__waiter_init(self, &w);
	lock_acquire(&once->weft__lock);
	if (announce(once)) {
		waitq_add(&once->weft__waiters, &w);
		self = park(self, &w, &once->weft__lock, limit, "once");
		err = weft__wait_error(&w);
		if (err != 0) {
			lock_acquire(&once->weft__lock);
			if (waitq_has(&w))
				waitq_remove(&once->weft__waiters, &w);
			if (limit.cancel == NULL && at_load(&once->weft__state, ACQUIRE) == DONE)
				err = 0;
			lock_release(&once->weft__lock);
		}
	} else {
		lock_release(&once->weft__lock);
	}
	leave(self);
	return err;
}

int weft__once_slow(weft_once_t *once, weft_fn_t *fn, void *arg, weft_time_t deadline, weft_context_t *ctx)
{
	struct weft__limit limit = limit_ctx(ctx);
	uint32_t state = NEW;
	int err = limit_canceled(limit);

	if (unlikely(err != 0))
		return err;
	limit.deadline = deadline;
	if (at_cas(&once->weft__state, &state, RUNNING, ACQUIRE, ACQUIRE)) {
		at_store(&once->weft__runner, who(), RELAXED);
		fn(arg);
		finish(once);
		return 0;
	}
	if (state == DONE)
		return 0;
	if (unlikely(at_load(&once->weft__runner, RELAXED) == who()))
		weft__panic("weft_once_do: once %p: called by the function that it runs", (void *)once);
	return wait(once, limit);
}

/* ---- the value ---- */

struct make {
	void *(*fn)(void *arg);
	void *arg;
	void **place;
};

static void make(void *arg)
{
	struct make *m = arg;

	*m->place = m->fn(m->arg);
}

ALWAYS_INLINE int value(weft_once_value_t *once, void *(*fn)(void *arg), void *arg, void **value,
	weft_time_t deadline, weft_context_t *ctx)
{
	int err = 0;

	if (unlikely(ctx != NULL || at_load(&once->weft__once.weft__state, ACQUIRE) != DONE)) {
		struct make m = { fn, arg, &once->weft__value };
		err = weft__once_slow(&once->weft__once, make, &m, deadline, ctx);
	}
	if (likely(err == 0))
		*value = once->weft__value;
	return err;
}

int weft_once_value(weft_once_value_t *once, void *(*fn)(void *arg), void *arg, void **place)
{
	return value(once, fn, arg, place, WEFT_NEVER, NULL);
}

int weft_once_value_until(
	weft_once_value_t *once, void *(*fn)(void *arg), void *arg, void **place, weft_time_t deadline)
{
	return value(once, fn, arg, place, deadline, NULL);
}

int weft_once_value_ctx(
	weft_once_value_t *once, void *(*fn)(void *arg), void *arg, void **place, weft_context_t *ctx)
{
	return value(once, fn, arg, place, WEFT_NEVER, ctx);
}
