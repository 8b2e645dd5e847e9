/*
 * cond.c - Condition.
 *
 * The queue is under `lock`, first come first: nobody is woken but by a signal or a broadcast, and those wake
 * in the order of the queue.
 *
 *   wait       under `lock`: joins the queue, unlocks the mutex, and parks, which releases `lock`. Who has
 *              the mutex after that, and signals, needs `lock` and so finds the waiter: no signal is missed
 *   signal     under `lock`: takes waiters off until one can be claimed
 *   broadcast  under `lock`: takes all off and claims them; made ready together after it
 *   limit      one that could not be claimed has timed out: its signal went to the next. One that a signal
 *              has claimed returns 0. In the end each takes the mutex again, without limit: the caller holds
 *              it whatever happened
 *
 * Lock rank: the lock of a condition before that of its mutex.
 */
#include "sync/context.h"
#include "sync/mutex.h"
#include "sync/wake.h"

static int wait(weft_cond_t *c, weft_mutex_t *m, struct weft__limit limit)
{
	struct weft__thread *self;
	struct weft__waiter w;
	int err;

	if (unlikely(!weft__mutex_locked(m)))
		weft__panic("weft_cond_wait: condition %p: mutex %p is not locked", (void *)c, (void *)m);
	if ((err = known()) != 0)
		return err;
	err = limit_over(limit);
	if (err != 0) {
		/* Others get their turn: a loop with a limit of 0 may wait for them. */
		weft_mutex_unlock(m);
		(void)weft_mutex_lock(m);
		return err;
	}
	self = enter();
	weft__waiter_init(self, &w);
	lock_acquire(&c->weft__lock);
	waitq_add(&c->weft__waiters, &w);
	weft__mutex_unlock_inside(self, m);
	self = park(self, &w, &c->weft__lock, limit, "condition");
	err = weft__wait_error(&w);
	if (err != 0) {
		lock_acquire(&c->weft__lock);
		if (waitq_has(&w))
			waitq_remove(&c->weft__waiters, &w);
		lock_release(&c->weft__lock);
	}
	leave(self);
	(void)weft_mutex_lock(m); /* without limit, in a known thread: cannot fail */
	return err;
}

int weft_cond_wait(weft_cond_t *cond, weft_mutex_t *mutex)
{
	return wait(cond, mutex, limit_none());
}

int weft_cond_wait_until(weft_cond_t *cond, weft_mutex_t *mutex, weft_time_t deadline)
{
	return wait(cond, mutex, limit_until(deadline));
}

int weft_cond_wait_ctx(weft_cond_t *cond, weft_mutex_t *mutex, weft_context_t *ctx)
{
	return wait(cond, mutex, limit_ctx(ctx));
}

void weft_cond_signal(weft_cond_t *cond)
{
	struct wake wake = { NULL, NULL };
	struct weft__waiter *w;

	lock_acquire(&cond->weft__lock);
	while ((w = waitq_first(cond->weft__waiters)) != NULL) {
		waitq_remove(&cond->weft__waiters, w);
		if (wake_take(&wake, w))
			break;
	}
	lock_release(&cond->weft__lock);
	weft__wake(&wake);
}

void weft_cond_broadcast(weft_cond_t *cond)
{
	struct wake wake = { NULL, NULL };

	lock_acquire(&cond->weft__lock);
	(void)weft__wake_take_all(&wake, &cond->weft__waiters);
	lock_release(&cond->weft__lock);
	weft__wake(&wake);
}
