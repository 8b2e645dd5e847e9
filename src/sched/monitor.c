/*
 * monitor.c - the thread that watches: processors whose task blocks or burns, next slots that wait, polls
 * that are overdue.
 *
 * It ticks every TICK_MIN while it finds something to do, more and more slowly down to TICK_MAX while it does
 * not, and sleeps on its futex word once all processors have idled for a while; who makes the first processor
 * busy wakes it. It holds no processor and touches processors' data only after it has taken them (see
 * sched.h).
 *
 * A processor is stuck when its count of switches stands still. What the monitor does then:
 *   the next slot waits, another processor idles   borrow the processor, move the slot to the global queue,
 *                                                  wake the other
 *   the thread blocks in the kernel: it uses no CPU, and does not merely wait for one
 *     others wait and nobody idles                 take the processor at once
 *     else                                         take it after BLOCKED_LONG, so that it counts as idle
 *   the thread burns                               take it after BURNED_LONG, if others wait and nobody idles
 * User code and system calls look alike from outside, so the thread's CPU clock tells them apart, and its
 * state in /proc tells a sleeper from one that the kernel preempted.
 */
#include "sched/sched.h"

#define TICK_MIN WEFT_US(50)
#define TICK_MAX WEFT_US(2500)
#define TICK_WAIT WEFT_US(500)
#define TICK_RETRY WEFT_MS(1)
#define TICK_IDLE WEFT_US(250)
#define NEXT_WAITED WEFT_US(50)
#define BLOCKED_SHORT WEFT_US(100)
#define BLOCKED_LONG WEFT_MS(10)
#define BURNED_LONG WEFT_MS(10)
#define POLL_OVERDUE WEFT_MS(10)

enum { QUIET_ROUNDS = 20, IDLE_ROUNDS = 8 };

/* Takes (or borrows) the processor from a thread that is outside. */
static bool retake(struct weft__proc *p, struct weft__thread *holder, enum claim how)
{
	uint32_t claim = CLAIM_NONE;

	if (!at_cas(&holder->claim, &claim, CLAIM_CLAIMED, ACQ_REL, RELAXED))
		return false;
	heavy_barrier(); /* claim before inside and section: pairs with enter and bias_begin */
	claim = CLAIM_CLAIMED;
	/* Outside and claimed, the thread can neither get nor lose a processor: what it holds is known. */
	if (at_load(&holder->section, ACQUIRE) != NULL || at_load(&holder->inside, ACQUIRE) != 0 ||
		at_load(&p->holder, ACQUIRE) != holder) {
		at_cas(&holder->claim, &claim, CLAIM_NONE, ACQ_REL, RELAXED);
		return false;
	}
	return at_cas(&holder->claim, &claim, (uint32_t)how, ACQ_REL, RELAXED);
}

static bool take_away(struct weft__proc *p, struct weft__thread *holder)
{
	if (!weft__thread_available() || !retake(p, holder, CLAIM_TAKEN))
		return false;
	at_add(&rt.retakes, 1, RELAXED);
	weft__proc_hand_off(p);
	return true;
}

/* The next slot waits behind a task that does not give way, and another processor idles. */
static bool free_next_slot(struct weft__proc *p, struct weft__thread *holder)
{
	struct weft__list list = { NULL, NULL, 0 };

	if (!retake(p, holder, CLAIM_BORROWED))
		return false;
	if (at_load(&p->next, RELAXED) != NULL) {
		list_add(&list, at_load(&p->next, RELAXED));
		at_store(&p->next, NULL, RELAXED);
	}
	at_store(&holder->claim, CLAIM_NONE, RELEASE);
	if (list.first == NULL)
		return false;
	weft__global_put(&list, at_load(&list.first->sp, RELAXED) == NULL);
	wake_if_idle();
	return true;
}

static bool due(weft_time_t when, weft_time_t now)
{
	return when != WEFT_NEVER && when <= now;
}

/* Does the thread sleep in the kernel? Compares its CPU clock with the last look. */
static bool blocks(struct weft__proc *p, struct weft__thread *holder, weft_time_t now)
{
	int64_t cpu = weft__os_thread_cpu(holder->tid);
	int64_t used = cpu - p->seen_cpu, passed = now - p->seen_cpu_at;
	bool first = p->seen_cpu < 0;

	if (cpu < 0)
		return false;
	if (first || passed >= BLOCKED_SHORT) {
		p->seen_cpu = cpu;
		p->seen_cpu_at = now;
	}
	if (first || passed < BLOCKED_SHORT || used > passed / 8)
		return false;
	return weft__os_thread_sleeps(holder->tid) > 0;
}

enum seen { QUIET, OTHERS_IDLE, OTHERS_WAIT, ACTED };

/* Looks at one processor. OTHERS_WAIT: the task on it may soon have to lose it. */
static enum seen watch(struct weft__proc *p, weft_time_t now)
{
	struct weft__thread *holder = at_load(&p->holder, ACQUIRE);
	uint32_t ticks = at_load(&p->ticks, RELAXED);
	bool idlers = at_load(&rt.idle_procs, RELAXED) != 0;
	bool waiting;
	int64_t stuck;

	if (holder == NULL)
		return QUIET;
	if (holder != p->seen_holder || ticks != p->seen_ticks) {
		p->seen_holder = holder;
		p->seen_ticks = ticks;
		p->seen_at = now;
		p->seen_cpu = -1;
		return QUIET;
	}
	stuck = now - p->seen_at;
	if (idlers) {
		if (queue_length(p) != 0 || due(at_load(&p->wheel.next, RELAXED), now - NEXT_WAITED)) {
			return wake_if_idle() ? ACTED : QUIET;
		}
		if (stuck >= NEXT_WAITED && at_load(&p->next, RELAXED) != NULL && free_next_slot(p, holder))
			return ACTED;
	}
	waiting = at_load(&p->next, RELAXED) != NULL || queue_length(p) != 0 ||
		  at_load(&rt.global_count, RELAXED) != 0 || due(weft__timers_next(), now - NEXT_WAITED);
	if (!blocks(p, holder, now)) {
		if (stuck < BURNED_LONG || !waiting || idlers)
			return waiting && !idlers ? OTHERS_WAIT : QUIET;
	} else if (stuck < BLOCKED_LONG && (!waiting || idlers)) {
		return QUIET;
	}
	return take_away(p, holder) ? ACTED : QUIET;
}

/* Nobody looked at the descriptors for long, because all processors burn. */
static bool poll_overdue(weft_time_t now)
{
	struct weft__list ready = { NULL, NULL, 0 };
	weft_time_t last = at_load(&rt.polled_at, RELAXED);

	if (at_load(&rt.poll_waiters, RELAXED) == 0 || at_load(&rt.poll_until, RELAXED) != 0)
		return false;
	if (now - last < POLL_OVERDUE || !at_cas(&rt.polled_at, &last, now, RELAXED, RELAXED))
		return false;
	weft__poll(0, &ready);
	weft__make_ready_list(NULL, &ready);
	return true;
}

/* All processors idle: nothing to watch until one is taken up again, or stacks want to give memory back. */
static void sleep_deep(weft_time_t until)
{
	at_store(&rt.monitor_asleep, 1, RELAXED);
	heavy_barrier(); /* monitor_asleep before idle_procs: pairs with monitor_wake after the pop */
	if (at_load(&rt.idle_procs, RELAXED) == rt.nprocs && at_load(&rt.poller_thread, RELAXED) != NULL &&
		!weft__work_visible())
		while (at_load(&rt.monitor_asleep, RELAXED) != 0)
			if (weft__os_futex_wait(&rt.monitor_asleep, 1, until) < 0)
				break;
	at_store(&rt.monitor_asleep, 0, RELAXED);
}

/* All processors idle. Returns how long to sleep until the next look. */
static int64_t all_idle(int rounds, weft_time_t scavenge)
{
	if (weft__work_visible()) {
		/* Whoever queued it could not get a thread. */
		wake_if_idle();
		return TICK_RETRY;
	}
	if (weft__poller_ensure())
		return TICK_RETRY;
	/* A program that pauses often must not wake the monitor each time it goes on. */
	if (rounds > IDLE_ROUNDS)
		sleep_deep(scavenge);
	return at_load(&rt.idle_procs, RELAXED) == rt.nprocs ? TICK_IDLE : TICK_MIN;
}

/* Some processor is busy. */
static enum seen some_busy(weft_time_t now)
{
	enum seen most = QUIET;

	for (uint32_t i = 0; i < rt.nprocs; i++) {
		enum seen seen = watch(&rt.procs[i], now);
		most = seen > most ? seen : most;
	}
	if (poll_overdue(now))
		most = ACTED;
	if (weft__poller_ensure())
		most = ACTED;
	if (at_load(&rt.idle_procs, RELAXED) != 0) {
		/* Where a thread could not be started, work waits although a processor idles. */
		if (weft__work_visible() && wake_if_idle())
			most = ACTED;
		most = most == QUIET ? OTHERS_IDLE : most;
	}
	return most;
}

void weft__monitor_main(void *arg)
{
	static uint32_t never;
	int64_t tick = TICK_MIN;
	int quiet = 0, idle = 0;

	(void)arg;
	weft__os_thread_precise();
	for (;;) {
		weft_time_t now, scavenge;
		enum seen seen;

		weft__os_futex_wait(&never, 0, weft__os_now() + tick);
		now = weft__os_now();
		at_store(&rt.coarse_ms, (uint32_t)(now / 1000000), RELAXED);
		scavenge = weft__stack_scavenge(now);
		if (at_load(&rt.idle_procs, RELAXED) == rt.nprocs) {
			tick = all_idle(++idle, scavenge);
			quiet = 0;
			continue;
		}
		if (idle != 0 && tick > TICK_MIN)
			tick = TICK_MIN;
		idle = 0;
		seen = some_busy(now);
		if (seen == ACTED) {
			tick = TICK_MIN;
			quiet = 0;
		} else if (++quiet > QUIET_ROUNDS) {
			tick = tick * 2 > TICK_MAX ? TICK_MAX : tick * 2;
		}
		if (seen != QUIET && tick > TICK_WAIT)
			tick = TICK_WAIT;
	}
}
