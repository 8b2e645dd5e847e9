/*
 * At exit the tasks that are cut off are listed, if that was asked for: id, name, what they do, where
 * they come from.
 */
#include "test.h"

#include "waiting.h"

static weft_waitgroup_t never, arrived;
static int fds[2];
static unsigned stop;

static void waits(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&arrived);
	weft_waitgroup_wait(&never);
}

static void sleeps(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&arrived);
	weft_sleep(WEFT_S(1000));
}

static void reads(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&arrived);
	weft_fd_wait(fds[0], WEFT_READABLE, WEFT_NEVER);
}

static void burns(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&arrived);
	while (!at_load(&stop, RELAXED))
		;
}

static void ends(void *arg)
{
	(void)arg;
}

/* Three tasks that wait and one that burns; others has the number of those that are there besides. */
static const char *start_all(unsigned others)
{
	weft_go_options_t options = { .size = sizeof options, .name = "the waiter" };
	const char *site;
	int r;

	CHECK(pipe(fds) == 0);
	weft_waitgroup_add(&never, 1);
	weft_waitgroup_add(&arrived, 4);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_go(ends, NULL), 0);
	r = (site = WEFT_HERE, weft_go_with(&options, waits, NULL));
	CHECK_EQ(r, 0);
	CHECK_EQ(weft_go(sleeps, NULL), 0);
	CHECK_EQ(weft_go(reads, NULL), 0);
	CHECK_EQ(weft_go(burns, NULL), 0);
	weft_waitgroup_wait(&arrived);
	WAIT_FOR(test_stats().tasks_alive == 4 + others && waiting() == 3);
	return site;
}

static void asked_by_environment(void)
{
	test_env("WEFT_EXIT_TASKS", "1");
	weft_task_set_name("nobody");
	NOTE("created at %s\n", start_all(0));
}

static void asked_by_call(void)
{
	NOTE("created at %s\n", start_all(0));
	weft_exit_report(1);
}

static void asked_before_start(void)
{
	weft_exit_report(1);
	NOTE("created at %s\n", start_all(0));
	exit(5);
}

static void exits(void *arg)
{
	weft_task_set_name("the leaver");
	start_all(1);
	weft_exit_report(1);
	exit(*(int *)arg);
}

static void exit_in_task(void)
{
	int status = 6;

	weft_run(exits, &status);
}

static void not_asked(void)
{
	start_all(0);
}

static void no_more_asked(void)
{
	test_env("WEFT_EXIT_TASKS", "1");
	start_all(0);
	weft_exit_report(0);
}

static void nothing_to_say(void)
{
	test_env("WEFT_EXIT_TASKS", "1");
	CHECK_EQ(weft_run(ends, NULL), 0);
	WAIT_FOR(test_stats().tasks_alive == 0);
}

static void asked_but_never_started(void)
{
	weft_exit_report(1);
}

static void check_list(const struct test_child *c, unsigned tasks)
{
	CHILD_SAYS(c, "weft: tasks cut off at exit:\n");
	CHILD_SAYS(c, "\"the waiter\" [waits: waitgroup");
	CHILD_SAYS(c, "[waits: sleep");
	CHILD_SAYS(c, "[waits: readable descriptor");
	CHILD_SAYS(c, "[running]");
	CHILD_SAYS(c, c->note);
	CHECK_EQ(test_count_text(c->err, "\n  task "), tasks);
	CHECK_EQ(test_count_text(c->err, "exit_report.c:"), tasks);
}

int main(void)
{
	struct test_child *c;

	c = test_run_child(asked_by_environment);
	CHILD_ENDS(c, 0);
	check_list(c, 4);
	c = test_run_child(asked_by_call);
	CHILD_ENDS(c, 0);
	check_list(c, 4);
	c = test_run_child(asked_before_start);
	CHILD_ENDS(c, 5);
	check_list(c, 4);
	c = test_run_child(exit_in_task);
	CHILD_ENDS(c, 6);
	check_list(c, 5);
	CHILD_SAYS(c, "\"the leaver\" [running]");

	static void (*const silent[])(
		void) = { not_asked, no_more_asked, nothing_to_say, asked_but_never_started };
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		c = test_run_child(silent[i]);
		CHILD_ENDS(c, 0);
		if (c->err[0] != '\0')
			test_fail("case %zu wrote:\n%s\n", i, c->err);
	}
	return 0;
}
