/*
 * What workers take from the process: the CPUs that it had at the start, not those of the thread that happens
 * to start them; stacks large enough for its thread-local data; and a fault signal that somebody sent still
 * ends the process.
 */
#include "test.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static _Thread_local char large[1 << 20];
static unsigned most_cpus;

static unsigned cpus(void)
{
	cpu_set_t set;

	CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
	return (unsigned)CPU_COUNT(&set);
}

static void uses_thread_local(void *arg)
{
	volatile char *p = large;

	(void)arg;
	p[sizeof large - 1] = 1;
	CHECK_EQ(p[sizeof large - 1], 1);
	CHECK_EQ(cpus(), most_cpus);
}

static void first_is_pinned(void *arg)
{
	cpu_set_t one;
	int cpu = 0;

	(void)arg;
	weft_pin();
	CHECK_EQ(sched_getaffinity(0, sizeof one, &one), 0);
	while (!CPU_ISSET(cpu, &one))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
	CHECK_EQ(cpus(), 1);
	/* Parks: another thread must run the rest. */
	CHECK_EQ(weft_run(uses_thread_local, NULL), 0);
}

static void sends_fault(void)
{
	CHECK_EQ(weft_run(uses_thread_local, NULL), 0);
	kill(getpid(), SIGSEGV);
	for (;;)
		pause();
}

int main(void)
{
	pid_t child;
	int status;

	most_cpus = cpus();
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		sends_fault();
	}
	CHECK(waitpid(child, &status, 0) == child);
#if !defined(WEFT__ASAN) && !defined(WEFT__TSAN) /* they take the signal for themselves */
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
#endif
	test_begin();
	CHECK_EQ(weft_run(first_is_pinned, NULL), 0);
	test_end();
	return 0;
}
