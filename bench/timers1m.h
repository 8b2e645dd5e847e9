/*
 * timers1m.h - the bench `timers1m`: n tasks each sleep once, for a time between 0 and 1 s that comes from
 * a fixed seed, and note how late they woke: now - (start + duration), with start read in the task just
 * before it sleeps. Wall time is from the first spawn to the last end; processor time is the process's
 * over the same span. No sleep may end early.
 */
#ifndef BENCH_TIMERS1M_H
#define BENCH_TIMERS1M_H

#include "bench.h"

#define TIMERS_SEED 42
#define TIMERS_UNSET INT64_MIN

struct timers_sleep {
	int64_t duration_ns;
	int64_t late_ns; /* written once, by the task */
};

static inline struct timers_sleep *timers_make(long n)
{
	struct timers_sleep *sleeps = calloc((size_t)n, sizeof *sleeps);
	uint64_t state = TIMERS_SEED;

	BENCH_CHECK(sleeps, "no memory");
	for (long i = 0; i < n; i++) {
		sleeps[i].duration_ns = (int64_t)(bench_random(&state) % 1000000000u);
		sleeps[i].late_ns = TIMERS_UNSET;
	}
	return sleeps;
}

/* Checks what the tasks noted and prints the metrics. */
static inline void timers_report(const struct timers_sleep *sleeps, long n, int64_t wall_ns, double cpu_s)
{
	double sum = 0;
	int64_t most = 0, longest = 0;

	for (long i = 0; i < n; i++) {
		BENCH_CHECK(sleeps[i].late_ns != TIMERS_UNSET, "sleep %ld did not end", i);
		BENCH_CHECK(sleeps[i].late_ns >= 0, "sleep %ld ended %" PRId64 " ns early", i,
			-sleeps[i].late_ns);
		sum += (double)sleeps[i].late_ns;
		if (sleeps[i].late_ns > most)
			most = sleeps[i].late_ns;
		if (sleeps[i].duration_ns > longest)
			longest = sleeps[i].duration_ns;
	}
	BENCH_CHECK(wall_ns >= longest, "done before the longest sleep could be");
	bench_emit("timers1m", (double)wall_ns / 1e9, "s");
	bench_emit("timers1m_cpu", cpu_s, "s");
	bench_emit("timers1m_late", sum / (double)n / 1e6, "ms");
	bench_emit("timers1m_late_max", (double)most / 1e6, "ms");
}

#endif /* BENCH_TIMERS1M_H */
