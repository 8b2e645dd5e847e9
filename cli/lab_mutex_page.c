/*
 * lab_mutex_page.c - the page of `weft lab mutex`: the machine, the claims, plots, and all numbers as tables.
 */
#include "lab_mutex.h"

#include <stdio.h>

#include <weft/base.h>

#include "plot.h"

static void item(struct buffer *out, const char *key, const char *value)
{
	if (*value == '\0')
		return;
	buffer_text(out, "<dt>");
	plot_escape(out, key);
	buffer_text(out, "</dt><dd>");
	plot_escape(out, value);
	buffer_text(out, "</dd>\n");
}

static void write_machine(const struct mutex_lab *lab, struct buffer *out)
{
	char text[160], clock[PLOT_TEXT], alone[PLOT_TEXT];

	plot_number(PLOT_TIME, lab->scale.clock_ns, clock);
	plot_number(PLOT_TIME, lab->scale.alone_ns, alone);
	buffer_text(out, "<dl>\n");
	item(out, "weft", weft_version());
	item(out, "date", lab->date);
	snprintf(text, sizeof text, "%u, on %u CPU%s", lab->procs, lab->cpus, lab->cpus == 1 ? "" : "s");
	item(out, "processors", text);
	item(out, "CPU", lab->model);
	item(out, "system", lab->system);
	snprintf(text, sizeof text, "%u of %u ms, the policies in turn", lab->rounds, lab->round_ms);
	item(out, "rounds", text);
	snprintf(text, sizeof text, "%.2f CPUs meanwhile", lab->others);
	item(out, "other work", text);
	snprintf(text, sizeof text, "%s to read; a short operation in one task alone: %s", clock, alone);
	item(out, "clock", text);
	buffer_text(out, "</dl>\n");
}

static void write_findings(const struct mutex_lab *lab, struct buffer *out)
{
	static const char *const marks[] = {
		[FOUND_NOTE] = "<td></td>",
		[FOUND_KEPT] = "<td class=\"good\">ok</td>",
		[FOUND_BROKEN] = "<td class=\"bad\">NO</td>",
	};

	buffer_text(out,
		"<h2>What is claimed of them</h2>\n<div class=\"scroll\"><table class=\"words\">\n<thead>"
		"<tr><th scope=\"col\">kept</th><th scope=\"col\">claim</th>"
		"<th scope=\"col\">seen</th></tr></thead>\n<tbody>\n");
	for (unsigned i = 0; i < lab->n_findings; i++) {
		const struct mutex_finding *f = &lab->findings[i];
		buffer_text(out, "<tr>");
		buffer_text(out, marks[f->verdict]);
		buffer_text(out, "<td>");
		plot_escape(out, f->what);
		buffer_text(out, "</td><td>");
		plot_escape(out, f->seen);
		buffer_text(out, "</td></tr>\n");
	}
	buffer_text(out, "</tbody>\n</table></div>\n");
}

/* ---- plots ---- */

static struct plot_point point(
	const struct mutex_lab *lab, const struct mutex_cell *cell, enum mutex_figure f)
{
	struct mutex_spread s = mutex_spread(lab, cell, f);

	return (struct plot_point){ s.median, s.least, s.most };
}

static const struct drawn {
	const char *id, *title;
	enum mutex_figure figure;
	enum plot_unit unit;
	bool log;
} drawn[] = {
	{ "ops", "Operations a second", FIG_OPS, PLOT_COUNT, false },
	{ "share", "Smallest share, against the mean", FIG_SHARE, PLOT_SHARE, false },
	{ "longest", "Longest wait", FIG_LONGEST, PLOT_TIME, true },
	{ "p999", "Wait, 99.9th percentile", FIG_P999, PLOT_TIME, true },
	{ "cpu", "CPU seconds a second", FIG_CPU, PLOT_PLAIN, false },
};

/* For the rows from `first` on, one for each number of tasks; or for one row. */
static void draw(const struct mutex_lab *lab, struct buffer *out, const struct mutex_row *first, bool lines,
	const char *kind, const struct drawn *what)
{
	char id[32], title[80];
	struct plot plot = {
		.id = id,
		.title = title,
		.x_title = "tasks",
		.unit = what->unit,
		.log = what->log || (!lines && what->figure == FIG_OPS), /* who starves has few */
		.n_points = lines ? lab->n_task_numbers : 1,
	};

	snprintf(id, sizeof id, "%s-%s", kind, what->id);
	snprintf(title, sizeof title, "%s, %s%s", what->title, kind, lines ? " section" : "");
	for (unsigned p = 0; p < WEFT_MUTEX_POLICIES; p++) {
		struct plot_series *series = &plot.series[plot.n_series];
		if (!lab->policies[p])
			continue;
		series->name = weft_mutex_policy_name((weft_mutex_policy_t)p);
		series->style = p;
		for (unsigned i = 0; i < plot.n_points; i++) {
			plot.x[i] = first[i].load.tasks;
			series->points[i] = point(lab, &first[i].cells[p], what->figure);
		}
		plot.n_series++;
	}
	(lines ? plot_lines : plot_bars)(out, &plot);
}

static void draw_all(const struct mutex_lab *lab, struct buffer *out, const struct mutex_row *first,
	bool lines, const char *kind)
{
	buffer_text(out, "<div class=\"plots\">\n");
	for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
		draw(lab, out, first, lines, kind, &drawn[i]);
	buffer_text(out, "</div>\n");
}

static void draw_sections(const struct mutex_lab *lab, struct buffer *out)
{
	char ns[PLOT_TEXT];

	plot_number(PLOT_TIME, lab->scale.short_ns, ns);
	buffer_printf(out, "<h2>A short section (%s)</h2>\n", ns);
	draw_all(lab, out, lab->rows, true, "short");
	plot_number(PLOT_TIME, lab->scale.long_ns, ns);
	buffer_printf(out, "<h2>A long section (%s)</h2>\n", ns);
	draw_all(lab, out, lab->rows + lab->n_task_numbers, true, "long");
}

static void draw_hog(const struct mutex_lab *lab, struct buffer *out)
{
	buffer_printf(out,
		"<h2>A hog among %d others</h2>\n<p>The hog sleeps %d us with the mutex, and takes it again "
		"at "
		"once. ",
		HOG_OTHERS, HOG_NS / 1000);
	buffer_text(out,
		"Each of the others sleeps as long without it, and wants it for a moment. Operations "
		"and waits are those of the others.</p>\n");
	draw_all(lab, out, &lab->rows[lab->n_rows - 1], false, "hog");
}

/* ---- tables ---- */

static void write_table(const struct mutex_lab *lab, struct buffer *out, const struct mutex_row *row)
{
	const char *titles[COLUMNS_MAX];
	char columns[COLUMNS_MAX][COLUMN_TEXT], name[80];
	unsigned n = mutex_titles(&row->load, titles);

	mutex_load_name(lab, &row->load, name, sizeof name);
	buffer_text(out, "<div class=\"scroll\"><table>\n<caption>");
	plot_escape(out, name);
	buffer_text(out, "</caption>\n<thead><tr>");
	for (unsigned i = 0; i < n; i++) {
		buffer_text(out, "<th scope=\"col\">");
		plot_escape(out, titles[i]);
		buffer_text(out, "</th>");
	}
	buffer_text(out, "</tr></thead>\n<tbody>\n");
	for (unsigned p = 0; p < WEFT_MUTEX_POLICIES; p++) {
		if (!lab->policies[p])
			continue;
		mutex_columns(lab, row, (weft_mutex_policy_t)p, columns);
		buffer_text(out, "<tr>");
		for (unsigned i = 0; i < n; i++) {
			buffer_text(out, i == 0 ? "<th scope=\"row\">" : "<td>");
			plot_escape(out, columns[i]);
			buffer_text(out, i == 0 ? "</th>" : "</td>");
		}
		buffer_text(out, "</tr>\n");
	}
	buffer_text(out, "</tbody>\n</table></div>\n");
}

void mutex_page(const struct mutex_lab *lab, struct buffer *out)
{
	plot_page_begin(out, "weft lab mutex: who gets the mutex");
	buffer_text(out,
		"<p>Six policies of one mutex, measured against one another on this machine. A point is "
		"the median of the rounds, the thin line through it goes from the least to the "
		"greatest. A wait ends with its round at the latest.</p>\n");
	write_machine(lab, out);
	write_findings(lab, out);
	draw_sections(lab, out);
	draw_hog(lab, out);
	buffer_text(out,
		"<h2>The numbers</h2>\n<p>99.9%, longest and worst are waits; worst is that of all "
		"rounds, all else a median. share: the fewest operations of a task against the mean. "
		"CPU: CPU seconds a second. waits, yields, handed: of a thousand operations. starving: "
		"how often in a second go1.9 began to hand over each time.</p>\n");
	for (unsigned i = 0; i < lab->n_rows; i++)
		write_table(lab, out, &lab->rows[i]);
	plot_page_end(out);
}
