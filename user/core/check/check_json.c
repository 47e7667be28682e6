// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The schema gilscope-check/1, described in docs/json.md. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/check/check.h"
#include "core/rules/evidence.h"
#include "core/base/format.h"
#include "core/base/json.h"

static const char *unit_name(const struct assertion *a)
{
	static const char *const names[] = {
		[FIGURE_COUNT] = "count", [FIGURE_NS] = "ns",     [FIGURE_RATE] = "per_second",
		[FIGURE_RATIO] = "ratio", [FIGURE_FLAG] = "flag",
	};

	return names[statistic__unit(a->figure.metric, a->figure.statistic.kind)];
}

static const char *doubt_name(enum figure_doubt doubt)
{
	static const char *const names[] = {
		[FIGURE_SURE] = NULL,
		[FIGURE_NO_PROCESS] = "no_process",
		[FIGURE_NO_GIL] = "no_gil",
		[FIGURE_NOT_USED] = "not_used",
		[FIGURE_FEW] = "few_samples",
		[FIGURE_LOST] = "lost_events",
		[FIGURE_UNLISTED] = "unlisted_processes",
		[FIGURE_FOLDED] = "folded_threads",
		[FIGURE_NO_SAMPLES] = "no_samples",
		[FIGURE_NOT_MEASURED] = "not_measured",
	};

	return names[doubt];
}

/* Writes a whole number as an integer. Sums of times are larger than json__real accepts, and so may
 * be their limits, which need not be whole. */
static void put_number(struct json *j, const char *key, double v)
{
	if (isfinite(v) && v >= 0 && v < 9e18 && (v == floor(v) || v > 1e12))
		json__integer(j, key, (__u64)v);
	else
		json__real(j, key, v);
}

static void put_figure(struct json *j, const char *key, const struct figure *f)
{
	json__open_inline(j, key, '{');
	put_number(j, "value", f->value);
	put_number(j, "low", f->low);
	put_number(j, "high", f->high);
	json__integer(j, "samples", f->samples);
	json__text(j, "doubt", doubt_name(f->doubt));
	if (f->skipped)
		json__bool(j, "skipped", true);
	json__close(j, '}');
}

static void put_name(struct json *j, const char *name)
{
	if (name[0])
		json__name(j, "name", name, GIL_THREAD_NAME);
	else
		json__null(j, "name");
}

static int put_evidence(struct json *j, const struct check *c, size_t i)
{
	const struct judgement *ju = &c->judgements[i];
	static struct evidence e;
	int err = evidence__of(&e, &c->set->list[i], ju, c->runs.list[ju->worst_run]);

	if (err)
		return err;
	json__open(j, "evidence", '[');
	for (size_t k = 0; k < e.nr; k++) {
		const struct evidence_row *row = &e.row[k];

		json__open_inline(j, NULL, '{');
		json__signed(j, "pid", row->process->pid);
		if (row->thread)
			json__integer(j, "tid", row->thread->tid);
		else
			json__null(j, "tid");
		if (row->thread)
			json__name(j, "comm", row->thread->comm, sizeof(row->thread->comm));
		else
			json__name(j, "comm", row->process->comm, sizeof(row->process->comm));
		put_name(j, row->thread ? row->thread->name : "");
		if (row->function) {
			const struct blame_row *r = row->function;

			json__name(j, "function", r->function, sizeof(r->function));
			json__name(j, "file", r->file, sizeof(r->file));
			json__integer(j, "line", r->line);
		}
		put_number(j, "value", row->figure.value);
		json__integer(j, "samples", row->samples);
		if (e.of_values)
			json__integer(j, "beyond", row->beyond);
		else
			json__null(j, "beyond");
		json__close(j, '}');
	}
	json__close(j, ']');
	return 0;
}

static void put_moments(struct json *j, const struct check *c, size_t i)
{
	const struct moments_of_rule *m = c->moments ? moments__of(c->moments, i) : NULL;

	json__open(j, "moments", '[');
	for (size_t k = 0; m && k < m->nr; k++) {
		const struct moment *o = &m->kept[k];

		json__open_inline(j, NULL, '{');
		json__integer(j, "run", o->run);
		json__integer(j, "from_ns", o->from_ns);
		json__integer(j, "to_ns", o->to_ns);
		json__signed(j, "pid", o->pid);
		if (o->tid)
			json__integer(j, "tid", o->tid);
		else
			json__null(j, "tid");
		json__name(j, "comm", o->comm, sizeof(o->comm));
		put_name(j, o->tid ? o->name : "");
		json__integer(j, "values", o->values);
		if (o->longest)
			json__integer(j, "longest", o->longest);
		else
			json__null(j, "longest");
		json__close(j, '}');
	}
	json__close(j, ']');
	json__integer(j, "more_moments", m ? m->more : 0);
}

static int put_rule(struct json *j, const struct check *c, size_t i)
{
	const struct assertion *a = &c->set->list[i];
	const struct judgement *ju = &c->judgements[i];
	int err = 0;

	json__open(j, NULL, '{');
	json__string(j, "rule", assertion__print(a).s);
	json__text(j, "file", a->file);
	if (a->file)
		json__integer(j, "line", a->line);
	else
		json__null(j, "line");
	json__bool(j, "warn", a->warn);
	json__string(j, "verdict", judged__name(ju->verdict));
	json__text(j, "why", ju->why);
	json__string(j, "unit", unit_name(a));
	put_figure(j, "measured", &ju->figure);
	put_number(j, "limit", ju->limit);
	json__real(j, "off", judgement__off(ju));
	if (a->vs_baseline)
		put_figure(j, "baseline", &ju->baseline);
	json__open(j, "runs", '[');
	for (size_t k = 0; k < ju->nr_runs; k++)
		put_figure(j, NULL, &ju->of_run[k]);
	json__close(j, ']');
	if (ju->verdict == JUDGED_FAIL || ju->verdict == JUDGED_WARN) {
		err = put_evidence(j, c, i);
		put_moments(j, c, i);
	}
	json__close(j, '}');
	return err;
}

static void put_unobserved(struct json *j, const struct check *c)
{
	json__open(j, "unobserved", '[');
	for (size_t run = 0; run < c->runs.nr; run++)
		for (size_t i = 0; i < c->runs.list[run]->nr_unobserved; i++) {
			const struct snapshot_unobserved *u = &c->runs.list[run]->unobserved[i];

			json__open_inline(j, NULL, '{');
			json__integer(j, "run", run);
			json__signed(j, "pid", u->pid);
			json__name(j, "comm", u->comm, sizeof(u->comm));
			json__string(j, "why", u->why);
			json__close(j, '}');
		}
	json__close(j, ']');
}

int check_json(FILE *out, const struct check *c, const struct render_options *o)
{
	struct json j = {.out = out};
	int err = 0;

	json__open(&j, NULL, '{');
	json__string(&j, "schema", "gilscope-check/1");
	json__text(&j, "version", o->version);
	json__text(&j, "target", c->title);
	json__signed(&j, "status", check__status(c));
	if (c->launched)
		json__signed(&j, "command_status", c->command_status);
	else
		json__null(&j, "command_status");
	json__integer(&j, "runs", c->runs.nr);
	json__integer(&j, "warmups", c->warmups);
	json__text(&j, "trace", c->trace);
	json__open_inline(&j, "counts", '{');
	for (int v = 0; v < JUDGED_KINDS; v++)
		json__integer(&j, judged__name((enum judged)v), check__count(c, (enum judged)v));
	json__close(&j, '}');
	json__open(&j, "rules", '[');
	for (size_t i = 0; !err && i < c->set->nr; i++)
		err = put_rule(&j, c, i);
	json__close(&j, ']');
	put_unobserved(&j, c);
	json__close(&j, '}');
	putc('\n', out);
	return err ?: check__flush(out);
}
