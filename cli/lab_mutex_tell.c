/*
 * lab_mutex_tell.c - what `weft lab mutex` says of what it has measured: tables, and claims.
 */
#include "lab_mutex.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct mutex_spread mutex_spread(
	const struct mutex_lab *lab, const struct mutex_cell *cell, enum mutex_figure f)
{
	double sorted[ROUNDS_MAX];
	unsigned n = lab->rounds;

	memcpy(sorted, cell->rounds[f], n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, compare);
	return (struct mutex_spread){ (sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[0], sorted[n - 1] };
}

static double median(const struct mutex_lab *lab, const struct mutex_row *row, weft_mutex_policy_t policy,
	enum mutex_figure f)
{
	return mutex_spread(lab, &row->cells[policy], f).median;
}

void mutex_load_name(const struct mutex_lab *lab, const struct mutex_load *load, char *text, size_t size)
{
	char section[PLOT_TEXT];

	if (load->kind == MUTEX_HOG) {
		snprintf(text, size, "a hog, and %d others", HOG_OTHERS);
		return;
	}
	plot_number(PLOT_TIME, load->kind == MUTEX_SHORT ? lab->scale.short_ns : lab->scale.long_ns, section);
	snprintf(text, size, "%s section (%s), %u task%s", load->kind == MUTEX_SHORT ? "short" : "long",
		section, load->tasks, load->tasks == 1 ? "" : "s");
}

/* ---- tables ---- */

unsigned mutex_titles(const struct mutex_load *load, const char *titles[COLUMNS_MAX])
{
	static const char *const all[] = { "policy", "ops/s", "+-", "to go1.9", "hog's/s", "99.9%", "longest",
		"worst", "share", "CPU", "waits", "yields", "handed", "starving" };
	unsigned n = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (i != 4 || load->kind == MUTEX_HOG)
			titles[n++] = all[i];
	return n;
}

void mutex_columns(const struct mutex_lab *lab, const struct mutex_row *row, weft_mutex_policy_t policy,
	char columns[COLUMNS_MAX][COLUMN_TEXT])
{
	const struct mutex_cell *cell = &row->cells[policy];
	struct mutex_spread ops = mutex_spread(lab, cell, FIG_OPS);
	struct mutex_spread longest = mutex_spread(lab, cell, FIG_LONGEST);
	unsigned n = 0;

	snprintf(columns[n++], COLUMN_TEXT, "%s", weft_mutex_policy_name(policy));
	plot_number(PLOT_COUNT, ops.median, columns[n++]);
	plot_number(PLOT_SHARE, ops.median > 0 ? (ops.most - ops.least) / 2 / ops.median : 0, columns[n++]);
	if (lab->policies[WEFT_MUTEX_GO19])
		plot_number(
			PLOT_PLAIN, ops.median / median(lab, row, WEFT_MUTEX_GO19, FIG_OPS), columns[n++]);
	else
		snprintf(columns[n++], COLUMN_TEXT, "-");
	if (row->load.kind == MUTEX_HOG)
		plot_number(PLOT_COUNT, median(lab, row, policy, FIG_HOG), columns[n++]);
	plot_number(PLOT_TIME, median(lab, row, policy, FIG_P999), columns[n++]);
	plot_number(PLOT_TIME, longest.median, columns[n++]);
	plot_number(PLOT_TIME, longest.most, columns[n++]);
	plot_number(PLOT_SHARE, median(lab, row, policy, FIG_SHARE), columns[n++]);
	for (int f = FIG_CPU; f <= FIG_STARVING; f++)
		plot_number(PLOT_PLAIN, median(lab, row, policy, (enum mutex_figure)f), columns[n++]);
}

static void print_row(
	struct buffer *out, const char *(*text)(const void *of, unsigned i), const void *of, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buffer_printf(out, i == 0 ? "  %-8s" : " %8s", text(of, i));
	buffer_text(out, "\n");
}

static const char *title_at(const void *of, unsigned i)
{
	return ((const char *const *)of)[i];
}

static const char *column_at(const void *of, unsigned i)
{
	return ((const char(*)[COLUMN_TEXT])of)[i];
}

static void print_table(const struct mutex_lab *lab, const struct mutex_row *row, struct lab *out)
{
	const char *titles[COLUMNS_MAX];
	char columns[COLUMNS_MAX][COLUMN_TEXT], name[80];
	unsigned n = mutex_titles(&row->load, titles);

	mutex_load_name(lab, &row->load, name, sizeof name);
	lab_heading(out, name);
	print_row(&out->out, title_at, titles, n);
	for (unsigned i = 0; i < WEFT_MUTEX_POLICIES; i++) {
		if (!lab->policies[i])
			continue;
		mutex_columns(lab, row, (weft_mutex_policy_t)i, columns);
		print_row(&out->out, column_at, columns, n);
	}
}

static void print_intro(const struct mutex_lab *lab, struct buffer *out)
{
	char clock[PLOT_TEXT], alone[PLOT_TEXT];

	plot_number(PLOT_TIME, lab->scale.clock_ns, clock);
	plot_number(PLOT_TIME, lab->scale.alone_ns, alone);
	buffer_printf(out, "%u processor%s, %u CPU%s; %u round%s of %u ms, medians of them\n", lab->procs,
		lab->procs == 1 ? "" : "s", lab->cpus, lab->cpus == 1 ? "" : "s", lab->rounds,
		lab->rounds == 1 ? "" : "s", lab->round_ms);
	buffer_printf(out, "other work on the machine had %.2f CPUs meanwhile\n", lab->others);
	buffer_printf(out, "the clock takes %s to read, and a short operation %s in one task alone\n", clock,
		alone);
	buffer_text(out, "\n"
			 "  99.9%, longest, worst    waits for the lock; worst: of all rounds\n"
			 "  share                    the fewest operations of a task, against the mean\n"
			 "  CPU                      CPU seconds a second\n"
			 "  waits, yields, handed    of a thousand operations; starving: times a second\n");
}

static void print_findings(const struct mutex_lab *lab, struct lab *out)
{
	lab_heading(out, "what is claimed of them");
	for (unsigned i = 0; i < lab->n_findings; i++) {
		const struct mutex_finding *f = &lab->findings[i];
		if (f->verdict == FOUND_NOTE)
			lab_note(out, f->what);
		else
			lab_claim(out, f->verdict == FOUND_KEPT, f->what);
		buffer_text(&out->out, f->seen);
		lab_line_end(out);
	}
}

void mutex_print(const struct mutex_lab *lab, struct lab *out)
{
	print_intro(lab, &out->out);
	for (unsigned i = 0; i < lab->n_rows; i++)
		print_table(lab, &lab->rows[i], out);
	print_findings(lab, out);
}

/* ---- claims ---- */

/*
 * A claim is a relation between figures of this run, medians of its rounds, with room for a busy machine: it
 * fails when the policy is not what it is said to be, or when something else took most of the CPU. What the
 * run cannot show becomes a note.
 */
enum {
	FAIR = 50,           /* %: smallest share of a policy that serves in order */
	NEAR = 75,           /* %: of another's throughput, to be near it */
	MANY_SWITCHES = 500, /* waits of a thousand operations, where each lock is said to be one */
	TIMES_WORSE = 3,     /* as long a wait, where one starves and one does not */
	TIMES_CPU = 2,       /* as much CPU */
	BOUND_ROOM = 10,     /* a wait that is said to end after a millisecond takes less than so many */
	BUSY = 50,           /* %, of one CPU: other work that takes what spinning would burn */
	TELLING_MS = 50,     /* a shorter round cannot tell a starving policy from one that is not */
	LEASE_US = 25,       /* of the default policy */
	TURNS = 10           /* of each task, that a share may be told of */
};

__attribute__((format(printf, 4, 5))) static void find(
	struct mutex_lab *lab, int verdict, const char *what, const char *format, ...)
{
	struct mutex_finding *f = &lab->findings[lab->n_findings];
	va_list args;

	if (lab->n_findings == FINDINGS_MAX)
		return;
	lab->n_findings++;
	f->verdict = verdict;
	snprintf(f->what, sizeof f->what, "%s", what);
	va_start(args, format);
	vsnprintf(f->seen, sizeof f->seen, format, args);
	va_end(args);
}

static int verdict(bool kept)
{
	return kept ? FOUND_KEPT : FOUND_BROKEN;
}

/* "barging 14.4 M", for a claim. */
struct said {
	char text[64];
};

static struct said say(const struct mutex_lab *lab, const struct mutex_row *row, weft_mutex_policy_t policy,
	enum mutex_figure f, enum plot_unit unit)
{
	char number[PLOT_TEXT];
	struct said said;

	plot_number(unit, median(lab, row, policy, f), number);
	snprintf(said.text, sizeof said.text, "%s %s", weft_mutex_policy_name(policy), number);
	return said;
}

static bool have(const struct mutex_lab *lab, weft_mutex_policy_t a, weft_mutex_policy_t b)
{
	return lab->policies[a] && lab->policies[b];
}

/* a's figure is above so many times b's, if both were measured. */
static void claim_above(struct mutex_lab *lab, const char *what, const struct mutex_row *row,
	weft_mutex_policy_t a, weft_mutex_policy_t b, enum mutex_figure f, enum plot_unit unit, double times)
{
	struct said said_a, said_b;
	bool kept;

	if (!have(lab, a, b)) {
		find(lab, FOUND_NOTE, what, "needs the policies %s and %s", weft_mutex_policy_name(a),
			weft_mutex_policy_name(b));
		return;
	}
	kept = median(lab, row, a, f) > times * median(lab, row, b, f);
	said_a = say(lab, row, a, f, unit);
	said_b = say(lab, row, b, f, unit);
	find(lab, verdict(kept), what, "%s, %s", said_a.text, said_b.text);
}

/* One policy's figure, if it was measured, is above or below a limit. */
static void claim_limit(struct mutex_lab *lab, const char *what, const struct mutex_row *row,
	weft_mutex_policy_t policy, enum mutex_figure f, enum plot_unit unit, bool above, double limit)
{
	char text[PLOT_TEXT];
	double seen;

	if (!lab->policies[policy]) {
		find(lab, FOUND_NOTE, what, "needs the policy %s", weft_mutex_policy_name(policy));
		return;
	}
	seen = median(lab, row, policy, f);
	plot_number(unit, limit, text);
	find(lab, verdict(above ? seen > limit : seen < limit), what, "%s, claimed: %s %s",
		say(lab, row, policy, f, unit).text, above ? "above" : "below", text);
}

static void judge_counts(struct mutex_lab *lab)
{
	for (unsigned i = 0; i < lab->n_rows; i++) {
		for (unsigned p = 0; p < WEFT_MUTEX_POLICIES; p++) {
			char name[80];
			if (!lab->rows[i].cells[p].wrong)
				continue;
			mutex_load_name(lab, &lab->rows[i].load, name, sizeof name);
			find(lab, FOUND_BROKEN, "every count was right", "not with %s: %s",
				weft_mutex_policy_name((weft_mutex_policy_t)p), name);
			return;
		}
	}
	find(lab, FOUND_KEPT, "every count was right", "in %u runs",
		lab->rounds * lab->n_rows * lab->n_policies);
}

/* Where many fight for a short section. */
static void judge_short(struct mutex_lab *lab, const struct mutex_row *row)
{
	claim_above(lab, "barging outruns handing over", row, WEFT_MUTEX_BARGING, WEFT_MUTEX_HANDOFF, FIG_OPS,
		PLOT_COUNT, 1);
	claim_limit(lab, "handing over is fair", row, WEFT_MUTEX_HANDOFF, FIG_SHARE, PLOT_SHARE, true,
		FAIR / 100.0);
	claim_limit(lab, "and costs a switch a time", row, WEFT_MUTEX_HANDOFF, FIG_WAITS, PLOT_PLAIN, true,
		MANY_SWITCHES);
	claim_above(lab, "spinning outruns handing over", row, WEFT_MUTEX_SPINNING, WEFT_MUTEX_HANDOFF,
		FIG_OPS, PLOT_COUNT, 1);
	claim_above(lab, "default is near barging, or better", row, WEFT_MUTEX_DEFAULT, WEFT_MUTEX_BARGING,
		FIG_OPS, PLOT_COUNT, NEAR / 100.0);
	claim_above(lab, "default outruns go1.9", row, WEFT_MUTEX_DEFAULT, WEFT_MUTEX_GO19, FIG_OPS,
		PLOT_COUNT, 1);
	if ((uint64_t)row->load.tasks * LEASE_US * TURNS > lab->round_ms * 1000ull)
		find(lab, FOUND_NOTE, "default is fair", "not told: a round of %u ms has too few turns",
			lab->round_ms);
	else
		claim_limit(lab, "default is fair", row, WEFT_MUTEX_DEFAULT, FIG_SHARE, PLOT_SHARE, true,
			FAIR / 100.0);
}

static void judge_hog(struct mutex_lab *lab, const struct mutex_row *row)
{
	double bound = (double)BOUND_ROOM * BOUND_NS;

	/* It offers the CPU to other threads again and again: only what nobody wants is burned. */
	if (lab->others > BUSY / 100.0)
		find(lab, FOUND_NOTE, "spinning burns CPU", "not told: other work had %.2f CPUs",
			lab->others);
	else
		claim_above(lab, "spinning burns CPU", row, WEFT_MUTEX_SPINNING, WEFT_MUTEX_GO19, FIG_CPU,
			PLOT_PLAIN, TIMES_CPU);
	if (lab->round_ms < TELLING_MS) {
		find(lab, FOUND_NOTE, "who starves", "not told: a round of %u ms is too short",
			lab->round_ms);
		return;
	}
	claim_above(lab, "barging lets others starve", row, WEFT_MUTEX_BARGING, WEFT_MUTEX_GO19, FIG_LONGEST,
		PLOT_TIME, TIMES_WORSE);
	claim_above(lab, "go1.8 lets others starve", row, WEFT_MUTEX_GO18, WEFT_MUTEX_GO19, FIG_LONGEST,
		PLOT_TIME, TIMES_WORSE);
	claim_limit(lab, "go1.9 bounds the wait", row, WEFT_MUTEX_GO19, FIG_LONGEST, PLOT_TIME, false, bound);
	claim_limit(lab, "default bounds the wait", row, WEFT_MUTEX_DEFAULT, FIG_LONGEST, PLOT_TIME, false,
		bound);
}

void mutex_judge(struct mutex_lab *lab)
{
	const struct mutex_row *most =
		&lab->rows[lab->n_task_numbers - 1]; /* short, as many tasks as tried */

	judge_counts(lab);
	if (most->load.tasks < 2)
		find(lab, FOUND_NOTE, "short section", "nobody fights for the mutex: --tasks has only 1");
	else if (lab->procs < 2 || lab->cpus < 2)
		find(lab, FOUND_NOTE, "short section", "with one processor nobody finds the mutex locked");
	else
		judge_short(lab, most);
	judge_hog(lab, &lab->rows[lab->n_rows - 1]);
}
