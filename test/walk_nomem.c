/*
 * walk_nomem.c - every allocation of a walk fails in its turn: the walk says -ENOMEM or does without, visits
 * nothing twice, keeps no descriptor and does not hang.
 */
#include "walk_tree.h"

#include "base/alloc.h"

static size_t walk(unsigned workers, unsigned flags, int64_t good, int *result)
{
	struct visits v = VISITS_INIT;
	size_t n;

	weft__alloc_fail_after(good);
	*result = walk_one("t", workers, flags, collect, &v);
	weft__alloc_fail_after(-1);
	sort_visits(&v);
	for (size_t i = 1; i < v.n; i++)
		CHECK(strcmp(v.at[i].path, v.at[i - 1].path) != 0);
	n = v.n;
	forget(&v);
	return n;
}

int main(void)
{
	static const unsigned workers[] = { 1, 2, 4 };
	char path[512];
	size_t all = 1;
	int result;

	weft__alloc_fail_after(0);
	if (!weft__alloc_must_fail()) {
		fprintf(stderr, "this build cannot make allocations fail\n");
		return 77;
	}
	weft__alloc_fail_after(-1);

	tree_begin();
	make_dir("t");
	for (int i = 0; i < 20; i++, all++) {
		snprintf(path, sizeof path, "t/%d", i);
		make_dir(path);
		for (int k = 0; k < i; k++, all++) {
			snprintf(path, sizeof path, "t/%d/%d", i, k);
			make_dir(path);
		}
	}
	/* Long names, so that paths and lists must grow. */
	strcpy(path, "t/");
	memset(path + 2, 'l', 250);
	path[252] = '\0';
	CHECK(mkdir(path, 0755) == 0 && chdir(path) == 0);
	all++;
	for (int i = 0; i < 30; i++, all++)
		CHECK(mkdir(path + 2, 0755) == 0 && chdir(path + 2) == 0);
	CHECK(chdir(tree_dir) == 0);

	CHECK(walk(4, 0, -1, &result) == all && result == 0);
	for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
		int64_t good = 0;
		do {
			size_t n = walk(workers[i], WEFT_WALK_SIZE, good++, &result);
			CHECK(result == -ENOMEM || (result == 0 && n == all));
			CHECK(count_fds() == 0);
		} while (result != 0 || good < 200);
	}
	return 0;
}
