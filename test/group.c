/* weft-test: label=valgrind */
/*
 * Error groups: the first error is kept and cancels, the limit, the wait and its limits; a group may be freed
 * when its wait has returned; and what misuse says.
 */
#include "test.h"

#include "crowd.h"

static unsigned ran, active, most; /* atomic */
static weft_waitgroup_t gate;

static int works(weft_context_t *ctx, void *arg)
{
	CHECK(arg == NULL || weft_context_value(ctx, &gate) == arg);
	at_add(&ran, 1, RELAXED);
	return 0;
}

static int fails(weft_context_t *ctx, void *arg)
{
	(void)ctx;
	return *(int *)arg;
}

static int until_cancelled(weft_context_t *ctx, void *arg)
{
	(void)arg;
	CHECK_EQ(weft_context_wait(ctx), 0);
	at_add(&ran, 1, RELAXED);
	return weft_context_cause(ctx);
}

static int passes_gate(weft_context_t *ctx, void *arg)
{
	(void)ctx;
	CHECK_EQ(weft_waitgroup_wait(arg), 0);
	at_add(&ran, 1, RELAXED);
	return 0;
}

/* ---- errors and contexts ---- */

static void without_context(void *arg)
{
	weft_group_t group = WEFT_GROUP_INIT, zeroed;
	int errors[3] = { -EIO, 7, INT32_MIN };

	(void)arg;
	memset(&zeroed, 0, sizeof zeroed);
	ran = 0;
	CHECK_EQ(weft_group_wait(&group), 0);
	CHECK(weft_group_context(&group) == NULL);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_group_go(&group, works, NULL), 0);
	CHECK_EQ(weft_group_wait(&group), 0);
	CHECK_EQ(ran, 10);
	for (int i = 0; i < 3; i++) {
		zeroed = (weft_group_t)WEFT_GROUP_INIT;
		CHECK_EQ(weft_group_go(&zeroed, works, NULL), 0);
		CHECK_EQ(weft_group_go(&zeroed, fails, &errors[i]), 0);
		CHECK_EQ(weft_group_wait_until(&zeroed, WEFT_NEVER), errors[i]);
		/* It stays. */
		CHECK_EQ(weft_group_go_until(&zeroed, works, NULL, 0), 0);
		CHECK_EQ(weft_group_wait_ctx(&zeroed, NULL), errors[i]);
		CHECK_EQ(weft_group_error(&zeroed), errors[i]);
	}
}

static void first_error(void *arg)
{
	weft_context_t *parent = weft_context_create_value(NULL, &gate, &active);
	weft_group_t group;
	int first = -EIO, second = -EPIPE;

	(void)arg;
	CHECK(parent != NULL);
	ran = 0;
	CHECK_EQ(weft_group_init(&group, parent), 0);
	CHECK_EQ(weft_group_error(&group), 0);
	CHECK_EQ(weft_context_err(weft_group_context(&group)), 0);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(weft_group_go(&group, until_cancelled, NULL), 0);
		CHECK_EQ(weft_group_go(&group, works, &active), 0);
	}
	CHECK_EQ(weft_group_go(&group, fails, &first), 0);
	/* Cancelled by the error and not by the wait. */
	CHECK_EQ(weft_context_wait(weft_group_context(&group)), 0);
	CHECK_EQ(weft_context_cause(weft_group_context(&group)), -EIO);
	CHECK_EQ(weft_context_err(weft_group_context(&group)), -ECANCELED);
	CHECK_EQ(weft_group_error(&group), -EIO);
	CHECK_EQ(weft_group_go(&group, fails, &second), 0);
	CHECK_EQ(weft_group_wait(&group), -EIO);
	CHECK_EQ(ran, 10);
	CHECK_EQ(weft_group_error(&group), -EIO);
	CHECK(weft_group_context(&group) == NULL);
	CHECK_EQ(weft_context_err(parent), 0);

	/* The parent's end reaches the tasks. */
	CHECK_EQ(weft_group_init(&group, parent), 0);
	CHECK_EQ(weft_group_error(&group), 0);
	CHECK_EQ(weft_group_go(&group, until_cancelled, NULL), 0);
	weft_context_cancel_cause(parent, -EPERM);
	CHECK_EQ(weft_group_wait(&group), -EPERM);
	weft_context_destroy(parent);
}

static void wait_cancels(void *arg)
{
	weft_context_t *ctx;
	weft_group_t group;

	(void)arg;
	CHECK_EQ(weft_group_init(&group, NULL), 0);
	ctx = weft_context_retain(weft_group_context(&group));
	CHECK_EQ(weft_group_go(&group, works, NULL), 0);
	CHECK_EQ(weft_context_err(ctx), 0);
	CHECK_EQ(weft_group_wait(&group), 0);
	CHECK_EQ(weft_context_err(ctx), -ECANCELED);
	weft_context_release(ctx);
}

/* ---- the wait's limits ---- */

static void wait_limits(void *arg)
{
	weft_context_t *over = weft_context_create(NULL);
	weft_group_t group;

	(void)arg;
	CHECK(over != NULL);
	weft_context_cancel(over);
	ran = 0;
	CHECK_EQ(weft_group_init(&group, NULL), 0);
	weft_waitgroup_add(&gate, 1);
	CHECK_EQ(weft_group_go(&group, passes_gate, &gate), 0);
	CHECK_EQ(weft_group_wait_until(&group, 0), -ETIMEDOUT);
	CHECK_EQ(weft_group_wait_until(&group, weft_deadline_in(WEFT_US(100))), -ETIMEDOUT);
	CHECK_EQ(weft_group_wait_ctx(&group, over), -ECANCELED);
	/* It goes on. */
	CHECK_EQ(weft_group_error(&group), 0);
	CHECK_EQ(weft_context_err(weft_group_context(&group)), 0);
	CHECK_EQ(weft_group_go(&group, works, NULL), 0);
	weft_waitgroup_done(&gate);
	CHECK_EQ(weft_group_wait_until(&group, weft_deadline_in(WEFT_S(1000))), 0);
	CHECK_EQ(ran, 2);
	CHECK(weft_group_context(&group) == NULL);
	weft_context_destroy(over);
}

static void waits(void *arg)
{
	CHECK_EQ(weft_group_wait(arg), -EIO);
}

/* Several wait. */
static void many_wait(void)
{
	struct crowd crowd = { .nthreads = 0 };
	weft_group_t group;
	int err = -EIO;

	ran = 0;
	CHECK_EQ(weft_group_init(&group, NULL), 0);
	weft_waitgroup_add(&gate, 1);
	CHECK_EQ(weft_group_go(&group, passes_gate, &gate), 0);
	for (unsigned i = 0; i < 8; i++)
		crowd_add(&crowd, i, waits, &group);
	WAIT_FOR(QUEUED(&group.weft__tasks) == 8);
	CHECK_EQ(weft_group_go(&group, fails, &err), 0);
	weft_waitgroup_done(&gate);
	crowd_join(&crowd);
	CHECK_EQ(ran, 1);
}

/* ---- the limit ---- */

static int counts(weft_context_t *ctx, void *arg)
{
	unsigned n = at_add(&active, 1, RELAXED) + 1, seen = at_load(&most, RELAXED);

	(void)ctx;
	(void)arg;
	while (n > seen && !at_cas(&most, &seen, n, RELAXED, RELAXED))
		;
	weft_yield();
	at_add(&ran, 1, RELAXED);
	at_sub(&active, 1, RELAXED);
	return 0;
}

static void starts(void *arg)
{
	CHECK_EQ(weft_group_go(arg, counts, NULL), 0);
}

static void limited(void *arg)
{
	weft_group_t group = WEFT_GROUP_INIT;

	(void)arg;
	for (int limit = 1; limit < 4; limit++) {
		weft_group_set_limit(&group, limit);
		ran = active = most = 0;
		for (unsigned i = 0; i < 100; i++)
			CHECK_EQ(weft_group_go(&group, counts, NULL), 0);
		CHECK_EQ(weft_group_wait(&group), 0);
		CHECK_EQ(ran, 100);
		CHECK(most <= (unsigned)limit);
	}
	weft_group_set_limit(&group, -1);
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(weft_group_try_go(&group, counts, NULL), 0);
	CHECK_EQ(weft_group_wait(&group), 0);
	CHECK_EQ(ran, 200);
}

static void at_the_limit(void *arg)
{
	weft_context_t *over = weft_context_create(NULL);
	weft_group_t group = WEFT_GROUP_INIT;

	(void)arg;
	CHECK(over != NULL);
	weft_context_cancel(over);
	ran = 0;
	weft_group_set_limit(&group, 0);
	CHECK_EQ(weft_group_try_go(&group, works, NULL), -EAGAIN);
	CHECK_EQ(weft_group_go_until(&group, works, NULL, 0), -ETIMEDOUT);
	weft_group_set_limit(&group, 2);
	weft_waitgroup_add(&gate, 1);
	CHECK_EQ(weft_group_try_go(&group, passes_gate, &gate), 0);
	CHECK_EQ(weft_group_go_ctx(&group, passes_gate, &gate, over), -ECANCELED);
	CHECK_EQ(weft_group_go_until(&group, passes_gate, &gate, 0), 0);
	CHECK_EQ(weft_group_try_go(&group, works, NULL), -EAGAIN);
	CHECK_EQ(weft_group_go_until(&group, works, NULL, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	CHECK_EQ(weft_group_go_ctx(&group, works, NULL, over), -ECANCELED);
	weft_waitgroup_done(&gate);
	CHECK_EQ(weft_group_go(&group, works, NULL), 0);
	CHECK_EQ(weft_group_wait(&group), 0);
	CHECK_EQ(ran, 3);
	weft_context_destroy(over);
}

/* Those that wait for the limit go on one by one, tasks and threads. */
static void many_start(void)
{
	weft_group_t group = WEFT_GROUP_INIT;
	struct crowd crowd = { .nthreads = 0 };

	weft_group_set_limit(&group, 1);
	ran = active = most = 0;
	weft_waitgroup_add(&gate, 1);
	CHECK_EQ(weft_group_go(&group, passes_gate, &gate), 0);
	for (unsigned i = 0; i < 16; i++)
		crowd_add(&crowd, i, starts, &group);
	WAIT_FOR(QUEUED(&group.weft__slots) == 16);
	CHECK_EQ(at_load(&ran, RELAXED), 0);
	weft_waitgroup_done(&gate);
	crowd_join(&crowd);
	CHECK_EQ(weft_group_wait(&group), 0);
	CHECK_EQ(ran, 17);
	CHECK_EQ(most, 1);
}

/* The functions behind the macros. */
static void without_macros(void *arg)
{
	weft_context_t *over = weft_context_create(NULL);
	weft_group_t group = WEFT_GROUP_INIT;

	(void)arg;
	CHECK(over != NULL);
	weft_context_cancel(over);
	ran = 0;
	CHECK_EQ((weft_group_go)(&group, works, NULL), 0);
	CHECK_EQ((weft_group_go_until)(&group, works, NULL, 0), 0);
	CHECK_EQ((weft_group_go_ctx)(&group, works, NULL, NULL), 0);
	CHECK_EQ((weft_group_go_ctx)(&group, works, NULL, over), -ECANCELED);
	CHECK_EQ((weft_group_try_go)(&group, works, NULL), 0);
	CHECK_EQ(weft_group_wait_ctx(&group, over), -ECANCELED);
	CHECK_EQ(weft_group_wait(&group), 0);
	CHECK_EQ(ran, 4);
	weft_context_destroy(over);
}

/* ---- the memory may go at once ---- */

static int fails_some(weft_context_t *ctx, void *arg)
{
	unsigned n = *(unsigned *)arg;

	if (n % 5 == 0)
		weft_yield();
	if (n % 7 == 0 && weft_context_err(ctx) == 0)
		return -EIO;
	return n % 11 == 0 ? -EPIPE : 0;
}

static void freed_at_once(void *arg)
{
	(void)arg;
	for (unsigned round = 0; round < test_scaled(600); round++) {
		weft_group_t *g = calloc(1, sizeof *g);
		unsigned n = 1 + round % 6, numbers[6];
		int err = -ETIMEDOUT;
		CHECK(g != NULL);
		if (round % 3 != 0)
			CHECK_EQ(weft_group_init(g, NULL), 0);
		if (round % 4 == 0)
			weft_group_set_limit(g, 2);
		for (unsigned i = 0; i < n; i++) {
			numbers[i] = round + i;
			CHECK_EQ(weft_group_go(g, fails_some, &numbers[i]), 0);
		}
		while (round % 2 == 0 && err == -ETIMEDOUT)
			err = weft_group_wait_until(g, weft_deadline_in(round * 131 % 9000));
		if (round % 2 != 0)
			err = weft_group_wait(g);
		CHECK(err == 0 || err == -EIO || err == -EPIPE);
		memset(g, 0xa5, sizeof *g);
		free(g);
	}
}

/* ---- misuse ---- */

static void limit_while_active(void)
{
	weft_group_t group = WEFT_GROUP_INIT;

	NOTE("group %p: 2 tasks of it are active", (void *)&group);
	weft_waitgroup_add(&gate, 1);
	CHECK_EQ(weft_group_go(&group, passes_gate, &gate), 0);
	CHECK_EQ(weft_group_go(&group, passes_gate, &gate), 0);
	weft_group_set_limit(&group, 1);
}

static int waits_for_itself(weft_context_t *ctx, void *arg)
{
	(void)ctx;
	return weft_group_wait(arg);
}

static void wait_in_member(void)
{
	weft_group_t group = WEFT_GROUP_INIT;

	NOTE("weft_group_wait: group %p", (void *)&group);
	CHECK_EQ(weft_group_go(&group, waits_for_itself, &group), 0);
	weft_group_wait(&group);
}

static int panics(weft_context_t *ctx, void *arg)
{
	(void)ctx;
	weft_panic("%s", (char *)arg);
}

static void site(void)
{
	weft_group_t group = WEFT_GROUP_INIT;
	int r = (NOTE("created at %s\n", WEFT_HERE), weft_group_go(&group, panics, (char *)"here"));

	CHECK_EQ(r, 0);
	weft_group_wait(&group);
}

int main(void)
{
	static weft_fn_t *const all[] = { without_context, first_error, wait_cancels, wait_limits, limited,
		at_the_limit, without_macros };

	MUST_PANIC(limit_while_active, "weft_group_set_limit");
	MUST_PANIC(wait_in_member, "called by a task of the group");
	MUST_PANIC(site, "here");
	test_begin();
	for (unsigned i = 0; i < test_scaled(10); i++) {
		for (size_t k = 0; k < ARRAY_LEN(all); k++) {
			all[k](NULL);
			CHECK_EQ(weft_run(all[k], NULL), 0);
		}
		many_wait();
		many_start();
	}
	freed_at_once(NULL);
	CHECK_EQ(weft_run(freed_at_once, NULL), 0);
	test_end();
	return 0;
}
