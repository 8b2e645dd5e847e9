/*
 * cond.c - Condition, on a mutex or on a read-write mutex that is held in either way.
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
#include "sync/rwmutex.h"
#include "sync/wake.h"

/* How the caller holds what it holds. */
struct hold {
	void (*unlock)(struct weft__thread *self, void *mutex); /* inside */
	int (*lock)(void *mutex);
};

static void mutex_unlock(struct weft__thread *self, void *mutex)
{
	weft__mutex_unlock_inside(self, mutex);
}

static int mutex_lock(void *mutex)
{
	return weft_mutex_lock(mutex);
}

static void write_unlock(struct weft__thread *self, void *rw)
{
	weft__rwmutex_unlock_inside(self, rw);
}

static int write_lock(void *rw)
{
	return weft_rwmutex_lock(rw);
}

static void read_unlock(struct weft__thread *self, void *rw)
{
	weft__rwmutex_runlock_inside(self, rw);
}

static int read_lock(void *rw)
{
	return weft_rwmutex_rlock(rw);
}

static const struct hold mutex_hold = { mutex_unlock, mutex_lock };
static const struct hold write_hold = { write_unlock, write_lock };
static const struct hold read_hold = { read_unlock, read_lock };

static int wait(weft_cond_t *c, void *mutex, const struct hold *hold, struct weft__limit limit)
{
	struct weft__thread *self;
	struct weft__waiter w;
	int err;

	if ((err = known()) != 0)
		return err;
	err = limit_over(limit);
	self = enter();
	if (err != 0) {
		/* Others get their turn: a loop with a limit of 0 may wait for them. */
		hold->unlock(self, mutex);
		leave(self);
		(void)hold->lock(mutex);
		return err;
	}
	weft__waiter_init(self, &w);
	lock_acquire(&c->weft__lock);
	waitq_add(&c->weft__waiters, &w);
	hold->unlock(self, mutex);
	self = park(self, &w, &c->weft__lock, limit, "condition");
	err = weft__wait_error(&w);
	if (err != 0) {
		lock_acquire(&c->weft__lock);
		if (waitq_has(&w))
			waitq_remove(&c->weft__waiters, &w);
		lock_release(&c->weft__lock);
	}
	leave(self);
	(void)hold->lock(mutex); /* without limit, in a known thread: cannot fail */
	return err;
}

/* ---- on a mutex ---- */

static int wait_mutex(weft_cond_t *c, weft_mutex_t *m, struct weft__limit limit)
{
	if (unlikely(!weft__mutex_locked(m)))
		weft__panic("weft_cond_wait: condition %p: mutex %p is not locked", (void *)c, (void *)m);
	return wait(c, m, &mutex_hold, limit);
}

int weft_cond_wait(weft_cond_t *cond, weft_mutex_t *mutex)
{
	return wait_mutex(cond, mutex, limit_none());
}

int weft_cond_wait_until(weft_cond_t *cond, weft_mutex_t *mutex, weft_time_t deadline)
{
	return wait_mutex(cond, mutex, limit_until(deadline));
}

int weft_cond_wait_ctx(weft_cond_t *cond, weft_mutex_t *mutex, weft_context_t *ctx)
{
	return wait_mutex(cond, mutex, limit_ctx(ctx));
}

/* ---- on a read-write mutex ---- */

static int wait_write(weft_cond_t *c, weft_rwmutex_t *rw, struct weft__limit limit)
{
	if (unlikely(!weft__rwmutex_write_locked(rw)))
		weft__panic("weft_cond_wait_write: condition %p: rwmutex %p is not locked for writing",
			(void *)c, (void *)rw);
	return wait(c, rw, &write_hold, limit);
}

/* Only the unlock can tell whether it is locked for reading. */
static int wait_read(weft_cond_t *c, weft_rwmutex_t *rw, struct weft__limit limit)
{
	return wait(c, rw, &read_hold, limit);
}

int weft_cond_wait_write(weft_cond_t *cond, weft_rwmutex_t *rw)
{
	return wait_write(cond, rw, limit_none());
}

int weft_cond_wait_write_until(weft_cond_t *cond, weft_rwmutex_t *rw, weft_time_t deadline)
{
	return wait_write(cond, rw, limit_until(deadline));
}

int weft_cond_wait_write_ctx(weft_cond_t *cond, weft_rwmutex_t *rw, weft_context_t *ctx)
{
	return wait_write(cond, rw, limit_ctx(ctx));
}

int weft_cond_wait_read(weft_cond_t *cond, weft_rwmutex_t *rw)
{
	return wait_read(cond, rw, limit_none());
}

int weft_cond_wait_read_until(weft_cond_t *cond, weft_rwmutex_t *rw, weft_time_t deadline)
{
	return wait_read(cond, rw, limit_until(deadline));
}

int weft_cond_wait_read_ctx(weft_cond_t *cond, weft_rwmutex_t *rw, weft_context_t *ctx)
{
	return wait_read(cond, rw, limit_ctx(ctx));
}

/* ---- waking ---- */

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
