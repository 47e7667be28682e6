// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Encodes samples. Those of one GIL that come together share a record. It is written before whatever
 * else is written next, so that samples and edges are in the order in which they came.
 */
#include <errno.h>

#include "core/trace/trace_encoder_state.h"

/* At about this size a record of samples ends. */
#define BATCH_SIZE 4096

int encoder__put_samples(struct trace_encoder *e)
{
	struct enc_samples *s = &e->samples;
	struct bytes batch = s->batch;

	s->batch = (struct bytes){0};
	return batch.size ? encoder__put(e, TRACE_RECORD_SAMPLES, s->first_ts, &batch) : 0;
}

void encoder__clear_names(struct trace_encoder *e)
{
	trace_names__clear(&e->samples.codes);
	trace_names__clear(&e->samples.places);
}

void encoder__free_samples(struct trace_encoder *e)
{
	bytes__free(&e->samples.batch);
	trace_names__free(&e->samples.codes);
	trace_names__free(&e->samples.places);
}

/* The number of what has this body, which it frees; told in a record of this type at first. Returns
 * -ENOMEM on failure. */
static int number_of(struct trace_encoder *e, struct trace_names *names, struct bytes *body,
		     unsigned int type, __u64 ts)
{
	struct bytes record = {0};
	bool is_new;
	int number = trace_names__number(names, body, &is_new), err = 0;

	if (number >= 0 && is_new) {
		bytes__number(&record, (__u64)number);
		bytes__append(&record, body->data, body->size);
		err = encoder__put(e, type, ts, &record);
	}
	bytes__free(body);
	return err ?: number < 0 ? -ENOMEM : number;
}

/* The number of a function in this frame, or -ENOMEM. */
static int code_of(struct trace_encoder *e, const char *function, const char *file, __u64 ts)
{
	struct bytes code = {0};

	trace_code_object__put(&code, function, file);
	return number_of(e, &e->samples.codes, &code, TRACE_RECORD_CODE, ts);
}

/* The number of the place in this frame, or -ENOMEM. */
static int place_of(struct trace_encoder *e, const struct blame_sample *s)
{
	const struct blame_place *at = &s->at;
	__u32 codes[TRACE_FRAMES_MOST];
	struct bytes place = {0};

	for (unsigned int i = 0; at->function && i <= at->nr_callers; i++) {
		const struct blame_frame *c = i ? &at->callers[i - 1] : NULL;
		int number =
			code_of(e, c ? c->function : at->function, c ? c->file : at->file, s->ts);

		if (number < 0)
			return number;
		codes[i] = (__u32)number;
	}
	trace_place__put(&place, at, codes);
	return number_of(e, &e->samples.places, &place, TRACE_RECORD_PLACE, s->ts);
}

/* True if the frame has room for the names of another sample. */
static bool has_room(const struct trace_encoder *e)
{
	const struct enc_samples *s = &e->samples;

	return e->meta.size < TRACE_CHUNK_SIZE &&
	       s->codes.nr <= TRACE_NAMES_MOST - TRACE_FRAMES_MOST &&
	       s->places.nr < TRACE_NAMES_MOST;
}

int trace_encoder__sample(struct trace_encoder *e, const struct gil_lock *l,
			  const struct blame_sample *s)
{
	struct enc_gil *g = encoder__gil(e, l->pid, l->address, l->start);
	struct enc_samples *to = &e->samples;
	int err = 0, place;

	if (!g || !g->known)
		return 0;
	if (to->batch.size >= BATCH_SIZE || to->gil != g)
		err = encoder__put_samples(e);
	if (!err && !has_room(e))
		err = trace_encoder__flush(e);
	if (err)
		return err;
	place = place_of(e, s);
	if (place < 0)
		return place;
	if (!to->batch.size) {
		bytes__number(&to->batch, g->process);
		bytes__number(&to->batch, g->place);
		to->gil = g;
		to->first_ts = s->ts;
		to->last = (struct trace_last_sample){s->ts, 0};
	}
	trace_sample__put(&to->batch, s, (__u32)place, &to->last);
	return to->batch.failed ? -ENOMEM : 0;
}
