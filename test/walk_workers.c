/*
 * walk_workers.c - many workers on one tree: each entry once, no two calls of one worker at a time, never
 * more workers than allowed, all of them gone at the end; stopped from outside, by many at once, and
 * nested.
 */
#include "walk_tree.h"

enum { DIRS = 300, FILES = 20, LARGE = 20000 };

/* d/i/j/fileK: DIRS directories, two deep; and one large directory. */
static size_t make_tree(void)
{
	size_t n = 1;
	char path[64];

	make_dir("d");
	for (int i = 0; i < DIRS; i++) {
		snprintf(path, sizeof path, "d/%d", i % 10);
		n += mkdir(path, 0755) == 0;
		snprintf(path, sizeof path, "d/%d/%d", i % 10, i);
		make_dir(path);
		n++;
		for (int k = 0; k < FILES; k++, n++) {
			snprintf(path, sizeof path, "d/%d/%d/file%d", i % 10, i, k);
			make_file(path, 0);
		}
	}
	make_dir("d/large");
	n++;
	for (int i = 0; i < LARGE; i++, n++) {
		snprintf(path, sizeof path, "d/large/%d", i);
		if (i % 10 == 0)
			make_dir(path);
		else
			make_file(path, 0);
	}
	return n;
}

struct check {
	unsigned workers;
	int busy[WEFT_WALK_WORKERS_MAX]; /* a call of this worker runs */
	uint64_t n;
	uint64_t stop_at; /* this call and all later ones stop the walk; 0: never */
};

static int visit(const weft_walk_entry_t *entry, void *arg)
{
	struct check *c = arg;
	uint64_t n;

	CHECK(entry->worker < c->workers && entry->error == 0);
	CHECK(__atomic_exchange_n(&c->busy[entry->worker], 1, __ATOMIC_ACQUIRE) == 0);
	n = __atomic_add_fetch(&c->n, 1, __ATOMIC_RELAXED);
	if (entry->type == WEFT_WALK_DIR)
		weft_yield(); /* a callback may park */
	__atomic_store_n(&c->busy[entry->worker], 0, __ATOMIC_RELEASE);
	return c->stop_at != 0 && n >= c->stop_at ? WEFT_WALK_STOP : WEFT_WALK_CONTINUE;
}

static struct check check;

static void run(unsigned workers, uint64_t stop_at, size_t all)
{
	memset(&check, 0, sizeof check);
	check.workers = workers;
	check.stop_at = stop_at;
	CHECK(walk_one("d", workers, 0, visit, &check) == 0);
	if (stop_at == 0)
		CHECK(check.n == all);
	else /* each other worker may have been on its way into its last call */
		CHECK(check.n >= stop_at && check.n < stop_at + workers);
}

/* A stop flag that another thread sets while the walk runs. */
struct flag {
	int stop, started;
	uint64_t n;
};

static int wait_for_stop(const weft_walk_entry_t *entry, void *arg)
{
	struct flag *f = arg;

	(void)entry;
	__atomic_add_fetch(&f->n, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&f->started, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE))
		weft_yield();
	return WEFT_WALK_CONTINUE;
}

static void *stopper(void *arg)
{
	struct flag *f = arg;

	while (!__atomic_load_n(&f->started, __ATOMIC_ACQUIRE))
		weft_yield();
	__atomic_store_n(&f->stop, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void stopped_from_outside(unsigned workers)
{
	struct flag f = { .stop = 0 };
	weft_walk_options_t options = {
		.size = sizeof options, .workers = workers, .flags = WEFT_WALK_CONCURRENT, .stop = &f.stop
	};
	const char *root = "d";
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, stopper, &f) == 0);
	CHECK(weft_walk(&root, 1, &options, wait_for_stop, &f) == -ECANCELED);
	CHECK(f.n >= 1 && f.n <= workers);
	CHECK(pthread_join(thread, NULL) == 0);
}

/* A walk inside of a walk's callback, and several walks from several tasks. */
static int count(const weft_walk_entry_t *entry, void *arg)
{
	(void)entry;
	__atomic_add_fetch((uint64_t *)arg, 1, __ATOMIC_RELAXED);
	return WEFT_WALK_CONTINUE;
}

static int nest(const weft_walk_entry_t *entry, void *arg)
{
	if (entry->depth != 1)
		return entry->depth == 0 ? WEFT_WALK_CONTINUE : WEFT_WALK_SKIP_DIR;
	CHECK(walk_one(entry->path, 3, 0, count, arg) == 0);
	return WEFT_WALK_SKIP_DIR;
}

static size_t all;

static void walk_in_task(void *arg)
{
	uint64_t n = 0;

	CHECK(walk_one("d", 4, 0, count, &n) == 0);
	CHECK(n == all);
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
}

static void in_tasks(void *arg)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;
	int done = 0;
	uint64_t n = 1;

	(void)arg;
	for (int i = 0; i < 6; i++)
		CHECK(weft_waitgroup_go(&wg, walk_in_task, &done) == 0);
	CHECK(weft_waitgroup_wait(&wg) == 0);
	CHECK(done == 6);
	CHECK(walk_one("d", 2, 0, nest, &n) == 0);
	CHECK(n == all);
	run(3, 0, all);
}

int main(void)
{
	static const unsigned workers[] = { 1, 2, 3, 4, 16, 200 };

	tree_begin();
	all = make_tree();
	for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
		run(workers[i], 0, all);
		run(workers[i], 1, all);
		run(workers[i], 1000, all);
		run(workers[i], all / 2, all);
	}
	stopped_from_outside(1);
	stopped_from_outside(3);
	CHECK(weft_run(in_tasks, NULL) == 0);
	return 0;
}
