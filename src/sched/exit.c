/*
 * exit.c - what is left when the process ends, and the counts.
 *
 * At exit workers go on running until the process is gone; nothing of weft is torn down under them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sched/sched.h"

static uint32_t report_on;

struct listing {
	unsigned count;
	uint32_t now_ms;
};

static bool runs_somewhere(const struct weft__task *t)
{
	for (struct weft__thread *th = at_load(&rt.all_threads, ACQUIRE); th != NULL; th = th->all_next)
		if (at_load(&th->used, ACQUIRE) && at_load(&th->task, RELAXED) == t)
			return true;
	return false;
}

/* Tasks come and go while they are listed: a line may be out of date by the time it is read. */
__attribute__((no_sanitize("thread"))) void weft__task_line(
	char *line, size_t size, struct weft__task *t, uint32_t now_ms)
{
	const char *reason = at_load(&t->reason, RELAXED);
	int32_t ms = (int32_t)(now_ms - at_load(&t->since_ms, RELAXED));
	char name[NAME_SIZE], state[96];

	memcpy(name, task_name(t), at_load(&t->flags, RELAXED) & TASK_NAMED ? NAME_SIZE : 1);
	name[NAME_SIZE - 1] = '\0';
	if (reason != NULL)
		snprintf(state, sizeof state, "waits: %s, %d ms", reason, ms > 0 ? (int)ms : 0);
	else
		snprintf(state, sizeof state, "%s", runs_somewhere(t) ? "running" : "ready");
	snprintf(line, size, "  task %llu%s%s%s [%s] created at %s",
		(unsigned long long)at_load(&t->id, RELAXED), name[0] ? " \"" : "", name, name[0] ? "\"" : "",
		state, at_load(&t->site, RELAXED));
}

static void list_one(struct weft__task *t, void *arg)
{
	struct listing *listing = arg;
	char line[512];
	size_t n;

	if (listing->count++ == 0)
		(void)!write(STDERR_FILENO, "weft: tasks cut off at exit:\n", 29);
	weft__task_line(line, sizeof line - 1, t, listing->now_ms);
	n = strlen(line);
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, n);
}

static void at_exit(void)
{
	struct listing listing = { 0, (uint32_t)(weft__os_now() / 1000000) };

	if (at_load(&rt.state, ACQUIRE) == RT_RUNNING && at_load(&report_on, RELAXED))
		weft__task_each(list_one, &listing);
}

void weft__exit_setup(bool list)
{
	if (list)
		at_store(&report_on, 1, RELAXED);
	(void)atexit(at_exit);
}

void weft_exit_report(int on)
{
	at_store(&report_on, on != 0, RELAXED);
}

static uint64_t counted(enum weft__count what)
{
	uint64_t n = at_load(&rt.counts[what], RELAXED);

	for (uint32_t i = 0; i < rt.nprocs; i++)
		n += at_load(&rt.procs[i].counts[what], RELAXED);
	return n;
}

int weft_stats_read(weft_stats_t *stats)
{
	weft_stats_t s = { .size = sizeof s };

	if (stats->size != sizeof s)
		return -EINVAL;
	if (at_load(&rt.state, ACQUIRE) == RT_RUNNING) {
		uint64_t ended = 0;
		s.procs = rt.nprocs;
		s.tasks_started = at_load(&rt.guest_started, RELAXED);
		for (uint32_t i = 0; i < rt.nprocs; i++) {
			/* Ended first: a task is counted as started before it can end. */
			ended += at_load(&rt.procs[i].ended, ACQUIRE);
			s.steals += at_load(&rt.procs[i].steals, RELAXED);
			s.stacks_free += at_load(&rt.procs[i].nfree_stacks, RELAXED);
		}
		for (uint32_t i = 0; i < rt.nprocs; i++)
			s.tasks_started += at_load(&rt.procs[i].started, RELAXED);
		s.tasks_alive = s.tasks_started > ended ? s.tasks_started - ended : 0;
		s.retakes = at_load(&rt.retakes, RELAXED);
		s.wakes = at_load(&rt.wakes, RELAXED);
		s.mutex_waits = counted(COUNT_MUTEX_WAITS);
		s.mutex_yields = counted(COUNT_MUTEX_YIELDS);
		s.mutex_handoffs = counted(COUNT_MUTEX_HANDOFFS);
		s.mutex_starving = counted(COUNT_MUTEX_STARVED);
		s.mutex_recovered = counted(COUNT_MUTEX_RECOVERED);
		lock_acquire(&rt.lock);
		s.procs_idle = rt.idle_procs;
		s.threads = rt.nthreads + 1;
		lock_release(&rt.lock);
		uint64_t unused;
		weft__stack_counts(&s.stacks, &unused, &s.guard);
		s.stacks_free += unused;
	}
	*stats = s;
	return 0;
}
