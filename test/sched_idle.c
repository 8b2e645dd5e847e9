/*
 * A process whose tasks all wait costs nothing: its threads together wake up less than five times a
 * second and use no processor time.
 */
#include "test.h"

static weft_waitgroup_t gate, done;
static int fds[2];

static void wait_for_others(void *arg)
{
	(void)arg;
	weft_waitgroup_wait(&gate);
}

static void wait_long(void *arg)
{
	(void)arg;
	weft_waitgroup_wait_until(&gate, weft_deadline_in(WEFT_S(3600)));
}

static void wait_for_descriptor(void *arg)
{
	(void)arg;
	CHECK(weft_fd_wait(fds[0], WEFT_READABLE, WEFT_NEVER) > 0);
}

/* Context switches of all threads, this one included. */
static unsigned long count_switches(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned long sum = 0;
	struct dirent *e;

	CHECK(dir != NULL);
	while ((e = readdir(dir)) != NULL) {
		char path[300], line[256];
		unsigned long n;
		FILE *f;
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
		f = fopen(path, "re");
		CHECK(f != NULL);
		while (fgets(line, sizeof line, f) != NULL)
			if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1 ||
				sscanf(line, "nonvoluntary_ctxt_switches: %lu", &n) == 1)
				sum += n;
		fclose(f);
	}
	closedir(dir);
	return sum;
}

static int64_t cpu_time(void)
{
	struct timespec ts;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0);
	return WEFT_S(ts.tv_sec) + ts.tv_nsec;
}

int main(void)
{
	unsigned long before, switches;
	int64_t cpu;

	if (test_is_watched() && test_slow() != 4)
		SKIP("ThreadSanitizer, valgrind and emulators have threads and switches of their own");
	CHECK(pipe(fds) == 0);
	test_begin();
	weft_waitgroup_add(&gate, 1);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(weft_waitgroup_go(&done, wait_for_others, NULL), 0);
	CHECK_EQ(weft_waitgroup_go(&done, wait_long, NULL), 0);
	CHECK_EQ(weft_waitgroup_go(&done, wait_for_descriptor, NULL), 0);

	/* Idle is a state that is reached some time after the last event. */
	test_pause_ms(500);
	before = count_switches();
	cpu = cpu_time();
	test_pause_ms(2000);
	switches = count_switches() - before;
	cpu = cpu_time() - cpu;
	fprintf(stderr, "%lu switches and %lld us of processor time in 2 s\n", switches,
		(long long)cpu / 1000);
	CHECK(switches < 10);
	/* Counting is all that was done. */
	CHECK(cpu < WEFT_MS(20));

	CHECK(write(fds[1], "x", 1) == 1);
	weft_waitgroup_done(&gate);
	weft_waitgroup_wait(&done);
	test_end();
	return 0;
}
