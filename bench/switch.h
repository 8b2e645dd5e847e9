/*
 * switch.h - the bench `switch`: tasks that do nothing but yield to each other.
 *
 * Each of `tasks` tasks yields until every one has yielded n times.
 *
 * On several processors the value is the wall time divided by tasks * n. A task that has a processor for
 * itself yields faster than the others and gains nothing by it: what counts is when the slowest arrives. So
 * a placement of 3 and 1 on two processors, or of 4 and none, shows as the loss that it is.
 *
 * With two tasks on one processor every yield is a switch, and the value is the wall time divided by all
 * yields that were made. A yield that does not switch would be cheap; so the counters must move in step: in
 * each window of WINDOW yields of one task the other has made as many, give or take SLACK. (Go's scheduler
 * looks at its global queue first at each 61st turn and finds there the one that has just yielded: a drift
 * of 3 %.) WINDOW is odd and prime, so that no batching hides in it.
 */
#ifndef BENCH_SWITCH_H
#define BENCH_SWITCH_H

#include "bench.h"

#include <stdalign.h>
#include <stdatomic.h>

#define SWITCH_WINDOW 1021
#define SWITCH_SLACK (SWITCH_WINDOW / 10)
#define SWITCH_TASKS_MAX 64

struct switch_task {
	alignas(BENCH_LINE) atomic_long count; /* yields so far; written by its task, read by its partner */
	struct switch_task *partner;
	long windows;
	long uneven; /* windows in which the partner was out of step */
};

static struct switch_task switch_tasks[SWITCH_TASKS_MAX];
static atomic_long switch_reached; /* tasks that have made n yields */
static long switch_count, switch_goal;

static inline void switch_setup(long tasks, long n)
{
	BENCH_CHECK(tasks <= SWITCH_TASKS_MAX, "at most %d tasks", SWITCH_TASKS_MAX);
	switch_count = tasks;
	switch_goal = n;
	for (long i = 0; i < tasks; i++)
		switch_tasks[i].partner = &switch_tasks[(i + 1) % tasks];
}

/* The body of one task. Inlined into each peer, so that the yield is a direct call. */
__attribute__((always_inline)) static inline void switch_body(struct switch_task *task, void (*yield)(void))
{
	long mine = 0, theirs = 0;
	bool reached = false;

	while (atomic_load_explicit(&switch_reached, memory_order_relaxed) < switch_count) {
		for (int i = 0; i < SWITCH_WINDOW; i++) {
			yield();
			atomic_store_explicit(&task->count, ++mine, memory_order_relaxed);
		}
		long seen = atomic_load_explicit(&task->partner->count, memory_order_relaxed);
		task->windows++;
		if (labs(seen - theirs - SWITCH_WINDOW) > SWITCH_SLACK)
			task->uneven++;
		theirs = seen;
		if (!reached && mine >= switch_goal) {
			reached = true;
			atomic_fetch_add_explicit(&switch_reached, 1, memory_order_relaxed);
		}
	}
}

/* Windows out of step, as a share of all. */
static inline double switch_uneven(void)
{
	long windows = 0, uneven = 0;

	for (long i = 0; i < switch_count; i++) {
		windows += switch_tasks[i].windows;
		uneven += switch_tasks[i].uneven;
	}
	return (double)uneven / (double)windows;
}

/* True when two tasks share one processor. */
static inline bool switch_is_pair(long procs)
{
	return procs == 1 && switch_count == 2;
}

/* Prints the value after all tasks have ended. */
static inline void switch_report(long procs, int64_t wall_ns)
{
	long all = 0, counted;

	for (long i = 0; i < switch_count; i++) {
		long made = atomic_load(&switch_tasks[i].count);
		BENCH_CHECK(made >= switch_goal, "task %ld made only %ld yields", i, made);
		all += made;
	}
	counted = switch_is_pair(procs) ? all : switch_count * switch_goal;
	bench_emit("switch", (double)wall_ns / (double)counted, "ns");
}

#endif /* BENCH_SWITCH_H */
