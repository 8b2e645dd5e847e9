/*
 * lab_getdir.c - `weft lab getdir`: what a function that returns a channel cannot say.
 *
 * A getDir() that starts a task, returns a channel of entries at once and closes it at the end does not block
 * its caller. Two things it cannot do:
 *
 *   1. The caller who has found what it wanted cannot stop the producer. It just goes; the producer waits
 *      to send for ever, with all that it holds.
 *   2. A channel that just ends does not tell "no entries" from "an error".
 *
 * Both are shown here by the naive version. Then come two that can: a channel with a context (by which the
 * caller stops the producer) and a status beside it (by which the producer says how it ended); and a
 * callback, weft_walk itself, which starts no task, so there is nothing to leave behind.
 *
 * What is left of the naive version stays until the process ends, and the runtime names it then.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/weft.h>

#include "cli.h"
#include "lab.h"

static const char help_text[] =
	"Usage: weft lab getdir [DIR]\n"
	"\n"
	"Lists DIR (default: /usr/share) and all below it by a function that returns a channel,\n"
	"and shows what such a function cannot do: its caller cannot stop it, and cannot tell\n"
	"'nothing there' from 'an error'. Then by two that can: a channel with a context and a\n"
	"status, and a callback. DIR must have two entries or more.\n"
	"\n"
	"Each line says what was seen in this run, and 'ok' or 'NO': whether it is as claimed.\n"
	"At the end the runtime names the task that the first function has left behind.\n"
	"Exit status: 0 all was as claimed, 1 something was not or failed, 2 the command line is\n"
	"wrong.\n";

/* How the reading of a directory ended, as its caller could see it. */
struct seen {
	enum { LEFT, CLOSED, FINISHED, STOPPED, FAILED } end;
	uint64_t entries;
	int error;   /* FAILED: what failed first */
	char *where; /* and the path; NULL: no memory */
};

/* Whether a visit is that of an entry: not DIR itself, nor a second visit to say that something failed. */
static bool is_entry(const weft_walk_entry_t *entry)
{
	if (entry->depth == 0 || entry->type == WEFT_WALK_UNKNOWN)
		return false;
	return entry->error == 0 || entry->failed == WEFT_WALK_STAT;
}

static void keep_first_error(struct seen *seen, const weft_walk_entry_t *entry)
{
	if (entry->error == 0 || seen->error != 0)
		return;
	seen->error = entry->error;
	seen->where = strdup(entry->path);
}

/* ---- the naive getDir(): a channel ---- */

/* For the lab alone: how many sends have begun. */
static unsigned naive_sends;

static int naive_visit(const weft_walk_entry_t *entry, void *arg)
{
	WEFT_CHAN(char *) out = arg;
	char *path;

	if (!is_entry(entry))
		return WEFT_WALK_CONTINUE; /* entry->error has nowhere to go */
	path = strdup(entry->path);
	__atomic_add_fetch(&naive_sends, 1, __ATOMIC_RELEASE);
	WEFT_SEND(out, path);
	return WEFT_WALK_CONTINUE;
}

WEFT_TASK(naive_list, const char *, dir, WEFT_CHAN(char *), out)
{
	weft_task_set_name("getdir");
	(void)weft_walk(&dir, 1, NULL, naive_visit, out);
	WEFT_CLOSE(out);
}

/* The paths of all entries below dir; the caller frees them, and the channel once it is closed. */
static WEFT_CHAN(char *) naive_getdir(const char *dir)
{
	WEFT_CHAN(char *) out = WEFT_CHAN_CREATE(char *, 0);

	if (out != NULL && WEFT_GO(naive_list, dir, out) == 0)
		return out;
	WEFT_CHAN_DESTROY(out);
	return NULL;
}

/* A caller who wants so many entries (0: all of them). */
static struct seen call_naive(const char *dir, uint64_t wanted)
{
	struct seen seen = { .end = CLOSED };
	WEFT_CHAN(char *) entries = naive_getdir(dir);

	if (entries == NULL)
		return (struct seen){ .end = FAILED, .error = -ENOMEM };
	WEFT_RANGE (path, entries) {
		free(path);
		if (++seen.entries == wanted) {
			seen.end = LEFT;
			return seen; /* the producer waits to send, and nobody can tell it */
		}
	}
	WEFT_CHAN_DESTROY(entries);
	return seen;
}

/* ---- a channel, a context to stop it, a status that says how it ended ---- */

struct listing {
	WEFT_CHAN(char *) entries;
	weft_context_t *ctx;
	weft_waitgroup_t producer;
	const char *dir;
	struct seen status; /* valid when entries is closed */
};

static int listing_visit(const weft_walk_entry_t *entry, void *arg)
{
	struct listing *l = arg;
	char *path;

	keep_first_error(&l->status, entry);
	if (!is_entry(entry))
		return WEFT_WALK_CONTINUE;
	path = strdup(entry->path);
	if (path == NULL)
		return -ENOMEM;
	WEFT_SELECT {
		WEFT_CASE_SEND (l->entries, &path) {
			l->status.entries++;
			return WEFT_WALK_CONTINUE;
		}
		WEFT_CASE_DONE (l->ctx)
			free(path);
	}
	return weft_context_err(l->ctx);
}

static void listing_run(void *arg)
{
	struct listing *l = arg;
	int err;

	weft_task_set_name("getdir with context");
	err = weft_walk(&l->dir, 1, NULL, listing_visit, l);
	if (err == -ECANCELED)
		l->status.end = STOPPED;
	else if (err < 0 || l->status.error < 0)
		l->status.end = FAILED;
	else
		l->status.end = FINISHED;
	if (l->status.error == 0)
		l->status.error = err;
	WEFT_CLOSE(l->entries);
}

/* Stops the producer if it still runs, waits for it, frees everything. The status says how it ended. */
static struct seen listing_end(struct listing *l)
{
	weft_context_cancel(l->ctx);
	weft_waitgroup_wait(&l->producer);
	WEFT_CHAN_DESTROY(l->entries);
	weft_context_destroy(l->ctx);
	return l->status;
}

/* Starts listing dir: l->entries gets the paths, which the caller frees. 0, or an error. */
static int listing_begin(struct listing *l, const char *dir)
{
	int err = -ENOMEM;

	*l = (struct listing){
		.entries = WEFT_CHAN_CREATE(char *, 0),
		.ctx = weft_context_create(NULL),
		.dir = dir,
	};
	if (l->entries != NULL && l->ctx != NULL)
		err = weft_waitgroup_go(&l->producer, listing_run, l);
	if (err < 0)
		listing_end(l);
	return err;
}

static struct seen call_listing(const char *dir, uint64_t wanted)
{
	struct listing l;
	uint64_t entries = 0;
	int err = listing_begin(&l, dir);

	if (err < 0)
		return (struct seen){ .end = FAILED, .error = err };
	WEFT_RANGE (path, l.entries) {
		free(path);
		if (++entries == wanted)
			break;
	}
	return listing_end(&l);
}

/* ---- the callback ---- */

struct look {
	uint64_t wanted;
	struct seen seen;
};

static int look_visit(const weft_walk_entry_t *entry, void *arg)
{
	struct look *look = arg;

	keep_first_error(&look->seen, entry);
	if (!is_entry(entry) || ++look->seen.entries != look->wanted)
		return WEFT_WALK_CONTINUE;
	look->seen.end = STOPPED;
	return WEFT_WALK_STOP;
}

static struct seen call_walk(const char *dir, uint64_t wanted)
{
	struct look look = { wanted, { .end = FINISHED } };
	int err = weft_walk(&dir, 1, NULL, look_visit, &look);

	if (look.seen.error == 0)
		look.seen.error = err;
	if (look.seen.end == FINISHED && look.seen.error < 0)
		look.seen.end = FAILED;
	return look.seen;
}

/* ---- what is left of them ---- */

struct left {
	uint64_t tasks;  /* alive */
	int descriptors; /* open; -1: there is no /proc that tells */
};

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -3; /* ".", ".." and that of the directory */

	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static uint64_t count_tasks(void)
{
	weft_stats_t stats = { .size = sizeof stats };

	(void)weft_stats_read(&stats);
	return stats.tasks_alive;
}

/* What is there, when no more than so many tasks are; one that was waited for may still have to return. */
static struct left measure(uint64_t tasks)
{
	weft_time_t deadline = weft_deadline_in(WEFT_S(10));

	while (count_tasks() > tasks && weft_now() < deadline)
		weft_sleep(WEFT_MS(1));
	return (struct left){ count_tasks(), count_descriptors() };
}

/* ---- the table ---- */

struct getdir {
	struct lab lab;
	const char *dir;    /* a real one */
	char scratch[1024]; /* ours; the next three are in it */
	char empty[1040], missing[1040], locked[1040];
	bool root; /* locked can be read all the same */
	int status;
};

/* Paths of ours are shown without the directory that they are all in. */
static void tell(struct getdir *g, const struct seen *seen)
{
	struct buffer *out = &g->lab.out;
	size_t ours = strlen(g->scratch), len;
	const char *where = seen->where;

	static const char *const ends[] = {
		[LEFT] = "the caller goes",
		[CLOSED] = "the channel is closed",
		[FINISHED] = "finished",
		[STOPPED] = "stopped",
		[FAILED] = "failed: ",
	};

	buffer_printf(out, "%llu %s, %s", (unsigned long long)seen->entries,
		seen->entries == 1 ? "entry" : "entries", ends[seen->end]);
	if (seen->end != FAILED)
		return;
	if (where != NULL) {
		len = strlen(where);
		ours = len > ours && memcmp(where, g->scratch, ours) == 0 ? ours + 1 : 0;
		buffer_quoted(out, where + ours, len - ours);
		buffer_text(out, ": ");
	}
	buffer_text(out, weft_strerror(seen->error));
}

/* A line about one call. Frees what it has seen. */
static void claim(struct getdir *g, bool kept, const char *what, struct seen *seen)
{
	lab_claim(&g->lab, kept, what);
	tell(g, seen);
	lab_line_end(&g->lab);
	free(seen->where);
	seen->where = NULL;
}

static bool failed_with(const struct seen *seen, int error, const char *where)
{
	return seen->end == FAILED && seen->entries == 0 && seen->error == error && seen->where != NULL &&
	       strcmp(seen->where, where) == 0;
}

static void add_numbers(struct lab *lab, const char *what, int64_t before, int64_t after)
{
	buffer_printf(&lab->out, "%s: %lld before, %lld after", what, (long long)before, (long long)after);
	lab_line_end(lab);
}

typedef struct seen call_fn(const char *dir, uint64_t wanted);

/* The naive one leaves its producer behind: the number of tasks that are left from here on. */
static uint64_t show_leak(struct getdir *g)
{
	struct left before = measure(1), after;
	weft_time_t deadline = weft_deadline_in(WEFT_S(10)); /* should DIR lose its entries meanwhile */
	struct seen seen;

	lab_heading(&g->lab, "1. A channel. The caller takes one entry and goes.");
	seen = call_naive(g->dir, 1);
	claim(g, seen.end == LEFT && seen.entries == 1, "DIR", &seen);
	/* The next send: from there it opens nothing more. */
	while (__atomic_load_n(&naive_sends, __ATOMIC_ACQUIRE) < 2 && weft_now() < deadline)
		weft_sleep(WEFT_MS(1));
	after = measure(UINT64_MAX);
	lab_claim(&g->lab, after.tasks == before.tasks + 1, "the producer is left behind");
	add_numbers(&g->lab, "tasks", (int64_t)before.tasks, (int64_t)after.tasks);
	lab_note(&g->lab, "and what it has open");
	add_numbers(&g->lab, "descriptors", before.descriptors, after.descriptors);
	return after.tasks;
}

static void skip_locked(struct getdir *g)
{
	lab_note(&g->lab, "one that may not be read");
	buffer_text(&g->lab.out, "not shown: this user may read everything");
	lab_line_end(&g->lab);
}

static void show_silence(struct getdir *g)
{
	const struct {
		const char *what, *dir;
	} calls[] = {
		{ "an empty directory", g->empty },
		{ "one that does not exist", g->missing },
		{ "one that may not be read", g->locked },
	};

	lab_heading(&g->lab, "2. A channel. The caller reads to the end.");
	for (size_t i = 0; i < (g->root ? 2 : 3); i++) {
		struct seen seen = call_naive(calls[i].dir, 0);
		claim(g, seen.end == CLOSED && seen.entries == 0, calls[i].what, &seen);
	}
	if (g->root)
		skip_locked(g);
}

/* One that can be stopped and says how it ended; so many tasks are there before, and after. */
static void show_right(struct getdir *g, const char *heading, call_fn *call, uint64_t tasks)
{
	struct lab *lab = &g->lab;
	struct left before = measure(tasks), after;
	struct seen seen;

	lab_heading(lab, heading);
	seen = call(g->dir, 1);
	claim(g, seen.end == STOPPED && seen.entries == 1, "DIR, one entry is enough", &seen);
	seen = call(g->empty, 0);
	claim(g, seen.end == FINISHED && seen.entries == 0, "an empty directory", &seen);
	seen = call(g->missing, 0);
	claim(g, failed_with(&seen, -ENOENT, g->missing), "one that does not exist", &seen);
	if (g->root) {
		skip_locked(g);
	} else {
		seen = call(g->locked, 0);
		claim(g, failed_with(&seen, -EACCES, g->locked), "one that may not be read", &seen);
	}
	after = measure(tasks);
	lab_claim(lab, after.tasks == before.tasks, "no task is left behind");
	add_numbers(lab, "tasks", (int64_t)before.tasks, (int64_t)after.tasks);
	lab_claim(lab, after.descriptors == before.descriptors, "nothing is left open");
	add_numbers(lab, "descriptors", before.descriptors, after.descriptors);
}

static struct seen timed(struct getdir *g, call_fn *call, const char *what)
{
	weft_time_t begin = weft_now();
	struct seen seen = call(g->dir, 0);
	double seconds = (double)(weft_now() - begin) / 1e9;

	lab_note(&g->lab, what);
	tell(g, &seen);
	buffer_printf(&g->lab.out, ", in %.3f s", seconds);
	lab_line_end(&g->lab);
	return seen;
}

/* All three see the same entries, and the two that can tell of an error tell of the same. */
static void show_all(struct getdir *g)
{
	struct lab *lab = &g->lab;
	struct seen naive, channel, callback;
	const char *a, *b;

	lab_heading(lab, "5. All of DIR, once it has been read before.");
	free(call_walk(g->dir, 0).where);
	naive = timed(g, call_naive, "a channel");
	channel = timed(g, call_listing, "channel, context, status");
	callback = timed(g, call_walk, "a callback");
	lab_claim(lab, naive.entries == channel.entries && naive.entries == callback.entries,
		"they see the same entries");
	buffer_printf(&lab->out, "%llu", (unsigned long long)callback.entries);
	lab_line_end(lab);
	a = channel.where != NULL ? channel.where : "";
	b = callback.where != NULL ? callback.where : "";
	lab_claim(lab, channel.end == callback.end && channel.error == callback.error && strcmp(a, b) == 0,
		"those that say how it ended agree");
	tell(g, &callback);
	lab_line_end(lab);
	free(channel.where);
	free(callback.where);
}

static void show(void *arg)
{
	struct getdir *g = arg;
	weft_time_t begin = weft_now();
	uint64_t tasks, tasks_at_end;

	lab_begin(&g->lab);
	buffer_text(&g->lab.out, "getDir() on DIR = ");
	buffer_quoted(&g->lab.out, g->dir, strlen(g->dir));
	buffer_text(&g->lab.out, ", and on three directories made for it\n");
	tasks = show_leak(g);
	show_silence(g);
	show_right(g, "3. A channel, a context to stop it, a status beside it.", call_listing, tasks);
	show_right(g, "4. A callback (weft_walk).", call_walk, tasks);
	show_all(g);

	lab_heading(&g->lab, "6. At the end. The runtime names what is left when the process ends.");
	tasks_at_end = measure(tasks).tasks;
	lab_claim(&g->lab, tasks_at_end == tasks, "the producer of 1 waits still");
	buffer_printf(&g->lab.out, "for %.3f s now", (double)(weft_now() - begin) / 1e9);
	lab_line_end(&g->lab);
	weft_exit_report(1);
	g->status = lab_end(&g->lab, "weft lab getdir");
}

/* ---- the command ---- */

static int complain(const char *dir, const char *text)
{
	struct sink sink;
	struct buffer message;

	sink_init(&sink, STDERR_FILENO, true);
	buffer_init(&message, &sink);
	buffer_text(&message, "weft lab getdir: ");
	buffer_quoted(&message, dir, strlen(dir));
	buffer_printf(&message, ": %s\n", text);
	buffer_flush(&message);
	buffer_finish(&message);
	return CLI_FAILED;
}

static int second_entry(const weft_walk_entry_t *entry, void *arg)
{
	int *entries = arg;

	if (entry->depth == 0 && (entry->error < 0 || entry->type != WEFT_WALK_DIR))
		return entry->error < 0 ? entry->error : -ENOTDIR;
	*entries += is_entry(entry);
	return *entries < 2 ? WEFT_WALK_CONTINUE : WEFT_WALK_STOP;
}

/* Makes the directories that are empty, missing and locked: 0, or a negative errno. */
static int make_scratch(struct getdir *g)
{
	const char *tmp = getenv("TMPDIR");
	int n;

	if (tmp == NULL || *tmp == '\0')
		tmp = "/tmp";
	n = snprintf(g->scratch, sizeof g->scratch, "%s/weft-lab-XXXXXX", tmp);
	if (n >= (int)sizeof g->scratch)
		return -ENAMETOOLONG;
	if (mkdtemp(g->scratch) == NULL)
		return -errno;
	snprintf(g->empty, sizeof g->empty, "%s/empty", g->scratch);
	snprintf(g->missing, sizeof g->missing, "%s/missing", g->scratch);
	snprintf(g->locked, sizeof g->locked, "%s/locked", g->scratch);
	if (mkdir(g->empty, 0700) < 0 || mkdir(g->locked, 0) < 0)
		return -errno;
	g->root = access(g->locked, R_OK) == 0;
	return 0;
}

static void remove_scratch(struct getdir *g)
{
	if (g->empty[0] != '\0') {
		rmdir(g->empty);
		rmdir(g->locked);
		rmdir(g->scratch);
	}
}

static int run(struct getdir *g)
{
	int entries = 0, err = weft_walk(&g->dir, 1, NULL, second_entry, &entries);

	if (err < 0)
		return complain(g->dir, weft_strerror(err));
	if (entries < 2)
		return complain(g->dir, "has fewer than two entries, so there is nothing to show");
	err = make_scratch(g);
	if (err < 0)
		g->status = complain(g->scratch, weft_strerror(err));
	else if ((err = weft_run(show, g)) < 0)
		g->status = complain(g->dir, weft_strerror(err));
	remove_scratch(g);
	return g->status;
}

int lab_getdir(int argc, char **argv)
{
	static const char name[] = "weft lab getdir";
	struct getdir g = { .dir = "/usr/share" };
	bool only_dirs = false;
	int dirs = 0;

	for (int i = 1; i < argc; i++) {
		if (only_dirs || argv[i][0] != '-') {
			g.dir = argv[i];
			if (dirs++ > 0)
				return cli_usage_error(name, "one DIR at most");
		} else if (strcmp(argv[i], "--") == 0) {
			only_dirs = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			return cli_say(name, help_text);
		} else {
			return cli_usage_error(name, "unknown option '%s'", argv[i]);
		}
	}
	return run(&g);
}
