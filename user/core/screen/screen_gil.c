// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <string.h>

#include "core/figures/metric.h"
#include "core/screen/screen_parts.h"

#define PAIRS_MOST 32

/* ---- the verdict ---- */

void screen__sentence(const struct screen *sc, struct screen_sentence *s)
{
	static const enum style styles[] = {
		[VERDICT_UNKNOWN] = STYLE_BOLD,
		[VERDICT_NO] = STYLE_GOOD,
		[VERDICT_PARTLY] = STYLE_FAIR,
		[VERDICT_YES] = STYLE_BAD,
	};
	struct verdict v = sc->gil.gil
				   ? verdict__of_gil(sc->gil.process, sc->gil.gil)
				   : verdict__of_snapshot_after(sc->s, sc->view->verdict.shown.pid);
	/* When the program has ended, nothing changes any more. */
	const struct verdict *shown =
		sc->facts->state
			? &v
			: verdict_steady__next(&sc->view->verdict, &v,
					       sc->gil.gil ? sc->view->gil : 0, sc->s->end_ns);
	struct verdict_text text;
	size_t used;

	verdict__tell(shown, sc->ascii, &text);
	s->kind = shown->kind;
	s->answer = text.answer;
	s->style = styles[shown->answer];
	used = (size_t)snprintf(s->words, sizeof(s->words), "%s", text.sentence);
	s->advice = used;
	for (int i = 0; i < VERDICT_SUPPORT && text.support[i][0]; i++)
		used += (size_t)snprintf(s->words + used, sizeof(s->words) - used, " %s",
					 text.support[i]);
}

/* Cuts off the last sentence of the advice, unless it is the only one. */
static bool cut_sentence(struct screen_sentence *s)
{
	for (size_t at = strlen(s->words); at-- > s->advice + 1;)
		if (!strncmp(s->words + at, ". ", 2)) {
			s->words[at + 1] = '\0';
			return true;
		}
	return false;
}

int screen__fit_sentence(struct screen_sentence *s, int width, int most)
{
	struct grid none = {0};
	const struct pane nowhere = {.grid = &none, .width = width};
	int at = pane__printf(&nowhere, 0, 0, s->style, "%s:", s->answer), rows;

	do
		rows = pane__wrap(&nowhere, 0, at + 1, (int)sizeof(s->words), STYLE_PLAIN,
				  s->words);
	while (rows > most && cut_sentence(s));
	return rows;
}

void screen__put_sentence(const struct screen_sentence *s, const struct pane *p)
{
	int at = pane__printf(p, 0, 0, s->style, "%s:", s->answer);

	pane__wrap(p, 0, at + 1, p->height, STYLE_PLAIN, s->words);
}

/* ---- where its time goes ---- */

enum time_part {
	TIME_ONCPU,
	TIME_PREEMPTED,
	TIME_BLOCKED,
	TIME_UNTOLD, /* held by a thread that has had it since before the observation */
	TIME_FREE,
	TIME_PARTS,
};

static const struct {
	const char *name;
	const char *glyph;
	const char *ascii;
	enum style style;
} time_parts[TIME_PARTS] = {
	[TIME_ONCPU] = {"on CPU", "█", "#", STYLE_ONCPU},
	[TIME_PREEMPTED] = {"preempted", "▓", "=", STYLE_PREEMPTED},
	[TIME_BLOCKED] = {"asleep", "▒", "z", STYLE_BLOCKED},
	[TIME_UNTOLD] = {"not split", "▞", "?", STYLE_PLAIN},
	[TIME_FREE] = {"free", "░", ".", STYLE_FREE},
};

/* Shares of the span, including the hold that is still going on. */
static void time_shares(const struct screen *sc, double share[TIME_PARTS])
{
	const struct snapshot_gil *g = sc->gil.gil;
	__u64 now = snapshot_gil__end(sc->gil.process, g), told = 0;
	__u64 held = gil_lock_held_until(&g->lock, g->locked_at_start, now);
	double all = (double)gil__observed(sc->gil.process, g);
	const struct gil_thread *holder = snapshot_gil__thread(g, g->lock.last_tid);

	for (int i = 0; i < GIL_PARTS; i++) {
		__u64 ns = g->fig.hold_part[i];

		if (holder && holder->state == GIL_THREAD_HOLDING && !holder->partial)
			ns += holder->part[i] +
			      (holder->cpu == i ? gil_elapsed(holder->mark, now) : 0);
		told += ns;
		share[i] = all > 0 ? (double)ns / all : 0;
	}
	share[TIME_UNTOLD] = all > 0 ? (double)gil_elapsed(told, held) / all : 0;
	share[TIME_FREE] = all > 0 ? (double)gil_elapsed(held, (__u64)all) / all : 0;
}

void screen__time_bar(const struct screen *sc, const struct pane *p, int row)
{
	double share[TIME_PARTS], sum = 0;
	int at, columns, done = 0;

	time_shares(sc, share);
	at = pane__put(p, row, 0, STYLE_BOLD, "held ");
	if (sc->gil.gil->waits_only) {
		pane__put(p, row, at, STYLE_DIM, "not measured");
		return;
	}
	at = pane__column(p, row, at, STYLE_PLAIN, -7,
			  format_percent(gil__held_ratio(sc->gil.process, sc->gil.gil)).s);
	columns = p->width - at - 1;
	for (int i = 0; i < TIME_PARTS; i++) {
		int end;

		sum += share[i];
		end = sum < 1 ? (int)(sum * columns + 0.5) : columns;
		/* Every part above 0 shows, as long as there is room. */
		if (share[i] > 0 && end == done && i != TIME_FREE && done + 1 < columns)
			end++;
		if (end > done)
			pane__fill(p, row, at + 1 + done, time_parts[i].style, end - done,
				   sc->ascii ? time_parts[i].ascii : time_parts[i].glyph);
		done = end > done ? end : done;
	}
}

void screen__time_legend(const struct screen *sc, const struct pane *p, int row)
{
	double share[TIME_PARTS];
	int at = 0;

	if (sc->gil.gil->waits_only) {
		pane__put(p, row, 0, STYLE_DIM, "--source futex sees only waits");
		return;
	}
	time_shares(sc, share);
	for (int i = 0; i < TIME_PARTS; i++) {
		if (i == TIME_UNTOLD && share[i] < 0.0005)
			continue;
		at = pane__put(p, row, at, time_parts[i].style,
			       sc->ascii ? time_parts[i].ascii : time_parts[i].glyph);
		at = pane__printf(p, row, at, STYLE_DIM, " %s", time_parts[i].name);
		at = pane__printf(p, row, at, STYLE_PLAIN, " %s", format_percent(share[i]).s);
		at += p->width < 70 ? 1 : 3;
	}
}

/* ---- who waits ---- */

/* How many points share a column, so that all of them fit. Powers of two, so that the curve moves
 * rarely and never flickers. */
static size_t points_in_column(size_t n, int columns)
{
	size_t k = 1;

	/* One more column, because the first may begin in the middle. */
	while ((n + k - 1) / k + 1 > (size_t)columns)
		k *= 2;
	return k;
}

void screen__curve(const struct screen *sc, const struct pane *p, size_t process, size_t gil)
{
	struct history_point points[HISTORY_POINTS];
	__u64 first, group, last;
	size_t n, k, i = 0;

	if (p->width < 3 || p->height < 1)
		return;
	n = history__points(sc->history, process, gil, points, HISTORY_POINTS, &first);
	if (!n)
		return;
	k = points_in_column(n, p->width);
	last = (first + n - 1) / k;
	for (group = first / k; group <= last; group++) {
		double sum = 0;
		size_t members = 0;

		for (; i < n && (first + i) / k == group; i++, members++)
			sum += points[i].contended;
		pane__pillar(p, p->height - 1, p->width - 1 - (int)(last - group), STYLE_WAIT,
			     p->height, members ? sum / (double)members : 0);
	}
}

/* The curve, with the time that it covers to its right. If it is high, its scale is there, too. */
static void put_curve(const struct screen *sc, const struct pane *p)
{
	struct history_point points[HISTORY_POINTS];
	__u64 first;
	size_t n = history__points(sc->history, sc->process_index, sc->gil_index, points,
				   HISTORY_POINTS, &first);
	struct format length = format_ns(n * HISTORY_POINT_NS, sc->ascii);
	int width = format__columns(length.s) + 1;
	struct pane curve = pane__part(p, 0, 0, p->height, p->width - width);

	if (!n || p->width <= 12)
		return;
	screen__curve(sc, &curve, sc->process_index, sc->gil_index);
	pane__printf(p, p->height - 1, p->width - width, STYLE_DIM, " %s", length.s);
	if (p->height > 1)
		pane__put(p, 0, p->width - width, STYLE_DIM, " 100 %");
}

void screen__waiters(const struct screen *sc, const struct pane *p)
{
	const struct snapshot_process *process = sc->gil.process;
	const struct snapshot_gil *g = sc->gil.gil;
	struct pane curve;
	int at;

	if (p->height < 1)
		return;
	at = pane__put(p, 0, 0, STYLE_BOLD, "contended ");
	at = pane__column(p, 0, at, STYLE_PLAIN, -7,
			  format_percent(gil__contended_ratio(process, g)).s);
	at = pane__printf(p, 0, at, STYLE_DIM, "  waiting now ");
	at = pane__printf(p, 0, at, STYLE_PLAIN, "%u",
			  process->exited || g->end_ns ? 0 : gil_lock_waiters(&g->lock));
	at = pane__printf(p, 0, at, STYLE_DIM, " mean ");
	at = pane__printf(p, 0, at, STYLE_PLAIN, "%s ", format_mean(gil__wait_ratio(process, g)).s);
	curve = p->height > 2 ? pane__part(p, 1, 0, p->height - 1, p->width)
			      : pane__part(p, 0, at, 1, p->width - at);
	put_curve(sc, &curve);
}

/* ---- handoffs ---- */

struct format screen__thread_name(const struct screen *sc, __u32 tid)
{
	const struct gil_thread *t = snapshot_gil__thread(sc->gil.gil, tid);
	struct format f, name = {""};

	if (t)
		name = snapshot_thread__name(t, sc->ascii);
	snprintf(f.s, sizeof(f.s), "%.64s%s%u", name.s, name.s[0] ? " " : "", tid);
	return f;
}

/* Finds the busiest pairs, busiest first. Returns how many. */
static int busiest(const struct snapshot_gil *g, const struct gil_sum **top, int most)
{
	int n = 0;

	for (size_t i = 0; i < g->nr_sums; i++) {
		const struct gil_sum *e = &g->sums[i];
		int at = n;

		while (at && top[at - 1]->count < e->count)
			at--;
		if (e->kind != GIL_SUM_HANDOFFS || !e->count || at >= most)
			continue;
		n += n < most;
		memmove(top + at + 1, top + at, (size_t)(n - at - 1) * sizeof(*top));
		top[at] = e;
	}
	return n;
}

static void put_pairs(const struct screen *sc, const struct pane *p, int row)
{
	const struct gil_sum *top[PAIRS_MOST];
	double seconds = (double)gil__observed(sc->gil.process, sc->gil.gil) / 1e9;
	int rows = p->height - row < PAIRS_MOST ? p->height - row : PAIRS_MOST;
	int n = rows > 0 ? busiest(sc->gil.gil, top, rows) : 0;

	for (int i = 0; i < n; i++) {
		char line[200];
		int used;

		used = pane__column(p, row + i, 0, STYLE_PLAIN, -7,
				    format_mean((double)top[i]->count / seconds).s);
		used = pane__put(p, row + i, used, STYLE_DIM, "/s ");
		snprintf(line, sizeof(line), "%s %s %s",
			 screen__thread_name(sc, gil_pair_from(top[i]->key)).s,
			 sc->ascii ? "->" : "→",
			 screen__thread_name(sc, gil_pair_to(top[i]->key)).s);
		used = pane__put(p, row + i, used + 1, STYLE_PLAIN, line);
		pane__printf(p, row + i, used, STYLE_DIM, ", wait %s",
			     format_ns(top[i]->ns / top[i]->count, sc->ascii).s);
	}
}

/* In few columns and enough rows, each figure of the head has a row of its own. */
static bool has_long_head(int width, int height)
{
	return width < 70 && height > 3;
}

int screen__handoffs_rows(const struct screen *sc, int width)
{
	const struct snapshot_gil *g = sc->gil.gil;
	int pairs = 0;

	for (size_t i = 0; i < g->nr_sums && pairs < PAIRS_MOST; i++)
		pairs += g->sums[i].kind == GIL_SUM_HANDOFFS && g->sums[i].count;
	return g->lock.handoff.count ? pairs + (has_long_head(width, pairs + 3) ? 3 : 1) : 1;
}

void screen__handoffs(const struct screen *sc, const struct pane *p)
{
	const struct snapshot_gil *g = sc->gil.gil;
	const struct gil_hist *h = &g->lock.handoff;
	double seconds = (double)gil__observed(sc->gil.process, g) / 1e9;
	__u64 longest =
		g->lock.chain.max > g->lock.chain_len ? g->lock.chain.max : g->lock.chain_len;
	int row = 0, at;

	if (p->height < 1)
		return;
	at = pane__put(p, 0, 0, STYLE_BOLD, "handoffs ");
	if (!h->count) {
		pane__put(p, 0, at, STYLE_DIM, "none: nobody was waiting at a release");
		return;
	}
	at = pane__printf(p, 0, at, STYLE_PLAIN, "%s/s", format_mean((double)h->count / seconds).s);
	if (has_long_head(p->width, p->height))
		at = 0, row++;
	else
		at += 2;
	at = pane__put(p, row, at, STYLE_DIM, "latency");
	at = pane__printf(p, row, at, STYLE_PLAIN, " p50 %s p99 %s",
			  format_ns(gil_hist__quantile(h, 0.5), sc->ascii).s,
			  format_ns(gil_hist__quantile(h, 0.99), sc->ascii).s);
	if (has_long_head(p->width, p->height))
		at = 0, row++;
	else
		at += 2;
	at = pane__put(p, row, at, STYLE_DIM, "longest chain ");
	pane__put(p, row, at, STYLE_PLAIN, sc->gil.gil->waits_only ? "-" : format_count(longest).s);
	put_pairs(sc, p, row + 1);
}
