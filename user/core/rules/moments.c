// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "core/rules/evidence.h"
#include "core/rules/moments.h"

/* What the last look saw for one rule and one thread, or GIL: a node of the tree. */
struct seen {
	size_t rule;
	pid_t pid;
	__u64 gil;        /* its address */
	long interpreter; /* another one may have its GIL at the same address later */
	__u32 tid;
	__u64 beyond;
	__u64 max;
	size_t moment; /* index of the last one kept for it; MOMENTS_KEPT: none */
};

struct moments {
	const struct assertion_set *set;
	struct moments_of_rule *rules;
	void *seen; /* tsearch's root */
	size_t run;
	__u64 last_ns; /* time of the last look */
};

static int compare_seen(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->gil != y->gil)
		return x->gil < y->gil ? -1 : 1;
	if (x->interpreter != y->interpreter)
		return x->interpreter < y->interpreter ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* True if single values can break the limit: it is for a maximum or a percentile, without
 * baseline. */
static bool is_watched(const struct assertion *a)
{
	return metric__is_distribution(a->figure.metric) && !a->vs_baseline &&
	       (a->figure.statistic.kind == STATISTIC_MAX ||
		a->figure.statistic.kind == STATISTIC_PERCENTILE) &&
	       (a->op == ASSERTION_LT || a->op == ASSERTION_LE);
}

struct moments *moments__new(const struct assertion_set *set)
{
	struct moments *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->set = set;
	m->rules = calloc(set->nr + 1, sizeof(*m->rules));
	if (m->rules)
		return m;
	free(m);
	return NULL;
}

void moments__free(struct moments *m)
{
	if (!m)
		return;
	tdestroy(m->seen, free);
	free(m->rules);
	free(m);
}

bool moments__wanted(const struct moments *m)
{
	for (size_t i = 0; i < m->set->nr; i++)
		if (is_watched(&m->set->list[i]))
			return true;
	return false;
}

void moments__begin(struct moments *m, size_t run)
{
	tdestroy(m->seen, free);
	m->seen = NULL;
	m->run = run;
	m->last_ns = 0;
}

const struct moments_of_rule *moments__of(const struct moments *m, size_t rule)
{
	return &m->rules[rule];
}

/* ---- a look ---- */

struct look {
	struct moments *m;
	const struct snapshot *s;
	size_t rule;
	__u64 now; /* since the start */
};

/* The node for that thread, made if it does not exist. NULL if there is no memory. */
static struct seen *find(struct moments *m, const struct seen *key)
{
	struct seen **node = tfind(key, &m->seen, compare_seen), *fresh;

	if (node)
		return *node;
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return NULL;
	*fresh = *key;
	fresh->moment = MOMENTS_KEPT;
	if (tsearch(fresh, &m->seen, compare_seen))
		return fresh;
	free(fresh);
	return NULL;
}

/* Keeps a new moment for the thread, if there is room. */
static void keep(const struct look *l, const struct snapshot_process *p, const struct gil_thread *t,
		 struct seen *seen)
{
	struct moments_of_rule *r = &l->m->rules[l->rule];
	struct moment *moment = &r->kept[r->nr];

	seen->moment = r->nr;
	if (r->nr == MOMENTS_KEPT) {
		r->more++;
		return;
	}
	r->nr++;
	*moment = (struct moment){
		.run = l->m->run,
		.from_ns = l->m->last_ns,
		.pid = p->pid,
		.tid = t ? t->tid : 0,
	};
	memcpy(moment->comm, t ? t->comm : p->comm, sizeof(moment->comm));
	snprintf(moment->name, sizeof(moment->name), "%s", t ? t->name : p->command);
}

/*
 * Notes what is new since the last look. If something was new at that look, too, the same moment
 * goes on. If a hold or wait was already beyond the limit and is longer now, it is the same one.
 */
static void note(const struct look *l, const struct snapshot_process *p, const struct gil_thread *t,
		 struct seen *seen, __u64 values, __u64 longest)
{
	struct moment *kept = l->m->rules[l->rule].kept;

	if (values && (seen->moment == MOMENTS_KEPT || kept[seen->moment].to_ns != l->m->last_ns))
		keep(l, p, t, seen);
	l->m->rules[l->rule].last_ns = l->now;
	if (seen->moment == MOMENTS_KEPT)
		return;
	kept[seen->moment].to_ns = l->now;
	kept[seen->moment].values += values;
	if (longest)
		kept[seen->moment].longest = longest;
}

static int look_at(void *ctx, const struct snapshot_process *p, const struct snapshot_gil *g,
		   const struct gil_thread *t)
{
	const struct look *l = ctx;
	const struct assertion *a = &l->m->set->list[l->rule];
	struct seen key = {
		.rule = l->rule,
		.pid = p->pid,
		.gil = g->lock.address,
		.interpreter = g->interpreter,
		.tid = t ? t->tid : 0,
	};
	struct selection *sel = selection__of_one(l->s, p, g, t);
	const struct gil_hist *h;
	struct seen *seen;
	__u64 beyond;

	if (!sel)
		return -ENOMEM;
	h = metric__hist(a->figure.metric, &sel->gil);
	if (!h) { /* it is not measured */
		free(sel);
		return 0;
	}
	beyond = evidence__beyond(h, a->op, assertion_number__value(&a->limit));
	seen = beyond ? find(l->m, &key) : NULL;
	if (seen && (beyond > seen->beyond || h->max > seen->max))
		note(l, p, t, seen, beyond > seen->beyond ? beyond - seen->beyond : 0,
		     h->max > seen->max ? h->max : 0);
	if (seen) {
		seen->beyond = beyond;
		seen->max = h->max;
	}
	free(sel);
	return beyond && !seen ? -ENOMEM : 0;
}

int moments__look(struct moments *m, const struct snapshot *s)
{
	struct look l = {.m = m, .s = s, .now = gil_elapsed(s->start_ns, s->end_ns)};
	int err = 0;

	for (l.rule = 0; !err && l.rule < m->set->nr; l.rule++)
		if (is_watched(&m->set->list[l.rule]))
			err = evidence__each(&m->set->list[l.rule], s, look_at, &l);
	m->last_ns = l.now;
	return err;
}
