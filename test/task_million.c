/* weft-test: timeout=600 label=stress */
/*
 * Two million tasks alive at once on stacks of the default size: memory is the only limit. Guards by
 * MADV_GUARD_INSTALL cost no map entries; with fewer than a few thousand of them used, vm.max_map_count
 * does not matter.
 */
#include "test.h"

enum { TASKS = 2000000 };

static weft_waitgroup_t gate, done, arrived;

static void block(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&arrived);
	weft_waitgroup_wait(&gate);
}

static unsigned long available_mib(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[256];

	CHECK(f != NULL);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib / 1024;
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

int main(void)
{
	if (test_is_watched())
		SKIP("a sanitizer, valgrind or an emulator has no room for two million tasks");
	if (available_mib() < 11 * 1024)
		SKIP("needs 11 GiB of memory");
	test_begin();
	weft_waitgroup_add(&gate, 1);
	weft_waitgroup_add(&arrived, TASKS);
	for (unsigned i = 0; i < TASKS; i++)
		CHECK_EQ(weft_waitgroup_go(&done, block, NULL), 0);
	weft_waitgroup_wait(&arrived);
	CHECK_EQ(test_stats().tasks_alive, TASKS);
	fprintf(stderr, "guard %s, %u map entries\n", test_stats().guard, count_maps());
	if (strcmp(test_stats().guard, "madvise") == 0)
		CHECK(count_maps() < 5000);
	weft_waitgroup_done(&gate);
	weft_waitgroup_wait(&done);
	test_end();
	return 0;
}
