/* main.c - weft(1): picks the subcommand; what they share. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft/weft.h>

#include "cli.h"

static const char help_text[] =
	"Usage: weft COMMAND [ARGUMENT]...\n"
	"\n"
	"Commands:\n"
	"  walk      count or list what is in directory trees, on all processors\n"
	"  lab       show something live and measure it: getdir, mutex\n"
	"  version   print the version\n"
	"  help      print this help, or that of a command: weft help walk\n"
	"\n"
	"'weft COMMAND --help' says more of a command. Exit status: 0 fine, 1 something\n"
	"failed, 2 the command line is wrong.\n";

int cli_usage_error(const char *name, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry '%s --help'.\n", name);
	return CLI_USAGE;
}

int cli_wrong_option(const char *name, char **argv, int problem)
{
	const char *word = argv[optind - 1];

	if (problem == ':')
		return cli_usage_error(name, "option '%s' needs a value", word);
	if (optopt != 0 && optopt < 256)
		return cli_usage_error(name, "unknown option '-%c'", isprint(optopt) ? optopt : '?');
	if (optopt != 0)
		return cli_usage_error(name, "option '%.*s' takes no value", (int)strcspn(word, "="), word);
	return cli_usage_error(name, "unknown or ambiguous option '%s'", word);
}

bool cli_number(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *value >= 1 && *value <= max;
}

int cli_say(const char *name, const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return CLI_FINE;
	fprintf(stderr, "%s: cannot write: %s\n", name, strerror(errno));
	return CLI_FAILED;
}

static int version(int argc, char **argv)
{
	if (argc > 1)
		return cli_usage_error("weft", "'%s' takes no arguments", argv[0]);
	printf("weft %s\n", weft_version());
	return cli_say("weft", "");
}

static int help(int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "walk", cli_walk },
	{ "lab", cli_lab },
	{ "version", version },
	{ "--version", version },
	{ "help", help },
	{ "--help", help },
	{ "-h", help },
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static int help(int argc, char **argv)
{
	static char option[] = "--help";
	const struct command *command;

	if (argc > 2)
		return cli_usage_error("weft", "'%s' takes one command at most", argv[0]);
	if (argc < 2)
		return cli_say("weft", help_text);
	command = find(argv[1]);
	if (command == NULL)
		return cli_usage_error("weft", "unknown command '%s'", argv[1]);
	if (command->run == version || command->run == help)
		return cli_say("weft", help_text);
	return command->run(2, (char *[]){ argv[1], option, NULL });
}

/*
 * A descriptor of 0, 1, 2 that is not open would become that of the first file opened, and our output go into
 * it. In its place stands one that cannot be written, so that the loss is told as any failed write.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) < 0)
			return;
}

int main(int argc, char **argv)
{
	const struct command *command;

	hold_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		fputs(help_text, stderr);
		return CLI_USAGE;
	}
	command = find(argv[1]);
	if (command == NULL)
		return cli_usage_error(
			"weft", "unknown %s '%s'", argv[1][0] == '-' ? "option" : "command", argv[1]);
	return command->run(argc - 1, argv + 1);
}
