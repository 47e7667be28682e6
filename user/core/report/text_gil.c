// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/figures/bins.h"
#include "core/base/format.h"
#include "core/figures/metric.h"
#include "core/figures/open.h"
#include "core/report/text_gil.h"

#define LABEL       17 /* columns for the labels on the left */
#define FIGURE      10 /* columns for a figure, right-aligned */
#define BAR_LARGEST 40
#define BESIDE      80 /* from so many columns on, waits and holds are side by side */
#define RATIO_BAR   20
#define RATIO_WIDE  80
#define EDGES_TOLD  5
#define HOLD_TOLD   100 /* the last hold is worth telling if it is a hundredth of the time */

static struct format thread_name(const struct text *t, const struct snapshot_gil *g, __u32 tid)
{
	const struct gil_thread *thread = snapshot_gil__thread(g, tid);
	struct format f, name = {""};

	if (thread)
		name = snapshot_thread__name(thread, t->ascii);
	if (name.s[0])
		snprintf(f.s, sizeof(f.s), "%u (%.48s)", tid, name.s);
	else
		snprintf(f.s, sizeof(f.s), "%u", tid);
	return f;
}

/* Prints what follows a label and a figure. */
static void put_rest(const struct text *t, const char *s)
{
	text__spaces(t, 2);
	text__wrap(t, TEXT_PLAIN, LABEL + FIGURE + 2, LABEL + FIGURE + 2, s);
}

/* The columns of a bar of a share, with the blanks before it; there is none in a narrow report. */
static int ratio_bar(const struct text *t)
{
	return t->width >= RATIO_WIDE ? RATIO_BAR + 4 : 0;
}

static void put_ratio(const struct text *t, const char *label, double ratio, enum text_style style,
		      const char *meaning)
{
	text__label(t, label, LABEL);
	text__column(t, format_percent(ratio).s, -FIGURE);
	if (t->width >= RATIO_WIDE) {
		text__spaces(t, 2);
		text__bar(t, ratio, RATIO_BAR, style);
	}
	text__spaces(t, 2);
	text__wrap(t, TEXT_DIM, LABEL + FIGURE + 2 + ratio_bar(t), LABEL + FIGURE + 2, meaning);
}

static void put_ratios(const struct text *t, const struct snapshot_process *p,
		       const struct snapshot_gil *g)
{
	put_ratio(t, "held", gil__held_ratio(p, g), TEXT_HOLD,
		  g->waits_only ? "not measured" : "of the time a thread had it");
	put_ratio(t, "contended", gil__contended_ratio(p, g), TEXT_WAIT,
		  "at least one thread waited");
	text__label(t, "waiting", LABEL);
	text__column(t, format_mean(gil__wait_ratio(p, g)).s, -FIGURE);
	text__spaces(t, 2 + ratio_bar(t));
	text__wrap(t, TEXT_DIM, LABEL + FIGURE + 2 + ratio_bar(t), LABEL + FIGURE + 2,
		   "threads, on average");
}

/* The two distributions, waits and then holds, side by side if both exist and there is room. */
struct sides {
	const struct text *t;
	const struct gil_hist *hist[2];
	const __u64 *part[2];
	const char *part_name[2][GIL_PARTS];
	const char *title[2];
	const char *meaning[2];
	enum text_style style[2];
	struct bins bins[2];
	int from, to; /* which of them are shown: from <= i < to */
	int bar;
};

static struct sides sides_of(const struct text *t, const struct gil_figures *f, int from, int to)
{
	struct sides s = {
		.t = t,
		.hist = {&f->wait, &f->hold},
		.part = {f->wait_part, f->hold_part},
		.part_name = {{"on CPU", "runnable", "blocked"},
			      {"on CPU", "preempted", "blocked"}},
		.title = {"wait", "hold"},
		.meaning = {"for the GIL", "of the GIL"},
		.style = {TEXT_WAIT, TEXT_HOLD},
		.from = from,
		.to = to,
	};
	int sides = to - from;

	for (int i = 0; i < 2; i++)
		s.bins[i] = bins__of_hist(s.hist[i]);
	/* Between the label and the end: a figure, " |", the bar, "|", and two more columns. */
	s.bar = (t->width - LABEL) / sides - FIGURE - 3 - (sides > 1 ? 1 : 0);
	if (s.bar > BAR_LARGEST)
		s.bar = BAR_LARGEST;
	return s;
}

static int side_columns(const struct sides *s)
{
	return FIGURE + 3 + s->bar + 1;
}

static void put_titles(const struct sides *s)
{
	text__spaces(s->t, LABEL);
	for (int i = s->from; i < s->to; i++) {
		text__spaces(s->t, FIGURE - (int)strlen(s->title[i]));
		text__style(s->t, TEXT_BOLD);
		fputs(s->title[i], s->t->out);
		text__style(s->t, TEXT_PLAIN);
		text__style(s->t, TEXT_DIM);
		text__spaces(s->t, 2);
		text__column(s->t, s->meaning[i], i + 1 < s->to ? side_columns(s) - FIGURE - 2 : 0);
		text__style(s->t, TEXT_PLAIN);
	}
	putc('\n', s->t->out);
}

static void put_bin(const struct sides *s, int bin)
{
	text__spaces(s->t, 2);
	text__column(s->t, bins__label(bin, s->t->ascii).s, LABEL - 2);
	for (int i = s->from; i < s->to; i++) {
		const struct bins *b = &s->bins[i];

		text__column(s->t, b->count[bin] ? format_count(b->count[bin]).s : "", -FIGURE);
		text__spaces(s->t, 1);
		text__bar(s->t, b->largest ? (double)b->count[bin] / (double)b->largest : 0, s->bar,
			  s->style[i]);
		if (i + 1 < s->to)
			text__spaces(s->t, 1);
	}
	putc('\n', s->t->out);
}

/* The number of bins from this one on that are empty on all sides. */
static int empty_run(const struct sides *s, int bin, int last)
{
	int n = 0;

	while (bin + n <= last && !s->bins[s->from].count[bin + n] &&
	       !s->bins[s->to - 1].count[bin + n])
		n++;
	return n;
}

static void put_bins(const struct sides *s)
{
	int first = BINS, last = -1;

	for (int i = s->from; i < s->to; i++) {
		if (s->bins[i].first < first)
			first = s->bins[i].first;
		if (s->bins[i].last > last)
			last = s->bins[i].last;
	}
	for (int bin = first; bin <= last; bin++) {
		int empty = empty_run(s, bin, last);

		if (empty < 3) {
			put_bin(s, bin);
			continue;
		}
		fputs("  ...\n", s->t->out);
		bin += empty - 1;
	}
}

static void put_quantiles(const struct sides *s)
{
	static const struct {
		const char *label;
		double q;
	} rows[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}};
	const struct text *t = s->t;

	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		text__label(t, rows[r].label, LABEL);
		for (int i = s->from; i < s->to; i++) {
			__u64 ns = gil_hist__quantile(s->hist[i], rows[r].q);

			text__column(t, s->hist[i]->count ? format_ns(ns, t->ascii).s : "-",
				     -FIGURE);
			if (i + 1 < s->to)
				text__spaces(t, side_columns(s) - FIGURE);
		}
		putc('\n', t->out);
	}
}

static void put_totals(const struct sides *s)
{
	const struct text *t = s->t;

	text__label(t, "count", LABEL);
	for (int i = s->from; i < s->to; i++) {
		text__column(t, format_count(s->hist[i]->count).s, -FIGURE);
		if (i + 1 < s->to)
			text__spaces(t, side_columns(s) - FIGURE);
	}
	putc('\n', t->out);
	put_quantiles(s);
	text__label(t, "sum", LABEL);
	for (int i = s->from; i < s->to; i++) {
		text__column(t, format_ns(s->hist[i]->sum, t->ascii).s, -FIGURE);
		if (i + 1 < s->to)
			text__spaces(t, side_columns(s) - FIGURE);
	}
	putc('\n', t->out);
}

static void put_parts(const struct sides *s)
{
	const struct text *t = s->t;

	for (int part = 0; part < GIL_PARTS; part++) {
		text__label(t, part ? "" : "of that", LABEL);
		for (int i = s->from; i < s->to; i++) {
			double sum = (double)s->hist[i]->sum;
			double ratio = sum > 0 ? (double)s->part[i][part] / sum : 0;
			char words[128];

			text__column(t, format_ns(s->part[i][part], t->ascii).s, -FIGURE);
			snprintf(words, sizeof(words), "  %7s  %s", format_percent(ratio).s,
				 s->part_name[i][part]);
			text__column(t, words, i + 1 < s->to ? side_columns(s) - FIGURE : 0);
		}
		putc('\n', t->out);
	}
}

static void put_sides(const struct text *t, const struct gil_figures *f, int from, int to)
{
	struct sides s = sides_of(t, f, from, to);

	putc('\n', t->out);
	put_titles(&s);
	put_bins(&s);
	putc('\n', t->out);
	put_totals(&s);
	put_parts(&s);
}

static void put_distributions(const struct text *t, const struct snapshot_gil *g)
{
	const struct gil_figures *f = &g->fig;
	const struct gil_lock *l = &g->lock;
	int from = f->wait.count ? 0 : 1;

	if (!f->wait.count && !f->hold.count)
		return;
	if (g->waits_only) {
		put_sides(t, f, 0, 1);
		text__note(t, 2,
			   "A wait is blocked (asleep on the lock), then runnable (woken, no CPU "
			   "yet). Waits in which the thread did not sleep are not seen, nor are "
			   "holds.");
		return;
	}
	if (!from && t->width < BESIDE) {
		put_sides(t, f, 0, 1);
		put_sides(t, f, 1, 2);
	} else {
		put_sides(t, f, from, 2);
	}
	if (from)
		text__note(t, 2,
			   "%s A hold is on a CPU, preempted (it could run, but had no CPU) or "
			   "blocked (asleep with the GIL).",
			   l->waiters || l->partial_waits ? "No wait has ended."
							  : "No thread waited.");
	else
		text__note(t, 2,
			   "A wait is blocked (asleep on the lock), then runnable (woken, no CPU "
			   "yet). A hold is on a CPU, preempted (it could run, but had no CPU) or "
			   "blocked (asleep with the GIL).");
	if (f->hold_stopped_ns)
		text__note(
			t, 2,
			"Holds were blocked for %s because the thread was stopped (by a signal, "
			"a debugger or a freezer), and asleep for %s.",
			format_ns(f->hold_stopped_ns, t->ascii).s,
			format_ns(f->hold_part[GIL_PART_BLOCKED] - f->hold_stopped_ns, t->ascii).s);
}

static void put_releases(const struct text *t, const struct snapshot_gil *g)
{
	const struct gil_figures *f = &g->fig;
	char line[512];

	text__label(t, "releases", LABEL);
	text__column(t, format_count(f->releases).s, -FIGURE);
	if (g->requests_unknown) {
		put_rest(t, "not known whether a waiter had asked for them");
		return;
	}
	if (!f->releases) {
		putc('\n', t->out);
		return;
	}
	snprintf(line, sizeof(line), "%s requested (%s), %s voluntary",
		 format_count(f->requested_releases).s,
		 format_percent((double)f->requested_releases / (double)f->releases).s,
		 format_count(f->releases - f->requested_releases).s);
	put_rest(t, line);
	text__note(t, LABEL + FIGURE + 2, "requested: a waiter asked after a switch interval");
}

static void put_handoffs(const struct text *t, const struct gil_lock *l)
{
	const struct gil_hist *h = &l->handoff;
	char line[512];

	text__label(t, "handoffs", LABEL);
	text__column(t, format_count(h->count).s, -FIGURE);
	if (!h->count) {
		put_rest(t, "no thread was waiting when another one released it");
		return;
	}
	snprintf(line, sizeof(line), "p50 %s, p99 %s, max %s",
		 format_ns(gil_hist__quantile(h, 0.5), t->ascii).s,
		 format_ns(gil_hist__quantile(h, 0.99), t->ascii).s, format_ns(h->max, t->ascii).s);
	put_rest(t, line);
	text__note(t, LABEL + FIGURE + 2, "release to acquisition, by a thread already waiting");
}

/* Includes the chain that is still growing. */
static void put_chains(const struct text *t, const struct gil_lock *l)
{
	__u64 count = l->chain.count + !!l->chain_len, sum = l->chain.sum + l->chain_len;
	__u64 longest = l->chain.max > l->chain_len ? l->chain.max : l->chain_len;
	char line[512];

	if (!count)
		return;
	text__label(t, "chains", LABEL);
	text__column(t, format_count(count).s, -FIGURE);
	snprintf(line, sizeof(line), "mean %s, longest %s handoff%s",
		 format_mean((double)sum / (double)count).s, format_count(longest).s,
		 longest == 1 ? "" : "s");
	put_rest(t, line);
	text__note(t, LABEL + FIGURE + 2, "handoffs in a row: each next holder was waiting");
}

static void put_edges(const struct text *t, const struct snapshot_gil *g)
{
	size_t n;
	const struct gil_sum *sums = snapshot_gil__sums(g, GIL_SUM_HANDOFFS, &n);

	for (size_t i = 0; i < n && i < EDGES_TOLD; i++) {
		const struct gil_sum *e = &sums[i];
		char line[512];

		text__label(t, i ? "" : "most often", LABEL);
		text__column(t, format_count(e->count).s, -FIGURE);
		snprintf(line, sizeof(line), "%s %s %s, waits %s",
			 thread_name(t, g, gil_pair_from(e->key)).s, t->ascii ? "->" : "→",
			 thread_name(t, g, gil_pair_to(e->key)).s, format_ns(e->ns, t->ascii).s);
		put_rest(t, line);
	}
	if (n > EDGES_TOLD) {
		char line[128];

		snprintf(line, sizeof(line), "and %s more pairs of threads",
			 format_count(n - EDGES_TOLD).s);
		text__spaces(t, LABEL + FIGURE);
		put_rest(t, line);
	}
}

static void put_stopped(const struct text *t, const struct snapshot_process *p,
			const struct snapshot_gil *g)
{
	__u64 stopped = open_holds__all(p, g).stopped_ns;

	if (stopped != g->fig.hold_stopped_ns)
		text__note(t, LABEL + FIGURE + 2,
			   "of the time in holds, whoever had it was stopped for %s",
			   format_ns(stopped, t->ascii).s);
}

/* What the lengths above do not include. The verdict does include it. */
static void put_not_ended(const struct text *t, const struct snapshot_process *p,
			  const struct snapshot_gil *g)
{
	struct open_interval all = open_holds__all(p, g);
	__u64 asleep = open_interval__asleep(&all);

	if (asleep != g->fig.hold_part[GIL_PART_BLOCKED] - g->fig.hold_stopped_ns)
		text__note(t, LABEL + FIGURE + 2,
			   "not included in the lengths above, because it had not ended. With it, "
			   "holds were asleep for %s (%s of the time in holds)",
			   format_ns(asleep, t->ascii).s,
			   format_percent((double)asleep / (double)all.ns).s);
	else
		text__note(t, LABEL + FIGURE + 2,
			   "not included in the lengths above, because it had not ended");
}

/* Prints what was going on at the end. The ratios above include it, but the distributions do
 * not. */
static void put_now(const struct text *t, const struct snapshot_process *p,
		    const struct snapshot_gil *g)
{
	const struct gil_lock *l = &g->lock;
	__u32 waiters = open_waiters(g);
	__u64 open = gil_elapsed(l->since, snapshot_gil__end(p, g));
	char line[320] = "";

	if (g->waits_only)
		line[0] = '\0';
	else if (l->state == GIL_LOCK_UNSEEN && g->locked_at_start == 1)
		snprintf(line, sizeof(line),
			 "held the whole time by one thread that never let it go");
	else if (l->state == GIL_LOCK_UNSEEN && !g->gaps)
		snprintf(line, sizeof(line), "nobody acquired or released it");
	else if (l->state == GIL_LOCK_HELD &&
		 (!p->exited || waiters || open > gil__observed(p, g) / HOLD_TOLD))
		snprintf(line, sizeof(line), "%s held by thread %s%s%s, for %s",
			 p->exited ? "was" : "still", thread_name(t, g, l->last_tid).s,
			 *g->holder_call ? ", asleep in " : "", g->holder_call,
			 format_ns(open, t->ascii).s);
	if (waiters)
		snprintf(line + strlen(line), sizeof(line) - strlen(line),
			 "%s%u thread%s %s waiting", line[0] ? "; " : "", waiters,
			 waiters == 1 ? "" : "s",
			 !p->exited     ? "still"
			 : waiters == 1 ? "was"
					: "were");
	if (!line[0])
		return;
	text__label(t, "at the end", LABEL);
	text__spaces(t, FIGURE + 2);
	text__wrap(t, TEXT_PLAIN, LABEL + FIGURE + 2, LABEL + FIGURE + 2, line);
	put_stopped(t, p, g);
	if (l->state == GIL_LOCK_HELD && open > gil__observed(p, g) / HOLD_TOLD)
		put_not_ended(t, p, g);
}

/* What is known without holds. */
static void put_waits_only(const struct text *t, const struct snapshot_gil *g)
{
	static const char *const unseen[] = {"acquisitions", "holds"};

	for (size_t i = 0; i < sizeof(unseen) / sizeof(*unseen); i++) {
		text__label(t, unseen[i], LABEL);
		text__column(t, "-", -FIGURE);
		put_rest(t, "not measured");
	}
	text__label(t, "requested", LABEL);
	if (g->requests_unknown)
		text__column(t, "-", -FIGURE);
	else
		text__column(t, format_count(g->fig.requested_releases).s, -FIGURE);
	put_rest(t, "times a thread let it go because a waiter had asked");
	put_handoffs(t, &g->lock);
	put_edges(t, g);
}

int text_gil(const struct text *t, const struct snapshot_process *p, const struct snapshot_gil *g)
{
	const struct gil_figures *f = &g->fig;
	const struct gil_lock *l = &g->lock;
	char line[200];

	put_ratios(t, p, g);
	put_distributions(t, g);
	putc('\n', t->out);
	if (g->waits_only) {
		put_waits_only(t, g);
	} else if (f->acquisitions) {
		text__label(t, "acquisitions", LABEL);
		text__column(t, format_count(f->acquisitions).s, -FIGURE);
		snprintf(line, sizeof(line), "%s contended (%s)", format_count(f->contended).s,
			 format_percent((double)f->contended / (double)f->acquisitions).s);
		put_rest(t, line);
		put_releases(t, g);
		put_handoffs(t, l);
		put_chains(t, l);
		put_edges(t, g);
	}
	put_now(t, p, g);
	return text_functions(t, g) ?: text_threads(t, p, g);
}
