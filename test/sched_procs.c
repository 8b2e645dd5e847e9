/*
 * How many processors: WEFT_PROCS, else the CPUs of the affinity mask; nonsense is reported and not
 * followed.
 */
#include "test.h"

#include <sched.h>

static void seven(void)
{
	test_env("WEFT_PROCS", "7");
	CHECK_EQ(weft_procs(), 7);
	CHECK_EQ(test_stats().procs, 7);
	CHECK_EQ(weft_procs(), 7);
}

static void by_mask(void)
{
	cpu_set_t set;

	CHECK(unsetenv("WEFT_PROCS") == 0);
	CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
	/* A control group's quota may leave less than the mask, but one is always left. */
	CHECK(weft_procs() >= 1 && weft_procs() <= (unsigned)CPU_COUNT(&set));
}

static void one_by_mask(void)
{
	cpu_set_t set;

	CHECK(unsetenv("WEFT_PROCS") == 0);
	CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
	for (int i = 0, found = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set) && found++ > 0)
			CPU_CLR(i, &set);
	CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
	CHECK_EQ(weft_procs(), 1);
}

static const char *nonsense;

static void with_nonsense(void)
{
	test_env("WEFT_PROCS", nonsense);
	CHECK(weft_procs() >= 1 && weft_procs() < 1000);
}

static void before_start(void)
{
	weft_stats_t s = test_stats();

	/* Reading counts starts nothing. */
	CHECK(s.procs == 0 && s.threads == 0 && s.tasks_alive == 0 && s.tasks_started == 0);
	s.size = sizeof s - 1;
	CHECK_EQ(weft_stats_read(&s), -EINVAL);
	s.size = 0;
	CHECK_EQ(weft_stats_read(&s), -EINVAL);
#if !defined(WEFT__TSAN)
	/* An emulator has threads of its own. */
	if (getenv("WEFT_CROSS") == NULL)
		CHECK_EQ(test_count_dir("/proc/self/task"), 3);
#endif
}

int main(void)
{
	static const char *const all_nonsense[] = { "0", "-1", "many", "2x", "99999999999999999999", "4097" };

	CHILD_ENDS(test_run_child(before_start), 0);
	CHILD_ENDS(test_run_child(seven), 0);
	CHILD_ENDS(test_run_child(by_mask), 0);
	if (getenv("WEFT_CROSS") == NULL)
		CHILD_ENDS(test_run_child(one_by_mask), 0);
	for (size_t i = 0; i < ARRAY_LEN(all_nonsense); i++) {
		nonsense = all_nonsense[i];
		CHILD_ENDS(test_run_child(with_nonsense), 0);
		CHILD_SAYS(&test_child, "WEFT_PROCS");
	}
	return 0;
}
