// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/trace/trace_encoder_state.h"

/* How many edges are kept for a GIL that is not confirmed; user space decides within some ms. */
#define PENDING_MOST     (1U << 16)
#define PENDING_PATIENCE 5000000000ULL

/* ---- frames ---- */

static int put_chunk(struct trace_encoder *e, struct trace_chunk *c, __u32 sequence)
{
	if (c->payload.failed) {
		bytes__free(&c->payload);
		return -ENOMEM;
	}
	c->frame.size = (__u32)c->payload.size;
	c->frame.sequence = sequence;
	return e->options.put(e->options.ctx, c);
}

/* Hands over what has been gathered, and begins new frames. */
static int put_frames(struct trace_encoder *e)
{
	struct trace_chunk meta = {
		.frame = {.type = TRACE_FRAME_META,
			  .flags = e->edge_count ? TRACE_FRAME_WITH_EDGES : 0,
			  .count = e->meta_count,
			  .first = e->meta_first,
			  .last = e->meta_last},
		.payload = e->meta,
	};
	struct trace_chunk edges = {
		.frame = {.type = TRACE_FRAME_EDGES,
			  .count = e->edge_count,
			  .first = e->first,
			  .last = e->last},
		.payload = e->edges,
	};
	int err = 0;

	e->meta = e->edges = (struct bytes){0};
	e->meta_count = e->edge_count = e->nr_slots = 0;
	e->chunk++;
	encoder__clear_names(e);
	if (meta.payload.size)
		err = put_chunk(e, &meta, e->sequence++);
	else
		bytes__free(&meta.payload);
	if (edges.payload.size && !err)
		err = put_chunk(e, &edges, e->sequence++);
	else
		bytes__free(&edges.payload);
	return err;
}

int trace_encoder__flush(struct trace_encoder *e)
{
	int err = encoder__put_samples(e);

	return put_frames(e) ?: err;
}

int encoder__put(struct trace_encoder *e, unsigned int type, __u64 ts, struct bytes *body)
{
	if (!e->meta_count++)
		e->meta_first = e->meta_last = ts;
	if (ts > e->meta_last)
		e->meta_last = ts;
	trace_record__put(&e->meta, type, e->edge_count, ts, body);
	bytes__free(body);
	return e->meta.failed ? -ENOMEM : 0;
}

int encoder__record(struct trace_encoder *e, unsigned int type, __u64 ts, struct bytes *body)
{
	int err = encoder__put_samples(e) ?: encoder__put(e, type, ts, body);

	bytes__free(body);
	return err ?: e->meta.size >= TRACE_CHUNK_SIZE ? trace_encoder__flush(e) : 0;
}

int trace_encoder__header(struct trace_encoder *e, const struct trace_header *h)
{
	struct trace_chunk c = {
		.frame = {.type = TRACE_FRAME_HEADER,
			  .count = 1,
			  .first = h->start_ns,
			  .last = h->start_ns},
	};

	trace_header__put(&c.payload, h);
	return put_chunk(e, &c, 0);
}

/* ---- edges ---- */

static unsigned int code_of(const struct gil_edge *e, unsigned int only)
{
	return trace_code_of[e->kind][(e->flags | only) % TRACE_EDGE_FLAGS];
}

/* Writes whose the frame's next slot is. Any flush for more room comes before, never here: the
 * place and the slot must not move. */
static int take_slot(struct trace_encoder *e, struct enc_thread *t, __u64 ts)
{
	struct trace_thread told = {
		.number = t->number,
		.process = t->gil->process,
		.gil = t->gil->place,
		.tid = t->tid,
		.state = t->state,
		.cpu = t->cpu,
		.begins = !t->begun,
	};
	struct bytes body = {0};

	memcpy(told.comm, t->comm, sizeof(told.comm));
	memcpy(told.name, t->name, sizeof(told.name));
	trace_thread__put(&body, &told);
	t->slot = e->nr_slots++;
	t->chunk = e->chunk;
	t->begun = true;
	return encoder__put(e, TRACE_RECORD_THREAD, ts, &body);
}

static int put_edge(struct trace_encoder *e, struct enc_thread *t, unsigned int code, __u64 ts)
{
	unsigned char *p;
	int err = 0;

	if (__builtin_expect(e->samples.batch.size != 0, 0))
		err = encoder__put_samples(e);
	if (!err && (e->edges.size >= TRACE_CHUNK_SIZE || e->meta.size >= TRACE_CHUNK_SIZE))
		err = trace_encoder__flush(e);
	if (!err && t->chunk != e->chunk)
		err = take_slot(e, t, ts);
	if (!err && !bytes__reserve(&e->edges, 32))
		err = -ENOMEM;
	if (err)
		return err;
	if (!e->edge_count++)
		e->first = e->last = e->last_ts = ts;
	p = e->edges.data + e->edges.size;
	if (__builtin_expect(t->slot < TRACE_SLOT_LARGE, 1)) {
		*p++ = (unsigned char)(code | t->slot << 4);
	} else {
		*p++ = (unsigned char)(code | TRACE_SLOT_LARGE << 4);
		p = put_varint(p, t->slot - TRACE_SLOT_LARGE);
	}
	p = put_varint(p, zigzag((__s64)(ts - e->last_ts)));
	e->edges.size = (size_t)(p - e->edges.data);
	e->last_ts = ts;
	if (ts > e->last)
		e->last = ts;
	e->edges_total++;
	return 0;
}

int encoder__tell_idle(struct trace_encoder *e, const struct enc_gil *g, __u64 ts)
{
	int err = 0;

	for (size_t i = 0; i < e->nr_threads && !err; i++) {
		struct enc_thread *t = e->threads[i];

		if (t && t->gil == g && !t->begun)
			err = take_slot(e, t, ts);
	}
	return err;
}

static int put_settled(struct trace_encoder *e, const struct enc_gil *g, __u32 n, __u64 ts)
{
	struct bytes body = {0};

	bytes__number(&body, g->process);
	bytes__number(&body, g->place);
	bytes__number(&body, n);
	return encoder__record(e, TRACE_RECORD_SETTLED, ts, &body);
}

struct filtered {
	struct trace_encoder *encoder;
	struct enc_thread *thread;
};

static int put_filtered(void *ctx, const struct gil_edge *edge, bool only)
{
	const struct filtered *f = ctx;

	return put_edge(f->encoder, f->thread, code_of(edge, only ? TRACE_EDGE_F_ONLY : 0),
			edge->ts);
}

/* Encodes an edge of a confirmed GIL. */
static int encode(struct trace_encoder *e, struct enc_thread *t, const struct gil_stream_edge *s)
{
	struct gil_edge edge = {.ts = s->ts, .tid = t->tid, .kind = s->kind, .flags = s->flags};
	struct filtered f = {e, t};
	int err = 0;

	if (__builtin_expect(s->settled, 0))
		err = put_settled(e, t->gil, s->settled, s->ts);
	if (err)
		return err;
	if (__builtin_expect(e->filtering, 0))
		return trace_filter__edge(&t->filter, &e->limits, &edge, put_filtered, &f);
	return put_edge(e, t, code_of(&edge, 0), s->ts);
}

int encoder__so_far(struct trace_encoder *e, const struct enc_gil *g, __u64 ts, bool lost)
{
	int err = 0;

	for (size_t i = 0; e->filtering && i < e->nr_threads && !err; i++) {
		struct filtered f = {e, e->threads[i]};

		if (!f.thread || f.thread->gil != g)
			continue;
		err = (lost ? trace_filter__lost : trace_filter__so_far)(
			&f.thread->filter, &e->limits, ts, put_filtered, &f);
	}
	return err;
}

/* ---- threads and GILs ---- */

static void release_thread(struct enc_thread *t)
{
	if (!t || --t->uses)
		return;
	trace_filter__free(&t->filter);
	free(t);
}

struct enc_gil *encoder__gil(struct trace_encoder *e, __u32 pid, __u64 address, __u64 start)
{
	struct enc_gil *g = e->gils;

	while (g && (g->key.pid != pid || g->key.start != start || g->key.address != address))
		g = g->next;
	return g;
}

static void drop_pending(struct enc_gil *g)
{
	for (size_t i = 0; i < g->nr_pending; i++)
		release_thread(g->pending[i].thread);
	free(g->pending);
	g->pending = NULL;
	g->nr_pending = g->pending_room = 0;
}

void encoder__drop_threads(struct trace_encoder *e, struct enc_gil *g)
{
	drop_pending(g);
	for (size_t i = 0; i < e->nr_threads; i++) {
		if (e->threads[i] && e->threads[i]->gil == g) {
			release_thread(e->threads[i]);
			e->threads[i] = NULL;
		}
	}
}

void encoder__drop_gil(struct trace_encoder *e, struct enc_gil *g)
{
	struct enc_gil **at = &e->gils;

	encoder__drop_threads(e, g);
	if (e->samples.gil == g)
		e->samples.gil = NULL;
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	free(g);
}

/* A GIL that nobody has reported is not one, or its process exited before it could be checked. */
static void drop_unknown(struct trace_encoder *e, __u64 now)
{
	struct enc_gil *g, *next;

	for (g = e->gils; g; g = next) {
		next = g->next;
		if (!g->known && gil_elapsed(g->key.start, now) > PENDING_PATIENCE)
			encoder__drop_gil(e, g);
	}
}

int encoder__lost(struct trace_encoder *e, const struct enc_gil *g, const struct trace_lost *lost,
		  __u64 ts)
{
	struct bytes body = {0};
	int err = encoder__so_far(e, g, lost->since, true);

	if (err)
		return err;
	trace_lost__put(&body, lost);
	return encoder__record(e, TRACE_RECORD_LOST, ts, &body);
}

static int put_lost(struct trace_encoder *e, struct enc_gil *g)
{
	const struct trace_lost lost = {
		.process = g->process, .gil = g->place, .count = g->lost, .since = g->lost_since};
	__u64 until = g->lost_until;

	g->lost = g->lost_until = 0;
	return encoder__lost(e, g, &lost, until);
}

static void note_lost(struct enc_gil *g, __u64 n, __u64 since, __u64 until)
{
	if (!g->lost_until)
		g->lost_since = since;
	g->lost += n;
	g->lost_until = until;
}

static int keep_pending(struct trace_encoder *e, struct enc_thread *t,
			const struct gil_stream_edge *s)
{
	struct enc_gil *g = t->gil;

	if (g->nr_pending == PENDING_MOST || g->lost_until) {
		note_lost(g, 1, s->ts, s->ts);
		e->lost_total++;
		return 0;
	}
	if (g->nr_pending == g->pending_room) {
		size_t room = g->pending_room ? 2 * g->pending_room : 64;
		struct enc_pending *grown = reallocarray(g->pending, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		g->pending = grown;
		g->pending_room = room;
	}
	t->uses++;
	g->pending[g->nr_pending++] = (struct enc_pending){*s, t};
	return 0;
}

int encoder__release_pending(struct trace_encoder *e, struct enc_gil *g)
{
	int err = 0;

	for (size_t i = 0; i < g->nr_pending && !err; i++)
		err = encode(e, g->pending[i].thread, &g->pending[i].edge);
	drop_pending(g);
	return err ?: g->lost_until ? put_lost(e, g) : 0;
}

/* ---- the ring's entries ---- */

static int enter_thread(struct trace_encoder *e, const struct gil_stream_thread *s)
{
	const struct gil_stream_gil *key = &s->gil;
	struct enc_gil *g = encoder__gil(e, key->pid, key->address, key->start);
	struct enc_thread *t = calloc(1, sizeof(*t));
	__u32 i = s->edge.thread;

	if (t && i >= e->nr_threads) {
		size_t room = i + 64;
		struct enc_thread **grown = reallocarray(e->threads, room, sizeof(*grown));

		if (grown) {
			memset(grown + e->nr_threads, 0, (room - e->nr_threads) * sizeof(*grown));
			e->threads = grown;
			e->nr_threads = room;
		}
	}
	if (t && !g) {
		drop_unknown(e, s->edge.ts);
		g = calloc(1, sizeof(*g));
		if (g) {
			g->key = *key;
			g->next = e->gils;
			e->gils = g;
		}
	}
	if (!t || !g || i >= e->nr_threads) {
		free(t);
		return -ENOMEM;
	}
	t->gil = g;
	t->uses = 1;
	t->tid = s->tid;
	t->state = s->edge.flags;
	t->cpu = (__u8)s->cpu;
	t->filter.state = t->state == GIL_THREAD_IDLE ? t->state : GIL_THREAD_UNSEEN;
	t->number = e->next_thread++;
	memcpy(t->comm, s->comm, sizeof(t->comm));
	release_thread(e->threads[i]);
	e->threads[i] = t;
	return 0;
}

static int enter_lost(struct trace_encoder *e, const struct gil_stream_lost *s)
{
	struct enc_gil *g = encoder__gil(e, s->gil.pid, s->gil.address, s->gil.start);
	__u64 told = g ? g->lost_told : 0, count = s->count > told ? s->count - told : 0;

	e->lost_total += count;
	if (!g)
		return 0;
	g->lost_told = 0;
	note_lost(g, count, s->since, s->edge.ts);
	return g->known ? put_lost(e, g) : 0;
}

static int enter_exit(struct trace_encoder *e, struct enc_thread *t,
		      const struct gil_stream_exit *s)
{
	t->gone = true;
	return encoder__name(e, t, s->comm, t->name, s->edge.ts);
}

int trace_encoder__entry(struct trace_encoder *e, const void *entry, size_t size)
{
	const struct gil_stream_edge *s = entry;
	struct enc_thread *t;
	int err = 0;

	if (size < sizeof(*s))
		return 0;
	if (__builtin_expect(s->kind == GIL_STREAM_THREAD, 0))
		return size < sizeof(struct gil_stream_thread) ? 0 : enter_thread(e, entry);
	if (__builtin_expect(s->kind == GIL_STREAM_LOST, 0))
		return size < sizeof(struct gil_stream_lost) ? 0 : enter_lost(e, entry);
	t = s->thread < e->nr_threads ? e->threads[s->thread] : NULL;
	if (!t || !s->kind || s->kind > GIL_EDGE_EXIT)
		return 0; /* its GIL turned out not to be one */
	if (__builtin_expect(!t->gil->known, 0))
		err = keep_pending(e, t, s);
	else
		err = encode(e, t, s);
	if (s->kind == GIL_EDGE_EXIT && size >= sizeof(struct gil_stream_exit))
		err = err ?: enter_exit(e, t, entry);
	return err;
}

/* ---- beginning and end ---- */

int trace_encoder__new(struct trace_encoder **out, const struct trace_encoder_options *o)
{
	struct trace_encoder *e = *out = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->options = *o;
	e->limits = (struct trace_filter_limits){o->min_wait_ns, o->min_hold_ns};
	e->filtering = o->min_wait_ns || o->min_hold_ns;
	e->processes_end = &e->processes;
	e->chunk = 1;
	e->sequence = 1; /* the header has 0 */
	return 0;
}

void trace_encoder__free(struct trace_encoder *e)
{
	if (!e)
		return;
	while (e->gils)
		encoder__drop_gil(e, e->gils);
	encoder__free_processes(e);
	encoder__free_samples(e);
	bytes__free(&e->meta);
	bytes__free(&e->edges);
	free(e->threads);
	free(e);
}

__u64 trace_encoder__edges(const struct trace_encoder *e)
{
	return e->edges_total;
}

__u64 trace_encoder__lost(const struct trace_encoder *e)
{
	return e->lost_total;
}
