/*
 * test.h - what the tests of the runtime share: checks, scaling, and children that must end in a
 * certain way. Included first.
 *
 * A failed check prints its place and ends the process at once, from whatever task or thread it is in.
 */
#ifndef TEST_TEST_H
#define TEST_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weft/weft.h>

#include "base/atomic.h"
#include "base/san.h"

/* ---- checks ---- */

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond))                                                                                 \
			test_fail("%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);                         \
	} while (0)

/* Integers only; both values are printed. */
#define CHECK_EQ(a, b)                                                                                       \
	do {                                                                                                 \
		long long a_ = (long long)(a), b_ = (long long)(b);                                          \
		if (a_ != b_)                                                                                \
			test_fail(                                                                           \
				"%s:%d: %s is %lld, and %s is %lld\n", __FILE__, __LINE__, #a, a_, #b, b_);  \
	} while (0)

/* Ends the test as skipped. */
#define SKIP(why)                                                                                            \
	do {                                                                                                 \
		fprintf(stderr, "skipped: %s\n", why);                                                       \
		exit(77);                                                                                    \
	} while (0)

/* Waits for what announces itself by nothing but its effect. */
#define WAIT_FOR(cond)                                                                                       \
	do {                                                                                                 \
		for (unsigned tries_ = 0; !(cond); tries_++) {                                               \
			if (tries_ == 60000)                                                                 \
				test_fail("%s:%d: never came: %s\n", __FILE__, __LINE__, #cond);             \
			test_pause_ms(1);                                                                    \
		}                                                                                            \
	} while (0)

/* Where failures are told; not 2 in a test that captures what weft says there. */
static int test_stderr = STDERR_FILENO;

WEFT_NORETURN WEFT_PRINTF(1, 2) static inline void test_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(test_stderr, format, args);
	va_end(args);
	_exit(1);
}

/* Sleeps as a thread, outside of weft. Not inlined: see test_read. */
NOINLINE WEFT_UNUSED static void test_pause_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

/*
 * As read and write, but a failure is a negative errno. A compiler may look up the address of errno
 * once for a whole function, and a task that parks in it may go on on another thread; so errno is read
 * where nothing parks.
 */
NOINLINE WEFT_UNUSED static ssize_t test_read(int fd, void *buffer, size_t size)
{
	ssize_t n = read(fd, buffer, size);

	return n < 0 ? -errno : n;
}

NOINLINE WEFT_UNUSED static ssize_t test_write(int fd, const void *buffer, size_t size)
{
	ssize_t n = write(fd, buffer, size);

	return n < 0 ? -errno : n;
}

/* ---- scaling ---- */

#if defined(WEFT_CHAOS) && WEFT_CHAOS
#define CHAOS_BUILD 1
#else
#define CHAOS_BUILD 0
#endif

/* How much less to do: 1 in a plain build, more under sanitizers, valgrind and emulators. */
static inline unsigned test_slow(void)
{
#if defined(WEFT__TSAN)
	return 10;
#elif defined(WEFT__ASAN)
	return 4;
#else
	if (san_on_valgrind())
		return 20;
	return getenv("WEFT_CROSS") != NULL || CHAOS_BUILD ? 8 : 1;
#endif
}

static inline unsigned test_scaled(unsigned n)
{
	n /= test_slow();
	return n > 0 ? n : 1;
}

/* True where neither time nor memory nor threads are the program's own. */
static inline bool test_is_watched(void)
{
	return test_slow() > 1 && !CHAOS_BUILD;
}

#if defined(WEFT__TSAN)
/* Else each child would take a second to end. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "atexit_sleep_ms=0";
}
#endif

/* ---- state of the process ---- */

/* Sets a variable that the runtime reads when it starts. */
static inline void test_env(const char *name, const char *value)
{
	CHECK(setenv(name, value, 1) == 0);
}

static inline weft_stats_t test_stats(void)
{
	weft_stats_t stats = { .size = sizeof stats };

	CHECK_EQ(weft_stats_read(&stats), 0);
	return stats;
}

static inline unsigned test_count_dir(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	CHECK(dir != NULL);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* Open descriptors, give or take a constant; not what the monitor opens now and then for a moment. */
static inline unsigned test_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	CHECK(dir != NULL);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char target[256];
		ssize_t length = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
		target[length > 0 ? length : 0] = '\0';
		if (strncmp(target, "/proc/", 6) != 0 || strstr(target, "/task/") == NULL)
			n++;
	}
	closedir(dir);
	return n;
}

static unsigned test_fds_before;

/* Starts the runtime and remembers what is open. */
static inline void test_begin(void)
{
	CHECK(weft_procs() > 0);
	test_fds_before = test_count_fds();
}

/* All tasks have ended, and no descriptor was left open since test_begin. */
static inline void test_end(void)
{
	WAIT_FOR(test_stats().tasks_alive == 0);
#if !defined(WEFT__TSAN) /* it opens some for its reports */
	WAIT_FOR(test_count_fds() == test_fds_before);
#endif
}

/* ---- children ---- */

/*
 * A process that was forked off to end in a certain way. The parent must not have started the runtime.
 * `note` is shared with the child: there it leaves what the parent could not know, for instance an
 * address or a place.
 */
struct test_child {
	pid_t pid;
	int status;          /* as of waitpid */
	char *note;          /* 4096 bytes */
	char err[64 * 1024]; /* what it wrote on stderr */
};

static struct test_child test_child;
static char *test_note;

/* Runs fn in a child until it ends; fn's return is exit(0). Standard error is captured. */
static inline struct test_child *test_run_child(void (*fn)(void))
{
	struct test_child *c = &test_child;
	size_t have = 0;
	int fds[2];

	if (c->note == NULL)
		c->note = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(c->note != MAP_FAILED);
	memset(c->note, 0, 4096);
	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	c->pid = fork();
	CHECK(c->pid >= 0);
	if (c->pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		test_note = c->note;
		alarm(30 * test_slow());
		fn();
		exit(0);
	}
	close(fds[1]);
	for (;;) {
		ssize_t n = read(fds[0], c->err + have, sizeof c->err - 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	c->err[have] = '\0';
	close(fds[0]);
	while (waitpid(c->pid, &c->status, 0) < 0)
		CHECK(errno == EINTR);
	return c;
}

static inline void test_child_check_status(const char *place, const struct test_child *c, int status)
{
	if (!WIFEXITED(c->status) || WEXITSTATUS(c->status) != status)
		test_fail("%s: the child ended with %s %d, not with exit status %d; it wrote:\n%s\n", place,
			WIFEXITED(c->status) ? "exit status" : "signal",
			WIFEXITED(c->status) ? WEXITSTATUS(c->status) : WTERMSIG(c->status), status, c->err);
}

static inline void test_child_check_says(const char *place, const struct test_child *c, const char *text)
{
	if (strstr(c->err, text) == NULL)
		test_fail("%s: the child did not write \"%s\" but:\n%s\n", place, text, c->err);
}

static inline unsigned test_count_text(const char *in, const char *text)
{
	unsigned n = 0;

	for (const char *at = in; (at = strstr(at, text)) != NULL; at += strlen(text))
		n++;
	return n;
}

#define CHILD_ENDS(c, status) test_child_check_status(WEFT_HERE, c, status)
#define CHILD_SAYS(c, text) test_child_check_says(WEFT_HERE, c, text)

/* In the child: leaves a text for the parent. */
#define NOTE(...) (void)snprintf(test_note, 4096, __VA_ARGS__)

/* fn must panic: exit status 2, and the message holds text and, if it left one, the child's note. */
#define MUST_PANIC(fn, text)                                                                                 \
	do {                                                                                                 \
		struct test_child *c_ = test_run_child(fn);                                                  \
		CHILD_ENDS(c_, 2);                                                                           \
		CHILD_SAYS(c_, "weft: panic: ");                                                             \
		CHILD_SAYS(c_, text);                                                                        \
		CHILD_SAYS(c_, c_->note);                                                                    \
	} while (0)

#endif /* TEST_TEST_H */
