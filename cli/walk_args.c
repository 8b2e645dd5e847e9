/* walk_args.c - the command line of `weft walk`. */
#define _GNU_SOURCE
#include "walk_args.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include <weft/walk.h>

#include "cli.h"

static const char name[] = "weft walk";

static const char help_text[] =
	"Usage: weft walk [OPTION]... [DIR]...\n"
	"\n"
	"Walks the directory trees below each DIR (default: .) on all processors and counts\n"
	"directories, files, links and others, and the bytes of the files; or lists them.\n"
	"Symbolic links are not followed.\n"
	"\n"
	"  --workers N   at most N directories are read at a time (1 to 1024; default: as many\n"
	"                as there are processors); 1: one after the other, in the order of names\n"
	"  --print       list the paths, one a line\n"
	"  -0            list the paths, each ended by a NUL byte\n"
	"  --json        list path, type and size as JSON, one object a line\n"
	"  --first N     stop after N entries\n"
	"  --summary     the counts on stderr, also after a list\n"
	"  --progress=WHEN  show on stderr how far it is: auto (on a terminal), always, never\n"
	"  --help        print this help\n"
	"\n"
	"Exit status: 0 fine, 1 some entries failed or the output did, 2 the command line is\n"
	"wrong, 130 interrupted.\n"
	"Example: weft walk -0 src | xargs -0 ls -ld\n";

static bool progress_wanted(const char *when, const struct walk_args *args, bool *known)
{
	*known = true;
	if (strcmp(when, "always") == 0)
		return true;
	if (strcmp(when, "never") == 0)
		return false;
	*known = strcmp(when, "auto") == 0;
	/* A list on the same terminal shows well enough how far it is. */
	return isatty(STDERR_FILENO) && (args->form == WALK_COUNT || !isatty(STDOUT_FILENO));
}

enum { OPT_WORKERS = 256, OPT_PRINT, OPT_JSON, OPT_FIRST, OPT_SUMMARY, OPT_PROGRESS, OPT_HELP };

static const struct option options[] = {
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "print", no_argument, NULL, OPT_PRINT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "first", required_argument, NULL, OPT_FIRST },
	{ "summary", no_argument, NULL, OPT_SUMMARY },
	{ "progress", required_argument, NULL, OPT_PROGRESS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

bool walk_args_parse(int argc, char **argv, struct walk_args *args, int *status)
{
	static const char *const here[] = { "." };
	const char *progress = "auto";
	bool print = false, json = false, nul = false, known;
	uint64_t value;
	int option;

	*args = (struct walk_args){ .roots = here, .n_roots = 1 };
	*status = CLI_USAGE;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":0h", options, NULL)) != -1) {
		switch (option) {
		case OPT_WORKERS:
			if (!cli_number(optarg, WEFT_WALK_WORKERS_MAX, &value)) {
				cli_usage_error(name, "--workers must be a number from 1 to %d, not '%s'",
					WEFT_WALK_WORKERS_MAX, optarg);
				return false;
			}
			args->workers = (unsigned)value;
			break;
		case OPT_PRINT:
			print = true;
			break;
		case '0':
			nul = true;
			break;
		case OPT_JSON:
			json = true;
			break;
		case OPT_FIRST:
			if (!cli_number(optarg, UINT64_MAX, &args->first)) {
				cli_usage_error(
					name, "--first must be a number of at least 1, not '%s'", optarg);
				return false;
			}
			break;
		case OPT_SUMMARY:
			args->summary = true;
			break;
		case OPT_PROGRESS:
			progress = optarg;
			break;
		case OPT_HELP:
		case 'h':
			*status = cli_say(name, help_text);
			return false;
		default:
			*status = cli_wrong_option(name, argv, option);
			return false;
		}
	}
	if (json && (print || nul)) {
		cli_usage_error(name, "--json and %s exclude each other", print ? "--print" : "-0");
		return false;
	}
	args->form = json ? WALK_JSON : nul ? WALK_PRINT0 : print ? WALK_PRINT : WALK_COUNT;
	args->progress = progress_wanted(progress, args, &known);
	if (!known) {
		cli_usage_error(name, "--progress must be auto, always or never, not '%s'", progress);
		return false;
	}
	if (optind < argc) {
		args->roots = (const char *const *)argv + optind;
		args->n_roots = (size_t)(argc - optind);
	}
	return true;
}
