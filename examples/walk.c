/*
 * walk.c - the largest file below a directory, found by four workers.
 *
 *     walk [DIR]
 *
 * The callback is called by several workers at the same time, so each keeps its own best; they are compared
 * when the walk is over.
 */
#include <weft/weft.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 4 };

struct best {
	int64_t size;
	char *path;
	unsigned long errors;
};

static int look(const weft_walk_entry_t *entry, void *arg)
{
	struct best *best = (struct best *)arg + entry->worker;

	if (entry->error < 0) {
		fprintf(stderr, "%s: %s\n", entry->path, weft_strerror(entry->error));
		best->errors++;
	}
	if (entry->type == WEFT_WALK_FILE && entry->size > best->size) {
		/* The path is the walk's; it changes after this call. */
		char *path = strdup(entry->path);
		if (path == NULL)
			return -ENOMEM; /* ends the walk and is what weft_walk returns */
		free(best->path);
		best->path = path;
		best->size = entry->size;
	}
	return WEFT_WALK_CONTINUE;
}

int main(int argc, char **argv)
{
	const char *root = argc > 1 ? argv[1] : ".";
	struct best best[WORKERS] = { { -1, NULL, 0 }, { -1, NULL, 0 }, { -1, NULL, 0 }, { -1, NULL, 0 } };
	weft_walk_options_t options = {
		.size = sizeof options,
		.workers = WORKERS,
		.flags = WEFT_WALK_SIZE | WEFT_WALK_CONCURRENT,
	};
	const struct best *largest = best;
	unsigned long errors = 0;
	int rc = weft_walk(&root, 1, &options, look, best);

	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", root, weft_strerror(rc));
		return 1;
	}
	for (int i = 0; i < WORKERS; i++) {
		errors += best[i].errors;
		if (best[i].size > largest->size)
			largest = &best[i];
	}
	if (largest->path != NULL)
		printf("%lld bytes: %s\n", (long long)largest->size, largest->path);
	else
		printf("no file below %s\n", root);
	for (int i = 0; i < WORKERS; i++)
		free(best[i].path);
	return errors > 0;
}
