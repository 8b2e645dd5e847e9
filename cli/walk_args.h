/*
 * walk_args.h - the command line of `weft walk`.
 */
#ifndef WEFT_CLI_WALK_ARGS_H
#define WEFT_CLI_WALK_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum walk_form { WALK_COUNT, WALK_PRINT, WALK_PRINT0, WALK_JSON };

struct walk_args {
	const char *const *roots;
	size_t n_roots;
	enum walk_form form;
	unsigned workers; /* 0: as many as there are processors */
	uint64_t first;   /* 0: all */
	bool summary;     /* asked for; shown anyway where nothing else goes to stdout */
	bool progress;
};

/* True: go on with *args, which points into argv. False: end with *status, all has been said. */
bool walk_args_parse(int argc, char **argv, struct walk_args *args, int *status);

#endif /* WEFT_CLI_WALK_ARGS_H */
