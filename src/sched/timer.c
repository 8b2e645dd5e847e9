/*
 * timer.c - timers: a hierarchical wheel for each processor (Varghese and Lauck, 1987), and the calls on top.
 *
 * Time is counted in ticks of 1.024 us (2^10 ns). A timer fires at tick ceil(when / 1024), never early, and
 * at most one tick late by itself. The wheel has 9 levels of 64 slots: level l distinguishes bits 6l .. 6l+5
 * of the tick, so 54 bits in all, which with the 10 of a tick are all that a positive int64_t has.
 *
 *   A timer for tick e stands on the level of the highest bit in which e and `now` differ, in the slot that
 *   e's six bits of that level name. So all timers of a level agree with `now` above it, their slot is above
 *   now's on it (on level 0: not below), and everything on a lower level comes earlier than anything on a
 *   higher one. The next slot to look at is the lowest bit of the lowest level that has any.
 *
 * To advance: while that slot starts no later than the present, `now` becomes its start; on level 0 its
 * timers fire, on a higher one they are put in again and land lower. Each timer moves down at most 8 times, a
 * few in practice. Arming and cancelling are O(1); cancelling is as cheap as arming, since most deadlines are
 * cancelled. Timers of one tick fire in the order in which they were armed.
 *
 * `next` is never later than the earliest armed timer (cancelling leaves it, so a wake-up may find nothing).
 * It is written under the lock and read without: by the search for work, and by the poller thread to know how
 * long to sleep.
 *
 * A timer without a function wakes a waiter: claimed under the wheel's lock, made ready after. One with a
 * function starts a task: the header is allocated under the lock, so that a lack of memory leaves the timer
 * armed, a millisecond later. Whoever cancels reads timer->wheel, locks it and looks again: only if it is
 * still that wheel, its lock is the one that protects the timer.
 *
 * Rejected: a heap. With a million sleeping tasks each removal touches some twenty cold lines; the wheel
 * about eight.
 */
#include <errno.h>

#include "sched/sched.h"

enum {
	TICK_SHIFT = 10,
	LEVEL_BITS = 6,
	FIRE_MOST = 512 /* timers that fire while the lock is held once */
};

_Static_assert(sizeof(weft_timer_t) >= sizeof(struct weft__task_timer), "weft_timer_t holds a timer");
_Static_assert(WHEEL_SLOTS == 1 << LEVEL_BITS, "a slot for each value of a level's bits");

/* Retries of a timer whose task could not be allocated. */
#define NO_MEMORY_DELAY WEFT_MS(1)

static uint64_t tick_of(weft_time_t when)
{
	return when <= 0 ? 0 : ((uint64_t)when + (1u << TICK_SHIFT) - 1) >> TICK_SHIFT;
}

/* When the tick starts: what `next` and `least` are in. */
static weft_time_t time_of(uint64_t tick)
{
	return tick >= (uint64_t)INT64_MAX >> TICK_SHIFT ? WEFT_NEVER - 1 : (weft_time_t)(tick << TICK_SHIFT);
}

void weft__wheel_init(struct weft__wheel *wheel, weft_time_t now)
{
	wheel->next = WEFT_NEVER;
	wheel->now = (uint64_t)now >> TICK_SHIFT;
}

/* Requires the lock; t->wheel == wheel. */
static void insert(struct weft__wheel *wheel, struct weft__timer *t)
{
	uint64_t tick = tick_of(t->when), differ;
	struct weft__slot *slot;
	weft_time_t fires;

	if (tick < wheel->now)
		tick = wheel->now;
	fires = time_of(tick);
	differ = tick ^ wheel->now;
	t->level = (uint8_t)(differ == 0 ? 0 : (63 - __builtin_clzll(differ)) / LEVEL_BITS);
	t->slot = (uint8_t)(tick >> (LEVEL_BITS * t->level) & (WHEEL_SLOTS - 1));
	slot = &wheel->slots[t->level][t->slot];
	if (slot->first == NULL) {
		slot->first = t->next = t->prev = t;
		slot->least = fires;
		wheel->bits[t->level] |= 1ull << t->slot;
	} else {
		struct weft__timer *first = slot->first;
		t->prev = first->prev;
		t->next = first;
		first->prev->next = t;
		first->prev = t;
		if (fires < slot->least)
			slot->least = fires;
	}
	if (fires < wheel->next)
		at_store(&wheel->next, fires, RELAXED);
}

/* Requires the lock. */
static void removed(struct weft__wheel *wheel, struct weft__timer *t)
{
	struct weft__slot *slot = &wheel->slots[t->level][t->slot];

	if (t->next == t) {
		slot->first = NULL;
		wheel->bits[t->level] &= ~(1ull << t->slot);
	} else {
		t->next->prev = t->prev;
		t->prev->next = t->next;
		if (slot->first == t)
			slot->first = t->next;
	}
}

/* The level of the slot that comes next, or -1. */
static int next_level(const struct weft__wheel *wheel)
{
	for (int level = 0; level < WHEEL_LEVELS; level++)
		if (wheel->bits[level] != 0)
			return level;
	return -1;
}

static void renew_next(struct weft__wheel *wheel)
{
	int level = next_level(wheel);
	weft_time_t next = WEFT_NEVER;

	if (level >= 0)
		next = wheel->slots[level][__builtin_ctzll(wheel->bits[level])].least;
	at_store(&wheel->next, next, RELAXED);
}

void weft__timer_arm(struct weft__proc *p, struct weft__timer *t)
{
	struct weft__wheel *wheel = p != NULL ? &p->wheel : &rt.procs[0].wheel;
	weft_time_t when = t->when;

	lock_acquire(&wheel->lock);
	at_store(&t->wheel, wheel, RELAXED);
	insert(wheel, t);
	lock_release(&wheel->lock);
	weft__timers_kick(when);
}

void weft__timers_kick(weft_time_t when)
{
	weft_time_t until;

	light_barrier(); /* wheel->next before poll_until: pairs with the heavy barrier in go_idle */
	until = at_load(&rt.poll_until, RELAXED);
	/* 0: nobody sleeps in the poller. Without an idle processor the poller thread could do nothing. */
	if (when < until && at_load(&rt.idle_procs, RELAXED) != 0 &&
		at_cas(&rt.poll_until, &until, when > 0 ? when : 1, RELAXED, RELAXED))
		weft__os_poller_kick(&rt.poller);
}

bool weft__timer_cancel(struct weft__timer *t)
{
	struct weft__wheel *wheel;

	/* Acquire pairs with the store of NULL by who fired it. */
	while ((wheel = at_load(&t->wheel, ACQUIRE)) != NULL) {
		/*
		 * Between the look and the lock it may have fired, and been armed again, perhaps elsewhere.
		 */
		bool same;
		lock_acquire(&wheel->lock);
		same = at_load(&t->wheel, RELAXED) == wheel;
		if (same) {
			removed(wheel, t);
			at_store(&t->wheel, NULL, RELAXED);
			if (next_level(wheel) < 0)
				at_store(&wheel->next, WEFT_NEVER, RELAXED);
		}
		lock_release(&wheel->lock);
		if (same)
			return true;
	}
	return false;
}

/* Requires the lock; t is in no slot. */
static void fire(
	struct weft__thread *self, struct weft__wheel *wheel, struct weft__timer *t, struct weft__list *ready)
{
	struct weft__waiter *w = t->waiter;
	struct weft__task *task;

	if (w != NULL) {
		task = w->task;
		if (weft__claim(w, WAIT_TIMED_OUT) && weft__parked(w))
			list_add_ready(ready, task);
	} else {
		const struct weft__task_timer *timer = container_of(t, struct weft__task_timer, node);
		struct weft__proc *p = self != NULL ? self->proc : NULL;
		task = weft__task_new(p, timer->fn, timer->arg, "a timer");
		if (task == NULL) {
			t->when = time_of(wheel->now) + NO_MEMORY_DELAY;
			insert(wheel, t);
			return;
		}
		if (p != NULL)
			at_bump(&p->started, 1);
		else
			at_add(&rt.guest_started, 1, RELAXED);
		PROBE(spawn, task);
		list_add(ready, task);
	}
	at_store(&t->wheel, NULL, RELEASE);
}

/* Moves what is in the slot down, now that the wheel has come to its start. Requires the lock. */
static void cascade(struct weft__wheel *wheel, struct weft__slot *slot, int level)
{
	struct weft__timer *t = slot->first, *last = t->prev, *next;

	slot->first = NULL;
	wheel->bits[level] &= ~(1ull << t->slot);
	for (;; t = next) {
		bool end = t == last;
		next = t->next;
		/* It fires soon; a waiter lies on a stack that nobody has touched since. */
		if (level == 1)
			__builtin_prefetch(t->waiter);
		__builtin_prefetch(next->next);
		insert(wheel, t);
		if (end)
			return;
	}
}

bool weft__wheel_run(
	struct weft__thread *self, struct weft__wheel *wheel, weft_time_t now, struct weft__list *ready)
{
	uint64_t present = (uint64_t)now >> TICK_SHIFT;
	uint32_t fired = 0;
	int level;

	lock_acquire(&wheel->lock);
	while ((level = next_level(wheel)) >= 0 && fired < FIRE_MOST) {
		int shift = LEVEL_BITS * level;
		uint64_t index = (uint64_t)__builtin_ctzll(wheel->bits[level]);
		uint64_t above = wheel->now >> (shift + LEVEL_BITS) << (shift + LEVEL_BITS);
		uint64_t start = above | index << shift;
		struct weft__slot *slot = &wheel->slots[level][index];

		if (start > present)
			break;
		wheel->now = start;
		if (level > 0) {
			cascade(wheel, slot, level);
			continue;
		}
		/* One by one, so that the rest of a slot may stay for the next run. */
		while (slot->first != NULL && fired < FIRE_MOST) {
			struct weft__timer *t = slot->first;
			removed(wheel, t);
			fire(self, wheel, t, ready);
			fired++;
		}
	}
	if (fired < FIRE_MOST && wheel->now < present)
		wheel->now = present;
	renew_next(wheel);
	lock_release(&wheel->lock);
	return fired >= FIRE_MOST;
}

weft_time_t weft__timers_next(void)
{
	weft_time_t least = WEFT_NEVER;

	for (uint32_t i = 0; i < rt.nprocs; i++) {
		weft_time_t next = at_load(&rt.procs[i].wheel.next, RELAXED);
		if (next < least)
			least = next;
	}
	return least;
}

/* ---- public ---- */

weft_time_t weft_now(void)
{
	return weft__os_now();
}

weft_time_t weft_deadline_in(int64_t duration_ns)
{
	weft_time_t now = weft__os_now();

	if (duration_ns <= 0)
		return now;
	return duration_ns >= WEFT_NEVER - now ? WEFT_NEVER : now + duration_ns;
}

int weft__sleep(struct weft__limit limit, const char *reason)
{
	struct weft__thread *self = weft__self();
	struct weft__waiter w;
	int err = limit_canceled(limit);

	if (err != 0 || (limit.deadline != WEFT_NEVER && limit.deadline <= weft__os_now()))
		return err;
	if (limit.cancel == NULL && (self == NULL || self->task == NULL)) {
		/* Never woken; needs neither runtime nor record. */
		static uint32_t never;
		while (weft__os_futex_wait(&never, 0, limit.deadline) != -ETIMEDOUT)
			;
		return 0;
	}
	if ((err = known()) != 0)
		return err;
	self = enter();
	weft__waiter_init(self, &w);
	self = weft__park(self, &w, NULL, limit, reason);
	err = at_load(&w.state, ACQUIRE) == WAIT_TIMED_OUT ? 0 : weft__wait_error(&w);
	leave(self);
	return err;
}

int weft_sleep_until(weft_time_t deadline)
{
	return weft__sleep(limit_until(deadline), "sleep");
}

int weft_sleep(int64_t duration_ns)
{
	return duration_ns <= 0 ? 0 : weft_sleep_until(weft_deadline_in(duration_ns));
}

static struct weft__task_timer *timer_of(weft_timer_t *timer)
{
	return (struct weft__task_timer *)(void *)timer;
}

static int arm(struct weft__timer *t, weft_time_t when)
{
	struct weft__thread *self;
	int err = known();

	if (err != 0)
		return err;
	t->when = when < 0 ? 0 : when;
	self = enter();
	weft__timer_arm(self->proc, t);
	leave(self);
	return 0;
}

int weft_timer_at(weft_timer_t *timer, weft_time_t when, weft_fn_t *fn, void *arg)
{
	struct weft__task_timer *t = timer_of(timer);

	if (at_load(&t->node.wheel, ACQUIRE) != NULL)
		weft__panic("weft_timer_at: timer %p is armed already", (void *)timer);
	if (fn == NULL)
		weft__panic("weft_timer_at: timer %p without a function", (void *)timer);
	t->node.waiter = NULL;
	t->fn = fn;
	t->arg = arg;
	return arm(&t->node, when);
}

int weft_timer_after(weft_timer_t *timer, int64_t duration_ns, weft_fn_t *fn, void *arg)
{
	return weft_timer_at(timer, weft_deadline_in(duration_ns), fn, arg);
}

int weft_timer_stop(weft_timer_t *timer)
{
	struct weft__timer *t = &timer_of(timer)->node;
	struct weft__thread *self;
	bool armed;

	/* A plain thread needs no record for this. */
	self = weft__self() != NULL ? enter() : NULL;
	armed = weft__timer_cancel(t);
	if (self != NULL)
		leave(self);
	return armed;
}

int weft_timer_reset(weft_timer_t *timer, weft_time_t when)
{
	int armed, err;

	if (timer_of(timer)->fn == NULL)
		weft__panic("weft_timer_reset: timer %p was never armed", (void *)timer);
	armed = weft_timer_stop(timer);
	err = arm(&timer_of(timer)->node, when);
	return err < 0 ? err : armed;
}

void weft_ticker_start(weft_ticker_t *ticker, int64_t period_ns)
{
	if (period_ns <= 0)
		weft__panic("weft_ticker_start: ticker %p with a period of %lld ns", (void *)ticker,
			(long long)period_ns);
	ticker->weft__period = period_ns;
	ticker->weft__next = weft_deadline_in(period_ns);
}

int weft__ticker_wait(weft_ticker_t *ticker, struct weft__limit limit)
{
	weft_time_t next = ticker->weft__next, now;
	int err;

	if (ticker->weft__period <= 0)
		weft__panic("weft_ticker_wait: ticker %p was not started", (void *)ticker);
	err = limit_canceled(limit);
	if (err != 0)
		return err;
	now = weft__os_now();
	if (next > now) {
		bool late = next > limit.deadline;
		if (!late)
			limit.deadline = next;
		err = weft__sleep(limit, "ticker");
		if (err != 0 || late)
			return err != 0 ? err : -ETIMEDOUT;
		now = weft__os_now();
	}
	/* The tick that is taken now, and those that nobody took, are over. */
	ticker->weft__next = next + ((now - next) / ticker->weft__period + 1) * ticker->weft__period;
	return 0;
}

int weft_ticker_wait(weft_ticker_t *ticker, weft_time_t deadline)
{
	return weft__ticker_wait(ticker, limit_until(deadline));
}
