/*
 * walk_change.c - a tree that changes while it is walked: what stays is visited once each time, and what goes
 * fails with errors that say so.
 */
#include "walk_tree.h"

enum { STABLE = 200, ROUNDS = 30 };

static int over;
static uint64_t made;

/* Makes and removes files, directories with content, and links beside what stays. */
static void *churn(void *arg)
{
	char path[64], inner[80];

	(void)arg;
	for (unsigned i = 0; !__atomic_load_n(&over, __ATOMIC_RELAXED); i++) {
		snprintf(path, sizeof path, "t/%u/x%u", i % STABLE, i % 7);
		snprintf(inner, sizeof inner, "%s/in", path);
		switch (i % 3) {
		case 0:
			make_file(path, 1);
			CHECK(unlink(path) == 0);
			break;
		case 1:
			make_dir(path);
			make_dir(inner);
			CHECK(rmdir(inner) == 0 && rmdir(path) == 0);
			break;
		default:
			make_dir(path);
			make_file(inner, 1);
			CHECK(unlink(inner) == 0 && rmdir(path) == 0);
			CHECK(symlink("..", path) == 0 && unlink(path) == 0);
		}
		__atomic_add_fetch(&made, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void look(unsigned workers, unsigned flags)
{
	struct visits v = VISITS_INIT;
	size_t stable = 0;

	CHECK(walk_one("t", workers, flags, collect, &v) == 0);
	sort_visits(&v);
	for (size_t i = 0; i < v.n; i++) {
		const struct visit *at = &v.at[i];
		const char *name = strrchr(at->path, '/') + 1;
		bool stays = at->depth < 2 || strcmp(name, "stay") == 0;
		/* ENOTDIR: a directory has become a file or a link of the same name. */
		CHECK(at->error == 0 || at->error == -ENOENT || at->error == -ENOTDIR);
		CHECK(!stays || at->error == 0);
		CHECK(!stays || i == 0 || strcmp(at->path, v.at[i - 1].path) != 0);
		stable += stays;
	}
	CHECK(stable == 1 + 2 * STABLE);
	forget(&v);
}

int main(void)
{
	char path[64];
	pthread_t thread;

	tree_begin();
	make_dir("t");
	for (int i = 0; i < STABLE; i++) {
		snprintf(path, sizeof path, "t/%d", i);
		make_dir(path);
		strcat(path, "/stay");
		make_file(path, 0);
	}
	CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
	while (__atomic_load_n(&made, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	for (unsigned i = 0; i < ROUNDS; i++)
		look(i % 3 + 1, i % 2 != 0 ? WEFT_WALK_SIZE : 0);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	CHECK(pthread_join(thread, NULL) == 0);
	return 0;
}
