/*
 * bounded.c - a checksum of each file below a directory, by a few tasks at a time.
 *
 *     $ mkdir -p data/more; printf hello >data/a; printf world >data/b; : >data/more/empty
 *     $ bounded data
 *     a430d84680aabd0b  data/a
 *     4f59ff5e730c8af3  data/b
 *     cbf29ce484222325  data/more/empty
 *
 * A group with a limit: while TASKS of its tasks run, weft_group_go waits. So the walk goes no faster than
 * the files are read, however many there are. The first task that fails cancels the group's context: the
 * walk stops, files that were not begun are left, and weft_group_wait returns that error.
 *
 * The results stand in the order of the walk, not in that in which the tasks were ready.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

enum { TASKS = 4 };

/* The sum is written by its task, and read when all have been waited for. */
struct file {
	struct file *next;
	uint64_t sum;
	char path[];
};

struct listing {
	const char *root;
	weft_group_t group;
	struct file *first;
	struct file **end; /* where the next one goes */
	int error;
};

static uint64_t fnv1a(uint64_t sum, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3;
	return sum;
}

/* One file, as a task: 0, or a negative errno. Where it waits for the disk the other tasks go on. */
static int read_file(weft_context_t *ctx, void *arg)
{
	struct file *file = arg;
	unsigned char buffer[8192];
	FILE *stream = fopen(file->path, "rb");
	int err = 0;
	size_t n;

	file->sum = 0xcbf29ce484222325;
	if (stream == NULL) {
		err = -errno;
	} else {
		while ((err = weft_context_err(ctx)) == 0 &&
			(n = fread(buffer, 1, sizeof buffer, stream)) > 0)
			file->sum = fnv1a(file->sum, buffer, n);
		if (err == 0 && ferror(stream))
			err = -EIO;
		fclose(stream);
	}
	if (err < 0 && err != -ECANCELED)
		fprintf(stderr, "bounded: %s: %s\n", file->path, weft_strerror(err));
	return err;
}

/* Begins with the entry if it is a file. What it returns below 0 ends the walk. */
static int visit(const weft_walk_entry_t *entry, void *arg)
{
	struct listing *listing = arg;
	weft_context_t *ctx = weft_group_context(&listing->group);
	struct file *file;

	if (entry->error < 0) {
		fprintf(stderr, "bounded: %s: %s\n", entry->path, weft_strerror(entry->error));
		return entry->error;
	}
	if (weft_context_err(ctx) < 0)
		return weft_context_err(ctx); /* some file could not be read */
	if (entry->type != WEFT_WALK_FILE)
		return WEFT_WALK_CONTINUE;
	file = malloc(sizeof *file + entry->path_len + 1);
	if (file == NULL)
		return -ENOMEM;
	memcpy(file->path, entry->path, entry->path_len + 1);
	file->next = NULL;
	*listing->end = file;
	listing->end = &file->next;
	return weft_group_go_ctx(&listing->group, read_file, file, ctx);
}

static void start(void *arg)
{
	struct listing *listing = arg;
	int walked, failed;

	listing->error = weft_group_init(&listing->group, NULL);
	if (listing->error < 0)
		return;
	weft_group_set_limit(&listing->group, TASKS);
	walked = weft_walk(&listing->root, 1, NULL, visit, listing);
	failed = weft_group_wait(&listing->group);
	listing->error = failed < 0 ? failed : walked;
}

int main(int argc, char **argv)
{
	struct listing listing = { .root = argc > 1 ? argv[1] : "." };
	int err;

	listing.end = &listing.first;
	err = weft_run(start, &listing);
	if (err == 0)
		err = listing.error;
	if (err < 0)
		fprintf(stderr, "bounded: %s\n", weft_strerror(err));
	for (struct file *file = listing.first, *next; file != NULL; file = next) {
		if (err == 0)
			printf("%016" PRIx64 "  %s\n", file->sum, file->path);
		next = file->next;
		free(file);
	}
	return err < 0;
}
