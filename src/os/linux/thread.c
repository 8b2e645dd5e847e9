/* thread.c - threads, futexes, clocks, CPUs and the process-wide barrier on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "os/os.h"

/* Per-thread CPU clock of a thread id, as the kernel encodes it (CPUCLOCK_SCHED, per thread). */
#define THREAD_CLOCK(tid) ((clockid_t)((~(uint32_t)(tid) << 3) | 6u))

enum { SYSTEM_STACK = 256 * 1024 };

/* The CPUs of the process when the runtime started. */
static cpu_set_t *allowed;
static size_t allowed_size;

weft_time_t weft__os_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (weft_time_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int weft__os_futex_wait(uint32_t *word, uint32_t expected, weft_time_t deadline)
{
	struct timespec ts, *until = NULL;

	if (deadline != WEFT_NEVER) {
		int64_t at = deadline < 0 ? 0 : deadline;
		ts.tv_sec = at / 1000000000;
		ts.tv_nsec = at % 1000000000;
		until = &ts;
	}
	/* FUTEX_WAIT_BITSET takes an absolute time of the monotonic clock. */
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, until, NULL,
		    FUTEX_BITSET_MATCH_ANY) == 0)
		return 0;
	return errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

void weft__os_futex_wake(uint32_t *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0);
}

struct start {
	void (*fn)(void *);
	void *arg;
	char name[16];
};

static void *thread_main(void *p)
{
	struct start start = *(struct start *)p;
	int ignored;

	weft__free(p);
	/* A worker runs many tasks: cancelling it would cut all of them off at once. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
	pthread_setname_np(pthread_self(), start.name);
	start.fn(start.arg);
	return NULL;
}

/* With attributes as far as wanted: a small stack, and the CPUs of the process. */
static int create(struct start *start, bool small_stack, bool set_cpus)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (small_stack)
		pthread_attr_setstacksize(&attr, SYSTEM_STACK);
	/* Not the CPUs of the task that happens to run here: it may be pinned and have chosen its own. */
	if (set_cpus && allowed != NULL)
		pthread_attr_setaffinity_np(&attr, allowed_size, allowed);
	err = pthread_create(&thread, &attr, thread_main, start);
	pthread_attr_destroy(&attr);
	return err;
}

int weft__os_thread_start(void (*fn)(void *), void *arg, const char *name)
{
	static const int synchronous[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS,
		SIGPROF };
	struct start *start = weft__alloc(sizeof *start);
	sigset_t all, old;
	int err;

	if (start == NULL)
		return -ENOMEM;
	start->fn = fn;
	start->arg = arg;
	strncpy(start->name, name, sizeof start->name - 1);
	if (weft__alloc_must_fail()) {
		weft__free(start);
		return -EAGAIN;
	}
	/* Signals for the process go to the program's own threads. */
	sigfillset(&all);
	for (size_t i = 0; i < ARRAY_LEN(synchronous); i++)
		sigdelset(&all, synchronous[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = create(start, true, true);
	if (err == EINVAL) /* thread-local data of the program leaves no room on a small stack */
		err = create(start, false, true);
	if (err == EINVAL) /* the CPUs are gone */
		err = create(start, false, false);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err != 0)
		weft__free(start);
	return err == 0 ? 0 : err == ENOMEM ? -ENOMEM : -EAGAIN;
}

int32_t weft__os_thread_id(void)
{
	return (int32_t)syscall(SYS_gettid);
}

int64_t weft__os_thread_cpu(int32_t tid)
{
	struct timespec ts;

	if (clock_gettime(THREAD_CLOCK(tid), &ts) != 0)
		return -1;
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int weft__os_thread_sleeps(int32_t tid)
{
	char path[64], text[512];
	const char *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	/* "tid (name) S ...": the name may hold anything, so the last parenthesis counts. */
	state = strrchr(text, ')');
	if (state == NULL || state[1] != ' ')
		return -1;
	return state[2] != 'R';
}

void weft__os_thread_precise(void)
{
	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
}

void weft__os_thread_yield(void)
{
	sched_yield();
}

/* The first number (or pair of numbers) of a file of a control group; 0 when there is none. */
static int read_numbers(const char *path, long long *a, long long *b)
{
	FILE *f = fopen(path, "re");
	int n = 0;

	if (f != NULL) {
		n = b != NULL ? fscanf(f, "%lld %lld", a, b) : fscanf(f, "%lld", a);
		fclose(f);
	}
	return n < 0 ? 0 : n;
}

/* The quota of one group, in whole CPUs rounded up; 0: none. */
static unsigned group_quota(const char *dir)
{
	char path[PATH_MAX * 2 + 32];
	long long quota = 0, period = 0;

	snprintf(path, sizeof path, "%s/cpu.max", dir);
	if (read_numbers(path, &quota, &period) != 2) {
		snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", dir);
		if (read_numbers(path, &quota, NULL) != 1)
			return 0;
		snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
		if (read_numbers(path, &period, NULL) != 1)
			return 0;
	}
	if (quota <= 0 || period <= 0)
		return 0;
	return (unsigned)((quota + period - 1) / period);
}

/* The least quota of the group and its parents, for both versions of control groups. */
static unsigned cgroup_quota(void)
{
	char line[PATH_MAX], dir[PATH_MAX * 2];
	unsigned least = 0;
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL) {
		/* "0::/path" (version 2) or "N:cpu,cpuacct:/path" (version 1) */
		char *controllers = strchr(line, ':'), *path;
		const char *root;
		if (controllers == NULL || (path = strchr(controllers + 1, ':')) == NULL)
			continue;
		*path++ = '\0';
		controllers++;
		path[strcspn(path, "\n")] = '\0';
		if (*controllers == '\0')
			root = "/sys/fs/cgroup";
		else if (strcmp(controllers, "cpu") == 0 || strncmp(controllers, "cpu,", 4) == 0 ||
			 strstr(controllers, ",cpu,") != NULL)
			root = "/sys/fs/cgroup/cpu";
		else
			continue;
		for (;;) {
			char *slash;
			unsigned quota;
			snprintf(dir, sizeof dir, "%s%s", root, path);
			quota = group_quota(dir);
			if (quota != 0 && (least == 0 || quota < least))
				least = quota;
			slash = strrchr(path, '/');
			if (slash == NULL)
				break;
			*slash = '\0';
		}
	}
	fclose(f);
	return least;
}

unsigned weft__os_cpus(void)
{
	unsigned cpus = 0, quota;

	/* The mask may be larger than cpu_set_t on big machines. */
	for (int n = CPU_SETSIZE; n <= 1 << 16; n *= 2) {
		cpu_set_t *set = CPU_ALLOC((size_t)n);
		size_t size = CPU_ALLOC_SIZE((size_t)n);
		if (set == NULL)
			break;
		if (sched_getaffinity(0, size, set) == 0) {
			cpus = (unsigned)CPU_COUNT_S(size, set);
			if (allowed != NULL)
				CPU_FREE(allowed);
			allowed = set;
			allowed_size = size;
			break;
		}
		CPU_FREE(set);
	}
	if (cpus == 0) {
		long n = sysconf(_SC_NPROCESSORS_ONLN);
		cpus = n > 0 ? (unsigned)n : 1;
	}
	quota = cgroup_quota();
	return quota != 0 && quota < cpus ? quota : cpus;
}

bool weft__barriers_unequal;

static bool barrier_register(void)
{
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (commands < 0 || !(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return false;
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/* Before main, for the two halves must be decided before any thread uses one of them. */
__attribute__((constructor)) static void barrier_setup(void)
{
	weft__barriers_unequal = barrier_register();
}

void weft__os_barrier(void)
{
	/* It was there when the light halves were chosen: without it nothing would hold any more. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0 &&
		(!barrier_register() || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0))
		weft__panic("membarrier(2) does not work any more: was it forbidden after the start?");
}
