/*
 * mutex_contended.h - the bench `mutex_contended`: tasks that all want one mutex, all of the time.
 *
 * Each of `tasks` tasks does nothing but this, for `ms` milliseconds: it locks the mutex, counts and takes
 * STEPS steps on a number, each of which needs the one before (about 10 ns in all), and unlocks. Counter and
 * number lie beside the mutex, as data does that is protected by it. In the end the counter must be the sum
 * of what the tasks have counted for themselves, and the number what so many steps make of it: two holders
 * at once would lose some.
 *
 *     mutex_contended        operations of all tasks a second
 *     mutex_contended_wait   the longest that a call waited for the lock
 *     mutex_contended_share  the fewest operations of a task, as a share of the mean
 *     mutex_contended_cores  processor time, user and system, a second
 *     mutex_contended_tick   the longest time between two ticks of the clock below: what _wait may be off by
 *
 * Tasks wait at a gate until all have begun; time is from its opening until the last has ended, and each has
 * at most one operation after the end.
 *
 * The wait of every call is taken, and a call of a clock at each would be most of the work. So the clock is a
 * word in memory, set by somebody else every TICK_NS: to read it twice is two loads of a line that seldom
 * changes. Who sets it is a process of its own, in all peers: a goroutine that sleeps would have to get a
 * processor back first and come late, and its time would count as the peer's. It asks for a real-time
 * priority, since the CPUs are busy; where that is refused, _tick tells what came of it.
 */
#ifndef BENCH_MUTEX_CONTENDED_H
#define BENCH_MUTEX_CONTENDED_H

#include "bench.h"

#include <signal.h>
#include <stdalign.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTENDED_TASKS_MAX 64
#define CONTENDED_STEPS 6
#define CONTENDED_SEED 1
#define CONTENDED_TICK_NS 100000

struct contended_clock {
	alignas(BENCH_LINE) int64_t now; /* the monotonic clock at the last tick. Atomic */
	alignas(BENCH_LINE) int64_t gap; /* the longest time between two ticks. Atomic */
};

/* What the mutex protects. */
struct contended_data {
	uint64_t counter;
	uint64_t number;
};

/* A task's own figures. */
struct contended_task {
	alignas(BENCH_LINE) uint64_t count;
	int64_t longest_ns;
};

enum { CONTENDED_PROCS, CONTENDED_TASKS, CONTENDED_MS };
static struct bench_option contended_options[] = { { "procs", 0 }, { "tasks", 0 }, { "ms", 1000 } };
static struct contended_task contended_tasks[CONTENDED_TASKS_MAX];
static struct contended_clock *contended_clock; /* shared with the process that sets it */
static pid_t contended_ticker;
static int64_t contended_end; /* by that clock; set before the gate opens */
static int64_t contended_begin_ns;
static double contended_begin_cpu;

static inline int64_t contended_now(void)
{
	return __atomic_load_n(&contended_clock->now, __ATOMIC_RELAXED);
}

static inline uint64_t contended_steps(uint64_t x)
{
	for (int i = 0; i < CONTENDED_STEPS; i++) {
		x ^= x >> 32;
		x *= 0x9e3779b97f4a7c15u;
	}
	return x;
}

/* The process that sets the clock, until its parent is gone. */
__attribute__((noreturn)) static inline void contended_tick(pid_t parent)
{
	struct timespec span = { 0, CONTENDED_TICK_NS };
	struct sched_param priority;
	int64_t before = 0, now;

	memset(&priority, 0, sizeof priority);
	priority.sched_priority = 1;
	prctl(PR_SET_TIMERSLACK, 1);
	sched_setscheduler(0, SCHED_FIFO, &priority);
	for (; getppid() == parent; before = now) {
		now = bench_now_ns();
		if (before && now - before > __atomic_load_n(&contended_clock->gap, __ATOMIC_RELAXED))
			__atomic_store_n(&contended_clock->gap, now - before, __ATOMIC_RELAXED);
		__atomic_store_n(&contended_clock->now, now, __ATOMIC_RELAXED);
		nanosleep(&span, NULL);
	}
	_exit(0);
}

/* Reads the arguments and starts the clock. The first thing of all, as it forks. */
static inline void contended_setup(int argc, char **argv)
{
	pid_t self = getpid();
	void *page;

	BENCH_PARSE(argc, argv, contended_options);
	BENCH_CHECK(contended_options[CONTENDED_TASKS].value <= CONTENDED_TASKS_MAX, "at most %d tasks",
		CONTENDED_TASKS_MAX);
	page = mmap(NULL, sizeof *contended_clock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	BENCH_CHECK(page != MAP_FAILED, "mmap: %s", strerror(errno));
	contended_clock = (struct contended_clock *)page;
	contended_ticker = fork();
	BENCH_CHECK(contended_ticker >= 0, "fork: %s", strerror(errno));
	if (contended_ticker == 0)
		contended_tick(self);
	while (contended_now() == 0)
		sched_yield();
}

/* To be called when all tasks are at the gate, before it is opened. */
static inline void contended_begin(void)
{
	__atomic_store_n(&contended_clock->gap, 0, __ATOMIC_RELAXED);
	contended_begin_cpu = bench_cpu_s();
	contended_begin_ns = bench_now_ns();
	contended_end = contended_now() + 1000000 * (int64_t)contended_options[CONTENDED_MS].value;
}

/* The body of one task. Inlined into each peer, so that lock and unlock are direct calls. */
__attribute__((always_inline)) static inline void contended_body(
	struct contended_task *task, struct contended_data *data, void (*lock)(void), void (*unlock)(void))
{
	uint64_t count = 0;
	int64_t longest = 0, end = contended_end, asked, got;

	do {
		asked = contended_now();
		lock();
		got = contended_now();
		data->counter++;
		data->number = contended_steps(data->number);
		unlock();
		if (got - asked > longest)
			longest = got - asked;
		count++;
	} while (got < end);
	task->count = count;
	task->longest_ns = longest;
}

/* To be called when all tasks have ended: checks what they have done and prints the metrics. */
static inline void contended_report(const struct contended_data *data)
{
	double cpu_s = bench_cpu_s() - contended_begin_cpu;
	double wall_s = (double)(bench_now_ns() - contended_begin_ns) / 1e9;
	int64_t gap_ns = __atomic_load_n(&contended_clock->gap, __ATOMIC_RELAXED), longest_ns = 0;
	long tasks = contended_options[CONTENDED_TASKS].value;
	uint64_t sum = 0, least = UINT64_MAX, number = CONTENDED_SEED;

	kill(contended_ticker, SIGKILL);
	waitpid(contended_ticker, NULL, 0);
	for (long i = 0; i < tasks; i++) {
		const struct contended_task *task = &contended_tasks[i];
		BENCH_CHECK(task->count > 0, "task %ld did nothing", i);
		sum += task->count;
		if (task->count < least)
			least = task->count;
		if (task->longest_ns > longest_ns)
			longest_ns = task->longest_ns;
	}
	BENCH_CHECK(data->counter == sum, "it counted to %" PRIu64 " of %" PRIu64, data->counter, sum);
	for (uint64_t i = 0; i < sum; i++)
		number = contended_steps(number);
	BENCH_CHECK(data->number == number, "not every step began where the one before had ended");
	bench_emit("mutex_contended", (double)sum / wall_s / 1e6, "M/s");
	bench_emit("mutex_contended_wait", (double)longest_ns / 1e6, "ms");
	bench_emit("mutex_contended_share", 100 * (double)least * (double)tasks / (double)sum, "%");
	bench_emit("mutex_contended_cores", cpu_s / wall_s, "CPUs");
	bench_emit("mutex_contended_tick", (double)gap_ns / 1e6, "ms");
}

#endif /* BENCH_MUTEX_CONTENDED_H */
