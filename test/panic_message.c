/*
 * A panic ends the program with status 2 and tells the message, the task, where it was created, and the
 * stack.
 */
#include "test.h"

static char x[] = "x";

static void panics(void *arg)
{
	weft_panic("the number is %d, the text %s", 42, (const char *)arg);
}

static void named(void)
{
	weft_go_options_t options = { .size = sizeof options, .name = "loser" };
	int r;

	r = (NOTE("in task 1 \"loser\", created at %s\n", WEFT_HERE), weft_go_with(&options, panics, x));
	CHECK_EQ(r, 0);
	weft_sleep_until(WEFT_NEVER);
}

static void unnamed(void)
{
	int r = (NOTE("in task 1, created at %s\n", WEFT_HERE), weft_go(panics, x));

	CHECK_EQ(r, 0);
	weft_sleep_until(WEFT_NEVER);
}

static void given_site(void)
{
	weft_go_options_t options = { .size = sizeof options, .name = "n", .site = "config.ini:7" };

	NOTE("in task 1 \"n\", created at config.ini:7\n");
	CHECK_EQ(weft_go_with(&options, panics, x), 0);
	weft_sleep_until(WEFT_NEVER);
}

static weft_waitgroup_t wg;

static void by_group(void)
{
	int r = (NOTE("in task 1, created at %s\n", WEFT_HERE), weft_waitgroup_go(&wg, panics, x));

	CHECK_EQ(r, 0);
	weft_sleep_until(WEFT_NEVER);
}

WEFT_TASK(typed, int, n, const char *, text)
{
	weft_panic("the number is %d, the text %s", n, text);
}

static void by_macro(void)
{
	int r = (NOTE("in task 1, created at %s\n", WEFT_HERE), WEFT_GO(typed, 42, "x"));

	CHECK_EQ(r, 0);
	weft_sleep_until(WEFT_NEVER);
}

static void on_thread(void)
{
	NOTE("on a plain thread (%d)\n", (int)getpid());
	panics(x);
}

static void on_thread_with_runtime(void)
{
	test_begin();
	NOTE("on a plain thread (%d)\n", (int)getpid());
	panics(x);
}

/* Handlers of exit do not run. */
static void at_exit(void)
{
	fprintf(stderr, "at exit\n");
}

static void with_at_exit(void)
{
	atexit(at_exit);
	panics(x);
}

/* A long message is cut, not lost. */
static void long_message(void)
{
	static char text[5000];

	memset(text, 'y', sizeof text - 1);
	NOTE("the number is 42, the text yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
	panics(text);
}

static unsigned ready;

static void panic_together(void *arg)
{
	at_add(&ready, 1, RELAXED);
	while (at_load(&ready, RELAXED) < 2)
		;
	weft_panic("the number is %d, the text x", 42 + 0 * *(int *)arg);
}

static void two_at_once(void)
{
	static int args[2] = { 1, 2 };

	test_env("WEFT_PROCS", "2");
	CHECK_EQ(weft_go(panic_together, &args[0]), 0);
	CHECK_EQ(weft_go(panic_together, &args[1]), 0);
	weft_sleep_until(WEFT_NEVER);
}

/* Deep in calls: each has its line. */
static weft_fn_t *volatile innermost = panics;

NOINLINE static void deeper(int n)
{
	if (n == 0)
		innermost(x);
	else
		deeper(n - 1);
	__asm__ volatile(""); /* no tail call */
}

static void deep_task(void *arg)
{
	(void)arg;
	deeper(10);
}

static void deep(void)
{
	weft_run(deep_task, NULL);
}

/* How many lines of a stack there are. */
static unsigned count_frames(const struct test_child *c)
{
	const char *stack = strstr(c->err, "stack:\n");

	CHECK(stack != NULL);
	return test_count_text(stack, "\n    ");
}

int main(void)
{
	static void (*const all[])(void) = { named, unnamed, given_site, by_group, by_macro, on_thread,
		on_thread_with_runtime, with_at_exit };
	unsigned frames;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		MUST_PANIC(all[i], "weft: panic: the number is 42, the text x\n");
		CHECK_EQ(test_count_text(test_child.err, "weft: panic"), 1);
		CHECK(count_frames(&test_child) >= 2);
		CHECK(strstr(test_child.err, "at exit") == NULL);
	}
	MUST_PANIC(long_message, "the number is 42");

	for (int i = 0; i < 10; i++) {
		MUST_PANIC(two_at_once, "the number is 42, the text x\n");
		CHECK_EQ(test_count_text(test_child.err, "weft: panic"), 1);
		CHECK_EQ(test_count_text(test_child.err, "stack:"), 1);
	}

	MUST_PANIC(unnamed, "stack:\n");
	frames = count_frames(&test_child);
	MUST_PANIC(deep, "stack:\n");
	CHECK(count_frames(&test_child) >= frames + 10);
	return 0;
}
