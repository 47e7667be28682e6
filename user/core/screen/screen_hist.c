// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two histograms side by side, waits and holds, over the same logarithmic axis of time, so that
 * waits of a switch interval stand out against holds of a microsecond.
 */
#include <math.h>
#include <string.h>

#include "core/figures/bins.h"
#include "core/screen/screen_parts.h"

#define AXIS_STEP 9 /* bins between two labels: three decades */

struct side {
	const char *title;
	const struct gil_hist *hist;
	enum style style;
};

/* The height of a bar as a share of the highest one. */
static double height_of(__u64 count, __u64 largest, bool log_counts)
{
	if (!count)
		return 0;
	if (!log_counts)
		return (double)count / (double)largest;
	return log2(1 + (double)count) / log2(1 + (double)largest);
}

static void put_axis(const struct pane *p, int row, int columns, bool ascii)
{
	static const char *const labels[] = {"1µs", "1ms", "1s"};

	pane__fill(p, row, 0, STYLE_DIM, BINS * columns, ascii ? "-" : "─");
	/* Bin 1 begins at 100 ns, bin 4 at 1 µs. */
	for (int i = 0; i < 3; i++)
		pane__put(p, row, (4 + i * AXIS_STEP) * columns, STYLE_DIM,
			  ascii && !i ? "1us" : labels[i]);
}

static void put_chart(const struct screen *sc, const struct pane *p, const struct side *s)
{
	int columns = p->width / BINS > 0 ? p->width / BINS : 1;
	int rows = p->height - 1;
	struct bins b = bins__of_hist(s->hist);

	for (int i = 0; i < BINS; i++) {
		double h = height_of(b.count[i], b.largest, sc->view->log_counts);

		for (int j = 0; j < (columns > 1 ? columns - 1 : 1); j++)
			pane__pillar(p, rows - 1, i * columns + j, s->style, rows, h);
	}
	put_axis(p, rows, columns, sc->ascii);
}

static struct format quantile(const struct screen *sc, const struct gil_hist *h, double q)
{
	struct format f = {"-"}, ns;

	if (!h->count)
		return f;
	ns = format_ns(gil_hist__quantile(h, q), sc->ascii);
	if (q < 1 || sc->gil.exact_max)
		return ns;
	snprintf(f.s, sizeof(f.s), "%s%.70s", sc->ascii ? "<" : "≤", ns.s);
	return f;
}

static void put_quantiles(const struct screen *sc, const struct pane *p, int row, int column,
			  const struct side *s)
{
	static const struct {
		const char *name;
		double q;
	} figures[2][2] = {{{"p50", 0.5}, {"p99", 0.99}}, {{"p90", 0.9}, {"max", 1}}};

	for (int r = 0; r < 2; r++) {
		int at = column;

		for (int i = 0; i < 2; i++) {
			at = pane__put(p, row + r, at, STYLE_DIM, figures[r][i].name);
			at = pane__column(p, row + r, at + 1, STYLE_PLAIN, 8,
					  quantile(sc, s->hist, figures[r][i].q).s) +
			     1;
		}
	}
}

static void put_side(const struct screen *sc, const struct pane *p, const struct side *s)
{
	int at = pane__put(p, 0, 0, STYLE_BOLD, s->title);
	struct pane chart = pane__part(p, 1, 0, p->height - 3, p->width);

	if (p->height < SCREEN_HIST_CHART) {
		put_quantiles(sc, p, 0, at + 1, s);
		return;
	}
	pane__printf(p, 0, at + 2, STYLE_DIM, "%s%s", format_count(s->hist->count).s,
		     sc->view->log_counts ? ", log scale" : "");
	put_chart(sc, &chart, s);
	put_quantiles(sc, p, p->height - 2, 0, s);
}

void screen__hists(const struct screen *sc, const struct pane *p, const struct gil_figures *f)
{
	const struct side sides[] = {
		{"wait", &f->wait, STYLE_WAIT},
		{"hold", &f->hold, STYLE_ONCPU},
	};
	int half = p->width / 2;

	for (int i = 0; i < 2; i++) {
		struct pane side = pane__part(p, 0, i * half, p->height, half - 1);

		if (i && sc->gil.gil->waits_only) {
			pane__put(&side, 0, pane__put(&side, 0, 0, STYLE_BOLD, "hold  "), STYLE_DIM,
				  "not measured");
			continue;
		}
		put_side(sc, &side, &sides[i]);
	}
}
