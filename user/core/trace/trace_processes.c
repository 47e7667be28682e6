// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Encodes what user space reports: processes, what was not observed, totals, and the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/trace/trace_encoder_state.h"

/* The number of ended processes that are remembered for a preamble. */
#define ENDED_MOST 4096

/* The program that runs now in process pid, or NULL. */
static struct enc_process *find(struct trace_encoder *e, pid_t pid)
{
	struct enc_process *ep = e->processes;

	while (ep && (ep->pid != pid || ep->ended_ns))
		ep = ep->next;
	return ep;
}

/* The process of this snapshot, ended or not. */
static struct enc_process *find_any(struct trace_encoder *e, const struct snapshot_process *p)
{
	struct enc_process *ep = e->processes;

	while (ep && (ep->pid != p->pid || !ep->ended_ns || ep->ended_ns != p->end_ns))
		ep = ep->next;
	return ep ?: find(e, p->pid);
}

static struct enc_process *add(struct trace_encoder *e, pid_t pid)
{
	struct enc_process *ep = calloc(1, sizeof(*ep));

	if (!ep)
		return NULL;
	ep->number = e->next_process++;
	ep->pid = pid;
	*e->processes_end = ep;
	e->processes_end = &ep->next;
	return ep;
}

/* Assigns the GIL, which the ring may already have mentioned, to this process. */
static struct enc_gil *know_gil(struct trace_encoder *e, struct enc_process *ep,
				const struct gil_lock *l)
{
	struct enc_gil *g = encoder__gil(e, l->pid, l->address, l->start);

	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			return NULL;
		g->key = (struct gil_stream_gil){
			.address = l->address, .start = l->start, .pid = l->pid};
		g->next = e->gils;
		e->gils = g;
	}
	if (!g->known) {
		g->process = ep->number;
		g->place = ep->next_place++;
	}
	return g;
}

/* Encodes what was kept for GILs that are now confirmed. */
static int release_pending(struct trace_encoder *e, const struct snapshot_process *p)
{
	int err = 0;

	for (size_t i = 0; i < p->nr_gils && !err; i++) {
		const struct gil_lock *l = &p->gils[i].lock;
		struct enc_gil *g = encoder__gil(e, l->pid, l->address, l->start);

		if (!g || g->known)
			continue;
		g->known = true;
		err = encoder__release_pending(e, g);
	}
	return err;
}

static int put_process(struct trace_encoder *e, struct enc_process *ep,
		       const struct snapshot_process *p, struct bytes *body)
{
	__u32 *places = calloc(p->nr_gils + 1, sizeof(*places));
	int err = places ? 0 : -ENOMEM;

	for (size_t i = 0; i < p->nr_gils && !err; i++) {
		struct enc_gil *g = know_gil(e, ep, &p->gils[i].lock);

		if (g)
			places[i] = g->place;
		else
			err = -ENOMEM;
	}
	if (!err)
		trace_process__put(body, ep->number, p, places);
	free(places);
	return err;
}

int trace_encoder__process(struct trace_encoder *e, const struct snapshot_process *p, __u64 now)
{
	struct enc_process *ep = find(e, p->pid);
	struct bytes body = {0}, copy = {0};
	int err;

	if (!ep)
		ep = add(e, p->pid);
	err = ep ? put_process(e, ep, p, &body) : -ENOMEM;
	if (err || (body.size && body.size == ep->told.size &&
		    !memcmp(body.data, ep->told.data, body.size))) {
		bytes__free(&body);
		return err;
	}
	bytes__append(&copy, body.data, body.size);
	bytes__free(&ep->told);
	ep->told = copy;
	err = encoder__record(e, TRACE_RECORD_PROCESS, now, &body);
	return err ?: copy.failed ? -ENOMEM : release_pending(e, p);
}

static void forget(struct trace_encoder *e, struct enc_process *ep)
{
	struct enc_process **at = &e->processes;

	while (*at != ep)
		at = &(*at)->next;
	*at = ep->next;
	if (e->processes_end == &ep->next)
		e->processes_end = at;
	for (struct enc_gil *g = e->gils, *next; g; g = next) {
		next = g->next;
		if (g->known && g->process == ep->number)
			encoder__drop_gil(e, g);
	}
	bytes__free(&ep->told);
	free(ep);
}

/* Of the ended processes, remembers only the latest ENDED_MOST. */
static void forget_oldest(struct trace_encoder *e)
{
	struct enc_process *oldest = NULL;
	size_t nr = 0;

	for (struct enc_process *ep = e->processes; ep; ep = ep->next) {
		if (!ep->ended_ns)
			continue;
		nr++;
		if (!oldest || ep->ended_ns < oldest->ended_ns)
			oldest = ep;
	}
	if (nr > ENDED_MOST)
		forget(e, oldest);
}

/* Writes the last losses, which no later edge has reported. */
static int put_lost_rest(struct trace_encoder *e, struct enc_gil *g, const struct gil_lock *l,
			 __u64 now)
{
	const struct trace_lost lost = {.process = g->process,
					.gil = g->place,
					.count = l->bpf.lost - g->lost_told,
					.since = l->bpf.lost_since};

	if (l->bpf.lost <= g->lost_told || l->bpf.lost_since > now)
		return 0;
	e->lost_total += lost.count;
	g->lost_told = l->bpf.lost;
	return encoder__lost(e, g, &lost, now);
}

/* Writes everything that is left to say about the GIL's edges, now that there are no more. */
static int put_rest(struct trace_encoder *e, struct enc_gil *g, const struct gil_lock *l, __u64 now)
{
	int err = encoder__tell_idle(e, g, now);

	err = err ?: put_lost_rest(e, g, l, now);
	return err ?: encoder__so_far(e, g, now, false);
}

int trace_encoder__ended(struct trace_encoder *e, const struct snapshot_process *p, bool listed,
			 __u64 now)
{
	int err = trace_encoder__process(e, p, now);
	struct enc_process *ep = find(e, p->pid);
	struct bytes body = {0};

	for (size_t i = 0; i < p->nr_gils && !err; i++) {
		const struct gil_lock *l = &p->gils[i].lock;
		struct enc_gil *g = encoder__gil(e, l->pid, l->address, l->start);

		if (!g)
			continue;
		err = put_rest(e, g, l, now);
		encoder__drop_threads(e, g);
	}
	if (err)
		return err;
	bytes__number(&body, ep->number);
	err = encoder__record(e, listed ? TRACE_RECORD_ENDED : TRACE_RECORD_DROPPED, now, &body);
	ep->ended_ns = p->end_ns ?: now;
	if (listed)
		forget_oldest(e);
	else
		forget(e, ep);
	return err;
}

int trace_encoder__folded(struct trace_encoder *e, __u32 thread, __u64 now)
{
	struct enc_thread *t = thread < e->nr_threads ? e->threads[thread] : NULL;
	struct bytes body = {0};

	/* A thread without an edge in the trace has no row there. */
	if (!t || !t->begun)
		return 0;
	bytes__number(&body, t->number);
	return encoder__record(e, TRACE_RECORD_FOLDED, now, &body);
}

int encoder__name(struct trace_encoder *e, struct enc_thread *t, const char comm[16],
		  const char name[GIL_THREAD_NAME], __u64 ts)
{
	struct bytes body = {0};

	if (!strncmp(t->comm, comm, sizeof(t->comm)) && !strncmp(t->name, name, sizeof(t->name)))
		return 0;
	/* They may be the thread's own. */
	memmove(t->comm, comm, sizeof(t->comm));
	memmove(t->name, name, sizeof(t->name));
	if (!t->gil->known || !t->begun) /* the frame will use the names that the thread has now */
		return 0;
	bytes__number(&body, t->number);
	trace_names__put(&body, t->comm, t->name);
	return encoder__record(e, TRACE_RECORD_NAME, ts, &body);
}

int trace_encoder__named(struct trace_encoder *e, __u32 thread, __u32 tid, const char *name,
			 __u64 now)
{
	struct enc_thread *t = thread < e->nr_threads ? e->threads[thread] : NULL;

	return t && t->tid == tid ? encoder__name(e, t, t->comm, name, now) : 0;
}

int trace_encoder__unobserved(struct trace_encoder *e, const struct snapshot_unobserved *u,
			      __u64 now)
{
	struct bytes body = {0};

	trace_unobserved__put(&body, u);
	return encoder__record(e, TRACE_RECORD_UNOBSERVED, now, &body);
}

int trace_encoder__status(struct trace_encoder *e, const struct trace_status *s, __u64 now)
{
	struct bytes body = {0};

	trace_status__put(&body, s);
	return encoder__record(e, TRACE_RECORD_STATUS, now, &body);
}

void trace_encoder__preamble(struct trace_encoder *e, struct bytes *b, __u32 *count, __u64 start)
{
	for (const struct enc_process *ep = e->processes; ep; ep = ep->next) {
		if (ep->ended_ns && ep->ended_ns < start)
			continue;
		trace_record__put(b, TRACE_RECORD_PROCESS, 0, start, &ep->told);
		(*count)++;
	}
}

/* ---- the end ---- */

static int put_names(struct trace_encoder *e, const struct enc_gil *g,
		     const struct snapshot_gil *sg, __u64 now)
{
	int err = 0;

	for (size_t i = 0; i < e->nr_threads && !err; i++) {
		struct enc_thread *t = e->threads[i];
		const struct gil_thread *row;

		if (!t || t->gil != g || !t->begun || t->gone)
			continue;
		row = snapshot_gil__thread(sg, t->tid);
		if (row)
			err = encoder__name(e, t, row->comm, row->name, now);
	}
	return err;
}

static int put_sums(struct trace_encoder *e, const struct snapshot_gil *sg, __u64 now)
{
	const size_t most = 4096; /* per record */
	int err = 0;
	size_t n;

	for (size_t i = 0; i < sg->nr_sums && !err; i += n) {
		const struct gil_sum *sums = &sg->sums[i];
		struct bytes body = {0};

		for (n = 1; i + n < sg->nr_sums && n < most && sums[n].kind == sums->kind; n++)
			;
		trace_figures__put_sums(&body, sums, n);
		err = encoder__record(e, trace_figures__sums_type(sums->kind), now, &body);
	}
	return err;
}

static int put_figures(struct trace_encoder *e, const struct enc_process *ep, __u32 place,
		       const struct snapshot_gil *sg, __u64 now)
{
	struct bytes body = {0};
	int err;

	bytes__number(&body, ep->number);
	bytes__number(&body, place);
	trace_figures__put_gil(&body, sg);
	err = encoder__record(e, TRACE_RECORD_FIGURES_GIL, now, &body);
	if (sg->functions && !err) {
		struct trace_functions_check c =
			trace_functions__check(sg->functions, sg->nr_functions);

		body = (struct bytes){0};
		trace_functions__put(&body, &c);
		err = encoder__record(e, TRACE_RECORD_FIGURES_FUNCTIONS, now, &body);
	}
	for (size_t i = 0; i < sg->nr_threads && !err; i++) {
		body = (struct bytes){0};
		trace_figures__put_thread(&body, &sg->threads[i]);
		err = encoder__record(e, TRACE_RECORD_FIGURES_THREAD, now, &body);
	}
	return err ?: put_sums(e, sg, now);
}

/* Writes how many threads died waiting since the last edge, according to the GIL's record, and where
 * the holder sleeps. */
static int put_gil_end(struct trace_encoder *e, const struct enc_process *ep, __u32 place,
		       const struct snapshot_gil *sg, __u64 now)
{
	const struct gil_lock *l = &sg->lock;
	struct bytes body = {0};

	bytes__number(&body, ep->number);
	bytes__number(&body, place);
	bytes__number(&body, l->gone - l->gone_seen);
	bytes__string(&body, sg->holder_call, sizeof(sg->holder_call));
	return encoder__record(e, TRACE_RECORD_GIL_END, now, &body);
}

static int finish_process(struct trace_encoder *e, const struct snapshot_process *p, bool figures,
			  __u64 now)
{
	struct enc_process *ep = find_any(e, p);
	struct bytes body = {0};
	int err = 0;

	if (!ep || !ep->ended_ns) {
		err = trace_encoder__process(e, p, now);
		ep = find(e, p->pid);
	}
	if (!ep)
		return -ENOMEM;
	if (figures && !err) {
		bytes__number(&body, ep->number);
		err = encoder__record(e, TRACE_RECORD_LISTED, now, &body);
	}
	for (size_t i = 0; i < p->nr_gils && !err; i++) {
		const struct snapshot_gil *sg = &p->gils[i];
		struct enc_gil *g =
			encoder__gil(e, (__u32)p->pid, sg->lock.address, sg->lock.start);

		if (!g)
			continue;
		err = put_rest(e, g, &sg->lock, now);
		err = err ?: put_names(e, g, sg, now);
		if (figures && !err)
			err = put_gil_end(e, ep, g->place, sg, now);
		if (figures && !err)
			err = put_figures(e, ep, g->place, sg, now);
	}
	return err;
}

static int put_folded(struct trace_encoder *e, const struct snapshot *s)
{
	struct bytes gil = {0}, thread = {0};
	int err;

	trace_figures__put_folded(&gil, s);
	err = encoder__record(e, TRACE_RECORD_FOLDED_GIL, s->end_ns, &gil);
	if (err)
		return err;
	trace_figures__put_thread(&thread, s->folded.gils->threads);
	return encoder__record(e, TRACE_RECORD_FOLDED_THREAD, s->end_ns, &thread);
}

int trace_encoder__finish(struct trace_encoder *e, const struct snapshot *s, bool figures)
{
	const struct trace_status status = {
		.flags = TRACE_STATUS_FINAL | (figures ? TRACE_STATUS_FIGURES : 0),
		.start_ns = s->start_ns,
		.end_ns = s->end_ns,
		.probe_hits = s->probe_hits,
		.usdt_hits = s->usdt_hits,
		.probe_ns_per_hit = s->probe_ns_per_hit,
		.exit_status = s->exit_status,
		.nr_unlisted = s->nr_unlisted,
		.lost = s->lost,
	};
	int err = 0;

	for (size_t i = 0; i < s->nr_processes && !err; i++)
		err = finish_process(e, &s->processes[i], figures, s->end_ns);
	if (figures && s->nr_folded)
		err = err ?: put_folded(e, s);
	err = err ?: trace_encoder__status(e, &status, s->end_ns);
	return err ?: trace_encoder__flush(e);
}

void encoder__free_processes(struct trace_encoder *e)
{
	while (e->processes)
		forget(e, e->processes);
}
