/*
 * worker.c - who runs what: switching, the search for work, waking and sleeping of workers.
 *
 * A worker is a thread that runs tasks while it holds a processor. Its own context (its native stack) is
 * where it looks for work; tasks switch to each other directly and come back here when nothing is at hand or
 * a turn is over.
 *
 * Finding work, in this order: what is at hand; once a turn (at most TURN switches or about 20 us) the
 * timers, the descriptors and the global queue, and the next slot loses its privilege; then due timers, the
 * global queue, descriptors; then stealing, as a spinner. At most half of the busy workers spin.
 *
 * No lost work. Whoever queues a task does: queue's tail or global count; light barrier; idle_procs > 0 and
 * nobody spins -> wake. Whoever goes idle or stops spinning does: idle_procs + 1 or spinning - 1; heavy
 * barrier; look at all queues once more. At least one of the two sees the other. A task in the next slot
 * alone wakes nobody: its processor runs it as soon as the present task gives way, and if that takes long the
 * monitor moves it.
 *
 * Sleeping. Idle threads stand in a list under rt.lock. One of them, the poller thread, sleeps in epoll until
 * the earliest timer; it publishes until when (poll_until) so that an earlier timer kicks it. It keeps the
 * role until it is back from epoll itself, also when a waker has taken it off the list meanwhile: so one
 * thread at a time waits there, and no other can consume a kick that is meant for it. The others sleep on
 * their futex word. A waker takes thread and processor from the lists under rt.lock, writes `given`, and
 * wakes; a thread that wakes by itself (the poller) looks under rt.lock whether it was given something first.
 * So each processor has one owner always.
 *
 * Pinned tasks. A thread to which a task is pinned runs nothing else: when the task gives way, the thread
 * hands its processor on and sleeps. A worker that picks a pinned task gives its own processor to the task's
 * thread and goes idle.
 */
#include <errno.h>
#include <stdio.h>

#include "sched/sched.h"

/* How long a spinner looks for work while other processors are busy; a wake-up between cores costs more. */
#define SPIN WEFT_US(20)

enum { STEAL_PASSES = 4, PAUSES = 16 };

/* ---- switching ---- */

/*
 * Makes `next` runnable right now on this thread; false: it went elsewhere (no memory, or pinned to another
 * thread).
 */
static bool prepare(struct weft__thread *self, struct weft__task *next)
{
	if (unlikely(next->sp == NULL) && unlikely(!weft__task_bind(self->proc, next)))
		return false;
	return likely(next->pinned == NULL) || next->pinned == self;
}

/* The switch proper, from the running task: to `next`, or with NULL to the thread's own context. */
ALWAYS_INLINE SAN_NO_THREAD struct weft__thread *switch_from(
	struct weft__thread *self, struct weft__task *me, struct weft__task *next, enum after after)
{
	self->prev = me;
	self->after = after;
	at_store(&self->task, next, RELAXED);
	self->left_thread = false;
	/* One call for both: a return is predicted when the switch was left through the same call. */
	san_before_switch(&me->san, next != NULL ? &next->san : &self->san, after == AFTER_END);
	weft__arch_switch(&me->sp, next != NULL ? next->sp : self->sp);
	/* Perhaps on another thread. */
	self = weft__self();
	san_after_switch(&me->san, &self->san, self->left_thread);
	return self;
}

/* What to run next without leaving the tasks' side; NULL: the thread's own context must look. */
ALWAYS_INLINE struct weft__task *at_hand(struct weft__thread *self)
{
	struct weft__task *next;

	if (unlikely(self->proc == NULL || self->pinned != NULL))
		return NULL;
	next = pick(self->proc);
	if (next != NULL && unlikely(next->sp == NULL || next->pinned != NULL) && !prepare(self, next)) {
		self->diverted = next;
		return NULL;
	}
	return next;
}

SAN_NO_THREAD struct weft__thread *weft__switch_away(struct weft__thread *self, enum after after)
{
	struct weft__task *me = self->task;

	if (after == AFTER_PARK)
		weft__stack_check(me->stack);
	self = switch_from(self, me, at_hand(self), after);
	weft__after_switch(self);
	return self;
}

SAN_NO_THREAD void weft__switch_end(struct weft__thread *self)
{
	switch_from(self, self->task, at_hand(self), AFTER_END);
	weft__panic("weft is broken: a task that ended was run again");
}

void weft__after_switch(struct weft__thread *self)
{
	struct weft__task *prev = self->prev;
	struct weft__list list = { NULL, NULL, 0 };

	switch ((enum after)self->after) {
	case AFTER_NONE:
		return;
	case AFTER_YIELD:
		queue_put(self->proc, prev);
		wake_if_idle();
		break;
	case AFTER_PARK:
		weft__park_commit(self, prev, self->park);
		break;
	case AFTER_END: {
		struct weft__stack *s = prev->stack;
		at_store(&prev->stack, NULL, RELAXED);
		san_task_unbind(&prev->san);
		weft__task_free(self->proc, prev);
		weft__stack_put(self->proc, s);
		break;
	}
	case AFTER_GLOBAL:
		list_add(&list, prev);
		weft__global_put(&list, false);
		wake_if_idle();
		break;
	}
	self->after = AFTER_NONE;
}

/* Runs a task from the thread's own context, until a task switches back to it. */
SAN_NO_THREAD static void run(struct weft__thread *self, struct weft__task *t)
{
	at_store(&self->task, t, RELAXED);
	self->left_thread = true;
	san_before_switch(&self->san, &t->san, false);
	weft__arch_switch(&self->sp, t->sp);
	san_after_switch(&self->san, &self->san, false);
	weft__after_switch(self);
}

void weft_yield(void)
{
	struct weft__thread *self = weft__self();
	struct weft__task *me, *next;

	if (unlikely(self == NULL || self->task == NULL)) {
		weft__os_thread_yield();
		return;
	}
	self = enter_as(self);
	me = self->task;
	next = at_hand(self);
	/* Alone on this processor, and the turn is not over: nothing to give way to. */
	if (next == NULL && self->diverted == NULL && self->pinned == NULL && !turn_over(self->proc) &&
		at_load(&rt.global_count, RELAXED) == 0) {
		leave(self);
		return;
	}
	self = switch_from(self, me, next, AFTER_YIELD);
	if (likely(self->after == AFTER_YIELD)) {
		self->after = AFTER_NONE;
		queue_put(self->proc, self->prev);
		wake_if_idle();
	} else {
		weft__after_switch(self);
	}
	leave(self);
}

/* ---- ready ---- */

void weft__make_ready(struct weft__thread *self, struct weft__task *t)
{
	struct weft__proc *p = self != NULL ? self->proc : NULL;
	struct weft__task *old;

	if (unlikely(p == NULL) || (CHAOS && choose(CHOOSE_MIGRATE, 4, &p->random) == 0)) {
		struct weft__list list = { NULL, NULL, 0 };
		list_add(&list, t);
		weft__global_put(&list, at_load(&t->sp, RELAXED) == NULL);
		wake_if_idle();
		return;
	}
	old = at_load(&p->next, RELAXED);
	at_store(&p->next, t, RELAXED);
	if (old != NULL) {
		queue_put(p, old);
		wake_if_idle();
	}
}

void weft__make_ready_list(struct weft__thread *self, struct weft__list *list)
{
	struct weft__proc *p = self != NULL ? self->proc : NULL;

	if (list->first == NULL)
		return;
	if (p == NULL || list->count > RING / 2) {
		weft__global_put(list, false);
	} else {
		for (struct weft__task *t = list->first, *next; t != NULL; t = next) {
			next = t->link;
			queue_put(p, t);
		}
		*list = (struct weft__list){ NULL, NULL, 0 };
	}
	wake_if_idle();
}

/* ---- idle lists; all under rt.lock ---- */

struct weft__proc *weft__idle_proc_pop(void)
{
	struct weft__proc *p = rt.idle_proc;

	if (p != NULL) {
		rt.idle_proc = p->idle_next;
		at_store(&rt.idle_procs, rt.idle_procs - 1, RELAXED);
	}
	return p;
}

void weft__idle_proc_push(struct weft__proc *p)
{
	at_store(&p->holder, NULL, RELAXED);
	p->idle_next = rt.idle_proc;
	rt.idle_proc = p;
	at_store(&rt.idle_procs, rt.idle_procs + 1, RELAXED);
}

static void idle_thread_remove(struct weft__thread *t)
{
	struct weft__thread **link = &rt.idle_thread;

	while (*link != t)
		link = &(*link)->idle_next;
	*link = t->idle_next;
	t->idle = false;
	t->kick = t == rt.poller_thread;
	if (t->kick)
		at_store(&rt.poll_until, 0, RELAXED);
}

struct weft__thread *weft__idle_thread_pop(void)
{
	struct weft__thread *t = rt.idle_thread;

	if (t != NULL && t == rt.poller_thread && t->idle_next != NULL)
		t = t->idle_next;
	if (t != NULL)
		idle_thread_remove(t);
	return t;
}

void weft__thread_wake(struct weft__thread *t)
{
	bool kick = t->kick;

	at_add(&rt.wakes, 1, RELAXED);
	at_store(&t->futex, 1, RELEASE); /* pairs with the load in sleep_until_given: publishes given */
	/* The poller thread may be back from epoll already, and wait for the word as the others do. */
	weft__os_futex_wake(&t->futex, 1);
	if (kick)
		weft__os_poller_kick(&rt.poller);
}

/* ---- waking ---- */

static bool timers_due(void)
{
	weft_time_t next = weft__timers_next();

	return next != WEFT_NEVER && next <= weft__os_now();
}

/* A task that a processor without work could run. */
static bool queue_visible(void)
{
	if (at_load(&rt.global_count, RELAXED) != 0)
		return true;
	for (uint32_t i = 0; i < rt.nprocs; i++)
		if (queue_length(&rt.procs[i]) != 0)
			return true;
	return false;
}

/* Anything that a processor without work could do. */
static bool work_visible(void)
{
	return queue_visible() || timers_due();
}

NOINLINE void weft__wake_proc(void)
{
	uint32_t nobody = 0;
	struct weft__proc *p;
	struct weft__thread *t;

	if (!at_cas(&rt.spinning, &nobody, 1, ACQ_REL, RELAXED))
		return;
	lock_acquire(&rt.lock);
	p = weft__idle_proc_pop();
	t = p != NULL ? weft__idle_thread_pop() : NULL;
	if (t != NULL) {
		t->given = p;
		t->spinning = true;
	}
	lock_release(&rt.lock);
	if (p == NULL) {
		at_sub(&rt.spinning, 1, ACQ_REL);
		return;
	}
	monitor_wake();
	if (t != NULL) {
		weft__thread_wake(t);
	} else if (!weft__worker_start(p, true)) {
		lock_acquire(&rt.lock);
		weft__idle_proc_push(p);
		lock_release(&rt.lock);
		at_sub(&rt.spinning, 1, ACQ_REL);
		weft__timers_kick(weft__timers_next());
	}
}

void weft__proc_hand_off(struct weft__proc *p)
{
	if (at_load(&p->next, RELAXED) != NULL) {
		queue_put(p, at_load(&p->next, RELAXED));
		at_store(&p->next, NULL, RELAXED);
	}
	lock_acquire(&rt.lock);
	weft__idle_proc_push(p);
	lock_release(&rt.lock);
	heavy_barrier(); /* idle_procs before the queues: pairs with wake_if_idle */
	if (work_visible())
		wake_if_idle();
	weft__timers_kick(weft__timers_next());
}

/* A spinner found work or gave up: when it was the last, what came meanwhile may need another. */
static void stop_spinning(struct weft__thread *self)
{
	self->spinning = false;
	if (at_sub(&rt.spinning, 1, ACQ_REL) != 1 || at_load(&rt.idle_procs, RELAXED) == 0)
		return;
	heavy_barrier(); /* spinning before the queues: pairs with wake_if_idle */
	if (work_visible())
		wake_if_idle();
}

/* ---- looking for work ---- */

static void hold(struct weft__thread *self, struct weft__proc *p)
{
	self->proc = p;
	at_store(&p->holder, self, RELEASE);
}

static void fire_timers(struct weft__thread *self, struct weft__wheel *wheel, weft_time_t now)
{
	struct weft__list ready = { NULL, NULL, 0 };

	if (at_load(&wheel->next, RELAXED) > now)
		return;
	weft__wheel_run(self, wheel, now, &ready);
	weft__make_ready_list(self, &ready);
}

static void poll_now(struct weft__thread *self, weft_time_t now, int64_t at_most_every_ns)
{
	struct weft__list ready = { NULL, NULL, 0 };
	weft_time_t last = at_load(&rt.polled_at, RELAXED);

	if (at_load(&rt.poll_waiters, RELAXED) == 0 || now - last < at_most_every_ns)
		return;
	if (!at_cas(&rt.polled_at, &last, now, RELAXED, RELAXED))
		return;
	weft__poll(self, 0, &ready);
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
		if (round < STEAL_PASSES) {
			weft__pause();
			continue;
		}
		for (uint32_t i = 0; i < rt.nprocs; i++)
			if (at_load(&rt.procs[i].wheel.next, RELAXED) != WEFT_NEVER)
				fire_timers(self, &rt.procs[i].wheel, weft__os_now());
		t = queue_take(p);
		/* While others are busy, more may come soon, and to sleep and be woken costs more than to look. */
		if (t != NULL || at_load(&rt.idle_procs, RELAXED) + 1 >= rt.nprocs)
			return t;
		if (round == STEAL_PASSES)
			until = weft__os_now() + SPIN;
		else if (weft__os_now() >= until)
			return NULL;
		for (int i = 0; i < PAUSES && !queue_visible(); i++)
			weft__pause();
	}
}

/* Sleeps until somebody gives this thread a processor or merely wakes it. */
static void sleep_until_given(struct weft__thread *self)
{
	while (at_load(&self->futex, ACQUIRE) == 0)
		weft__os_futex_wait(&self->futex, 0, WEFT_NEVER);
	at_store(&self->futex, 0, RELAXED);
}

/* Takes what a waker gave, if it gave a processor. */
static void take_given(struct weft__thread *self)
{
	struct weft__proc *p = self->given;

	self->given = NULL;
	if (p != NULL)
		hold(self, p);
}

/* Goes on with an idle processor, as a spinner: there is work somewhere. */
static void resume_with(struct weft__thread *self, struct weft__proc *p)
{
	hold(self, p);
	self->spinning = true;
	at_add(&rt.spinning, 1, ACQ_REL);
	monitor_wake();
}

/*
 * The poller thread goes to work. Whoever went idle after a waker had taken it off the list could not take
 * the role: the one that is returned must be woken for it. Under rt.lock.
 */
static struct weft__thread *drop_role(struct weft__thread *self, bool listed)
{
	if (rt.poller_thread != self)
		return NULL;
	rt.poller_thread = NULL;
	return listed ? NULL : weft__idle_thread_pop();
}

enum left { STILL_LISTED, OFF_THE_LIST };

/*
 * In the list of idle threads, with work in sight: off the list and on with an idle processor. STILL_LISTED:
 * there is no idle processor, so those that are busy see to the work. OFF_THE_LIST: with a processor, or with
 * none after a waker that gave none.
 */
static enum left leave_idle(struct weft__thread *self)
{
	struct weft__thread *next = NULL;
	struct weft__proc *p = NULL;
	bool listed;

	lock_acquire(&rt.lock);
	listed = self->idle;
	if (listed && (p = weft__idle_proc_pop()) != NULL)
		idle_thread_remove(self);
	if (!listed || p != NULL)
		next = drop_role(self, listed);
	lock_release(&rt.lock);
	if (next != NULL)
		weft__thread_wake(next);
	if (!listed) {
		/* A waker was faster: what it gives is on its way. */
		sleep_until_given(self);
		take_given(self);
		return OFF_THE_LIST;
	}
	if (p == NULL)
		return STILL_LISTED;
	resume_with(self, p);
	return OFF_THE_LIST;
}

/* The poller thread's sleep. Returns with the thread off the idle list, holding a processor or not. */
static void sleep_in_poller(struct weft__thread *self, weft_time_t until)
{
	struct weft__list ready = { NULL, NULL, 0 };
	struct weft__thread *next = NULL;
	struct weft__proc *p = NULL;
	bool listed;

	weft__poll(self, until, &ready);
	lock_acquire(&rt.lock);
	listed = self->idle;
	if (listed) {
		idle_thread_remove(self);
		if (ready.count != 0 || timers_due())
			p = weft__idle_proc_pop();
	}
	next = drop_role(self, listed);
	lock_release(&rt.lock);
	if (next != NULL)
		weft__thread_wake(next);
	if (!listed) {
		sleep_until_given(self);
		take_given(self);
	} else if (p != NULL) {
		resume_with(self, p);
	}
	weft__make_ready_list(self, &ready);
}

/* How long the poller thread may sleep: without an idle processor it could not run what is due. */
static weft_time_t timers_matter(void)
{
	return at_load(&rt.idle_procs, RELAXED) == 0 ? WEFT_NEVER : weft__timers_next();
}

/*
 * Nothing to do: gives up the processor, if it has one, and sleeps until it holds one again. Returns at once,
 * with the processor still held, when the global queue filled meanwhile.
 */
static void go_idle(struct weft__thread *self)
{
	do {
		weft_time_t until = WEFT_NEVER;
		bool poll = false;

		lock_acquire(&rt.lock);
		if (self->proc != NULL) {
			if (rt.global_count != 0) {
				lock_release(&rt.lock);
				return;
			}
			weft__idle_proc_push(self->proc);
			self->proc = NULL;
		}
		self->idle = true;
		self->idle_next = rt.idle_thread;
		rt.idle_thread = self;
		if (rt.poller_thread == NULL) {
			poll = true;
			rt.poller_thread = self;
			until = timers_matter();
			at_store(&rt.poll_until, until, RELAXED);
		}
		/* Under the lock: once it is released, a waker may make this thread a spinner. */
		if (self->spinning) {
			self->spinning = false;
			at_sub(&rt.spinning, 1, ACQ_REL);
		}
		lock_release(&rt.lock);
		/* idle_procs, spinning, poll_until before queues and wheels: pairs with the wakers */
		heavy_barrier();
		if (work_visible() && leave_idle(self) == OFF_THE_LIST)
			continue;
		if (poll) {
			weft_time_t next = timers_matter();
			sleep_in_poller(self, next < until ? next : until);
		} else {
			weft__timers_kick(weft__timers_next());
			sleep_until_given(self);
			take_given(self);
		}
	} while (self->proc == NULL);
	self->proc->turn_started = weft__os_now();
}

static struct weft__task *find_work(struct weft__thread *self)
{
	for (;;) {
		struct weft__proc *p = self->proc;
		struct weft__task *t = self->diverted;
		if (t != NULL && p != NULL) {
			self->diverted = NULL;
			return t;
		}
		if (p == NULL) {
			go_idle(self);
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
		go_idle(self);
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
	sleep_until_given(self);
	take_given(self);
}

/* There is no memory for its stack at the moment: the task waits at the end of the global queue. */
static void postpone(struct weft__thread *self, struct weft__task *t)
{
	static uint32_t reported;
	static uint32_t never;
	struct weft__list list = { NULL, NULL, 0 };

	(void)self;
	if (at_xchg(&reported, 1, RELAXED) == 0)
		weft__warn("no memory for a stack: task %llu created at %s waits until others end",
			(unsigned long long)t->id, t->site);
	list_add(&list, t);
	weft__global_put(&list, true);
	/* Memory comes back when tasks end; nobody announces it, so look again a thousand times a second. */
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
			stop_spinning(self);
		if (unlikely(t->pinned != NULL && t->pinned != self)) {
			pass_to_pinned(self, t);
			continue;
		}
		if (unlikely(!prepare(self, t))) {
			postpone(self, t);
			continue;
		}
		run(self, t);
		if (unlikely(self->pinned != NULL))
			wait_for_pinned(self);
	}
}
