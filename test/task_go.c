/* weft-test: label=valgrind */
/*
 * Tasks started from everywhere: they run once each, with an id of their own, their name and their
 * stack.
 */
#include "test.h"

enum { PTHREADS = 3, EACH = 100 };

struct seen {
	uint64_t id;
	char name[64];
	int arg;
};

static weft_waitgroup_t wg;
static struct seen seen[1024];
static unsigned nseen;

static void look(void *arg)
{
	struct seen *s = &seen[at_add(&nseen, 1, ACQ_REL)];

	s->id = weft_task_id();
	snprintf(s->name, sizeof s->name, "%s", weft_task_name());
	s->arg = *(int *)arg;
	weft_waitgroup_done(&wg);
}

static void *start_from_pthread(void *arg)
{
	for (int i = 0; i < EACH; i++)
		CHECK_EQ(weft_go(look, arg), 0);
	CHECK_EQ(weft_task_id(), 0);
	CHECK(strcmp(weft_task_name(), "") == 0);
	return NULL;
}

static void start_from_task(void *arg)
{
	CHECK(weft_task_id() > 0);
	for (int i = 0; i < EACH; i++)
		CHECK_EQ(weft_go(look, arg), 0);
	weft_waitgroup_done(&wg);
}

static int by_id(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void from_everywhere(void)
{
	static int args[] = { 1, 2, 3, 4, 5 };
	unsigned of[6] = { 0 };
	pthread_t threads[PTHREADS];
	uint64_t started = test_stats().tasks_started;

	weft_waitgroup_add(&wg, (PTHREADS + 2) * EACH + 1);
	for (int i = 0; i < PTHREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, start_from_pthread, &args[i]), 0);
	CHECK_EQ(weft_go(start_from_task, &args[3]), 0);
	for (int i = 0; i < EACH; i++)
		CHECK_EQ(weft_go(look, &args[4]), 0);
	for (int i = 0; i < PTHREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(weft_waitgroup_wait(&wg), 0);

	CHECK_EQ(nseen, (PTHREADS + 2) * EACH);
	CHECK_EQ(test_stats().tasks_started - started, nseen + 1);
	qsort(seen, nseen, sizeof *seen, by_id);
	for (unsigned i = 0; i < nseen; i++) {
		CHECK(seen[i].id > 0);
		CHECK(i == 0 || seen[i].id != seen[i - 1].id);
		CHECK(strcmp(seen[i].name, "") == 0);
		of[seen[i].arg]++;
	}
	for (int i = 1; i <= 5; i++)
		CHECK_EQ(of[i], EACH);
	nseen = 0;
}

static void check_name(const char *given, const char *expected)
{
	weft_go_options_t options = { .size = sizeof options, .name = given };
	static int arg = 0;

	weft_waitgroup_add(&wg, 1);
	CHECK_EQ(weft_go_with(&options, look, &arg), 0);
	weft_waitgroup_wait(&wg);
	CHECK(strcmp(seen[0].name, expected) == 0);
	nseen = 0;
}

static void rename_self(void *arg)
{
	(void)arg;
	weft_task_set_name("first");
	CHECK(strcmp(weft_task_name(), "first") == 0);
	weft_yield();
	CHECK(strcmp(weft_task_name(), "first") == 0);
	weft_task_set_name("a name of more than twenty-three bytes");
	CHECK(strcmp(weft_task_name(), "a name of more than twe") == 0);
	weft_task_set_name(NULL);
	CHECK(strcmp(weft_task_name(), "") == 0);
}

static void names(void)
{
	char copy[16] = "worker";

	check_name(copy, "worker");
	check_name("", "");
	check_name("12345678901234567890123", "12345678901234567890123");
	check_name("123456789012345678901234", "12345678901234567890123");
	CHECK_EQ(weft_run(rename_self, NULL), 0);
	weft_task_set_name("not a task");
	CHECK(strcmp(weft_task_name(), "") == 0);
}

/* Uses all of its stack but a few KiB, and parks with it in use. */
static void use_stack(void *arg)
{
	size_t size = *(size_t *)arg;
	volatile char *memory = __builtin_alloca(size);

	for (size_t i = size; i > 0; i -= 64)
		memory[i - 1] = (char)i;
	weft_yield();
	for (size_t i = size; i > 0; i -= 64)
		CHECK(memory[i - 1] == (char)i);
	weft_waitgroup_done(&wg);
}

static void stack_sizes(void)
{
	static const size_t sizes[] = { 16 << 10, 20000, 32 << 10, 64 << 10, 65537, 1 << 20, 8 << 20 };
	static const size_t uses[] = { 8 << 10, 24 << 10, 24 << 10, 56 << 10, 120 << 10, 1000 << 10,
		8000 << 10 };
	weft_go_options_t options = { .size = sizeof options };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		/* The least stack is four pages. */
		if (sizes[i] < 4 * (size_t)sysconf(_SC_PAGESIZE))
			continue;
		options.stack_size = sizes[i];
		weft_waitgroup_add(&wg, 1);
		CHECK_EQ(weft_go_with(&options, use_stack, (void *)(uintptr_t)&uses[i]), 0);
		weft_waitgroup_wait(&wg);
	}
	/* A small one is rounded up, and the largest can be had. */
	static size_t small = 1024, large = 16 << 20;
	weft_waitgroup_add(&wg, 2);
	options.stack_size = 1;
	CHECK_EQ(weft_go_with(&options, use_stack, &small), 0);
	options.stack_size = (size_t)1 << 30;
	CHECK_EQ(weft_go_with(&options, use_stack, &large), 0);
	weft_waitgroup_wait(&wg);
}

static void must_not_run(void *arg)
{
	(void)arg;
	CHECK(!"started with bad options");
}

static void bad_options(void)
{
	weft_go_options_t options = { .size = sizeof options, .stack_size = ((size_t)1 << 30) + 1 };

	CHECK_EQ(weft_go_with(&options, must_not_run, NULL), -EINVAL);
	options.stack_size = SIZE_MAX;
	CHECK_EQ(weft_go_with(&options, must_not_run, NULL), -EINVAL);
	options = (weft_go_options_t){ .size = 0 };
	CHECK_EQ(weft_go_with(&options, must_not_run, NULL), -EINVAL);
	options.size = sizeof options + 1;
	CHECK_EQ(weft_go_with(&options, must_not_run, NULL), -EINVAL);
	weft_waitgroup_add(&wg, 1);
	static int arg = 7;
	CHECK_EQ(weft_go_with(NULL, look, &arg), 0);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(seen[0].arg, 7);
	nseen = 0;
}

/*
 * All that happened before weft_go is seen by the task; it may be on the starter's stack when that
 * waits.
 */
static void reads_plain_memory(void *arg)
{
	int *value = arg;

	CHECK_EQ(*value, 42);
	*value = 43;
	weft_waitgroup_done(&wg);
}

static void visibility(void)
{
	for (unsigned i = 0; i < test_scaled(2000); i++) {
		int value = 42;
		weft_waitgroup_add(&wg, 1);
		CHECK_EQ(weft_go(reads_plain_memory, &value), 0);
		weft_waitgroup_wait(&wg);
		CHECK_EQ(value, 43);
	}
}

int main(void)
{
	CHECK_EQ(weft_task_id(), 0);
	CHECK(strcmp(weft_task_name(), "") == 0);
	test_begin();
	from_everywhere();
	names();
	stack_sizes();
	bad_options();
	visibility();
	CHECK_EQ(weft_task_id(), 0);
	test_end();
	return 0;
}
