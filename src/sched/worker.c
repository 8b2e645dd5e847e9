/*
 * worker.c - a worker's loop: the search for work.
 *
 * A worker is a thread that runs tasks while it holds a processor. Its own context (its native stack) is
 * where it looks for work; tasks switch to each other directly and come back here when nothing is at hand or
 * a turn is over.
 *
 * Finding work, in this order: what is at hand; once a turn (at most TURN switches or about 20 us) the
 * timers, the descriptors and the global queue, and the next slot loses its privilege; then due timers, the
 * global queue, descriptors; then stealing, as a spinner. At most half of the busy workers spin.
 *
 * Pinned tasks. A thread to which a task is pinned runs nothing else: when the task gives way, the thread
 * hands its processor on and sleeps. A worker that picks a pinned task gives its own processor to the task's
 * thread and goes idle.
 */
#include "sched/sched.h"

/* How long a spinner looks for work while other processors are busy; a wake-up between cores costs more. */
#define SPIN WEFT_US(20)

enum { STEAL_PASSES = 4, PAUSES = 16 };

static void fire_timers(struct weft__thread *self, struct weft__wheel *wheel, weft_time_t now)
{
	struct weft__list ready = { NULL, NULL, 0 };
	bool more;

	if (at_load(&wheel->next, RELAXED) > now)
		return;
	do {
		more = weft__wheel_run(self, wheel, now, &ready);
		weft__make_ready_list(self, &ready);
	} while (more);
}

static void poll_now(struct weft__thread *self, weft_time_t now, int64_t at_most_every_ns)
{
	struct weft__list ready = { NULL, NULL, 0 };
	weft_time_t last = at_load(&rt.polled_at, RELAXED);

	if (at_load(&rt.poll_waiters, RELAXED) == 0 || now - last < at_most_every_ns)
		return;
	if (!at_cas(&rt.polled_at, &last, now, RELAXED, RELAXED))
		return;
	weft__poll(0, &ready);
	weft__make_ready_list(self, &ready);
}

/* A turn is over: give everybody else a chance, and set the length of the next turn to about 20 us. */
static struct weft__task *look_around(struct weft__thread *self, struct weft__proc *p)
{
	weft_time_t now = weft__os_now();
	int64_t each = (now - p->turn_started) / (int64_t)p->turn_length;
	int64_t length = WEFT_US(20) / (each > 0 ? each : 1);

	p->turn_length = length < 1 ? 1 : length > TURN ? TURN : (uint32_t)length;
	p->turn_end = p->ticks + p->turn_length;
	p->turn_started = now;
	fire_timers(self, &p->wheel, now);
	if (at_load(&p->next, RELAXED) != NULL) {
		struct weft__task *t = at_load(&p->next, RELAXED);
		at_store(&p->next, NULL, RELAXED);
		queue_put(p, t);
	}
	poll_now(self, now, WEFT_US(50));
	/* One only: the own queue may be full, and what is taken runs first. */
	return weft__global_take(p, 1);
}

static struct weft__task *steal_pass(struct weft__proc *p)
{
	uint32_t start = choose(CHOOSE_VICTIM, rt.nprocs, &p->random);

	for (uint32_t i = 0; i < rt.nprocs; i++) {
		struct weft__proc *victim = &rt.procs[(start + i) % rt.nprocs];
		struct weft__task *t = victim != p ? weft__steal(p, victim) : NULL;
		if (t != NULL) {
			at_bump(&p->steals, 1);
			return t;
		}
	}
	return weft__global_take(p, RING / 2);
}

static struct weft__task *steal_work(struct weft__thread *self, struct weft__proc *p)
{
	weft_time_t until = 0;

	if (rt.single)
		return NULL;
	if (!self->spinning) {
		uint32_t busy = rt.nprocs - at_load(&rt.idle_procs, RELAXED);
		if (2 * at_load(&rt.spinning, RELAXED) >= busy)
			return NULL;
		at_add(&rt.spinning, 1, ACQ_REL);
		self->spinning = true;
	}
	for (int round = 0;; round++) {
		struct weft__task *t = steal_pass(p);
		if (t != NULL)
			return t;
		answer_if_asked(self);
		if (round < STEAL_PASSES) {
			weft__pause();
			continue;
		}
		for (uint32_t i = 0; i < rt.nprocs; i++)
			if (at_load(&rt.procs[i].wheel.next, RELAXED) != WEFT_NEVER)
				fire_timers(self, &rt.procs[i].wheel, weft__os_now());
		t = queue_take(p);
		/*
		 * While others are busy, more may come soon, and to sleep and be woken costs more than to
		 * look.
		 */
		if (t != NULL || at_load(&rt.idle_procs, RELAXED) + 1 >= rt.nprocs)
			return t;
		if (round == STEAL_PASSES)
			until = weft__os_now() + SPIN;
		else if (weft__os_now() >= until)
			return NULL;
		for (int i = 0; i < PAUSES && !weft__queue_visible(); i++)
			weft__pause();
	}
}

static struct weft__task *find_work(struct weft__thread *self)
{
	for (;;) {
		struct weft__proc *p = self->proc;
		struct weft__task *t = self->diverted;
		answer_if_asked(self);
		if (t != NULL && p != NULL) {
			self->diverted = NULL;
			return t;
		}
		if (p == NULL) {
			weft__go_idle(self);
			continue;
		}
		if (turn_over(p) && (t = look_around(self, p)) != NULL)
			return t;
		if ((t = pick(p)) != NULL)
			return t;
		if (turn_over(p))
			continue;
		if (at_load(&p->wheel.next, RELAXED) != WEFT_NEVER) {
			fire_timers(self, &p->wheel, weft__os_now());
			if ((t = queue_take(p)) != NULL)
				return t;
		}
		if ((t = weft__global_take(p, RING / 2)) != NULL)
			return t;
		if (at_load(&rt.poll_waiters, RELAXED) != 0) {
			poll_now(self, weft__os_now(), WEFT_US(5));
			if ((t = queue_take(p)) != NULL)
				return t;
		}
		if ((t = steal_work(self, p)) != NULL)
			return t;
		weft__go_idle(self);
	}
}

/* The task is pinned to another thread: that thread gets this one's processor. */
static void pass_to_pinned(struct weft__thread *self, struct weft__task *t)
{
	struct weft__thread *to = t->pinned;

	lock_acquire(&rt.lock);
	to->given = self->proc;
	to->given_task = t;
	to->kick = false;
	/* Nobody holds it on the way: else the monitor could take it away from a thread that gave it away. */
	at_store(&self->proc->holder, NULL, RELAXED);
	self->proc = NULL;
	lock_release(&rt.lock);
	weft__thread_wake(to);
}

/* The pinned task gave way: the processor goes on, the thread sleeps until the task is picked by somebody. */
static void wait_for_pinned(struct weft__thread *self)
{
	struct weft__proc *p = self->proc;

	if (p != NULL) {
		self->proc = NULL;
		weft__proc_hand_off(p);
	}
	weft__sleep_until_given(self);
	weft__take_given(self);
}

/* There is no memory for its stack at the moment: the task waits at the end of the global queue. */
static void postpone(struct weft__thread *self, struct weft__task *t)
{
	static uint32_t reported, never;
	struct weft__list list = { NULL, NULL, 0 };

	if (at_xchg(&reported, 1, RELAXED) == 0)
		weft__warn("no memory for a stack: task %llu created at %s waits until others end",
			(unsigned long long)t->id, t->site);
	list_add(&list, t);
	weft__global_put(&list, true);
	/*
	 * Memory comes back when tasks end. Those that have begun go first; without any, look again a
	 * thousand times a second, for nobody announces it.
	 */
	if (queue_length(self->proc) == 0 && at_load(&rt.begun.count, RELAXED) == 0)
		weft__os_futex_wait(&never, 0, weft__os_now() + WEFT_MS(1));
}

void weft__worker_main(struct weft__thread *self)
{
	for (;;) {
		struct weft__task *t = self->given_task;
		if (t != NULL)
			self->given_task = NULL;
		else
			t = find_work(self);
		if (self->spinning)
			weft__stop_spinning(self);
		if (unlikely(t->pinned != NULL && t->pinned != self)) {
			pass_to_pinned(self, t);
			continue;
		}
		if (unlikely(!weft__task_prepare(self, t))) {
			postpone(self, t);
			continue;
		}
		weft__switch_run(self, t);
		if (unlikely(self->pinned != NULL))
			wait_for_pinned(self);
	}
}
