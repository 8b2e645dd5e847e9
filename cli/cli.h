/*
 * cli.h - the command weft: main.c picks the subcommand, one file a subcommand.
 */
#ifndef WEFT_CLI_H
#define WEFT_CLI_H

#include <stdbool.h>
#include <stdint.h>

/* Exit statuses; above 128: ended by the signal of that number. */
enum {
	CLI_FINE = 0,
	CLI_FAILED = 1, /* done, but not all of it could be done: messages say what */
	CLI_USAGE = 2   /* nothing was done: the command line makes no sense */
};

/* Each gets its own name as argv[0] and returns the exit status. */
int cli_lab(int argc, char **argv);
int cli_walk(int argc, char **argv);

/*
 * "NAME: what is wrong", then how to get help: on stderr. Returns CLI_USAGE. name as in "weft walk".
 */
int cli_usage_error(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * What getopt_long, whose short options begin with ':' and whose long ones without a value are numbers from
 * 256 on, found wrong with the option before argv[optind]: says it. Returns CLI_USAGE.
 */
int cli_wrong_option(const char *name, char **argv, int problem);
/* Is text a number from 1 to max, and nothing else? */
bool cli_number(const char *text, uint64_t max, uint64_t *value);

/* Writes a text to stdout: the exit status; what cannot be written is told on stderr. */
int cli_say(const char *name, const char *text);

#endif /* WEFT_CLI_H */
