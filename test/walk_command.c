/*
 * walk_command.c - `weft walk` as a process whose output is read slowly: signals end it in order, a second
 * one at once; a reader that goes away is told; the progress line is drawn on a terminal and is gone at the
 * end.
 *
 * The tree's list is far larger than a pipe and the buffers hold, so that the walk cannot end before the test
 * wants it to.
 */
#define _GNU_SOURCE
#include "walk_tree.h"

#include <signal.h>
#include <termios.h>

enum { FILES = 12000, NAME = 240 };
enum { LINE = 2 + NAME + 1 };

struct command {
	pid_t pid;
	int out;     /* its stdout, to be read */
	int err;     /* its stderr, to be read */
	char *bytes; /* what was read of stdout */
	size_t n;
	char text[65536]; /* what was read of stderr */
	size_t text_n;
	int status;
};

static void make_wide(void)
{
	char path[LINE];

	make_dir("t");
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof path, "t/%0*d", NAME, i);
		make_file(path, 0);
	}
}

/* How to start: stderr is a terminal; SIGINT is ignored, as for a command in the background. */
enum { TERMINAL = 1, IGNORE_INT = 2 };

/* Runs WEFT_BIN with the arguments, which the shell splits. */
static void start(struct command *c, const char *arguments, unsigned how)
{
	const char *bin = getenv("WEFT_BIN"), *run = getenv("WEFT_RUN");
	char line[4096];
	int out[2], err[2];

	memset(c, 0, sizeof *c);
	snprintf(line, sizeof line, "exec %s '%s' %s", run != NULL ? run : "", bin, arguments);
	CHECK(pipe2(out, O_CLOEXEC) == 0);
	if (how & TERMINAL) {
		err[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		CHECK(err[0] >= 0 && grantpt(err[0]) == 0 && unlockpt(err[0]) == 0);
		err[1] = open(ptsname(err[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
		CHECK(err[1] >= 0);
	} else {
		CHECK(pipe2(err, O_CLOEXEC) == 0);
	}
	c->pid = fork();
	CHECK(c->pid >= 0);
	if (c->pid == 0) {
		signal(SIGINT, how & IGNORE_INT ? SIG_IGN : SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	c->out = out[0];
	c->err = err[0];
}

static void read_first(struct command *c)
{
	c->bytes = malloc((size_t)LINE * (FILES + 100));
	CHECK(c->bytes != NULL && read(c->out, c->bytes, 1) == 1);
	c->n = 1;
}

static void read_rest(struct command *c)
{
	ssize_t n;

	while ((n = read(c->out, c->bytes + c->n, (size_t)LINE * (FILES + 100) - c->n)) > 0)
		c->n += (size_t)n;
}

static void finish(struct command *c)
{
	ssize_t n;

	close(c->out);
	/* A terminal whose other end is closed reads as an error. */
	while ((n = read(c->err, c->text + c->text_n, sizeof c->text - 1 - c->text_n)) > 0)
		c->text_n += (size_t)n;
	close(c->err);
	CHECK(waitpid(c->pid, &c->status, 0) == c->pid);
	free(c->bytes);
}

/* Sends the signal and returns when the process has taken it. */
static void send(struct command *c, int number)
{
	char path[64], line[256];

	CHECK(kill(c->pid, number) == 0);
	snprintf(path, sizeof path, "/proc/%d/status", (int)c->pid);
	for (;;) {
		unsigned long long pending = 0, shared = 0;
		FILE *f = fopen(path, "r");
		CHECK(f != NULL);
		while (fgets(line, sizeof line, f) != NULL) {
			sscanf(line, "SigPnd: %llx", &pending);
			sscanf(line, "ShdPnd: %llx", &shared);
		}
		fclose(f);
		if ((pending | shared) == 0)
			return;
		sched_yield();
	}
}

static void expect_exit(const struct command *c, int status, const char *text)
{
	if (!WIFEXITED(c->status) || WEXITSTATUS(c->status) != status || strstr(c->text, text) == NULL) {
		fprintf(stderr, "wait status %#x instead of exit %d; stderr without '%s':\n%s\n", c->status,
			status, text, c->text);
		exit(1);
	}
}

/* Whole lines, and no line twice. */
static void expect_lines(const struct command *c, bool all)
{
	static char seen[FILES];
	size_t lines = 0;

	memset(seen, 0, sizeof seen);
	CHECK(c->n > 0 && c->bytes[c->n - 1] == '\n');
	for (char *at = c->bytes; at < c->bytes + c->n; lines++) {
		char *end = memchr(at, '\n', (size_t)(c->bytes + c->n - at));
		if (end - at == 1) {
			CHECK(at[0] == 't');
		} else {
			int i = atoi(at + 2);
			CHECK(end - at == LINE - 1 && i >= 0 && i < FILES && !seen[i]++);
		}
		at = end + 1;
	}
	CHECK(all ? lines == FILES + 1 : lines < FILES + 1);
}

static void signalled(int number, const char *arguments)
{
	struct command c;

	start(&c, arguments, 0);
	read_first(&c);
	send(&c, number);
	read_rest(&c);
	expect_lines(&c, false);
	finish(&c);
	expect_exit(&c, 128 + number, ", interrupted\n");
}

/* The reader does not read on, so the first signal's orderly end waits; the second signal does not. */
static void signalled_twice(void)
{
	struct command c;

	start(&c, "walk --print t", 0);
	read_first(&c);
	send(&c, SIGINT);
	CHECK(kill(c.pid, SIGINT) == 0);
	CHECK(waitpid(c.pid, &c.status, 0) == c.pid);
	CHECK(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGINT);
	close(c.out);
	close(c.err);
	free(c.bytes);
}

static void ignored_signal(void)
{
	struct command c;

	start(&c, "walk --print t", IGNORE_INT);
	read_first(&c);
	CHECK(kill(c.pid, SIGINT) == 0);
	read_rest(&c);
	expect_lines(&c, true);
	finish(&c);
	expect_exit(&c, 0, "");
}

static void reader_gone(const char *arguments)
{
	struct command c;

	start(&c, arguments, 0);
	finish(&c);
	expect_exit(&c, 1, "weft walk: cannot write: Broken pipe\n");
}

static void progress(void)
{
	struct command c;
	char *end;

	start(&c, "walk --print t", TERMINAL);
	read_first(&c);
	/* The walk waits for its reader, so the line is drawn, sooner or later. */
	while (strstr(c.text, " entries, ") == NULL || strstr(c.text, " 0 errors, ") == NULL) {
		ssize_t n = read(c.err, c.text + c.text_n, sizeof c.text - 1 - c.text_n);
		CHECK(n > 0);
		c.text_n += (size_t)n;
	}
	read_rest(&c);
	expect_lines(&c, true);
	finish(&c);
	expect_exit(&c, 0, "1 directory, ");
	end = strstr(c.text, "1 directory, ");
	CHECK(end - c.text > 4 && memcmp(end - 4, "\r\033[K", 4) == 0);

	start(&c, "walk --print --progress=never t", TERMINAL);
	read_first(&c);
	read_rest(&c);
	finish(&c);
	expect_exit(&c, 0, "1 directory, ");
	CHECK(strstr(c.text, " entries, ") == NULL);
}

int main(void)
{
	if (getenv("WEFT_BIN") == NULL || getenv("WEFT_CROSS") != NULL) {
		fprintf(stderr, "no command to run, or not natively\n");
		return 77;
	}
	tree_begin();
	make_wide();
	/* ThreadSanitizer puts signals off until a call that it watches, which may be never. */
	if (getenv("WEFT_SANITIZE") == NULL || strcmp(getenv("WEFT_SANITIZE"), "thread") != 0) {
		signalled(SIGINT, "walk --print t");
		signalled(SIGINT, "walk --print --workers 1 t");
		signalled(SIGTERM, "walk --print --workers 7 t");
		signalled_twice();
	}
	ignored_signal();
	reader_gone("walk --print t");
	reader_gone("walk --json --workers 1 t");
	reader_gone("walk t");
	progress();
	return 0;
}
