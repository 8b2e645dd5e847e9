/*
 * exit() while workers run all kinds of tasks: the process ends with its status, every time; with and
 * without the list of tasks, from main, from a task and from a thread.
 */
#include "test.h"

static weft_waitgroup_t wg;
static unsigned children;
static int fds[2];

static void churn(void *arg)
{
	for (unsigned i = 0;; i++) {
		switch ((i + (unsigned)(uintptr_t)arg) % 5) {
		case 0:
			weft_yield();
			break;
		case 1:
			weft_sleep(WEFT_US(10));
			break;
		case 2:
			weft_fd_wait(fds[0], WEFT_READABLE, weft_deadline_in(WEFT_US(20)));
			break;
		case 3:
			weft_waitgroup_wait_until(&wg, weft_deadline_in(WEFT_US(5)));
			break;
		default:
			free(malloc(100 + i % 1000));
		}
	}
}

static void spawns(void *arg)
{
	unsigned depth = (unsigned)(uintptr_t)arg;

	weft_yield();
	if (depth < 12) {
		weft_go(spawns, (void *)(uintptr_t)(depth + 1));
		weft_go(spawns, (void *)(uintptr_t)(depth + 1));
	}
}

static void exits(void *arg)
{
	weft_sleep(WEFT_US(500));
	exit(*(int *)arg);
}

static void *exits_on_thread(void *arg)
{
	test_pause_ms(1);
	exit(*(int *)arg);
}

static void busy(void)
{
	static int status = 3;
	pthread_t thread;

	CHECK(pipe(fds) == 0);
	weft_waitgroup_add(&wg, 1);
	weft_exit_report(children % 2 == 0);
	for (uintptr_t i = 0; i < 20; i++)
		CHECK_EQ(weft_go(churn, (void *)i), 0);
	CHECK_EQ(weft_go(spawns, (void *)0), 0);
	switch (children % 3) {
	case 0:
		weft_sleep(WEFT_US(children * 37 % 500));
		exit(status);
	case 1:
		CHECK_EQ(weft_run(exits, &status), 0);
		break;
	default:
		CHECK_EQ(pthread_create(&thread, NULL, exits_on_thread, &status), 0);
		pthread_join(thread, NULL);
	}
}

int main(void)
{
	for (children = 0; children < 50; children++)
		CHILD_ENDS(test_run_child(busy), 3);
	return 0;
}
