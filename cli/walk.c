/*
 * walk.c - `weft walk`: counts or lists directory trees.
 *
 * The library's walk calls visit() on its workers at the same time. Each worker has a struct tally of its
 * own: its counts, its part of the output, its messages. Only the sinks, the number of entries seen (with
 * --first) and the flag that a signal sets are shared. The progress line is drawn by a task that wakes ten
 * times a second and adds up the tallies.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft/weft.h>

#include "cli.h"
#include "output.h"
#include "walk_args.h"

/* The number of the signal that asks to end, or 0. */
static int interrupted;

/* Written by one worker at a time; the progress line reads the counts meanwhile. */
struct tally {
	uint64_t directories, files, links, others, bytes, errors;
	struct buffer out;
	struct buffer messages;
} __attribute__((aligned(64)));

struct run {
	struct walk_args args;
	struct tally *tallies;
	unsigned workers;
	struct sink out;
	struct sink messages;
	uint64_t seen; /* entries, with --first */
	weft_time_t start;
	weft_waitgroup_t walking; /* over when the walk is */
	int result;
};

static uint64_t read_count(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static void bump(uint64_t *count, uint64_t n)
{
	__atomic_store_n(count, *count + n, __ATOMIC_RELAXED);
}

static struct tally sum(const struct run *run)
{
	struct tally all = { .directories = 0 };

	for (unsigned i = 0; i < run->workers; i++) {
		const struct tally *t = &run->tallies[i];
		all.directories += read_count(&t->directories);
		all.files += read_count(&t->files);
		all.links += read_count(&t->links);
		all.others += read_count(&t->others);
		all.bytes += read_count(&t->bytes);
		all.errors += read_count(&t->errors);
	}
	return all;
}

/* ---- one entry ---- */

static const char *type_name(int type)
{
	static const char *const names[] = {
		[WEFT_WALK_UNKNOWN] = "unknown",
		[WEFT_WALK_FILE] = "file",
		[WEFT_WALK_DIR] = "directory",
		[WEFT_WALK_LINK] = "link",
		[WEFT_WALK_FIFO] = "fifo",
		[WEFT_WALK_SOCKET] = "socket",
		[WEFT_WALK_CHAR] = "char",
		[WEFT_WALK_BLOCK] = "block",
		[WEFT_WALK_OTHER] = "other",
	};
	return names[type];
}

static void count(struct tally *t, const weft_walk_entry_t *entry)
{
	switch (entry->type) {
	case WEFT_WALK_DIR:
		bump(&t->directories, 1);
		break;
	case WEFT_WALK_FILE:
		bump(&t->files, 1);
		break;
	case WEFT_WALK_LINK:
		bump(&t->links, 1);
		break;
	default:
		bump(&t->others, 1);
	}
	if (entry->size > 0)
		bump(&t->bytes, (uint64_t)entry->size);
}

static void list(struct tally *t, const weft_walk_entry_t *entry, enum walk_form form)
{
	if (form == WALK_JSON) {
		buffer_text(&t->out, "{\"path\":");
		buffer_json(&t->out, entry->path, entry->path_len);
		buffer_printf(&t->out, ",\"type\":\"%s\"", type_name(entry->type));
		if (entry->size >= 0)
			buffer_printf(&t->out, ",\"size\":%lld", (long long)entry->size);
		buffer_text(&t->out, "}\n");
	} else {
		char *line = buffer_room(&t->out, entry->path_len + 1);
		if (line == NULL)
			return;
		memcpy(line, entry->path, entry->path_len);
		line[entry->path_len] = form == WALK_PRINT0 ? '\0' : '\n';
		t->out.used += entry->path_len + 1;
	}
	buffer_line(&t->out);
}

static void complain(struct tally *t, const weft_walk_entry_t *entry)
{
	const char *what = entry->failed == WEFT_WALK_STAT   ? "cannot examine"
			   : entry->failed == WEFT_WALK_OPEN ? "cannot open directory"
							     : "cannot read directory";

	bump(&t->errors, 1);
	buffer_printf(&t->messages, "weft walk: %s ", what);
	buffer_quoted(&t->messages, entry->path, entry->path_len);
	buffer_printf(&t->messages, ": %s\n", strerror(-entry->error));
	buffer_flush(&t->messages);
}

static int visit(const weft_walk_entry_t *entry, void *arg)
{
	struct run *run = arg;
	struct tally *t = &run->tallies[entry->worker];
	uint64_t before = 0;

	if (sink_error(&run->out) != 0)
		return WEFT_WALK_STOP;
	if (entry->error < 0) {
		complain(t, entry);
		/* A second visit, or nothing is known of it: not an entry. */
		if (entry->failed != WEFT_WALK_STAT || entry->type == WEFT_WALK_UNKNOWN)
			return WEFT_WALK_CONTINUE;
	}
	if (run->args.first != 0) {
		before = __atomic_fetch_add(&run->seen, 1, __ATOMIC_RELAXED);
		if (before >= run->args.first)
			return WEFT_WALK_STOP;
	}
	count(t, entry);
	if (run->args.form != WALK_COUNT)
		list(t, entry, run->args.form);
	return before + 1 == run->args.first ? WEFT_WALK_STOP : WEFT_WALK_CONTINUE;
}

/* ---- what is told about the whole ---- */

static void add_count(struct buffer *b, uint64_t n, const char *one, const char *many)
{
	buffer_printf(b, "%llu %s, ", (unsigned long long)n, n == 1 ? one : many);
}

static void add_bytes(struct buffer *b, uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double scaled = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000) {
		add_count(b, bytes, "byte", "bytes");
		return;
	}
	while (scaled >= 999.95) {
		scaled /= 1000;
		unit++;
	}
	buffer_printf(b, "%.1f %s (%llu bytes), ", scaled, units[unit], (unsigned long long)bytes);
}

static void summary(const struct run *run, struct buffer *b)
{
	struct tally all = sum(run);

	add_count(b, all.directories, "directory", "directories");
	add_count(b, all.files, "file", "files");
	add_count(b, all.links, "link", "links");
	add_count(b, all.others, "other", "others");
	if (run->args.form == WALK_COUNT || run->args.form == WALK_JSON)
		add_bytes(b, all.bytes);
	add_count(b, all.errors, "error", "errors");
	buffer_printf(b, "%.3f s, %u %s", (double)(weft_now() - run->start) / 1e9, run->workers,
		run->workers == 1 ? "worker" : "workers");
	buffer_text(b, interrupted != 0 ? ", interrupted\n" : "\n");
	buffer_flush(b);
}

static void draw_progress(void *arg)
{
	struct run *run = arg;
	char line[128];

	while (weft_waitgroup_wait_until(&run->walking, weft_deadline_in(WEFT_MS(100))) == -ETIMEDOUT) {
		struct tally all = sum(run);
		uint64_t entries = all.directories + all.files + all.links + all.others;
		double seconds = (double)(weft_now() - run->start) / 1e9;
		snprintf(line, sizeof line, "%llu entries, %.0f/s, %llu errors, %.1f s",
			(unsigned long long)entries, (double)entries / seconds,
			(unsigned long long)all.errors, seconds);
		sink_draw(&run->messages, line);
	}
	sink_draw(&run->messages, NULL);
}

/* ---- the command ---- */

static void walk(void *arg)
{
	struct run *run = arg;
	weft_waitgroup_t drawing = WEFT_WAITGROUP_INIT;
	weft_walk_options_t options = {
		.size = sizeof options,
		.workers = run->workers,
		.flags = WEFT_WALK_CONCURRENT,
		.stop = &interrupted,
	};

	if (run->args.form == WALK_COUNT || run->args.form == WALK_JSON)
		options.flags |= WEFT_WALK_SIZE;
	weft_waitgroup_add(&run->walking, 1);
	/* Without memory for that task there is no progress line, and nothing else is lost. */
	if (run->args.progress)
		(void)weft_waitgroup_go(&drawing, draw_progress, run);
	run->result = weft_walk(run->args.roots, run->args.n_roots, &options, visit, run);
	weft_waitgroup_done(&run->walking);
	weft_waitgroup_wait(&drawing);
}

static void on_signal(int number)
{
	__atomic_store_n(&interrupted, number, __ATOMIC_RELAXED);
}

/* The first of these signals ends the walk in order, the second one of its kind ends the process. */
static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	struct sigaction action = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART | SA_RESETHAND | SA_ONSTACK };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct sigaction old;
		sigaction(numbers[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

/* Writes out what is left, tells what went wrong as a whole: the exit status. */
static int finish(struct run *run)
{
	struct buffer *out = &run->tallies[0].out;
	struct buffer *messages = &run->tallies[0].messages;
	int error;

	for (unsigned i = 0; i < run->workers; i++)
		buffer_flush(&run->tallies[i].out);
	if (run->args.form == WALK_COUNT)
		summary(run, out);
	else if (run->args.summary || interrupted != 0 || isatty(STDERR_FILENO))
		summary(run, messages);
	error = sink_error(&run->out);
	if (error == 0 && close(STDOUT_FILENO) < 0)
		error = errno;
	if (error != 0)
		buffer_printf(messages, "weft walk: cannot write: %s\n", strerror(error));
	if (run->result < 0 && run->result != -ECANCELED)
		buffer_printf(messages, "weft walk: %s\n", weft_strerror(run->result));
	buffer_flush(messages);
	if (interrupted != 0)
		return 128 + interrupted;
	if (error != 0 || (run->result < 0 && run->result != -ECANCELED) || sum(run).errors > 0)
		return CLI_FAILED;
	return CLI_FINE;
}

int cli_walk(int argc, char **argv)
{
	struct run run = { .walking = WEFT_WAITGROUP_INIT };
	int status;

	if (!walk_args_parse(argc, argv, &run.args, &status))
		return status;
	run.workers = run.args.workers != 0 ? run.args.workers : weft_procs();
	if (run.workers > WEFT_WALK_WORKERS_MAX)
		run.workers = WEFT_WALK_WORKERS_MAX;
	run.tallies = aligned_alloc(_Alignof(struct tally), run.workers * sizeof *run.tallies);
	if (run.tallies == NULL) {
		fprintf(stderr, "weft walk: %s\n", weft_strerror(-ENOMEM));
		return CLI_FAILED;
	}
	memset(run.tallies, 0, run.workers * sizeof *run.tallies);
	sink_init(&run.out, STDOUT_FILENO, isatty(STDOUT_FILENO));
	sink_init(&run.messages, STDERR_FILENO, true);
	for (unsigned i = 0; i < run.workers; i++) {
		buffer_init(&run.tallies[i].out, &run.out);
		buffer_init(&run.tallies[i].messages, &run.messages);
	}
	catch_signals();
	run.start = weft_now();
	/* One worker needs no tasks, unless one draws; and a walk without tasks is better than none. */
	if ((run.workers == 1 && !run.args.progress) || weft_run(walk, &run) < 0)
		walk(&run);
	status = finish(&run);
	for (unsigned i = 0; i < run.workers; i++) {
		buffer_finish(&run.tallies[i].out);
		buffer_finish(&run.tallies[i].messages);
	}
	free(run.tallies);
	return status;
}
