/* lab.c - `weft lab`: picks the lab; what the labs share. */
#include "lab.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const struct {
	const char *name;
	const char *text;
	int (*run)(int argc, char **argv);
} known_labs[] = {
	{ "getdir", "what a function that returns a channel cannot say, on a real directory", lab_getdir },
	{ "mutex", "six ways to decide who gets a mutex, against one another", lab_mutex },
};

enum { N_LABS = sizeof known_labs / sizeof *known_labs };

static const char usage[] =
	"Usage: weft lab [NAME [ARGUMENT]...]\n"
	"\n"
	"Shows something live and measures it: each line tells what was seen in this run, and\n"
	"whether it is as claimed. Without NAME the labs are listed.\n"
	"\n";

static const char more[] =
	"\n"
	"'weft lab NAME --help' says more of a lab. Exit status: 0 all was as claimed, 1 something\n"
	"was not or failed, 2 the command line is wrong.\n";

static int list(const char *before, const char *after)
{
	fputs(before, stdout);
	for (int i = 0; i < N_LABS; i++)
		printf("  %-8s  %s\n", known_labs[i].name, known_labs[i].text);
	return cli_say("weft lab", after);
}

int cli_lab(int argc, char **argv)
{
	if (argc < 2)
		return list("", "");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return list(usage, more);
	for (int i = 0; i < N_LABS; i++)
		if (strcmp(argv[1], known_labs[i].name) == 0)
			return known_labs[i].run(argc - 1, argv + 1);
	return cli_usage_error("weft lab", "unknown %s '%s'", argv[1][0] == '-' ? "option" : "lab", argv[1]);
}

/* ---- what the labs share ---- */

void lab_begin(struct lab *lab)
{
	*lab = (struct lab){ .claims = 0 };
	sink_init(&lab->sink, STDOUT_FILENO, true);
	buffer_init(&lab->out, &lab->sink);
}

int lab_end(struct lab *lab, const char *name)
{
	int error;

	buffer_printf(&lab->out, "\n%u of %u as claimed\n", lab->kept, lab->claims);
	buffer_flush(&lab->out);
	buffer_finish(&lab->out);
	error = sink_error(&lab->sink);
	if (error != 0)
		fprintf(stderr, "%s: cannot write: %s\n", name, strerror(error));
	return error == 0 && lab->kept == lab->claims ? CLI_FINE : CLI_FAILED;
}

void lab_heading(struct lab *lab, const char *text)
{
	buffer_printf(&lab->out, "\n%s\n", text);
	buffer_flush(&lab->out);
}

static void begin_line(struct lab *lab, const char *mark, const char *what)
{
	buffer_printf(&lab->out, "  %-2s  %-34s  ", mark, what);
}

void lab_claim(struct lab *lab, bool kept, const char *what)
{
	lab->claims++;
	lab->kept += kept;
	begin_line(lab, kept ? "ok" : "NO", what);
}

void lab_note(struct lab *lab, const char *what)
{
	begin_line(lab, "", what);
}

void lab_line_end(struct lab *lab)
{
	buffer_text(&lab->out, "\n");
	buffer_flush(&lab->out);
}
