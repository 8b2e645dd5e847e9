/*
 * lab_mutex.c - `weft lab mutex`: the policies of the mutex against one another.
 *
 * Each policy is put to each load: so many tasks that do nothing but want the mutex, for a short section or
 * a long one, and a hog beside others. The policies take turns, round by round and load by load, so that what
 * changes on the machine meanwhile (its clock, its other users) meets all of them; each round begins with
 * another one. What is told is the median of the rounds.
 */
#define _GNU_SOURCE
#include "lab_mutex.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <weft/weft.h>

#include "cli.h"

static const char name[] = "weft lab mutex";

static const char help_text[] =
	"Usage: weft lab mutex [OPTION]...\n"
	"\n"
	"Runs the six policies of the mutex against one another on this machine: tasks that all\n"
	"want one mutex for a short section or a long one, and a hog that takes it again at once.\n"
	"Prints throughput, waits, fairness and CPU time of each, and what is claimed of them,\n"
	"with 'ok' or 'NO': whether it was so in this run. Takes about 40 seconds.\n"
	"\n"
	"  --tasks LIST     numbers of tasks, ascending (default: 1,2,4,16,64)\n"
	"  --policies LIST  of default, barging, handoff, spinning, go1.8, go1.9 (default: all)\n"
	"  --rounds N       how often each is measured; medians are told (default: 3)\n"
	"  --ms N           how long each time, in milliseconds (default: 200)\n"
	"  --procs N        processors to use (default: as WEFT_PROCS says, or all)\n"
	"  -o, --output FILE  write a page of plots and tables, HTML, to FILE too\n"
	"  --help           print this help\n"
	"\n"
	"Exit status: 0 all was as claimed, 1 something was not or failed, 2 the command line is\n"
	"wrong. Other work on the machine may make a claim fail: then try again, with --ms 1000.\n";

/* ---- the rounds ---- */

struct session {
	struct mutex_lab *lab;
	struct mutex_arena *arena;
	struct sink progress;
	bool shows; /* progress */
};

static void show_progress(struct session *s, unsigned round, const struct mutex_load *load,
	weft_mutex_policy_t policy, unsigned done)
{
	const struct mutex_lab *lab = s->lab;
	unsigned all = lab->rounds * lab->n_rows * lab->n_policies;
	char text[160], what[80];

	if (!s->shows)
		return;
	mutex_load_name(lab, load, what, sizeof what);
	snprintf(text, sizeof text, "round %u of %u: %s, %s; %.0f s to go", round + 1, lab->rounds, what,
		weft_mutex_policy_name(policy), (double)(all - done) * lab->round_ms / 1000);
	sink_draw(&s->progress, text);
}

static int one_row(struct session *s, unsigned round, struct mutex_row *row, unsigned *done)
{
	struct mutex_lab *lab = s->lab;

	for (unsigned i = 0; i < WEFT_MUTEX_POLICIES; i++) {
		weft_mutex_policy_t policy = (weft_mutex_policy_t)((i + round) % WEFT_MUTEX_POLICIES);
		int err;
		if (!lab->policies[policy])
			continue;
		show_progress(s, round, &row->load, policy, (*done)++);
		err = mutex_round(
			s->arena, &lab->scale, &row->load, policy, lab->round_ms, &row->cells[policy], round);
		if (err < 0)
			return err;
	}
	return 0;
}

static void measure(void *arg)
{
	struct session *s = arg;
	struct mutex_lab *lab = s->lab;
	unsigned done = 0;

	lab->procs = weft_procs();
	mutex_measure_scale(s->arena, &lab->scale);
	for (unsigned round = 0; round < lab->rounds && lab->error == 0; round++)
		for (unsigned i = 0; i < lab->n_rows && lab->error == 0; i++)
			lab->error = one_row(s, round, &lab->rows[i], &done);
	if (s->shows)
		sink_draw(&s->progress, NULL);
}

/* ---- the machine ---- */

static void read_model(char *model, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	model[0] = '\0';
	while (file != NULL && model[0] == '\0' && fgets(line, sizeof line, file) != NULL) {
		const char *value = strstr(line, ": ");
		if (strncmp(line, "model name", 10) == 0 && value != NULL)
			snprintf(model, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
	}
	if (file != NULL)
		fclose(file);
}

static void read_machine(struct mutex_lab *lab)
{
	cpu_set_t mask; /* of this thread, and so of those that it starts */
	time_t now = time(NULL);
	struct utsname system;
	struct tm utc;

	lab->cpus = 1;
	if (sched_getaffinity(0, sizeof mask, &mask) == 0)
		lab->cpus = (unsigned)CPU_COUNT(&mask);
	read_model(lab->model, sizeof lab->model);
	if (uname(&system) == 0)
		snprintf(lab->system, sizeof lab->system, "%s %s, %s", system.sysname, system.release,
			system.machine);
	if (gmtime_r(&now, &utc) != NULL)
		strftime(lab->date, sizeof lab->date, "%Y-%m-%d %H:%M UTC", &utc);
}

/* CPU seconds of the whole machine, and of this process alone. */
struct busy {
	weft_time_t now;
	double all, own;
};

static struct busy read_busy(void)
{
	FILE *file = fopen("/proc/stat", "re");
	struct timespec own = { 0, 0 };
	struct busy busy = { .now = weft_now() };
	char line[256] = "", *at = line;

	if (file != NULL) {
		if (fgets(line, sizeof line, file) == NULL)
			line[0] = '\0';
		fclose(file);
	}
	/* cpu user nice system idle iowait irq softirq steal ...: idle and iowait are not busy. */
	at += strncmp(line, "cpu ", 4) == 0 ? 4 : strlen(line);
	for (int i = 0; i < 8; i++) {
		double ticks = (double)strtoull(at, &at, 10);
		if (i != 3 && i != 4)
			busy.all += ticks / (double)sysconf(_SC_CLK_TCK);
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	busy.own = (double)own.tv_sec + (double)own.tv_nsec / 1e9;
	return busy;
}

/* How many CPUs something else had meanwhile; 0 where nothing tells. */
static double others_since(const struct busy *from)
{
	struct busy to = read_busy();
	double seconds = (double)(to.now - from->now) / 1e9;
	double others = (to.all - from->all - (to.own - from->own)) / seconds;

	return others > 0 ? others : 0;
}

/* ---- the page ---- */

static int complain(const char *what, int error)
{
	struct sink sink;
	struct buffer message;

	sink_init(&sink, STDERR_FILENO, true);
	buffer_init(&message, &sink);
	buffer_printf(&message, "%s: ", name);
	if (what != NULL) {
		buffer_quoted(&message, what, strlen(what));
		buffer_text(&message, ": ");
	}
	buffer_printf(&message, "%s\n", strerror(error));
	buffer_flush(&message);
	buffer_finish(&message);
	return CLI_FAILED;
}

/* Opened before anything is measured, so that nobody waits for a page that cannot be. */
static int open_page(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		complain(path, errno);
	return fd;
}

/* All at once: what the file held before stays until then. */
static int write_page(const struct mutex_lab *lab, int fd)
{
	struct sink sink;
	struct buffer page;
	int error;

	sink_init(&sink, fd, false);
	buffer_init(&page, &sink);
	mutex_page(lab, &page);
	if (sink_error(&sink) == 0) {
		(void)!ftruncate(fd, 0); /* a device has no length */
		buffer_flush(&page);
	}
	buffer_finish(&page);
	error = sink_error(&sink);
	if (close(fd) < 0 && error == 0)
		error = errno;
	return error == 0 ? CLI_FINE : complain(lab->output, error);
}

/* ---- the command ---- */

static int make_rows(struct mutex_lab *lab)
{
	unsigned n = 0;

	lab->n_rows = 2 * lab->n_task_numbers + 1;
	lab->rows = calloc(lab->n_rows, sizeof *lab->rows);
	if (lab->rows == NULL)
		return -ENOMEM;
	for (int kind = MUTEX_SHORT; kind <= MUTEX_LONG; kind++)
		for (unsigned i = 0; i < lab->n_task_numbers; i++)
			lab->rows[n++].load =
				(struct mutex_load){ (enum mutex_kind)kind, lab->task_numbers[i] };
	lab->rows[n].load = (struct mutex_load){ MUTEX_HOG, 1 + HOG_OTHERS };
	return 0;
}

static int measure_all(struct mutex_lab *lab)
{
	unsigned most = lab->task_numbers[lab->n_task_numbers - 1];
	struct session session = {
		.lab = lab,
		.arena = mutex_arena_create(most > 1 + HOG_OTHERS ? most : 1 + HOG_OTHERS),
		.shows = isatty(STDERR_FILENO),
	};
	struct busy from = read_busy();
	int err = -ENOMEM;

	sink_init(&session.progress, STDERR_FILENO, true);
	if (session.arena != NULL && make_rows(lab) == 0)
		err = weft_run(measure, &session);
	lab->others = others_since(&from);
	mutex_arena_destroy(session.arena);
	return err < 0 ? err : lab->error;
}

static int run(struct mutex_lab *lab)
{
	int page = -1, status, err;
	struct lab out;

	if (lab->output != NULL && (page = open_page(lab->output)) < 0)
		return CLI_FAILED;
	read_machine(lab);
	err = measure_all(lab);
	if (err < 0) {
		if (page >= 0)
			close(page);
		return complain(NULL, -err);
	}
	mutex_judge(lab);
	lab_begin(&out);
	mutex_print(lab, &out);
	status = lab_end(&out, name);
	if (page >= 0 && write_page(lab, page) != CLI_FINE)
		status = CLI_FAILED;
	return status;
}

/* The next of a list "a,b,c": copied to word, cut to its size. False: there is none. */
static bool next_word(const char **list, char *word, size_t size)
{
	size_t len;

	if (*list == NULL)
		return false;
	len = strcspn(*list, ",");
	snprintf(word, size, "%.*s", (int)len, *list);
	*list = (*list)[len] == ',' ? *list + len + 1 : NULL;
	return true;
}

static bool parse_tasks(const char *list, struct mutex_lab *lab)
{
	char word[32];
	uint64_t value;

	lab->n_task_numbers = 0;
	while (next_word(&list, word, sizeof word)) {
		unsigned n = lab->n_task_numbers;
		if (n == TASK_NUMBERS_MAX || !cli_number(word, TASKS_MAX, &value) ||
			(n > 0 && value <= lab->task_numbers[n - 1])) {
			cli_usage_error(name,
				"--tasks must be numbers from 1 to %d, ascending and at most %d of them: "
				"'%s' is not",
				TASKS_MAX, TASK_NUMBERS_MAX, word);
			return false;
		}
		lab->task_numbers[lab->n_task_numbers++] = (unsigned)value;
	}
	return true;
}

static bool parse_policies(const char *list, struct mutex_lab *lab)
{
	char word[32];

	memset(lab->policies, 0, sizeof lab->policies);
	while (next_word(&list, word, sizeof word)) {
		int policy = 0;
		while (policy < WEFT_MUTEX_POLICIES &&
			strcmp(word, weft_mutex_policy_name((weft_mutex_policy_t)policy)) != 0)
			policy++;
		if (policy == WEFT_MUTEX_POLICIES) {
			cli_usage_error(name, "unknown policy '%s'", word);
			return false;
		}
		lab->policies[policy] = true;
	}
	return true;
}

static bool parse_number(const char *option, const char *text, unsigned max, unsigned *value)
{
	uint64_t number;

	if (!cli_number(text, max, &number)) {
		cli_usage_error(name, "%s must be a number from 1 to %u, not '%s'", option, max, text);
		return false;
	}
	*value = (unsigned)number;
	return true;
}

enum { OPT_TASKS = 256, OPT_POLICIES, OPT_ROUNDS, OPT_MS, OPT_PROCS, OPT_HELP };
enum { MS_MAX = 60000, PROCS_MAX = 4096 };

static const struct option options[] = {
	{ "tasks", required_argument, NULL, OPT_TASKS },
	{ "policies", required_argument, NULL, OPT_POLICIES },
	{ "rounds", required_argument, NULL, OPT_ROUNDS },
	{ "ms", required_argument, NULL, OPT_MS },
	{ "procs", required_argument, NULL, OPT_PROCS },
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* True: go on. False: end with *status, all has been said. */
static bool parse(int argc, char **argv, struct mutex_lab *lab, int *status)
{
	unsigned procs;
	bool fine = true;
	int option;

	*status = CLI_USAGE;
	opterr = 0;
	while (fine && (option = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (option) {
		case OPT_TASKS:
			fine = parse_tasks(optarg, lab);
			break;
		case OPT_POLICIES:
			fine = parse_policies(optarg, lab);
			break;
		case OPT_ROUNDS:
			fine = parse_number("--rounds", optarg, ROUNDS_MAX, &lab->rounds);
			break;
		case OPT_MS:
			fine = parse_number("--ms", optarg, MS_MAX, &lab->round_ms);
			break;
		case OPT_PROCS:
			fine = parse_number("--procs", optarg, PROCS_MAX, &procs);
			if (fine)
				setenv("WEFT_PROCS", optarg, 1); /* which is read when the runtime starts */
			break;
		case 'o':
			lab->output = optarg;
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
	if (fine && optind < argc) {
		cli_usage_error(name, "takes no arguments, but options: '%s'", argv[optind]);
		return false;
	}
	return fine;
}

int lab_mutex(int argc, char **argv)
{
	struct mutex_lab lab = {
		.task_numbers = { 1, 2, 4, 16, 64 },
		.n_task_numbers = 5,
		.policies = { true, true, true, true, true, true },
		.rounds = 3,
		.round_ms = 200,
	};
	int status;

	if (!parse(argc, argv, &lab, &status))
		return status;
	for (int i = 0; i < WEFT_MUTEX_POLICIES; i++)
		lab.n_policies += lab.policies[i];
	status = run(&lab);
	free(lab.rows);
	return status;
}
