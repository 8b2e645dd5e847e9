/* bench_weft.h - what the weft peers share. */
#ifndef BENCH_WEFT_H
#define BENCH_WEFT_H

#include "bench.h"

#include <weft/weft.h>

/* Runs fn(arg) as a task of a runtime with procs processors. To be called before anything else of weft. */
static inline void bench_weft_run(long procs, weft_fn_t *fn, void *arg)
{
	char text[24];
	int err;

	snprintf(text, sizeof text, "%ld", procs);
	if (setenv("WEFT_PROCS", text, 1))
		bench_die("setenv: %s", strerror(errno));
	BENCH_CHECK(weft_procs() == (unsigned)procs, "weft uses %u processors, not %ld", weft_procs(), procs);
	err = weft_run(fn, arg);
	BENCH_CHECK(err == 0, "weft_run: %s", weft_strerror(err));
}

/* Starts a task; there is no bench without it. */
#define BENCH_GO(fn, arg)                                                                                    \
	do {                                                                                                 \
		int bench_err_ = weft_go((fn), (arg));                                                       \
		BENCH_CHECK(bench_err_ == 0, "weft_go: %s", weft_strerror(bench_err_));                      \
	} while (0)

/* What every call here must return is 0. */
#define BENCH_OK(call)                                                                                       \
	do {                                                                                                 \
		int bench_err_ = (call);                                                                     \
		BENCH_CHECK(bench_err_ == 0, "%s: %s", #call, weft_strerror(bench_err_));                    \
	} while (0)

/* The channels of the benches. */
typedef WEFT_CHAN(long) bench_chan_t;

static inline bench_chan_t bench_chan(size_t capacity)
{
	bench_chan_t ch = WEFT_CHAN_CREATE(long, capacity);

	BENCH_CHECK(ch, "no memory for a channel");
	return ch;
}

#endif /* BENCH_WEFT_H */
