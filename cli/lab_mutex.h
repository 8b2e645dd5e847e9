/*
 * lab_mutex.h - what the files of `weft lab mutex` share: lab_mutex.c has the command line and the order of
 * the rounds, lab_mutex_run.c runs one, lab_mutex_tell.c makes tables and claims of them, lab_mutex_page.c a
 * page.
 */
#ifndef WEFT_CLI_LAB_MUTEX_H
#define WEFT_CLI_LAB_MUTEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/mutex.h>

#include "lab.h"

enum {
	TASKS_MAX = 1024,      /* of one round */
	TASK_NUMBERS_MAX = 16, /* how many numbers of tasks are tried */
	ROUNDS_MAX = 99,
	HOG_OTHERS = 4, /* tasks beside the hog */
	SHORT_NS = 30,
	LONG_NS = 30000,
	HOG_NS = 100000,   /* how long the hog asks to sleep with the mutex, and the others without */
	BOUND_NS = 1000000 /* after so long, go1.9 and default say, who waits gets it */
};

enum mutex_kind { MUTEX_SHORT, MUTEX_LONG, MUTEX_HOG };

/* One table: what all policies are put to. */
struct mutex_load {
	enum mutex_kind kind;
	unsigned tasks; /* MUTEX_HOG: 1 + HOG_OTHERS */
};

/* What is measured. */
enum mutex_figure {
	FIG_OPS,      /* times that it was locked, a second; MUTEX_HOG: by the others */
	FIG_HOG,      /* MUTEX_HOG: by the hog */
	FIG_LONGEST,  /* longest wait, ns; MUTEX_HOG: of the others, as the next two */
	FIG_P999,     /* 99.9th percentile of the waits, ns */
	FIG_SHARE,    /* fewest operations of a task, against the mean; MUTEX_HOG: the hog counts too */
	FIG_CPU,      /* CPU seconds a second */
	FIG_WAITS,    /* locks that slept, of a thousand */
	FIG_YIELDS,   /* locks that gave way, of a thousand */
	FIG_HANDOFFS, /* unlocks that handed over, of a thousand */
	FIG_STARVING, /* times that go1.9 began to hand over, a second */
	FIGURES
};

/* What is known of one policy under one load. */
struct mutex_cell {
	double rounds[FIGURES][ROUNDS_MAX];
	bool wrong; /* in some round the counter was not the sum of what the tasks counted */
};

struct mutex_row {
	struct mutex_load load;
	struct mutex_cell cells[WEFT_MUTEX_POLICIES];
};

/* The calibration: what the machine takes for what is measured with. */
struct mutex_scale {
	double clock_ns; /* to read the clock */
	double alone_ns; /* one short operation without contention, the clock included */
	uint64_t short_steps;
	uint64_t long_steps;
	double short_ns, long_ns; /* what so many steps take */
};

struct mutex_finding {
	enum { FOUND_NOTE, FOUND_KEPT, FOUND_BROKEN } verdict;
	char what[40];
	char seen[160];
};

enum { FINDINGS_MAX = 24 };

struct mutex_lab {
	/* the command line */
	unsigned task_numbers[TASK_NUMBERS_MAX];
	unsigned n_task_numbers;
	bool policies[WEFT_MUTEX_POLICIES];
	unsigned n_policies;
	unsigned rounds;
	unsigned round_ms;
	const char *output; /* NULL: no page */
	/* what was measured */
	struct mutex_scale scale;
	unsigned procs, cpus;
	double others;   /* CPUs that were busy meanwhile with something else, or taken by a hypervisor */
	char model[128]; /* of the processor; "": unknown */
	char system[256];
	char date[32];
	struct mutex_row *rows;
	unsigned n_rows;
	struct mutex_finding findings[FINDINGS_MAX];
	unsigned n_findings;
	int error; /* of the runtime: a task could not be started */
};

/* ---- lab_mutex_run.c ---- */

struct mutex_arena;

/* For rounds of up to so many tasks; NULL: no memory. */
struct mutex_arena *mutex_arena_create(unsigned tasks);
void mutex_arena_destroy(struct mutex_arena *arena);
/* In a task. */
void mutex_measure_scale(struct mutex_arena *arena, struct mutex_scale *scale);
/*
 * One round of one policy under one load, in a task: what was seen is cell->rounds[...][round]. 0, or an
 * error.
 */
int mutex_round(struct mutex_arena *arena, const struct mutex_scale *scale, const struct mutex_load *load,
	weft_mutex_policy_t policy, unsigned ms, struct mutex_cell *cell, unsigned round);

/* ---- lab_mutex_tell.c ---- */

/* Of the rounds of one figure: the median, the least, the greatest. */
struct mutex_spread {
	double median, least, most;
};
struct mutex_spread mutex_spread(
	const struct mutex_lab *lab, const struct mutex_cell *cell, enum mutex_figure f);

/* "short section (30 ns), 4 tasks" */
void mutex_load_name(const struct mutex_lab *lab, const struct mutex_load *load, char *text, size_t size);
enum { COLUMNS_MAX = 14, COLUMN_TEXT = 24 };
/* The columns of a load's table, the policy's name first: how many. Titles, and a policy's row of them. */
unsigned mutex_titles(const struct mutex_load *load, const char *titles[COLUMNS_MAX]);
void mutex_columns(const struct mutex_lab *lab, const struct mutex_row *row, weft_mutex_policy_t policy,
	char columns[COLUMNS_MAX][COLUMN_TEXT]);
/* Fills findings from rows. */
void mutex_judge(struct mutex_lab *lab);
void mutex_print(const struct mutex_lab *lab, struct lab *out);

/* ---- lab_mutex_page.c ---- */

void mutex_page(const struct mutex_lab *lab, struct buffer *out);

#endif /* WEFT_CLI_LAB_MUTEX_H */
