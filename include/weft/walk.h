/*
 * weft/walk.h - a walk over directory trees: one call for each entry, in order, or on many tasks.
 *
 *     #include <weft/weft.h>
 *     #include <stdio.h>
 *
 *     static int show(const weft_walk_entry_t *entry, void *arg)
 *     {
 *         (void)arg;
 *         if (entry->error < 0)
 *             fprintf(stderr, "%s: %s\n", entry->path, weft_strerror(entry->error));
 *         else
 *             puts(entry->path);
 *         return WEFT_WALK_CONTINUE;
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *         return weft_walk((const char *const *)argv + 1, (size_t)argc - 1, NULL, show, NULL) < 0;
 *     }
 *
 * What is visited: each root, and below a root that is a directory every entry but "." and "..". Symbolic
 * links are entries, never followed; a root is followed when it ends in '/', as everywhere in the system. A
 * directory that is replaced by a link meanwhile is not followed either. Trees of any depth and width are
 * walked with a bounded number of descriptors (at most a quarter of RLIMIT_NOFILE and 256, and 3 for each
 * worker). Entries that come or go meanwhile may or may not be seen; all others are, once.
 *
 * Serial, the default: the calls are made by the caller, in pre-order; the entries of a directory in the
 * order of their names, bytewise. A directory is read whole before the first of its entries is visited, so
 * memory is bounded by the sum of the directories on one path. Starts no task and does not need the
 * runtime.
 *
 * With workers > 1 (and WEFT_WALK_CONCURRENT): a directory is visited before its entries; there is no other
 * order. Calls run at the same time on up to that many tasks, the caller being the first of them; two calls
 * with the same entry->worker never overlap, so state for each worker needs no lock. Tasks are started when
 * there is work for them and end when there is none. A directory of any number of files needs no more memory
 * than one of few; the names of its subdirectories are kept. When no task can be started, the caller
 * does all the work. A callback may park; the walk itself parks only at its end and between directories.
 *
 * Failures are told to the callback, which decides: see weft_walk_entry_t.error.
 */
#ifndef WEFT_WALK_H
#define WEFT_WALK_H

#include <weft/base.h>

WEFT_EXTERN_C_BEGIN

/* What an entry is. */
enum {
	WEFT_WALK_UNKNOWN, /* it could not be found out: error says why */
	WEFT_WALK_FILE,
	WEFT_WALK_DIR,
	WEFT_WALK_LINK,
	WEFT_WALK_FIFO,
	WEFT_WALK_SOCKET,
	WEFT_WALK_CHAR,
	WEFT_WALK_BLOCK,
	WEFT_WALK_OTHER
};

/* What failed. */
enum {
	WEFT_WALK_STAT = 1, /* the entry could not be examined; its type may be known all the same */
	WEFT_WALK_OPEN,     /* the directory could not be opened: its second visit */
	WEFT_WALK_READ      /* the directory could not be read to its end: its second visit */
};

/* What a callback returns, beside a negative errno, which ends the walk and is what weft_walk returns. */
enum {
	WEFT_WALK_CONTINUE,
	/*
	 * For a directory (either visit): not into it. For anything else: not the rest of the directory it
	 * is in. What was visited already is not taken back: with several workers that includes what was
	 * found in the directory before, subdirectories with all that is in them included.
	 */
	WEFT_WALK_SKIP_DIR,
	/*
	 * Ends the walk; weft_walk returns 0. With several workers, calls that run already end undisturbed.
	 */
	WEFT_WALK_STOP
};

/*
 * One visit. The entry, its path and its name are valid until the callback returns.
 *
 * path is the root as given, then the names of the way down, with single slashes between (none is added
 * after a root that ends in '/'). Names are bytes; nothing is said of their encoding. A path may be longer
 * than PATH_MAX.
 *
 * error is 0 or a negative errno. A directory that cannot be opened or read is visited twice: first as any
 * entry, then with the error. Serial, the entries that were read before the failure are visited after it;
 * with several workers they have been visited before. A root that does not exist is visited once, with the
 * error and WEFT_WALK_UNKNOWN.
 */
typedef struct weft_walk_entry {
	const char *path; /* ends with a NUL that path_len does not count */
	size_t path_len;
	const char *name; /* the last component, inside of path; for a root: the path */
	size_t depth;     /* 0 for a root */
	int64_t size;     /* bytes of a regular file when WEFT_WALK_SIZE was asked for and found; else -1 */
	int type;         /* WEFT_WALK_FILE ... */
	int error;
	int failed;       /* with an error: WEFT_WALK_STAT, _OPEN or _READ */
	unsigned worker;  /* who calls: from 0 up to the number of workers less one */
} weft_walk_entry_t;

typedef int weft_walk_fn_t(const weft_walk_entry_t *entry, void *arg);

#define WEFT_WALK_SIZE 1u       /* find the size of regular files: one more system call for each */
#define WEFT_WALK_CONCURRENT 2u /* the callback may be called by several workers at the same time */

#define WEFT_WALK_WORKERS_MAX 1024

/* How to walk. Zero every field that is not used. */
typedef struct weft_walk_options {
	size_t size;      /* sizeof(weft_walk_options_t): tells which fields the caller knows */
	unsigned workers; /* at most this many at a time; 0 and 1: serial */
	unsigned flags;   /* WEFT_WALK_SIZE | WEFT_WALK_CONCURRENT */
	/*
	 * NULL, or an int that ends the walk when it is not 0, looked at before each visit. Another task, a
	 * thread or a signal handler may set it, with an atomic store where that matters to the compiler.
	 */
	const int *stop;
	void *reserved[4];
} weft_walk_options_t;

/*
 * Visits all that lies under the n roots: fn(entry, arg) for each. Roots are walked in the order given when
 * serial. Relative roots are resolved more than once: the working directory must stay the same. options
 * may be NULL. The roots must stay unchanged until the call returns.
 *
 * Returns 0 when the callback has seen everything or ended the walk by WEFT_WALK_STOP; -ECANCELED when
 * options->stop ended it; the negative errno of the callback that ended it (-EINVAL for a value that
 * is none of those above); -ENOMEM; -EINVAL for options out of range, or more than one worker without
 * WEFT_WALK_CONCURRENT. No task, descriptor or memory of the walk is left when it returns.
 *
 * Any thread; parks a task. Memory order: all that the callbacks did happens before weft_walk returns.
 */
WEFT_API int weft_walk(const char *const *roots, size_t n, const weft_walk_options_t *options,
	weft_walk_fn_t *fn, void *arg);

WEFT_EXTERN_C_END

#endif /* WEFT_WALK_H */
