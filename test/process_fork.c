/*
 * fork in a program with a runtime: the child may exec or _exit; if it uses weft it is told so in plain
 * words. A task that calls pthread_exit is told, too.
 */
#include "test.h"

#include <spawn.h>

extern char **environ;

static weft_waitgroup_t never;

static void parked(void *arg)
{
	(void)arg;
	weft_waitgroup_wait(&never);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void start_some(void)
{
	weft_waitgroup_add(&never, 1);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_go(parked, NULL), 0);
	CHECK_EQ(weft_run(nothing, NULL), 0);
}

/* Forks, runs fn in the child, and ends with the child's status. */
static void in_fork(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		alarm(20 * test_slow());
		fn();
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	/* The parent's runtime is as it was. */
	CHECK_EQ(weft_run(nothing, NULL), 0);
	_exit(WEXITSTATUS(status));
}

static void goes(void)
{
	weft_go(nothing, NULL);
}

static void runs(void)
{
	weft_run(nothing, NULL);
}

static void asks_procs(void)
{
	weft_procs();
}

static void times(void)
{
	static weft_timer_t timer;

	weft_timer_after(&timer, 0, nothing, NULL);
}

static void waits(void)
{
	weft_waitgroup_wait(&never);
}

/* ---- a channel whose lock is biased to a worker, which is in the middle of it most of the time ---- */

static weft_chan_t *busy;
static unsigned rounds; /* atomic */

static void uses_channel(void *arg)
{
	long v = 0;

	(void)arg;
	for (;;) {
		weft_chan_try_send(busy, &v);
		weft_chan_try_recv(busy, &v);
		at_bump(&rounds, 1);
	}
}

static void tries_channel(void)
{
	long v = 0;

	weft_chan_try_send(busy, &v);
}

static void fork_beside_channel(void)
{
	busy = weft_chan_create(sizeof(long), 2); /* there is always room */
	CHECK(busy != NULL);
	CHECK_EQ(weft_go(uses_channel, NULL), 0);
	WAIT_FOR(at_load(&rounds, RELAXED) > 100000);
	in_fork(tries_channel);
}

static void (*child_does)(void);

static void fork_from_main(void)
{
	start_some();
	in_fork(child_does);
}

static void fork_in_task(void *arg)
{
	(void)arg;
	in_fork(child_does);
}

static void fork_from_task(void)
{
	start_some();
	weft_run(fork_in_task, NULL);
}

static void harmless(void)
{
	/* What needs no runtime. */
	CHECK(weft_now() > 0);
	CHECK(strcmp(weft_strerror(-ENOMEM), "") != 0);
	CHECK_EQ(weft_task_id(), 0);
	weft_yield();
	CHECK_EQ(weft_sleep(WEFT_MS(1)), 0);
}

static void harmless_exit(void)
{
	harmless();
	exit(0);
}

static void execs(void)
{
	execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
	_exit(9);
}

static void execs_in_task(void *arg)
{
	int status;
	pid_t pid;

	(void)arg;
	for (int i = 0; i < 10; i++) {
		char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
			(char *)(uintptr_t) "exit 3", NULL };
		CHECK_EQ(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ), 0);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	}
}

static void spawn_from_tasks(void)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;

	start_some();
	for (int i = 0; i < 4; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, execs_in_task, NULL), 0);
	weft_waitgroup_wait(&wg);
	_exit(0);
}

/* Forked before the runtime was started: the child may start its own. */
static void fork_first(void)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	CHECK_EQ(weft_run(nothing, NULL), 0);
	if (pid == 0)
		_exit(4);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
}

/* exec replaces a process whose workers are busy. */
static void burn(void *arg)
{
	(void)arg;
	for (;;)
		weft_yield();
}

static void exec_while_busy(void)
{
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_go(burn, NULL), 0);
	execs();
}

WEFT_UNUSED static void leaves_thread(void *arg)
{
	weft_task_set_name("quitter");
	pthread_exit(arg);
}

WEFT_UNUSED static void pthread_exit_in_task(void)
{
	weft_run(leaves_thread, NULL);
}

/* On a plain thread that used weft it is what it always was. */
static void *exits_thread(void *arg)
{
	CHECK_EQ(weft_run(nothing, NULL), 0);
	pthread_exit(arg);
}

static void pthread_exit_on_thread(void)
{
	pthread_t thread;
	void *result;
	int value;

	for (int i = 0; i < 20; i++) {
		CHECK_EQ(pthread_create(&thread, NULL, exits_thread, &value), 0);
		CHECK_EQ(pthread_join(thread, &result), 0);
		CHECK(result == &value);
	}
}

int main(void)
{
	static void (*const misuses[])(void) = { goes, runs, asks_procs, times, waits };
	static void (*const fine[])(void) = { harmless, harmless_exit, execs };

#if defined(WEFT__TSAN)
	SKIP("ThreadSanitizer does not follow a fork of a process with threads");
#endif
	for (size_t i = 0; i < ARRAY_LEN(misuses); i++) {
		child_does = misuses[i];
		MUST_PANIC(fork_from_main, "was forked");
		MUST_PANIC(fork_from_task, "was forked");
	}
	for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
		child_does = fine[i];
#if defined(WEFT__ASAN)
		/* The leak check waits for locks that another thread may have held at the fork. */
		if (child_does == harmless_exit)
			continue;
#endif
		CHILD_ENDS(test_run_child(fork_from_main), 0);
		CHILD_ENDS(test_run_child(fork_from_task), 0);
	}
	MUST_PANIC(fork_beside_channel, "was forked");
	CHILD_ENDS(test_run_child(spawn_from_tasks), 0);
	CHILD_ENDS(test_run_child(fork_first), 0);
	CHILD_ENDS(test_run_child(exec_while_busy), 0);
#if !defined(WEFT__ASAN)
	/* AddressSanitizer does not expect the end of a thread on another stack than its own. */
	MUST_PANIC(pthread_exit_in_task, "pthread_exit");
	CHILD_SAYS(&test_child, "\"quitter\"");
#endif
	CHILD_ENDS(test_run_child(pthread_exit_on_thread), 0);
	return 0;
}
