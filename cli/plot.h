/*
 * plot.h - plots for a page: lines over a logarithmic number of something, and bars; as SVG, with nothing to
 * fetch and no script. Of one task.
 *
 * The page's style has the colours, for light and dark, that a series has by its number; a marker and a dash
 * of its own, too, for those who do not see the colours.
 */
#ifndef WEFT_CLI_PLOT_H
#define WEFT_CLI_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "output.h"

enum { PLOT_SERIES_MAX = 6, PLOT_POINTS_MAX = 32, PLOT_TEXT = 24 };

/* How a value is written. */
enum plot_unit {
	PLOT_COUNT, /* 12.3 M */
	PLOT_TIME,  /* of ns: 12.3 us */
	PLOT_SHARE, /* of a whole: 12 % */
	PLOT_PLAIN  /* 1.23 */
};

void plot_number(enum plot_unit unit, double value, char text[PLOT_TEXT]);

/* A measured value, and between what it was. */
struct plot_point {
	double value, least, most;
};

struct plot_series {
	const char *name;
	unsigned style; /* its number in the page, below PLOT_SERIES_MAX: colour, marker, dash */
	struct plot_point points[PLOT_POINTS_MAX];
};

struct plot {
	const char *id; /* unique in the page; a word */
	const char *title;
	const char *x_title; /* lines: what x is */
	enum plot_unit unit;
	bool log; /* the axis of the values; what is not above zero stands at its end */
	unsigned n_points;
	double x[PLOT_POINTS_MAX]; /* lines: ascending, above zero */
	unsigned n_series;
	struct plot_series series[PLOT_SERIES_MAX];
};

/* Text between tags, or an attribute's value. */
void plot_escape(struct buffer *out, const char *text);
/* The page up to its first heading, which is the title; and its end. */
void plot_page_begin(struct buffer *out, const char *title);
void plot_page_end(struct buffer *out);
/* A figure: a line for each series. */
void plot_lines(struct buffer *out, const struct plot *plot);
/* A figure: a bar for the first point of each series. */
void plot_bars(struct buffer *out, const struct plot *plot);

#endif /* WEFT_CLI_PLOT_H */
