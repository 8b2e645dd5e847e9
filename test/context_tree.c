/* weft-test: timeout=240 */
/*
 * Trees of contexts: a hundred thousand children, chains as deep (a cancel or a release that called itself
 * would run out of a task's stack), random shapes; children that come and go while the parent is cancelled;
 * functions that are set, stopped and started at the same time: each runs once or is stopped, never both.
 */
#include "test.h"

#include "chan_help.h"

static weft_waitgroup_t wg;
static char key;

static weft_context_t *child_of(weft_context_t *parent)
{
	weft_context_t *ctx = weft_context_create(parent);

	CHECK(ctx != NULL);
	return ctx;
}

/* One of each kind in turn. */
static weft_context_t *some_child_of(weft_context_t *parent, unsigned i)
{
	weft_context_t *ctx;

	switch (i % 4) {
	case 0:
		ctx = weft_context_create_value(parent, &key, &key);
		break;
	case 1:
		ctx = weft_context_create_timeout(parent, WEFT_S(10000 + i));
		break;
	default:
		ctx = weft_context_create(parent);
	}
	CHECK(ctx != NULL);
	return ctx;
}

static void shuffle(weft_context_t **contexts, unsigned n, uint32_t *random)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = below(random, i);
		weft_context_t *c = contexts[i - 1];
		contexts[i - 1] = contexts[k];
		contexts[k] = c;
	}
}

/* ---- many children ---- */

static void wide(unsigned n, bool root_first)
{
	weft_context_t *root = child_of(NULL), **children = malloc(n * sizeof(weft_context_t *));

	CHECK(children != NULL);
	for (unsigned i = 0; i < n; i++)
		children[i] = some_child_of(root, i);
	/* Some go before. */
	for (unsigned i = 0; i < n; i += 7) {
		weft_context_destroy(children[i]);
		children[i] = NULL;
	}
	weft_context_cancel_cause(root, 21);
	for (unsigned i = 0; i < n; i++) {
		if (children[i] == NULL)
			continue;
		CHECK_EQ(weft_context_err(children[i]), -ECANCELED);
		CHECK_EQ(weft_context_cause(children[i]), 21);
	}
	if (root_first)
		weft_context_destroy(root);
	for (unsigned i = 0; i < n; i++)
		weft_context_destroy(children[i]);
	if (!root_first)
		weft_context_destroy(root);
	free(children);
}

/* Without a cancel: only handles that go. */
static void wide_released(unsigned n)
{
	weft_context_t *root = child_of(NULL), **children = malloc(n * sizeof(weft_context_t *));
	uint32_t random = 4711;

	CHECK(children != NULL);
	for (unsigned i = 0; i < n; i++)
		children[i] = some_child_of(root, i);
	shuffle(children, n, &random);
	for (unsigned i = 0; i < n; i++) {
		if (i == n / 2)
			weft_context_release(root);
		weft_context_release(children[i]);
	}
	free(children);
}

/* ---- deep ---- */

enum deep { LEAF_FIRST, ROOT_FIRST, ANY_ORDER, ONLY_ENDS, NEVER_CANCELLED, DEEP_KINDS };

static void deep(unsigned n, enum deep kind)
{
	weft_context_t **chain = malloc(n * sizeof(weft_context_t *));
	uint32_t random = 815;

	CHECK(chain != NULL);
	for (unsigned i = 0; i < n; i++) {
		chain[i] = some_child_of(i > 0 ? chain[i - 1] : NULL, i + 2);
		/* Nobody holds what is between the ends but its child. */
		if (kind == ONLY_ENDS && i > 1) {
			weft_context_release(chain[i - 1]);
			chain[i - 1] = NULL;
		}
	}
	if (kind != NEVER_CANCELLED) {
		weft_context_cancel_cause(chain[0], 22);
		for (unsigned i = 0; i < n; i++)
			if (chain[i] != NULL)
				CHECK_EQ(weft_context_cause(chain[i]), 22);
	}
	if (kind == ANY_ORDER)
		shuffle(chain, n, &random);
	if (kind == LEAF_FIRST)
		for (unsigned i = n; i-- > 0;)
			weft_context_destroy(chain[i]);
	else
		for (unsigned i = 0; i < n; i++)
			if (kind == NEVER_CANCELLED)
				weft_context_release(chain[i]);
			else
				weft_context_destroy(chain[i]);
	free(chain);
}

/* ---- any shape: who is below a cancelled one is cancelled, and nobody else ---- */

static void random_shape(unsigned n, uint32_t *random)
{
	weft_context_t **nodes = malloc(n * sizeof(weft_context_t *));
	unsigned *parents = malloc(n * sizeof(unsigned));
	int *causes = calloc(n, sizeof(int));

	CHECK(nodes != NULL && parents != NULL && causes != NULL);
	nodes[0] = child_of(NULL);
	for (unsigned i = 1; i < n; i++) {
		parents[i] = below(random, i);
		nodes[i] = some_child_of(nodes[parents[i]], i);
	}
	for (int cause = 1; cause <= 5; cause++) {
		unsigned from = below(random, n);
		weft_context_cancel_cause(nodes[from], cause);
		/* A parent stands before its children. */
		if (causes[from] == 0)
			causes[from] = cause;
		for (unsigned i = 1; i < n; i++)
			if (causes[i] == 0)
				causes[i] = causes[parents[i]];
		for (unsigned i = 0; i < n; i++) {
			CHECK_EQ(weft_context_cause(nodes[i]), causes[i]);
			CHECK_EQ(weft_context_err(nodes[i]), causes[i] != 0 ? -ECANCELED : 0);
		}
	}
	shuffle(nodes, n, random);
	for (unsigned i = 0; i < n; i++)
		weft_context_destroy(nodes[i]);
	free(nodes);
	free(parents);
	free(causes);
}

/* ---- children that come and go while the parent is cancelled ---- */

enum { BREEDERS = 6, KEPT = 8 };

static bool was_cancelled; /* atomic: the cancel has returned */

struct breeder {
	weft_context_t *parent;
	weft_context_t *kept[KEPT];
	uint32_t random;
	struct test_thread thread;
};

static void breed(void *arg)
{
	struct breeder *b = arg;
	bool last = false;

	while (!last) {
		weft_context_t *child, *below_it;
		last = at_load(&was_cancelled, ACQUIRE);
		child = some_child_of(b->parent, random_next(&b->random) >> 8);
		below_it = child_of(child);
		if (last) {
			CHECK_EQ(weft_context_cause(child), 23);
			CHECK_EQ(weft_context_cause(below_it), 23);
		}
		switch (below(&b->random, 4)) {
		case 0:
			weft_context_destroy(child);
			/* Told by this call, or by the cancel from above that was faster. */
			CHECK_EQ(weft_context_wait(below_it), 0);
			child = NULL;
			break;
		case 1:
			weft_context_release(child);
			child = NULL;
			break;
		default:
			break;
		}
		if (child != NULL) {
			/* Kept: must have been told in the end. */
			unsigned place = below(&b->random, KEPT);
			weft_context_destroy(b->kept[place]);
			b->kept[place] = child;
		}
		weft_context_destroy(below_it);
	}
}

static void cancel_under_breeders(uint32_t *random)
{
	weft_context_t *root = child_of(NULL), *parent = child_of(root);
	struct breeder breeders[BREEDERS];

	at_store(&was_cancelled, false, RELAXED);
	for (unsigned i = 0; i < BREEDERS; i++) {
		breeders[i] = (struct breeder){ .parent = parent, .random = random_next(random) };
		if (i % 3 == 0)
			thread_start(&breeders[i].thread, breed, &breeders[i]);
		else
			CHECK_EQ(weft_waitgroup_go(&wg, breed, &breeders[i]), 0);
	}
	weft_sleep(WEFT_US(below(random, 300)));
	weft_context_cancel_cause(root, 23);
	at_store(&was_cancelled, true, RELEASE);
	for (unsigned i = 0; i < BREEDERS; i++)
		if (i % 3 == 0)
			thread_join(&breeders[i].thread);
	JOIN();
	for (unsigned i = 0; i < BREEDERS; i++)
		for (unsigned k = 0; k < KEPT; k++) {
			if (breeders[i].kept[k] != NULL)
				CHECK_EQ(weft_context_cause(breeders[i].kept[k]), 23);
			weft_context_destroy(breeders[i].kept[k]);
		}
	weft_context_destroy(parent);
	weft_context_destroy(root);
}

/* ---- functions that are stopped while the context is cancelled ---- */

enum { CALLS = 40, STOPPERS = 3 };

/* Whoever has the last of two counts frees it: fn, and who stops. A stop that comes in time has both. */
struct call {
	weft_after_t after;
	unsigned counts; /* atomic */
	unsigned index;
};

static unsigned ran[CALLS], stopped[CALLS]; /* atomic */
static struct call *calls[CALLS];

static void give_up(struct call *c, unsigned counts)
{
	if (at_sub(&c->counts, counts, ACQ_REL) == counts) {
		memset(c, 0x5a, sizeof *c);
		free(c);
	}
}

static void runs_after(void *arg)
{
	struct call *c = arg;

	at_add(&ran[c->index], 1, RELAXED);
	give_up(c, 1);
}

static void stops_some(void *arg)
{
	unsigned first = *(unsigned *)arg;

	for (unsigned i = first; i < CALLS; i += STOPPERS) {
		if (i % 2 == 0 && weft_context_after_stop(&calls[i]->after) == 1) {
			at_add(&stopped[i], 1, RELAXED);
			give_up(calls[i], 2);
		} else {
			give_up(calls[i], 1);
		}
		if (i % 5 == 0)
			weft_yield();
	}
}

static void once_or_stopped(uint32_t *random, bool by_deadline)
{
	weft_context_t *root =
		by_deadline ? weft_context_create_timeout(NULL, WEFT_US(below(random, 200))) : child_of(NULL);
	weft_context_t *ctx = child_of(root);
	unsigned firsts[STOPPERS];
	struct test_thread thread;

	CHECK(root != NULL);
	for (unsigned i = 0; i < CALLS; i++) {
		at_store(&ran[i], 0, RELAXED);
		at_store(&stopped[i], 0, RELAXED);
		calls[i] = calloc(1, sizeof *calls[i]);
		CHECK(calls[i] != NULL);
		calls[i]->counts = 2;
		calls[i]->index = i;
		CHECK_EQ(weft_context_after(i % 3 == 0 ? root : ctx, &calls[i]->after, runs_after, calls[i]),
			0);
	}
	for (unsigned i = 0; i < STOPPERS; i++) {
		firsts[i] = i;
		if (i == 0)
			thread_start(&thread, stops_some, &firsts[i]);
		else
			CHECK_EQ(weft_waitgroup_go(&wg, stops_some, &firsts[i]), 0);
	}
	if (!by_deadline)
		weft_context_cancel(root);
	thread_join(&thread);
	JOIN();
	CHECK_EQ(weft_context_wait(ctx), 0);
	for (unsigned i = 0; i < CALLS; i++) {
		if (at_load(&stopped[i], RELAXED) == 0)
			WAIT_FOR(at_load(&ran[i], RELAXED) == 1);
		if (i % 2 != 0)
			CHECK_EQ(at_load(&stopped[i], RELAXED), 0);
	}
	weft_context_destroy(ctx);
	weft_context_destroy(root);
	WAIT_FOR(test_stats().tasks_alive <= (weft_task_id() != 0));
	for (unsigned i = 0; i < CALLS; i++)
		CHECK_EQ(at_load(&ran[i], RELAXED) + at_load(&stopped[i], RELAXED), 1);
}

static void all(void *arg)
{
	unsigned many = test_scaled(100000);
	uint32_t random = *(uint32_t *)arg;

	wide(many, true);
	wide(many, false);
	wide_released(many);
	for (int kind = 0; kind < DEEP_KINDS; kind++)
		deep(many, (enum deep)kind);
	for (unsigned i = 0; i < test_scaled(50); i++)
		random_shape(1 + below(&random, 1000), &random);
	for (unsigned i = 0; i < test_scaled(50); i++)
		cancel_under_breeders(&random);
	for (unsigned i = 0; i < test_scaled(200); i++) {
		once_or_stopped(&random, false);
		once_or_stopped(&random, true);
	}
}

int main(void)
{
	uint32_t seed = test_seed();

	test_begin();
	all(&seed);
	random_next(&seed);
	CHECK_EQ(weft_run(all, &seed), 0);
	test_end();
	return 0;
}
