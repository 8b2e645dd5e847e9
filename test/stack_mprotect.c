/*
 * Guards that cost map entries are used for a part of them only: forty thousand stacks work under
 * WEFT_GUARD=mprotect with vm.max_map_count at its default, and leave the program its share.
 */
#include "test.h"

static weft_waitgroup_t gate, done, arrived;

static void block(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&arrived);
	weft_waitgroup_wait(&gate);
}

static unsigned count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned n = 0;
	int ch;

	CHECK(f != NULL);
	while ((ch = getc(f)) != EOF)
		n += ch == '\n';
	fclose(f);
	return n;
}

static unsigned map_limit(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	unsigned n = 0;

	CHECK(f != NULL && fscanf(f, "%u", &n) == 1);
	fclose(f);
	return n;
}

int main(void)
{
	unsigned n = test_scaled(40000), limit = map_limit(), maps;

#if defined(WEFT__TSAN) && !defined(__clang__)
	n = 4000; /* gcc's ThreadSanitizer ends at about twice that */
#endif
	test_env("WEFT_GUARD", "mprotect");
	test_begin();
	weft_waitgroup_add(&gate, 1);
	weft_waitgroup_add(&arrived, (int)n);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(weft_waitgroup_go(&done, block, NULL), 0);
	weft_waitgroup_wait(&arrived);
	maps = count_maps();
	fprintf(stderr, "%u stacks, %u map entries of %u, now by %s\n", (unsigned)test_stats().stacks, maps,
		limit, test_stats().guard);
	/* Two entries for a guard, and a quarter of the limit in guards: half, and some for all else. */
	CHECK(maps < limit / 2 + 2000);
	CHECK(maps > 1000 || n < 1000);
	if (n > limit / 4 + 1000)
		CHECK(strcmp(test_stats().guard, "canary") == 0);
	else
		CHECK(strcmp(test_stats().guard, "mprotect") == 0);
	weft_waitgroup_done(&gate);
	weft_waitgroup_wait(&done);
	test_end();
	return 0;
}
