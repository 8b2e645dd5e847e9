/*
 * plot.c - see plot.h.
 *
 * A figure is 480 wide, in units of its own; the page scales it. From top to bottom: the title, the frame
 * with grid and values, what is on the x axis, and the legend in rows of three.
 */
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
	WIDTH = 480,
	LEFT = 62,
	RIGHT = 466,
	TOP = 34,
	BOTTOM = 234,
	LEGEND = 286, /* the baseline of its first row */
	LEGEND_ROW = 20,
	LEGEND_COLUMNS = 3,
	LEGEND_WIDTH = 140,
	TICKS_MAX = 16,
	MARK = 4, /* half of a marker */
	X_PAD = 18
};

/* ---- numbers ---- */

/* Three figures, as far as they say something. */
static void three(double value, const char *unit, char text[PLOT_TEXT])
{
	int places = value >= 99.95 || value == 0 ? 0 : value >= 9.995 ? 1 : 2;

	snprintf(text, PLOT_TEXT, "%.*f%s", places, value, unit);
}

static const struct unit {
	double from;
	const char *name;
} units[][4] = {
	[PLOT_COUNT] = { { 1e9, " G" }, { 1e6, " M" }, { 1e3, " k" }, { 1, "" } },
	[PLOT_TIME] = { { 1e9, " s" }, { 1e6, " ms" }, { 1e3, " us" }, { 1, " ns" } },
};

static const struct unit *unit_of(enum plot_unit unit, double value)
{
	const struct unit *u = units[unit];

	/* What would be rounded to 1000 of a unit is one of the next. */
	for (int i = 0; i < 3 && value < 0.9995 * u->from; i++)
		u++;
	return u;
}

void plot_number(enum plot_unit unit, double value, char text[PLOT_TEXT])
{
	if (unit == PLOT_SHARE) {
		snprintf(text, PLOT_TEXT, "%.0f %%", value * 100);
	} else if (unit == PLOT_PLAIN) {
		three(value, "", text);
	} else {
		const struct unit *u = unit_of(unit, value);
		three(value / u->from, u->name, text);
	}
}

/* A round number at an axis: without the places that a measured one has. */
static void tick_text(enum plot_unit unit, double value, char text[PLOT_TEXT])
{
	if (unit == PLOT_SHARE) {
		plot_number(unit, value, text);
	} else if (unit == PLOT_PLAIN || value == 0) {
		snprintf(text, PLOT_TEXT, "%g", value);
	} else {
		const struct unit *u = unit_of(unit, value);
		snprintf(text, PLOT_TEXT, "%g%s", value / u->from, u->name);
	}
}

/* ---- the page ---- */

void plot_escape(struct buffer *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '&')
			buffer_text(out, "&amp;");
		else if (c == '<')
			buffer_text(out, "&lt;");
		else if (c == '>')
			buffer_text(out, "&gt;");
		else if (c == '"')
			buffer_text(out, "&quot;");
		else if (c >= 0x20 || c == '\n' || c == '\t')
			buffer_printf(out, "%c", c);
	}
}

/* The colours of Okabe and Ito, darker on white and lighter on black where they need it. */
static const char style[] =
	":root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --dim: #59636e; --line: #d8dde3;\n"
	"\t--s0: #0072b2; --s1: #b86e00; --s2: #00795a; --s3: #a8487f; --s4: #d1410c; --s5: #1b1f24;\n"
	"\t--good: #18794e; --bad: #b42318; }\n"
	"@media (prefers-color-scheme: dark) { :root { --back: #15181c; --text: #e3e7eb; --dim: #9aa5b1;\n"
	"\t--line: #343b43; --s0: #56b4e9; --s1: #e69f00; --s2: #2fc79a; --s3: #e293c1; --s4: #ff7a45;\n"
	"\t--s5: #e3e7eb; --good: #4cc38a; --bad: #ff6b6b; } }\n"
	"body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, "
	"sans-serif; }\n"
	"main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }\n"
	"h1 { font-size: 1.5rem; margin: 0 0 .75rem; } h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }\n"
	"p { margin: 0 0 .75rem; max-width: 48rem; }\n"
	"dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 0 1rem; }\n"
	"dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }\n"
	".plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); "
	"gap: 1rem; }\n"
	"svg { display: block; width: 100%; height: auto; }\n"
	"svg text { font: 12px system-ui, sans-serif; fill: var(--text); }\n"
	"svg .title { font-size: 14px; font-weight: 600; } svg .dim { fill: var(--dim); }\n"
	"svg .grid { stroke: var(--line); stroke-width: 1; fill: none; }\n"
	"svg .range { stroke-width: 1; opacity: .6; } svg .line { fill: none; stroke-width: 2; }\n"
	"svg .whisker { stroke: var(--text); stroke-width: 1.2; }\n"
	".scroll { overflow-x: auto; }\n"
	"table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0 0 1.5rem; }\n"
	"caption { text-align: left; font-weight: 600; padding: .25rem 0; }\n"
	"th, td { padding: .15rem .8rem .15rem 0; text-align: right; white-space: nowrap; font-weight: 400;\n"
	"\tborder-bottom: 1px solid var(--line); }\n"
	"thead th { color: var(--dim); } th:first-child, .words td, .words th { text-align: left; }\n"
	".words td { white-space: normal; } .good { color: var(--good); }\n"
	".bad { color: var(--bad); font-weight: 700; }\n";

/* What SVG draws the lines and the legend with; 0: unbroken. */
static const char *const dashes[PLOT_SERIES_MAX] = { "0", "7 3", "2 3", "9 3 2 3", "5 2", "12 4" };

void plot_page_begin(struct buffer *out, const char *title)
{
	buffer_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
	plot_escape(out, title);
	buffer_text(out, "</title>\n<style>\n");
	buffer_text(out, style);
	for (int i = 0; i < PLOT_SERIES_MAX; i++)
		buffer_printf(out,
			".s%d { stroke: var(--s%d); fill: var(--s%d); } .d%d { stroke-dasharray: %s; }\n", i,
			i, i, i, dashes[i]);
	buffer_text(out, "</style>\n</head>\n<body>\n<main>\n<h1>");
	plot_escape(out, title);
	buffer_text(out, "</h1>\n");
}

void plot_page_end(struct buffer *out)
{
	buffer_text(out, "</main>\n</body>\n</html>\n");
}

/* ---- axes ---- */

struct axis {
	bool log;
	double low, high; /* of the values; log: their logarithms */
	double from, to;  /* where they stand */
};

static double place(const struct axis *axis, double value)
{
	double at = axis->log ? (value > 0 ? log10(value) : axis->low) : value;

	at = at < axis->low ? axis->low : at > axis->high ? axis->high : at;
	return axis->from + (at - axis->low) / (axis->high - axis->low) * (axis->to - axis->from);
}

/* From zero, by 1, 2 or 5 times a power of ten, in five steps or fewer. */
static double linear_step(double most)
{
	double power = pow(10, floor(log10(most / 5))), ratio = most / 5 / power;

	return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
}

static void widen(double value, double *low, double *high)
{
	if (value <= 0 || !isfinite(value))
		return;
	if (*high == 0 || value > *high)
		*high = value;
	if (*low == 0 || value < *low)
		*low = value;
}

/* The axis of the values, its ticks in ticks: how many. */
static unsigned value_axis(
	const struct plot *plot, unsigned n_points, struct axis *axis, double ticks[TICKS_MAX])
{
	double low = 0, high = 0, step;
	unsigned n = 0;

	for (unsigned i = 0; i < plot->n_series; i++) {
		for (unsigned k = 0; k < n_points; k++) {
			const struct plot_point *p = &plot->series[i].points[k];
			widen(p->least, &low, &high);
			widen(p->value, &low, &high);
			widen(p->most, &low, &high);
		}
	}
	*axis = (struct axis){ .log = plot->log, .from = BOTTOM, .to = TOP };
	if (high == 0)
		low = high = 1;
	if (plot->log) {
		axis->low = floor(log10(low));
		axis->high = ceil(log10(high));
		if (axis->high <= axis->low)
			axis->high = axis->low + 1;
		for (double at = axis->low; at <= axis->high && n < TICKS_MAX; at++)
			ticks[n++] = pow(10, at);
		return n;
	}
	step = linear_step(high);
	axis->high = step * ceil(high / step - 1e-9);
	for (double at = 0; at < axis->high + step / 2 && n < TICKS_MAX; at += step)
		ticks[n++] = at;
	return n;
}

static void draw_value_axis(
	struct buffer *out, enum plot_unit unit, const struct axis *axis, const double *ticks, unsigned n)
{
	char text[PLOT_TEXT];

	for (unsigned i = 0; i < n; i++) {
		double y = place(axis, ticks[i]);
		tick_text(unit, ticks[i], text);
		buffer_printf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, y, RIGHT);
		buffer_printf(out, "<text class=\"dim\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT - 6, y + 4, text);
	}
}

/* ---- what both kinds have ---- */

static void say_point(struct buffer *out, const struct plot *plot, const struct plot_point *point)
{
	char value[PLOT_TEXT], least[PLOT_TEXT], most[PLOT_TEXT];

	plot_number(plot->unit, point->value, value);
	plot_number(plot->unit, point->least, least);
	plot_number(plot->unit, point->most, most);
	buffer_printf(out, "%s (%s to %s)", value, least, most);
}

/* For who does not see the figure: its last points in words. */
static void describe(struct buffer *out, const struct plot *plot, unsigned point, const char *where)
{
	buffer_text(out, "Median, least and greatest of the rounds");
	plot_escape(out, where);
	for (unsigned i = 0; i < plot->n_series; i++) {
		buffer_text(out, i == 0 ? ": " : "; ");
		plot_escape(out, plot->series[i].name);
		buffer_text(out, " ");
		say_point(out, plot, &plot->series[i].points[point]);
	}
	buffer_text(out, ".");
}

static void begin(struct buffer *out, const struct plot *plot, int height, unsigned point, const char *where)
{
	buffer_printf(out, "<svg role=\"img\" viewBox=\"0 0 %d %d\" aria-labelledby=\"%s-t %s-d\">\n", WIDTH,
		height, plot->id, plot->id);
	buffer_printf(out, "<title id=\"%s-t\">", plot->id);
	plot_escape(out, plot->title);
	buffer_printf(out, "</title>\n<desc id=\"%s-d\">", plot->id);
	describe(out, plot, point, where);
	buffer_text(out, "</desc>\n<text class=\"title\" x=\"8\" y=\"18\">");
	plot_escape(out, plot->title);
	if (plot->log)
		buffer_text(out, " (logarithmic)");
	buffer_text(out, "</text>\n");
}

/* A shape of its own for each style. */
static void draw_marker(struct buffer *out, unsigned which, double x, double y)
{
	static const char *const shapes[PLOT_SERIES_MAX] = {
		"m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",                 /* circle */
		"m-4 -4h8v8h-8z",                                      /* square */
		"m0 -5l5 9h-10z",                                      /* triangle */
		"m0 -5l5 5l-5 5l-5 -5z",                               /* diamond */
		"m0 5l5 -9h-10z",                                      /* triangle, upside down */
		"m-5 -1.5h3.5v-3.5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5z" /* cross */
	};

	buffer_printf(out, "<path class=\"s%u\" stroke-width=\"0\" d=\"M%.1f %.1f%s\">", which, x, y,
		shapes[which]);
}

static void draw_legend(struct buffer *out, const struct plot *plot)
{
	for (unsigned i = 0; i < plot->n_series; i++) {
		int x = LEFT - 20 + (int)(i % LEGEND_COLUMNS) * LEGEND_WIDTH;
		int y = LEGEND + (int)(i / LEGEND_COLUMNS) * LEGEND_ROW;
		unsigned s = plot->series[i].style;
		buffer_printf(out, "<path class=\"line s%u d%u\" style=\"fill:none\" d=\"M%d %dh34\"/>", s, s,
			x, y - MARK);
		draw_marker(out, s, x + 17, y - MARK);
		buffer_printf(out, "</path><text x=\"%d\" y=\"%d\">", x + 42, y);
		plot_escape(out, plot->series[i].name);
		buffer_text(out, "</text>\n");
	}
}

/* ---- lines ---- */

static void draw_x_axis(struct buffer *out, const struct plot *plot, const struct axis *axis)
{
	for (unsigned i = 0; i < plot->n_points; i++) {
		double x = place(axis, plot->x[i]);
		buffer_printf(out, "<path class=\"grid\" d=\"M%.1f %dv5\"/>", x, BOTTOM);
		buffer_printf(out,
			"<text class=\"dim\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x,
			BOTTOM + 18, plot->x[i]);
	}
	buffer_printf(out, "<text class=\"dim\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
		(LEFT + RIGHT) / 2, BOTTOM + 34);
	plot_escape(out, plot->x_title);
	buffer_text(out, "</text>\n");
}

static void draw_line(struct buffer *out, const struct plot *plot, const struct plot_series *series,
	const struct axis *x_axis, const struct axis *y_axis)
{
	buffer_printf(
		out, "<path class=\"line s%u d%u\" style=\"fill:none\" d=\"", series->style, series->style);
	for (unsigned i = 0; i < plot->n_points; i++)
		buffer_printf(out, "%c%.1f %.1f", i == 0 ? 'M' : 'L', place(x_axis, plot->x[i]),
			place(y_axis, series->points[i].value));
	buffer_text(out, "\"/>\n");
	for (unsigned i = 0; i < plot->n_points; i++) {
		const struct plot_point *p = &series->points[i];
		double x = place(x_axis, plot->x[i]);
		buffer_printf(out, "<path class=\"range s%u\" d=\"M%.1f %.1fV%.1f\"/>", series->style, x,
			place(y_axis, p->least), place(y_axis, p->most));
		draw_marker(out, series->style, x, place(y_axis, p->value));
		buffer_text(out, "<title>");
		plot_escape(out, series->name);
		buffer_printf(out, ", %g: ", plot->x[i]);
		say_point(out, plot, p);
		buffer_text(out, "</title></path>\n");
	}
}

static int legend_height(const struct plot *plot)
{
	return (int)((plot->n_series + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS) * LEGEND_ROW;
}

void plot_lines(struct buffer *out, const struct plot *plot)
{
	struct axis x_axis = { .log = true, .from = LEFT + X_PAD, .to = RIGHT - X_PAD }, y_axis;
	double ticks[TICKS_MAX], first = plot->x[0], last = plot->x[plot->n_points - 1];
	unsigned n = value_axis(plot, plot->n_points, &y_axis, ticks);
	char where[64];

	/* A single number stands in the middle. */
	x_axis.low = log10(first < last ? first : first / 2);
	x_axis.high = log10(first < last ? last : last * 2);
	snprintf(where, sizeof where, " at %g %s", last, plot->x_title);
	begin(out, plot, LEGEND + legend_height(plot) - LEGEND_ROW + 12, plot->n_points - 1, where);
	draw_value_axis(out, plot->unit, &y_axis, ticks, n);
	draw_x_axis(out, plot, &x_axis);
	for (unsigned i = 0; i < plot->n_series; i++)
		draw_line(out, plot, &plot->series[i], &x_axis, &y_axis);
	draw_legend(out, plot);
	buffer_text(out, "</svg>\n");
}

/* ---- bars ---- */

void plot_bars(struct buffer *out, const struct plot *plot)
{
	double slot = (double)(RIGHT - LEFT) / plot->n_series, ticks[TICKS_MAX];
	struct axis axis;
	unsigned n = value_axis(plot, 1, &axis, ticks);
	char value[PLOT_TEXT];

	begin(out, plot, BOTTOM + 30, 0, "");
	draw_value_axis(out, plot->unit, &axis, ticks, n);
	for (unsigned i = 0; i < plot->n_series; i++) {
		const struct plot_series *s = &plot->series[i];
		const struct plot_point *p = &s->points[0];
		double middle = LEFT + slot * (i + 0.5), y = place(&axis, p->value);
		plot_number(plot->unit, p->value, value);
		buffer_printf(out,
			"<rect class=\"s%u\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
			s->style, middle - slot * 0.3, y, slot * 0.6, BOTTOM - y);
		plot_escape(out, s->name);
		buffer_text(out, ": ");
		say_point(out, plot, p);
		buffer_printf(out, "</title></rect>\n<path class=\"whisker\" d=\"M%.1f %.1fV%.1f\"/>", middle,
			place(&axis, p->least), place(&axis, p->most));
		buffer_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>", middle,
			place(&axis, p->most) - 4, value);
		buffer_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", middle, BOTTOM + 18);
		plot_escape(out, s->name);
		buffer_text(out, "</text>\n");
	}
	buffer_text(out, "</svg>\n");
}
