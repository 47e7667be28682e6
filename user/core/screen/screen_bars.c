// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rows at the top and the bottom of the screen, and the row of costs. */
#include <string.h>

#include "core/figures/metric.h"
#include "core/screen/screen_parts.h"

static const char *dot(const struct screen *sc)
{
	return sc->ascii ? "-" : "·";
}

static struct format window_text(const struct screen *sc)
{
	const struct snapshot_process *p = sc->gil.process;
	__u64 length =
		p ? gil__observed(p, sc->gil.gil) : gil_elapsed(sc->s->start_ns, sc->s->end_ns);
	struct format f, ns = format_ns(length, sc->ascii);

	snprintf(f.s, sizeof(f.s), "%s %.60s", sc->span == HISTORY_ALL ? "all" : "last", ns.s);
	return f;
}

void screen__top_row(const struct screen *sc, const struct pane *p)
{
	const struct snapshot_process *process = sc->gil.process;
	char right[240];
	int at;

	snprintf(right, sizeof(right), " %s%s%s%s%s%s%s%s ", sc->facts->when ? sc->facts->when : "",
		 sc->facts->when ? ", " : "", window_text(sc).s, sc->facts->playback ? ", " : "",
		 sc->facts->playback ? sc->facts->playback : "", sc->facts->state ? ", " : "",
		 sc->facts->state ? sc->facts->state : "", sc->view->paused ? ", PAUSED" : "");
	pane__fill(p, 0, 0, STYLE_TITLE, p->width, " ");
	at = pane__put(p, 0, 1, STYLE_TITLE, "gilscope");
	if (process) {
		at = pane__printf(p, 0, at + 1, STYLE_TITLE, "%s %s %d", dot(sc),
				  snapshot_process__name(process, sc->ascii).s, process->pid);
		if (process->python[0])
			at = pane__printf(
				p, 0, at + 1, STYLE_TITLE, "%s Python %s", dot(sc),
				format_name(process->python, sizeof(process->python), sc->ascii).s);
		if (at + 10 < p->width - format__columns(right))
			at = pane__printf(
				p, 0, at + 1, STYLE_TITLE, "%s %s", dot(sc),
				format_name(process->source, sizeof(process->source), sc->ascii).s);
		if (!sc->gil.gil->main)
			pane__printf(p, 0, at + 1, STYLE_TITLE, "%s interpreter %ld", dot(sc),
				     sc->gil.gil->interpreter);
	} else {
		pane__printf(p, 0, at + 1, STYLE_TITLE, "%s %zu process%s", dot(sc),
			     sc->s->nr_processes, sc->s->nr_processes == 1 ? "" : "es");
	}
	/* Drawn last: the state matters more than the end of a long name. */
	pane__put(p, 0, p->width - format__columns(right), STYLE_TITLE, right);
}

/* Prints the cost of the probes and what was missed, in the words that every report must have. */
void screen__cost(const struct screen *sc, const struct pane *p, int row)
{
	const struct snapshot *s = sc->s;
	double duration = (double)gil_elapsed(s->start_ns, s->end_ns);
	__u64 lost = snapshot_lost__total(&s->lost);
	int at;

	if (s->probe_ns_per_hit >= 0 && duration > 0)
		at = pane__printf(p, row, 0, STYLE_DIM, "cost %s of a CPU",
				  format_percent((double)s->probe_hits *
						 (double)s->probe_ns_per_hit / duration)
					  .s);
	else
		at = pane__put(p, row, 0, STYLE_DIM, "cost not measured");
	at = pane__printf(p, row, at, STYLE_DIM, " %s every %s %s ", dot(sc),
			  format_ns(view__interval_ns(sc->view), sc->ascii).s, dot(sc));
	if (lost)
		at = pane__printf(p, row, at, STYLE_BAD, "missed %s edges", format_count(lost).s);
	else
		at = pane__put(p, row, at, STYLE_DIM, s->note[0] ? s->note : "missed nothing");
	if (s->nr_unobserved)
		at = pane__printf(p, row, at, STYLE_BAD, ", %zu process%s not observed",
				  s->nr_unobserved, s->nr_unobserved == 1 ? "" : "es");
	if (sc->gil.process && sc->gil.process->note[0])
		pane__printf(p, row, at, STYLE_DIM, ": %s",
			     format_sentence(sc->gil.process->note, sizeof(sc->gil.process->note),
					     sc->ascii)
				     .s);
}

enum when_shown {
	SHOWN_ALWAYS,
	SHOWN_TABLE,   /* if there is a table */
	SHOWN_OPENS,   /* if its rows can be opened */
	SHOWN_SAMPLES, /* if samples of code are taken */
	SHOWN_BACK,    /* if there is something to go back to */
	SHOWN_PLAYBACK,
	SHOWN_LIVE,
};

struct bar_key {
	const char *key;
	unsigned int code; /* what a click on it presses */
	const char *what;
	enum when_shown when;
};

static const struct bar_key page_keys[] = {
	{"q", 'q', "quit", SHOWN_ALWAYS},
	{"?", '?', "help", SHOWN_ALWAYS},
	{"space", ' ', "pause", SHOWN_ALWAYS},
	{".", '.', "step", SHOWN_PLAYBACK},
	{"<", '<', "slower", SHOWN_PLAYBACK},
	{">", '>', "faster", SHOWN_PLAYBACK},
	{"Esc", KEY_CODE_ESCAPE, "back", SHOWN_BACK},
	{"Enter", KEY_CODE_ENTER, "in", SHOWN_OPENS},
	{"f", 'f', "functions", SHOWN_SAMPLES},
	{"s", 's', "sort", SHOWN_TABLE},
	{"/", '/', "filter", SHOWN_TABLE},
	{"w", 'w', "window", SHOWN_ALWAYS},
	{"t", 't', "table", SHOWN_TABLE},
	{"r", 'r', "reset", SHOWN_ALWAYS},
	{"o", 'o', "save", SHOWN_ALWAYS},
	{"R", 'R', "record", SHOWN_LIVE},
	{"l", 'l', "log", SHOWN_ALWAYS},
	{"C", 'C', "colours", SHOWN_ALWAYS},
	{"+", '+', "faster", SHOWN_LIVE},
	{"-", '-', "slower", SHOWN_LIVE},
	{.key = NULL},
};

static const struct bar_key help_keys[] = {
	{"Esc", KEY_CODE_ESCAPE, "close", SHOWN_ALWAYS},
	{"PgDn", KEY_CODE_PAGE_DOWN, "on", SHOWN_ALWAYS},
	{"PgUp", KEY_CODE_PAGE_UP, "back", SHOWN_ALWAYS},
	{"j", 'j', "down", SHOWN_ALWAYS},
	{"k", 'k', "up", SHOWN_ALWAYS},
	{.key = NULL},
};

static bool has_samples(const struct screen *sc)
{
	bool any = sc->gil.gil && sc->gil.gil->sampled;

	for (size_t i = 0; !sc->gil.gil && i < sc->s->nr_processes; i++)
		for (size_t j = 0; j < sc->s->processes[i].nr_gils; j++)
			any = any || sc->s->processes[i].gils[j].sampled;
	return any;
}

static bool is_shown(const struct screen *sc, enum when_shown when)
{
	const struct view *v = sc->view;

	switch (when) {
	case SHOWN_TABLE:
		return v->level != VIEW_THREAD;
	case SHOWN_SAMPLES:
		return has_samples(sc);
	case SHOWN_OPENS:
		return v->level < VIEW_THREAD;
	case SHOWN_BACK:
		return v->level >= VIEW_THREAD || v->table_only ||
		       (v->level == VIEW_GIL && v->several);
	case SHOWN_PLAYBACK:
		return v->playback;
	case SHOWN_LIVE:
		return !v->playback;
	default:
		return true;
	}
}

/* Shows keys up to the column `end`, the more important ones first. */
static void put_keys(const struct screen *sc, const struct pane *p, int row,
		     const struct bar_key *keys, int end)
{
	int at = 0;

	for (const struct bar_key *k = keys; k->key; k++) {
		int begin = at, width = format__columns(k->key) + (int)strlen(k->what) + 3;

		if (!is_shown(sc, k->when) || at + width > end)
			continue;
		at = pane__printf(p, row, at, STYLE_KEY, " %s", k->key);
		at = pane__printf(p, row, at, STYLE_TITLE, " %s ", k->what);
		screen__spot(sc, p, row, begin, 1, width, SPOT_KEY, k->code);
	}
}

/* Which lines of the help these are, and the keys that show the others. */
static void put_help_keys(const struct screen *sc, const struct pane *p, int row)
{
	const struct view *v = sc->view;
	int last = v->help_top + v->page;
	char lines[64];

	snprintf(lines, sizeof(lines), " lines %d to %d of %d ", v->help_top + 1,
		 last < v->help_rows ? last : v->help_rows, v->help_rows);
	pane__put(p, row, p->width - format__columns(lines), STYLE_TITLE, lines);
	put_keys(sc, p, row, help_keys, p->width - format__columns(lines));
}

/* The bottom row: the filter being typed, a message, or the keys. */
void screen__bottom_row(const struct screen *sc, const struct pane *p)
{
	struct view *v = sc->view;
	const char *filter = view__table(v)->filter;
	int row = p->height - 1;

	if (sc->facts->plain)
		return;
	pane__fill(p, row, 0, STYLE_TITLE, p->width, " ");
	if (v->typing)
		pane__printf(p, row, 1, STYLE_TITLE, "filter: %s_", filter);
	else if (v->message[0])
		pane__put(p, row, 1, STYLE_TITLE, v->message);
	else if (v->help)
		put_help_keys(sc, p, row);
	else if (filter[0] && v->level != VIEW_THREAD)
		pane__printf(p, row, 1, STYLE_TITLE, "only rows that contain \"%s\"; c shows all",
			     filter);
	else
		put_keys(sc, p, row, page_keys, p->width);
}
