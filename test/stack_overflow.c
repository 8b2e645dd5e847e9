/*
 * A stack that is too small: the program ends, and says which task, how large the stack was, and where
 * the task was created; whatever guards the stack.
 */
#include "test.h"

static const char *guard;

/* Each frame takes more than 256 bytes; the result depends on all of them. */
NOINLINE static int recurse(int depth)
{
	volatile char frame[256];

	frame[0] = (char)depth;
	frame[255] = 1;
	if (depth == INT32_MAX)
		return 0;
	return recurse(depth + 1) + frame[0] + frame[255];
}

static void overflow(void *arg)
{
	(void)arg;
	CHECK(recurse(0) == 1 && !"came back from an endless recursion");
}

/*
 * A canary is looked at when the task parks or ends: this is what an overflow just beyond the end
 * leaves behind.
 */
NOINLINE static void scribble(void)
{
	volatile char *lowest =
		(volatile char *)((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(32768 - 1));

	for (int i = 0; i < 64; i++)
		lowest[i] = (char)0xa5;
}

static void overflow_and_park(void *arg)
{
	(void)arg;
	scribble();
	weft_sleep(WEFT_MS(5)); /* long enough to park also where time is slow */
	CHECK(!"parked with a spoilt canary");
}

static void overflow_and_end(void *arg)
{
	(void)arg;
	scribble();
}

static void nothing(void *arg)
{
	(void)arg;
}

/* Starts the runtime with the guard, and leaves what it uses in the note. */
static void find_guard(void)
{
	test_env("WEFT_GUARD", guard);
	CHECK_EQ(weft_run(nothing, NULL), 0);
	NOTE("%s", test_stats().guard);
}

static void start(weft_fn_t *fn)
{
	weft_go_options_t options = { .size = sizeof options, .name = "deep", .stack_size = 32 << 10 };
	weft_waitgroup_t never = WEFT_WAITGROUP_INIT;
	int r;

	test_env("WEFT_GUARD", guard);
	weft_waitgroup_add(&never, 1);
	r = (NOTE("created at %s", WEFT_HERE), weft_go_with(&options, fn, NULL));
	CHECK_EQ(r, 0);
	weft_waitgroup_wait(&never);
}

static void child_overflow(void)
{
	start(overflow);
}

static void child_overflow_and_park(void)
{
	start(overflow_and_park);
}

static void child_overflow_and_end(void)
{
	start(overflow_and_end);
}

static void check(void (*fn)(void), const char *message)
{
	struct test_child *c = test_run_child(fn);

	CHILD_ENDS(c, 2);
	CHILD_SAYS(c, message);
	CHILD_SAYS(c, "task 1 \"deep\"");
	CHILD_SAYS(c, "stack of 32768 bytes");
	CHILD_SAYS(c, c->note);
	CHECK(c->note[0] != '\0');
}

/* ---- faults that are none of weft's ---- */

static char *volatile nowhere = (char *)64;

static void own_handler(int signal, siginfo_t *info, void *context)
{
	static const char text[] = "own handler\n";

	(void)signal;
	(void)context;
	if (info->si_addr == nowhere && write(STDERR_FILENO, text, sizeof text - 1) > 0)
		_exit(7);
	_exit(8);
}

static void touch_nothing(void *arg)
{
	(void)arg;
	*nowhere = 1;
}

/*
 * The program's handler, which was there before the runtime was, gets them: in a task and on a plain
 * thread.
 */
static void install_own(void)
{
	struct sigaction action = { .sa_sigaction = own_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
}

static void fault_in_task(void)
{
	install_own();
	CHECK_EQ(weft_run(touch_nothing, NULL), 0);
}

static void fault_on_thread(void)
{
	install_own();
	CHECK_EQ(weft_run(nothing, NULL), 0);
	touch_nothing(NULL);
}

static void fault_without_handler(void)
{
	signal(SIGSEGV, SIG_DFL);
	CHECK_EQ(weft_run(touch_nothing, NULL), 0);
}

int main(void)
{
	static const char *const guards[] = { "madvise", "mprotect", "canary" };

	for (size_t i = 0; i < ARRAY_LEN(guards); i++) {
		char effective[16];
		guard = guards[i];
		CHILD_ENDS(test_run_child(find_guard), 0);
		snprintf(effective, sizeof effective, "%s", test_child.note);
		fprintf(stderr, "WEFT_GUARD=%s: %s\n", guard, effective);
		/* madvise is the kernel's to offer; the others work everywhere. */
		CHECK(i == 0 || strcmp(effective, guard) == 0);
		if (strcmp(effective, "canary") == 0) {
			check(child_overflow_and_park, "stack overflow found after the fact");
			check(child_overflow_and_end, "stack overflow found after the fact");
		} else {
			check(child_overflow, "stack overflow");
		}
	}
	guard = "nonsense";
	CHILD_ENDS(test_run_child(find_guard), 0);
	CHILD_SAYS(&test_child, "WEFT_GUARD=nonsense");

	CHILD_ENDS(test_run_child(fault_in_task), 7);
	CHILD_SAYS(&test_child, "own handler");
	CHILD_ENDS(test_run_child(fault_on_thread), 7);
	struct test_child *c = test_run_child(fault_without_handler);
	CHECK(WIFSIGNALED(c->status) && WTERMSIG(c->status) == SIGSEGV);
	return 0;
}
