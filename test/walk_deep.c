/* weft-test: timeout=300 */
/*
 * walk_deep.c - trees deeper than PATH_MAX and wider than the descriptors allowed: everything is visited
 * once, and the number of descriptors stays within its bound whatever the shape.
 */
#include "walk_tree.h"

#include <sys/resource.h>

static void make_deep(const char *root, int depth, bool leaves)
{
	int fd;

	make_dir(root);
	fd = open(root, O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0);
	for (int i = 0; i < depth; i++) {
		char name[16];
		int next;
		snprintf(name, sizeof name, "d%09d", i);
		CHECK(mkdirat(fd, name, 0755) == 0);
		if (leaves) /* one before and one after it, in the order of names */
			CHECK(mkdirat(fd, "a", 0755) == 0 && mkdirat(fd, "z", 0755) == 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY);
		CHECK(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
}

struct count {
	size_t n, bytes, depth;
	int fds; /* the largest number seen */
};

static int add(const weft_walk_entry_t *entry, void *arg)
{
	struct count *c = arg;

	CHECK(entry->error == 0 && entry->type == WEFT_WALK_DIR);
	__atomic_add_fetch(&c->n, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&c->bytes, entry->path_len, __ATOMIC_RELAXED);
	if (entry->depth % 100 == 2) {
		int fds = count_fds(), most = __atomic_load_n(&c->fds, __ATOMIC_RELAXED);
		while (fds > most && !__atomic_compare_exchange_n(
					     &c->fds, &most, fds, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
	}
	if (entry->depth > __atomic_load_n(&c->depth, __ATOMIC_RELAXED))
		__atomic_store_n(&c->depth, entry->depth, __ATOMIC_RELAXED);
	return WEFT_WALK_CONTINUE;
}

static void walk_all(const char *root, size_t n, size_t bytes, size_t depth, int limit)
{
	static const unsigned workers[] = { 1, 2, 5 };
	struct rlimit rl, old;

	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
	rl = old;
	rl.rlim_cur = (rlim_t)limit;
	CHECK(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
		struct count c = { .n = 0 };
		CHECK(walk_one(root, workers[i], 0, add, &c) == 0);
		if (c.n != n || c.bytes != bytes) {
			fprintf(stderr, "%s, %u workers: %zu entries, %zu bytes of paths\n", root, workers[i],
				c.n, c.bytes);
			exit(1);
		}
		/* Depth is a maximum of racing stores: exact when serial. */
		CHECK(workers[i] > 1 || c.depth == depth);
		CHECK(c.fds > 1 && c.fds <= limit / 4 + 3 * (int)workers[i]);
		CHECK(count_fds() == 0);
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
}

int main(void)
{
	enum { DEEP = 1500, DEEPER = 5000, WIDE = 2000 };
	size_t bytes;

	tree_begin();
	/* Paths of 1 + 11 i bytes. */
	make_deep("d", DEEP, false);
	bytes = DEEP + 1 + (size_t)11 * DEEP * (DEEP + 1) / 2;
	walk_all("d", DEEP + 1, bytes, DEEP, 200);
	walk_all("d", DEEP + 1, bytes, DEEP, 60);

	/* The same, and in each directory but the last two more, with 2 bytes more than its own path. */
	make_deep("e", DEEPER, true);
	bytes = DEEPER + 1 + (size_t)11 * DEEPER * (DEEPER + 1) / 2;
	bytes += 2 * (DEEPER * 3 + (size_t)11 * DEEPER * (DEEPER - 1) / 2);
	walk_all("e", 3 * DEEPER + 1, bytes, DEEPER, 200);
	walk_all("e", 3 * DEEPER + 1, bytes, DEEPER, 60);

	make_dir("w");
	bytes = 1;
	for (int i = 0; i < WIDE; i++) {
		char path[32];
		bytes += (size_t)snprintf(path, sizeof path, "w/%d", i);
		make_dir(path);
		strcat(path, "/x");
		bytes += strlen(path);
		make_dir(path);
	}
	walk_all("w", 2 * WIDE + 1, bytes, 2, 60);
	return 0;
}
