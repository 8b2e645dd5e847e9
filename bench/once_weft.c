/*
 * once, peer weft: the second and every further call for a once. Each is an atomic load, which no compiler
 * leaves out or merges with another. Eight calls a turn: the loop itself costs as much as one.
 */
#include "bench_weft.h"

static struct bench_option options[] = { { "procs", 0 }, { "n", 8000000000 } };
static weft_once_t once = WEFT_ONCE_INIT;
static int ran;

static void run(void *arg)
{
	(void)arg;
	ran++;
}

static void start(void *arg)
{
	long n = options[1].value;
	int64_t begin, wall_ns;

	(void)arg;
	BENCH_CHECK(n % 8 == 0, "n is not a multiple of 8");
	BENCH_OK(weft_once_do(&once, run, NULL));
	begin = bench_now_ns();
	for (long i = 0; i < n; i += 8) {
		BENCH_OK(weft_once_do(&once, run, NULL));
		BENCH_OK(weft_once_do(&once, run, NULL));
		BENCH_OK(weft_once_do(&once, run, NULL));
		BENCH_OK(weft_once_do(&once, run, NULL));
		BENCH_OK(weft_once_do(&once, run, NULL));
		BENCH_OK(weft_once_do(&once, run, NULL));
		BENCH_OK(weft_once_do(&once, run, NULL));
		BENCH_OK(weft_once_do(&once, run, NULL));
	}
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(ran == 1, "it ran %d times", ran);
	bench_emit("once", (double)wall_ns / (double)n, "ns");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
