// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Turns JSON back into snapshots. Nothing in the file is trusted: a value of another type, a bucket
 * that the histogram does not have, or counts that do not add up make the file unusable, and the
 * message says which it was.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/baseline.h"
#include "core/figures/metric.h"
#include "core/report/render.h"

#define MAX_SIZE (64 << 20)
/* More rows than any report has for a GIL. */
#define FUNCTIONS_MOST 16384

struct reader {
	const char *name; /* of the file */
	struct failure *f;
	int err; /* the first error; later ones are ignored */
};

static void reject(struct reader *r, const char *what, const char *key)
{
	if (r->err)
		return;
	failure__what(r->f, "%.200s is not a gilscope report: %s \"%.60s\"", r->name, what, key);
	failure__command(r->f, "gilscope check --save-baseline FILE ...");
	r->err = -EINVAL;
}

static __u64 get_integer(struct reader *r, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_integer(v) && json_integer_value(v) >= 0)
		return (__u64)json_integer_value(v);
	reject(r, "not a whole number:", key);
	return 0;
}

/* null gives 0, with *known false. Values from 1e9 on are rejected: no ratio or count is as
 * large. */
static double get_number(struct reader *r, const json_t *o, const char *key, bool *known)
{
	const json_t *v = json_object_get(o, key);

	*known = json_is_number(v);
	if (*known && json_number_value(v) >= 0 && json_number_value(v) < 1e9)
		return json_number_value(v);
	if (!json_is_null(v))
		reject(r, "not a number:", key);
	return 0;
}

static void get_string(struct reader *r, const json_t *o, const char *key, char *to, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s && !json_is_null(json_object_get(o, key)))
		reject(r, "not a string:", key);
	/* A name from the kernel need not end in a zero byte. */
	if (s)
		memcpy(to, s, strnlen(s, size));
}

static const json_t *get_array(struct reader *r, const json_t *o, const char *key)
{
	const json_t *a = json_object_get(o, key);

	if (!json_is_array(a))
		reject(r, "not an array:", key);
	return a;
}

static void read_bucket(struct reader *r, const json_t *b, const char *lo_key, struct gil_hist *h,
			__u64 *count)
{
	__u64 lo = get_integer(r, b, lo_key), n = get_integer(r, b, "count");
	__u32 slot = gil_hist_slot(lo);

	if (gil_hist_lo(slot) != lo)
		reject(r, "not a bucket of the histogram:", lo_key);
	if (*count + n < n)
		reject(r, "too large:", "count");
	h->slot[slot] += n;
	*count += n;
}

static void read_hist(struct reader *r, const json_t *o, const struct metric *m, struct gil_hist *h)
{
	const json_t *d = json_object_get(o, m->name), *buckets;
	bool is_time = m->unit == METRIC_NS;
	const char *max_key = is_time ? "max_ns" : "max";
	__u64 count = 0;

	if (!json_is_object(d)) {
		reject(r, "not a distribution:", m->name);
		return;
	}
	h->count = get_integer(r, d, "count");
	h->sum = get_integer(r, d, is_time ? "sum_ns" : "sum");
	h->max = h->count ? get_integer(r, d, max_key) : 0;
	buckets = get_array(r, d, "buckets");
	for (size_t i = 0; !r->err && i < json_array_size(buckets); i++)
		read_bucket(r, json_array_get(buckets, i), is_time ? "lo_ns" : "lo", h, &count);
	if (count != h->count)
		reject(r, "buckets that do not add up:", m->name);
}

#define NAME(name, unit, whole, loses, help) #name,
static const char *const thread_counters[] = {GIL_THREAD_COUNTERS(NAME)};
static const char *const lock_counters[] = {GIL_LOCK_COUNTERS(NAME)};

/* Reads the counters that later versions have added. They may be missing, because an earlier version
 * wrote the file, or unknown. Those that are hidden are in no file, and judged by no rule. */
static void read_later(struct reader *r, const json_t *o, const char *const *names, int n,
		       __u64 *counters, unsigned int *missing)
{
	int known = GIL_FIRST_COUNTERS;

	for (int i = known; i < n; i++) {
		if (!json_is_integer(json_object_get(o, names[i])))
			continue;
		counters[i] = get_integer(r, o, names[i]);
		known = i + 1;
	}
	counters__miss(missing, (unsigned int)(n - known));
}

/* Reads the figures that threads and GILs have in common. */
static void read_figures(struct reader *r, const json_t *o, struct snapshot_gil *g,
			 struct gil_figures *f)
{
	for (int i = 0; i < GIL_FIRST_COUNTERS; i++) {
		const char *name = thread_counters[i];

		if (i == GIL_THREAD_COUNTER_requested_releases &&
		    json_is_null(json_object_get(o, name)))
			g->requests_unknown = true;
		else
			f->counter[i] = get_integer(r, o, name);
	}
	read_later(r, o, thread_counters, GIL_NR_THREAD_COUNTERS, f->counter,
		   &g->missing_thread_counters);
	read_hist(r, o, metric__find("hold"), &f->hold);
	read_hist(r, o, metric__find("wait"), &f->wait);
	f->hold_part[GIL_PART_ONCPU] = get_integer(r, o, "hold_oncpu_ns");
	f->hold_part[GIL_PART_RUNNABLE] = get_integer(r, o, "hold_preempted_ns");
	f->hold_part[GIL_PART_BLOCKED] = get_integer(r, o, "hold_blocked_ns");
	f->wait_part[GIL_PART_BLOCKED] = get_integer(r, o, "wait_blocked_ns");
	f->wait_part[GIL_PART_RUNNABLE] = get_integer(r, o, "wait_runnable_ns");
	f->wait_part[GIL_PART_ONCPU] = get_integer(r, o, "wait_oncpu_ns");
}

static void read_threads(struct reader *r, const json_t *o, struct snapshot_gil *g, __u64 end)
{
	const json_t *rows = get_array(r, o, "threads");

	for (size_t i = 0; !r->err && i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		struct gil_thread *t = snapshot_gil__add_thread(g);
		__u64 open;

		if (!t) {
			r->err = -ENOMEM;
			return;
		}
		t->tid = (__u32)get_integer(r, row, "tid");
		get_string(r, row, "comm", t->comm, sizeof(t->comm));
		if (json_is_string(json_object_get(row, "name")))
			get_string(r, row, "name", t->name, sizeof(t->name) - 1);
		/* 0 also if the report predates the key. */
		open = json_object_get(row, "open_wait_ns") ? get_integer(r, row, "open_wait_ns")
							    : 0;
		t->state = open ? GIL_THREAD_WAITING : GIL_THREAD_IDLE;
		t->cpu = GIL_PARTS; /* where that time went is not in the file */
		t->since = t->mark = open < end ? end - open : 0;
		read_figures(r, row, g, &t->fig);
	}
	g->nr_folded = get_integer(r, o, "folded_threads");
}

/* Converts a share of the observed time to ns. */
static __u64 get_share(struct reader *r, const json_t *o, const char *key, __u64 observed,
		       bool *known)
{
	double ns = get_number(r, o, key, known) * (double)observed + 0.5;

	return ns < 1e18 ? (__u64)ns : 0;
}

/* The file has no moments, only lengths, so all times count from 0. */
static void read_lock(struct reader *r, const json_t *o, struct snapshot_gil *g, __u64 end)
{
	__u64 observed = get_integer(r, o, "observed_ns"), open = get_integer(r, o, "open_hold_ns");
	const json_t *holder = json_object_get(o, "holder");
	struct gil_lock *l = &g->lock;
	bool held_known, known;
	__u64 held = get_share(r, o, "held_ratio", observed, &held_known);

	if (observed > end || open > observed) {
		reject(r, "too long:", "observed_ns");
		return;
	}
	l->start = end - observed;
	l->mark = end;
	l->state = held_known ? GIL_LOCK_FREE : GIL_LOCK_UNSEEN;
	l->held_ns = held;
	if (open) {
		l->state = GIL_LOCK_HELD;
		l->since = end - open;
		l->held_ns = l->held_ns > open ? l->held_ns - open : 0;
		l->last_tid = json_is_integer(holder) ? (__u32)get_integer(r, o, "holder") : 0;
	}
	l->contended_ns = get_share(r, o, "contended_ratio", observed, &known);
	l->waiter_ns = get_share(r, o, "wait_ratio", observed, &known);
	l->chain_len = get_integer(r, o, "open_chain");
	l->anomalies = get_integer(r, o, "anomalies");
	read_later(r, o, lock_counters, GIL_NR_LOCK_COUNTERS, l->counter,
		   &g->missing_lock_counters);
	read_hist(r, o, metric__find("handoff"), &l->handoff);
	read_hist(r, o, metric__find("chain"), &l->chain);
}

static enum blame_kind kind_named(const char *name)
{
	for (int kind = BLAME_NO_PYTHON; name && kind <= BLAME_HANDOVER; kind++)
		if (!strcmp(blame_kind__name((enum blame_kind)kind), name))
			return (enum blame_kind)kind;
	return BLAME_FUNCTION;
}

static void read_function(struct reader *r, const json_t *o, struct blame_row *row)
{
	bool known;

	get_string(r, o, "function", row->function, sizeof(row->function) - 1);
	get_string(r, o, "file", row->file, sizeof(row->file) - 1);
	row->kind = kind_named(json_string_value(json_object_get(o, "kind")));
	row->hold_ns = get_integer(r, o, "hold_ns");
	row->wait_ns = get_integer(r, o, "wait_ns");
	row->samples = get_integer(r, o, "samples");
	row->error = get_number(r, o, "error", &known);
	if (!known)
		row->error = NAN;
}

/* What the file does not have of the errors follows from the number of samples, on the safe side. */
static void add_errors(struct blame_row *rows, size_t nr)
{
	double samples = 0, hold = 0;

	for (size_t i = 0; i < nr; i++) {
		samples += (double)rows[i].samples;
		hold += (double)rows[i].hold_ns;
	}
	for (size_t i = 0; i < nr; i++) {
		double share = hold > 0 ? (double)rows[i].hold_ns / hold : 0;

		rows[i].unmet = rows[i].hold_unmet = 4 / (samples + 4);
		rows[i].hold_error = samples > 0 ? sqrt(share * (1 - share) / samples) : 0;
	}
}

/* A report without samples, and one of an earlier version, has none. */
static void read_functions(struct reader *r, const json_t *o, struct snapshot_gil *g)
{
	const json_t *list = json_object_get(o, "functions");
	size_t n = json_array_size(list);

	if (!json_is_array(list))
		return;
	if (n > FUNCTIONS_MOST) {
		reject(r, "too long:", "functions");
		return;
	}
	g->functions = calloc(n + 1, sizeof(*g->functions));
	if (!g->functions) {
		r->err = -ENOMEM;
		return;
	}
	g->sampled = true;
	for (; !r->err && g->nr_functions < n; g->nr_functions++)
		read_function(r, json_array_get(list, g->nr_functions),
			      &g->functions[g->nr_functions]);
	add_errors(g->functions, g->nr_functions);
}

static void read_gil(struct reader *r, const json_t *o, struct snapshot_process *p)
{
	struct snapshot_gil *g = snapshot_process__add_gil(p);

	if (!g) {
		r->err = -ENOMEM;
		return;
	}
	g->locked_at_start = -1;
	g->switch_interval_us = -1;
	read_lock(r, o, g, p->end_ns);
	if (!r->err)
		read_threads(r, o, g, p->end_ns);
	if (!r->err)
		read_functions(r, o, g);
}

static void read_process(struct reader *r, const json_t *o, struct snapshot *s)
{
	struct snapshot_process *p = snapshot__add_process(s);
	const json_t *gils;

	if (!p) {
		r->err = -ENOMEM;
		return;
	}
	p->pid = (pid_t)get_integer(r, o, "pid");
	get_string(r, o, "comm", p->comm, sizeof(p->comm));
	if (json_is_string(json_object_get(o, "command")))
		get_string(r, o, "command", p->command, sizeof(p->command) - 1);
	get_string(r, o, "python", p->python, sizeof(p->python) - 1);
	p->free_threaded = json_is_true(json_object_get(o, "free_threaded"));
	p->exited = json_is_true(json_object_get(o, "exited"));
	p->end_ns = get_integer(r, o, "observed_ns");
	gils = get_array(r, o, "gils");
	for (size_t i = 0; !r->err && i < json_array_size(gils); i++) {
		__u64 observed = get_integer(r, json_array_get(gils, i), "observed_ns");

		/* A GIL may have been seen a moment before its process. */
		if (observed > p->end_ns)
			p->end_ns = observed;
	}
	for (size_t i = 0; !r->err && i < json_array_size(gils); i++)
		read_gil(r, json_array_get(gils, i), p);
}

static void read_lost(struct reader *r, const json_t *o, struct snapshot_lost *l)
{
	const json_t *lost = json_object_get(o, "lost");

	l->edges = get_integer(r, lost, "edges");
	l->switches = get_integer(r, lost, "switches");
	l->handoffs = get_integer(r, lost, "handoffs");
	l->events = get_integer(r, lost, "events");
	l->requests = get_integer(r, lost, "requests");
	if (json_object_get(lost, "recording")) /* only present if something was lost */
		l->recording = get_integer(r, lost, "recording");
	if (json_object_get(lost, "gaps"))
		l->gaps = get_integer(r, lost, "gaps");
	if (json_object_get(lost, "gils"))
		l->gils = get_integer(r, lost, "gils");
	if (json_object_get(lost, "processes"))
		l->processes = get_integer(r, lost, "processes");
	if (json_object_get(lost, "torn"))
		l->torn = get_integer(r, lost, "torn");
}

static struct snapshot *read_report(struct reader *r, const json_t *o)
{
	const char *schema = json_string_value(json_object_get(o, "schema"));
	struct snapshot *s = snapshot__new();
	const json_t *processes;

	if (!s) {
		r->err = -ENOMEM;
		return NULL;
	}
	if (!schema || strcmp(schema, "gilscope/1"))
		reject(r, "not gilscope/1:", "schema");
	s->exit_status = -1;
	s->probe_ns_per_hit = -1;
	s->end_ns = get_integer(r, o, "duration_ns");
	if (json_object_get(o, "unlisted_processes"))
		s->nr_unlisted = get_integer(r, o, "unlisted_processes");
	read_lost(r, o, &s->lost);
	processes = get_array(r, o, "processes");
	for (size_t i = 0; !r->err && i < json_array_size(processes); i++)
		read_process(r, json_array_get(processes, i), s);
	if (!r->err)
		snapshot__finish(s);
	return s;
}

static void read_all(struct reader *r, struct baseline *b, const json_t *root)
{
	size_t nr = json_is_array(root) ? json_array_size(root) : 1;

	if (!nr)
		reject(r, "no report in it:", "[]");
	if (nr > RUNS_LARGEST)
		reject(r, "too many runs:", "[]");
	b->list = calloc(nr + 1, sizeof(*b->list));
	if (!b->list)
		r->err = -ENOMEM;
	for (size_t i = 0; !r->err && i < nr; i++) {
		b->list[i] = read_report(r, json_is_array(root) ? json_array_get(root, i) : root);
		b->nr += b->list[i] != NULL;
	}
}

int baseline__parse(struct baseline *b, const char *text, size_t size, const char *name,
		    struct failure *f)
{
	struct reader r = {.name = name, .f = f};
	json_error_t error;
	json_t *root = json_loadb(text, size, 0, &error);

	memset(b, 0, sizeof(*b));
	if (!root) {
		failure__what(f, "%.200s is not JSON: line %d, column %d: %.160s", name, error.line,
			      error.column, error.text);
		return -EINVAL;
	}
	read_all(&r, b, root);
	json_decref(root);
	if (r.err == -ENOMEM)
		failure__what(f, "out of memory");
	if (r.err)
		baseline__clear(b);
	return r.err;
}

static int read_text(FILE *in, char **text, size_t *size)
{
	size_t room = 0, n;

	*text = NULL;
	*size = 0;
	do {
		char *grown;

		room = room ? room * 2 : 65536;
		grown = realloc(*text, room);
		if (!grown)
			return -ENOMEM;
		*text = grown;
		n = fread(*text + *size, 1, room - *size, in);
		*size += n;
	} while (*size == room && room < MAX_SIZE);
	if (ferror(in))
		return errno ? -errno : -EIO;
	return *size == room ? -EFBIG : 0;
}

int baseline__read(struct baseline *b, const char *path, struct failure *f)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	int err = in ? read_text(in, &text, &size) : -errno;

	memset(b, 0, sizeof(*b));
	if (in)
		fclose(in);
	if (err) {
		failure__what(f, "cannot read the baseline %.200s: %s", path, strerror(-err));
		failure__command(f, "gilscope check --save-baseline %s ...", path);
	}
	err = err ?: baseline__parse(b, text, size, path, f);
	free(text);
	return err;
}

void baseline__clear(struct baseline *b)
{
	for (size_t i = 0; i < b->nr; i++)
		snapshot__free(b->list[i]);
	free(b->list);
	memset(b, 0, sizeof(*b));
}

int baseline__write(FILE *out, const struct runs *runs, const char *version)
{
	struct render_options o = {.version = version};
	int err = 0;

	if (runs->nr > 1)
		fputs("[\n", out);
	for (size_t i = 0; !err && i < runs->nr; i++) {
		if (i)
			fputs(",\n", out);
		err = render_json(out, runs->list[i], &o);
	}
	if (runs->nr > 1)
		fputs("]\n", out);
	if (!err && (fflush(out) || ferror(out)))
		err = errno ? -errno : -EIO;
	return err;
}
