/* weft-test: label=valgrind */
/*
 * Scopes: a block ends when its tasks have ended, however it is left; the first failure cancels the others;
 * tasks may start more; what an end says that comes to its limit; and what misuse says.
 */
#include "test.h"

#include "base/alloc.h"
#include "crowd.h"

static unsigned ran; /* atomic */
static weft_waitgroup_t gate;

static int works(weft_context_t *ctx, void *arg)
{
	CHECK(ctx != NULL);
	weft_yield();
	++*(unsigned *)arg; /* plain: happens before the end returns */
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
	return weft_context_err(ctx);
}

/* ---- however it is left ---- */

static void falls_out(unsigned *counts)
{
	WEFT_SCOPE(scope, NULL);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_scope_go(&scope, works, &counts[i]), 0);
}

static int returns(unsigned *counts)
{
	WEFT_SCOPE(scope, NULL);
	for (int i = 0;; i++) {
		CHECK_EQ(weft_scope_go(&scope, works, &counts[i]), 0);
		if (i == 4)
			return 42;
	}
}

static int ends(unsigned *counts)
{
	WEFT_SCOPE(scope, NULL);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_scope_go(&scope, works, &counts[i]), 0);
	return weft_scope_end(&scope);
}

static void jumps(unsigned *counts)
{
	int i = 0;

again: {
	WEFT_SCOPE(scope, NULL);
	CHECK_EQ(weft_scope_go(&scope, works, &counts[i]), 0);
	if (++i < 5)
		goto again;
}
	for (i = 0; i < 5; i++)
		CHECK_EQ(counts[i], 1);
}

static void leaving(void *arg)
{
	unsigned counts[4][5] = { { 0 } };

	(void)arg;
	falls_out(counts[0]);
	CHECK_EQ(returns(counts[1]), 42);
	CHECK_EQ(ends(counts[2]), 0);
	jumps(counts[3]);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(counts[i / 5][i % 5], 1);
}

/* ---- errors ---- */

static void failure(void *arg)
{
	weft_context_t *parent = weft_context_create(NULL);
	int err = -EIO;
	weft_scope_t s;

	(void)arg;
	CHECK(parent != NULL);
	ran = 0;
	CHECK_EQ(weft_scope_begin(&s, parent), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_scope_go(&s, until_cancelled, NULL), 0);
	CHECK_EQ(weft_context_err(weft_scope_context(&s)), 0);
	CHECK_EQ(weft_scope_go(&s, fails, &err), 0);
	CHECK_EQ(weft_scope_end(&s), -EIO);
	CHECK_EQ(ran, 5);
	CHECK_EQ(weft_scope_end(&s), -EIO);
	CHECK_EQ(weft_scope_end_until(&s, 0), -EIO);
	CHECK_EQ(weft_scope_go(&s, works, &err), -ECANCELED);
	CHECK(weft_scope_context(&s) == NULL);
	CHECK_EQ(weft_context_err(parent), 0);

	/* By hand, and from above. */
	CHECK_EQ(weft_scope_begin(&s, parent), 0);
	CHECK_EQ(weft_scope_go(&s, until_cancelled, NULL), 0);
	weft_scope_cancel(&s);
	/* That they were cancelled was meant so; another error still counts. */
	CHECK_EQ(weft_scope_end(&s), 0);
	CHECK_EQ(weft_scope_begin(&s, parent), 0);
	CHECK_EQ(weft_scope_go(&s, until_cancelled, NULL), 0);
	weft_scope_cancel(&s);
	CHECK_EQ(weft_scope_go(&s, fails, &err), 0);
	CHECK_EQ(weft_scope_end(&s), -EIO);
	CHECK_EQ(weft_scope_begin(&s, parent), 0);
	CHECK_EQ(weft_scope_go(&s, until_cancelled, NULL), 0);
	weft_context_cancel(parent);
	CHECK_EQ(weft_scope_end(&s), -ECANCELED);
	CHECK_EQ(ran, 8);
	/* Nothing was started in it. */
	CHECK_EQ(weft_scope_begin(&s, parent), 0);
	CHECK_EQ(weft_scope_end_until(&s, 0), 0);
	weft_context_destroy(parent);
}

/* ---- tasks of the scope start more ---- */

struct tree {
	weft_scope_t scope;
	unsigned leaves; /* atomic */
};

struct node {
	struct tree *tree;
	unsigned depth;
};

static int grows(weft_context_t *ctx, void *arg)
{
	struct node n = *(struct node *)arg;

	(void)ctx;
	free(arg);
	if (n.depth == 0) {
		at_add(&n.tree->leaves, 1, RELAXED);
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		struct node *child = malloc(sizeof *child);
		CHECK(child != NULL);
		*child = (struct node){ n.tree, n.depth - 1 };
		CHECK_EQ((weft_scope_go)(&n.tree->scope, grows, child), 0);
		if (n.depth % 2 == 0)
			weft_yield();
	}
	return 0;
}

static void trees(void *arg)
{
	(void)arg;
	for (unsigned round = 0; round < test_scaled(200); round++) {
		struct tree *tree = calloc(1, sizeof *tree);
		struct node *root = malloc(sizeof *root);
		CHECK(tree != NULL && root != NULL);
		CHECK_EQ((weft_scope_begin)(&tree->scope, NULL), 0);
		*root = (struct node){ tree, 1 + round % 6 };
		CHECK_EQ(weft_scope_go(&tree->scope, grows, root), 0);
		if (round % 3 == 0) /* a limit that does not come */
			CHECK_EQ(weft_scope_end_until(&tree->scope, weft_deadline_in(WEFT_S(1000))), 0);
		else
			CHECK_EQ(weft_scope_end(&tree->scope), 0);
		CHECK_EQ(tree->leaves, 1u << (1 + round % 6));
		memset(tree, 0xa5, sizeof *tree);
		free(tree);
	}
}

static int has_scope(weft_context_t *ctx, void *arg)
{
	WEFT_SCOPE(inner, ctx);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_scope_go(&inner, until_cancelled, arg), 0);
	return weft_scope_end(&inner);
}

/* A failure of the outer one reaches the tasks of those within. */
static void nested(void *arg)
{
	int err = 5;

	(void)arg;
	ran = 0;
	WEFT_SCOPE(outer, NULL);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_scope_go(&outer, has_scope, NULL), 0);
	CHECK_EQ(weft_scope_go(&outer, fails, &err), 0);
	CHECK_EQ(weft_scope_end(&outer), 5);
	CHECK_EQ(at_load(&ran, RELAXED), 9);
}

/* ---- an end that comes to its limit; in children, whose stderr is read ---- */

static int passes_gate(weft_context_t *ctx, void *arg)
{
	(void)ctx;
	weft_task_set_name(arg);
	CHECK_EQ(weft_waitgroup_wait(&gate), 0);
	at_add(&ran, 1, RELAXED);
	return 0;
}

static int opens_gate(weft_context_t *ctx, void *arg)
{
	(void)arg;
	CHECK_EQ(weft_context_wait(ctx), 0);
	CHECK_EQ(weft_context_err(ctx), -ECANCELED);
	weft_waitgroup_done(&gate);
	at_add(&ran, 1, RELAXED);
	return -EIO;
}

static int burns(weft_context_t *ctx, void *arg)
{
	at_store((unsigned *)arg, 1, RELAXED);
	while (weft_context_err(ctx) == 0)
		;
	at_add(&ran, 1, RELAXED);
	return 0;
}

static void start_three(weft_scope_t *s)
{
	static unsigned burning;
	int err;

	weft_waitgroup_add(&gate, 1);
	err = (NOTE("\"patient\" [waits: waitgroup, "), weft_scope_go(s, passes_gate, (char *)"patient"));
	CHECK_EQ(err, 0);
	WAIT_FOR(QUEUED(&gate) == 1);
	CHECK_EQ(weft_scope_go(s, opens_gate, NULL), 0);
	err = (NOTE("[running] created at %s\n", WEFT_HERE), weft_scope_go(s, burns, &burning));
	CHECK_EQ(err, 0);
	WAIT_FOR(at_load(&burning, RELAXED) == 1);
}

static void at_deadline(void)
{
	weft_scope_t s;

	test_env("WEFT_PROCS", "4");
	CHECK_EQ(weft_scope_begin(&s, NULL), 0);
	start_three(&s);
	CHECK_EQ(weft_scope_end_until(&s, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
	CHECK_EQ(ran, 3);
	CHECK_EQ(weft_scope_end(&s), -ETIMEDOUT);
}

static void end_with_context(void *arg)
{
	weft_context_t *ctx = weft_context_create(NULL);
	weft_scope_t s;

	(void)arg;
	CHECK(ctx != NULL);
	weft_context_cancel(ctx);
	CHECK_EQ(weft_scope_begin(&s, NULL), 0);
	start_three(&s);
	CHECK_EQ(weft_scope_end_ctx(&s, ctx), -ECANCELED);
	CHECK_EQ(ran, 3);
	weft_context_destroy(ctx);
}

static void at_cancel(void)
{
	test_env("WEFT_PROCS", "4");
	CHECK_EQ(weft_run(end_with_context, NULL), 0);
}

static void many_at_deadline(void)
{
	weft_scope_t s;

	CHECK_EQ(weft_scope_begin(&s, NULL), 0);
	for (int i = 0; i < 53; i++)
		CHECK_EQ(weft_scope_go(&s, until_cancelled, NULL), 0);
	CHECK_EQ(weft_scope_end_until(&s, 0), -ETIMEDOUT);
	CHECK_EQ(ran, 53);
}

static int late(weft_context_t *ctx, void *arg)
{
	weft_sleep(*(unsigned *)arg);
	return weft_context_err(ctx) != 0 ? -EIO : 0;
}

/* The limit at about the time when the last task ends. */
static void near_deadline(void)
{
	for (unsigned round = 0; round < 100; round++) {
		unsigned delay = round * 7919 % 30000;
		weft_scope_t *s = malloc(sizeof *s);
		int err;
		CHECK(s != NULL);
		CHECK_EQ(weft_scope_begin(s, NULL), 0);
		CHECK_EQ(weft_scope_go(s, late, &delay), 0);
		CHECK_EQ(weft_scope_go(s, late, &delay), 0);
		err = weft_scope_end_until(s, weft_deadline_in(delay));
		CHECK(err == 0 || err == -ETIMEDOUT);
		memset(s, 0xa5, sizeof *s);
		free(s);
	}
}

static void nothing_to_say(void)
{
	weft_context_t *ctx = weft_context_create(NULL);
	unsigned counts[5] = { 0 };
	weft_scope_t s;

	CHECK(ctx != NULL);
	leaving(NULL);
	CHECK_EQ(ends(counts), 0);
	/* No task runs any more, but the context was there first. */
	weft_context_cancel(ctx);
	CHECK_EQ(weft_scope_begin(&s, NULL), 0);
	CHECK_EQ(weft_scope_end_ctx(&s, ctx), -ECANCELED);
	weft_context_destroy(ctx);
}

static void limits(void)
{
	struct test_child *c;

	CHILD_ENDS(c = test_run_child(at_deadline), 0);
	CHILD_SAYS(c, "weft: scope begun at test/scope.c:");
	CHILD_SAYS(c, ": deadline passed; it waits on");
	CHILD_SAYS(c, "\"patient\" [waits: waitgroup, ");
	CHILD_SAYS(c, c->note);
	CHECK_EQ(test_count_text(c->err, "\nweft:   task "), 3);
	CHILD_ENDS(c = test_run_child(at_cancel), 0);
	CHILD_SAYS(c, ": canceled; it waits on");
	CHILD_SAYS(c, c->note);
	CHECK_EQ(test_count_text(c->err, "\nweft:   task "), 3);
	CHILD_ENDS(c = test_run_child(many_at_deadline), 0);
	CHECK_EQ(test_count_text(c->err, "\nweft:   task "), 50);
	CHILD_SAYS(c, "and 3 more");
	CHILD_ENDS(test_run_child(near_deadline), 0);
	CHILD_ENDS(c = test_run_child(nothing_to_say), 0);
	CHECK_EQ(test_count_text(c->err, "weft:"), 0);
}

/* ---- no memory ---- */

#if defined(WEFT_DEBUG) && WEFT_DEBUG
static void no_memory(void)
{
	unsigned count = 0;
	weft_scope_t s;

	weft__alloc_fail_after(0);
	CHECK_EQ(weft_scope_begin(&s, NULL), -ENOMEM);
	weft__alloc_fail_after(-1);
	CHECK_EQ(weft_scope_go(&s, works, &count), -ENOMEM);
	CHECK(weft_scope_context(&s) == NULL);
	weft_scope_cancel(&s);
	CHECK_EQ(weft_scope_end(&s), -ENOMEM);
	CHECK_EQ(weft_scope_end(&s), -ENOMEM);
	CHECK_EQ(weft_scope_go(&s, works, &count), -ECANCELED);
	CHECK_EQ(count, 0);
}
#else
static void no_memory(void)
{
}
#endif

/* ---- misuse ---- */

static int ends_own(weft_context_t *ctx, void *arg)
{
	(void)ctx;
	return weft_scope_end_until(arg, 0);
}

static void end_in_task(void)
{
	weft_scope_t s;
	int err = (NOTE("scope %p, begun at %s: ", (void *)&s, WEFT_HERE), weft_scope_begin(&s, NULL));

	CHECK_EQ(err, 0);
	CHECK_EQ(weft_scope_go(&s, ends_own, &s), 0);
	weft_scope_end(&s);
}

int main(void)
{
	static weft_fn_t *const all[] = { leaving, failure, nested };

	MUST_PANIC(end_in_task, "ended by one of its own tasks");
	limits();
	no_memory();
	test_begin();
	for (unsigned i = 0; i < test_scaled(10); i++) {
		for (size_t k = 0; k < ARRAY_LEN(all); k++) {
			all[k](NULL);
			CHECK_EQ(weft_run(all[k], NULL), 0);
		}
	}
	trees(NULL);
	CHECK_EQ(weft_run(trees, NULL), 0);
	test_end();
	return 0;
}
