/*
 * lab_mutex_run.c - one round of `weft lab mutex`: some tasks, one mutex, so many milliseconds.
 *
 * Every task counts for itself, and adds one to a counter under the mutex. In the end the counter must be
 * the sum: two holders at once would lose some.
 *
 * The wait of every call is measured, for the longest is the one that a sample would miss. To read a clock
 * takes as long as a short section, so:
 *
 *   short   The clock is read once an operation, after the unlock, where it keeps nobody waiting. From one
 *           reading to the next goes one operation; what it took beyond the usual (measured by one task
 *           alone, at the beginning) is the wait. It is exact to some nanoseconds, and tells no difference
 *           between a wait and a processor that the system took away meanwhile: neither can the task.
 *   long    The section takes so long that the clock may be read right after the lock, too: the wait is the
 *           time of the call.
 *   hog     The same, by the tasks that want it for a moment. The hog sleeps while it holds the mutex, so
 *           that a processor is free: what the others wait for is the policy, and nothing else.
 *
 * All policies are burdened alike. Nothing is shared in measuring: each task has a histogram of its own, and
 * they are added up at the end. A bucket is 1/16 of a power of two wide.
 *
 * The mutex is locked by the function, in parentheses, not by the inline of the header, which knows the
 * default policy's word alone: so all go the same way, at the price of a call.
 *
 * A task that gets nothing until the round is over gets it then, as the others have stopped: a wait is as
 * long as the round at most, so that in a longer round a starving policy is worse still.
 */
#include "lab_mutex.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weft/sync.h>
#include <weft/task.h>

enum {
	LINE = 64,
	FINE_BITS = 4, /* of a number below its first, that tell its bucket */
	FINE = 1 << FINE_BITS,
	BUCKETS = (40 - FINE_BITS) * FINE /* up to 2^39 ns */
};

/* A task and what it has seen. */
struct worker {
	_Alignas(LINE) struct mutex_arena *arena;
	uint64_t count;
	weft_time_t longest;
	uint32_t waits[BUCKETS];
};

/* What the mutex protects lies beside it, as it does in programs. */
struct mutex_arena {
	_Alignas(LINE) weft_mutex_t mutex;
	uint64_t counter;
	uint64_t number;
	_Alignas(LINE) uint64_t steps; /* from here on constant during a round */
	weft_time_t alone;
	weft_time_t end;
	weft_waitgroup_t ready, gate, ended;
	struct worker *workers;
	uint64_t *merged; /* BUCKETS */
};

struct mutex_arena *mutex_arena_create(unsigned tasks)
{
	struct mutex_arena *arena = aligned_alloc(LINE, sizeof *arena);

	if (arena == NULL)
		return NULL;
	memset(arena, 0, sizeof *arena);
	arena->workers = aligned_alloc(LINE, tasks * sizeof *arena->workers);
	arena->merged = calloc(BUCKETS, sizeof *arena->merged);
	if (arena->workers == NULL || arena->merged == NULL) {
		mutex_arena_destroy(arena);
		return NULL;
	}
	return arena;
}

void mutex_arena_destroy(struct mutex_arena *arena)
{
	if (arena == NULL)
		return;
	free(arena->workers);
	free(arena->merged);
	free(arena);
}

/* ---- the histogram ---- */

static unsigned bucket_of(weft_time_t wait)
{
	uint64_t ns = wait < 0 ? 0 : (uint64_t)wait;
	unsigned shift, bucket;

	if (ns < FINE)
		return (unsigned)ns;
	shift = 63 - FINE_BITS - (unsigned)__builtin_clzll(ns);
	bucket = (shift << FINE_BITS) + (unsigned)(ns >> shift);
	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The longest wait that falls into it. */
static double bucket_end(unsigned bucket)
{
	unsigned shift;

	if (bucket < FINE)
		return bucket;
	shift = (bucket >> FINE_BITS) - 1;
	return (double)((((uint64_t)(bucket & (FINE - 1)) + FINE + 1) << shift) - 1);
}

static void add_wait(struct worker *w, weft_time_t wait)
{
	if (wait > w->longest)
		w->longest = wait;
	w->waits[bucket_of(wait)]++;
}

/* So that a thousandth of the waits are longer, at most. */
static double percentile(const uint64_t *buckets, double longest)
{
	uint64_t all = 0, seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		all += buckets[i];
	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += buckets[i];
		if (seen >= all - all / 1000)
			return bucket_end(i) < longest ? bucket_end(i) : longest;
	}
	return longest;
}

/* ---- what the tasks do ---- */

/* Each step needs the one before. */
static uint64_t take_steps(uint64_t number, uint64_t steps)
{
	for (uint64_t i = 0; i < steps; i++) {
		number ^= number >> 32;
		number *= 0x9e3779b97f4a7c15u;
	}
	return number;
}

static void section(struct mutex_arena *arena)
{
	arena->counter++;
	arena->number = take_steps(arena->number, arena->steps);
}

static void begin(struct mutex_arena *arena)
{
	weft_waitgroup_done(&arena->ready);
	weft_waitgroup_wait(&arena->gate);
}

static void work_short(void *arg)
{
	struct worker *w = arg;
	struct mutex_arena *arena = w->arena;
	weft_time_t before, now;

	begin(arena);
	before = weft_now();
	do {
		(weft_mutex_lock)(&arena->mutex);
		section(arena);
		(weft_mutex_unlock)(&arena->mutex);
		now = weft_now();
		add_wait(w, now - before - arena->alone);
		before = now;
		w->count++;
	} while (now < arena->end);
}

static void work_long(void *arg)
{
	struct worker *w = arg;
	struct mutex_arena *arena = w->arena;
	weft_time_t asked;

	begin(arena);
	asked = weft_now();
	do {
		(weft_mutex_lock)(&arena->mutex);
		add_wait(w, weft_now() - asked);
		section(arena);
		(weft_mutex_unlock)(&arena->mutex);
		w->count++;
		asked = weft_now();
	} while (asked < arena->end);
}

static void work_as_hog(void *arg)
{
	struct worker *w = arg;
	struct mutex_arena *arena = w->arena;

	begin(arena);
	do {
		(weft_mutex_lock)(&arena->mutex);
		arena->counter++;
		weft_sleep(HOG_NS);
		(weft_mutex_unlock)(&arena->mutex);
		w->count++;
	} while (weft_now() < arena->end);
}

static void work_beside_hog(void *arg)
{
	struct worker *w = arg;
	struct mutex_arena *arena = w->arena;
	weft_time_t asked, got;

	begin(arena);
	do {
		weft_sleep(HOG_NS);
		asked = weft_now();
		(weft_mutex_lock)(&arena->mutex);
		got = weft_now();
		arena->counter++;
		(weft_mutex_unlock)(&arena->mutex);
		add_wait(w, got - asked);
		w->count++;
	} while (got < arena->end);
}

static weft_fn_t *work_of(enum mutex_kind kind, bool first)
{
	if (kind == MUTEX_HOG)
		return first ? work_as_hog : work_beside_hog;
	return kind == MUTEX_SHORT ? work_short : work_long;
}

/* ---- a round ---- */

/* What is read at its begin and end. */
struct reading {
	weft_time_t now;
	double cpu_s;
	weft_stats_t stats;
};

static struct reading read_all(void)
{
	struct reading r = { .stats = { .size = sizeof r.stats } };
	struct timespec cpu = { 0, 0 };

	(void)weft_stats_read(&r.stats);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	r.cpu_s = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	r.now = weft_now();
	return r;
}

/* What the tasks have seen, those from `first` on. */
struct sum {
	uint64_t count, least;
	weft_time_t longest;
	double p999;
};

static struct sum add_up(struct mutex_arena *arena, unsigned first, unsigned tasks)
{
	struct sum sum = { .least = UINT64_MAX };

	memset(arena->merged, 0, BUCKETS * sizeof *arena->merged);
	for (unsigned i = first; i < tasks; i++) {
		const struct worker *w = &arena->workers[i];
		sum.count += w->count;
		if (w->count < sum.least)
			sum.least = w->count;
		if (w->longest > sum.longest)
			sum.longest = w->longest;
		for (unsigned k = 0; k < BUCKETS; k++)
			arena->merged[k] += w->waits[k];
	}
	sum.p999 = percentile(arena->merged, (double)sum.longest);
	return sum;
}

static void keep(struct mutex_arena *arena, const struct mutex_load *load, const struct reading *from,
	const struct reading *to, struct mutex_cell *cell, unsigned round)
{
	bool hog = load->kind == MUTEX_HOG;
	struct sum sum = add_up(arena, hog, load->tasks);
	uint64_t hog_count = hog ? arena->workers[0].count : 0, all = sum.count + hog_count;
	double seconds = (double)(to->now - from->now) / 1e9, thousands = (double)all / 1000;
	double figures[FIGURES];

	cell->wrong |= arena->counter != all;
	figures[FIG_OPS] = (double)sum.count / seconds;
	figures[FIG_HOG] = (double)hog_count / seconds;
	figures[FIG_LONGEST] = (double)sum.longest;
	figures[FIG_P999] = sum.p999;
	figures[FIG_SHARE] = (double)sum.least * load->tasks / (double)all;
	figures[FIG_CPU] = (to->cpu_s - from->cpu_s) / seconds;
	figures[FIG_WAITS] = (double)(to->stats.mutex_waits - from->stats.mutex_waits) / thousands;
	figures[FIG_YIELDS] = (double)(to->stats.mutex_yields - from->stats.mutex_yields) / thousands;
	figures[FIG_HANDOFFS] = (double)(to->stats.mutex_handoffs - from->stats.mutex_handoffs) / thousands;
	figures[FIG_STARVING] = (double)(to->stats.mutex_starving - from->stats.mutex_starving) / seconds;
	for (int i = 0; i < FIGURES; i++)
		cell->rounds[i][round] = figures[i];
}

static void prepare(struct mutex_arena *arena, const struct mutex_load *load, weft_mutex_policy_t policy)
{
	arena->mutex = (weft_mutex_t)WEFT_MUTEX_INIT_POLICY(policy);
	arena->counter = 0;
	arena->number = 1;
	for (unsigned i = 0; i < load->tasks; i++) {
		memset(&arena->workers[i], 0, sizeof arena->workers[i]);
		arena->workers[i].arena = arena;
	}
}

int mutex_round(struct mutex_arena *arena, const struct mutex_scale *scale, const struct mutex_load *load,
	weft_mutex_policy_t policy, unsigned ms, struct mutex_cell *cell, unsigned round)
{
	struct reading from, to;
	unsigned started = 0;
	int err = 0;

	prepare(arena, load, policy);
	arena->steps = load->kind == MUTEX_LONG ? scale->long_steps : scale->short_steps;
	arena->alone = (weft_time_t)scale->alone_ns;
	weft_waitgroup_add(&arena->gate, 1);
	while (started < load->tasks && err == 0) {
		weft_waitgroup_add(&arena->ready, 1);
		err = weft_waitgroup_go(
			&arena->ended, work_of(load->kind, started == 0), &arena->workers[started]);
		if (err < 0)
			weft_waitgroup_done(&arena->ready);
		else
			started++;
	}
	weft_waitgroup_wait(&arena->ready);
	from = read_all();
	arena->end = err == 0 ? from.now + WEFT_MS(ms) : from.now;
	weft_waitgroup_done(&arena->gate);
	weft_waitgroup_wait(&arena->ended);
	to = read_all();
	if (err == 0)
		keep(arena, load, &from, &to, cell, round);
	return err;
}

/* ---- the scale ---- */

/* What one turn of so many takes, in ns: the least of several tries, as others may have the CPU meanwhile. */
static double least_ns(struct mutex_arena *arena, void (*turns)(struct mutex_arena *arena, int n), int n)
{
	double least = 0;

	for (int try = 0; try < 20; try++) {
		weft_time_t begin = weft_now();
		double each;
		turns(arena, n);
		each = (double)(weft_now() - begin) / n;
		if (try == 0 || each < least)
			least = each;
	}
	return least;
}

static void turn_clock(struct mutex_arena *arena, int n)
{
	for (int i = 0; i < n; i++)
		arena->number += (uint64_t)weft_now();
}

static void turn_steps(struct mutex_arena *arena, int n)
{
	arena->number = take_steps(arena->number, (uint64_t)n);
}

/* As work_short. */
static void turn_alone(struct mutex_arena *arena, int n)
{
	struct worker *w = &arena->workers[0];
	weft_time_t before = weft_now(), now;

	for (int i = 0; i < n; i++) {
		(weft_mutex_lock)(&arena->mutex);
		section(arena);
		(weft_mutex_unlock)(&arena->mutex);
		now = weft_now();
		add_wait(w, now - before - arena->alone);
		before = now;
		w->count++;
	}
}

void mutex_measure_scale(struct mutex_arena *arena, struct mutex_scale *scale)
{
	struct mutex_load load = { MUTEX_SHORT, 1 };
	double step_ns;

	prepare(arena, &load, WEFT_MUTEX_DEFAULT);
	scale->clock_ns = least_ns(arena, turn_clock, 1000);
	step_ns = least_ns(arena, turn_steps, 10000);
	scale->short_steps = step_ns < SHORT_NS ? (uint64_t)(SHORT_NS / step_ns) : 1;
	scale->long_steps = step_ns < LONG_NS ? (uint64_t)(LONG_NS / step_ns) : 1;
	scale->short_ns = step_ns * (double)scale->short_steps;
	scale->long_ns = step_ns * (double)scale->long_steps;
	arena->steps = scale->short_steps;
	scale->alone_ns = least_ns(arena, turn_alone, 2000);
}
