// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Frames follow each other. A frame of records that belong between edges is kept until the frame of
 * edges after it has been loaded. The two are then delivered together, with each record at its
 * place.
 *
 * Where the bytes are not a frame, or a damaged one, the reader searches for the next four bytes
 * that begin a frame whose checksum is right. Frames are numbered, so it knows that something is
 * missing, but not what. It delivers a gap, during which anything may have happened.
 */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/trace/trace_reader.h"

struct trace_reader {
	FILE *in;
	const char *name;
	struct trace_header header;
	struct trace_condition condition;
	__u64 offset; /* in the file, of the next byte to be read */
	__u64 skip_until;
	__u64 last_ts;       /* the latest time seen so far */
	__u32 next_sequence; /* the expected number of the next frame */
	bool seen_frame;
	bool gap;       /* a gap is to be delivered before what is loaded */
	bool gap_after; /* a gap is to be delivered after it */
	bool chunk;     /* a frame of edges is loaded, and its CHUNK item is not yet delivered */
	unsigned char ahead[TRACE_FRAME_SIZE]; /* bytes already read that may begin a frame */
	size_t nr_ahead;
	struct bytes stored, meta_bytes, edge_bytes; /* payloads of at most TRACE_LARGEST */
	struct span meta, edges;
	struct trace_record record; /* the next one of `meta`, if have_record */
	bool have_record;
	__u64 place; /* number of edges of this frame already delivered */
	__u64 ts;
};

static int read_error(struct trace_reader *r, struct failure *f)
{
	int err = errno ? -errno : -EIO;

	failure__what(f, "cannot read %s: %s", r->name, strerror(-err));
	return err;
}

/* ---- frames ---- */

/* Fills `ahead`. False if the file ends before a complete header. */
static bool fill_ahead(struct trace_reader *r)
{
	r->nr_ahead += fread(r->ahead + r->nr_ahead, 1, sizeof(r->ahead) - r->nr_ahead, r->in);
	return r->nr_ahead == sizeof(r->ahead);
}

static void note_damage(struct trace_reader *r, __u64 offset)
{
	if (!r->condition.damaged++)
		r->condition.first_damage = offset;
}

/* Drops bytes until the remaining ones may begin a frame. */
static void drop_ahead(struct trace_reader *r)
{
	size_t n = 1;

	while (n < r->nr_ahead && r->ahead[n] != (TRACE_FRAME_SYNC & 0xff))
		n++;
	memmove(r->ahead, r->ahead + n, r->nr_ahead - n);
	r->nr_ahead -= n;
	r->offset += n;
}

/* Finds the next header. Returns 1, 0 at the end of the file, or -errno. */
static int next_header(struct trace_reader *r, struct trace_frame *frame, struct failure *f)
{
	bool lost = false;

	while (fill_ahead(r)) {
		if (trace_frame__parse(frame, r->ahead)) {
			r->nr_ahead = 0;
			r->offset += TRACE_FRAME_SIZE;
			return 1;
		}
		if (!lost)
			note_damage(r, r->offset);
		lost = true;
		drop_ahead(r);
	}
	if (ferror(r->in))
		return read_error(r, f);
	/* After the index comes the tail, and nothing else. */
	if (r->condition.whole && r->nr_ahead == TRACE_TAIL_SIZE &&
	    !memcmp(r->ahead + TRACE_TAIL_SIZE - 8, TRACE_TAIL_MAGIC, 8))
		return 0;
	r->condition.whole = false;
	return 0;
}

/* Skips the payload, as far as it exists. */
static void skip_payload(struct trace_reader *r, const struct trace_frame *frame)
{
	unsigned char passed[4096];
	size_t left = frame->stored;

	r->offset += frame->stored;
	if (!fseeko(r->in, (off_t)left, SEEK_CUR))
		return;
	while (left) { /* a pipe */
		size_t n = fread(passed, 1, left < sizeof(passed) ? left : sizeof(passed), r->in);

		if (!n)
			return;
		left -= n;
	}
}

/* Returns 0, -ENOMEM, or -EINVAL if the payload is not what the frame says. */
static int inflate_payload(const struct trace_frame *frame, const unsigned char *stored,
			   unsigned char *out)
{
	uLongf size = frame->size;
	int z;

	if (!(frame->flags & TRACE_FRAME_DEFLATED)) {
		if (frame->size != frame->stored)
			return -EINVAL;
		memcpy(out, stored, frame->stored);
		return 0;
	}
	z = uncompress(out, &size, stored, frame->stored);
	if (z == Z_MEM_ERROR)
		return -ENOMEM;
	return z == Z_OK && size == frame->size ? 0 : -EINVAL;
}

static int out_of_memory(struct failure *f)
{
	failure__what(f, "out of memory");
	return -ENOMEM;
}

/* Loads the payload into `out`. Returns 1, 0 if it is damaged or truncated, or -errno. */
static int load_payload(struct trace_reader *r, const struct trace_frame *frame, struct bytes *out,
			struct span *span, struct failure *f)
{
	size_t n;
	int err;

	r->stored.size = out->size = 0;
	if (!bytes__reserve(&r->stored, frame->stored + 1) || !bytes__reserve(out, frame->size + 1))
		return out_of_memory(f);
	n = fread(r->stored.data, 1, frame->stored, r->in);
	if (ferror(r->in))
		return read_error(r, f);
	r->offset += n;
	if (n < frame->stored)
		return 0;
	err = crc32(0, r->stored.data, frame->stored) == frame->crc
		      ? inflate_payload(frame, r->stored.data, out->data)
		      : -EINVAL;
	if (err == -ENOMEM)
		return out_of_memory(f);
	if (err) {
		note_damage(r, r->offset - n);
		return 0;
	}
	*span = span_of(out->data, frame->size);
	return 1;
}

/* Notes frames that are missing between the last one and this one. */
static void check_sequence(struct trace_reader *r, const struct trace_frame *frame)
{
	if (r->seen_frame && frame->sequence != r->next_sequence) {
		__u32 n = frame->sequence - r->next_sequence;

		r->condition.missing += n < 1U << 31 ? n : 1;
		r->gap = true;
	}
	r->seen_frame = true;
	r->next_sequence = frame->sequence + 1;
}

static void note_missing(struct trace_reader *r)
{
	if (feof(r->in))
		return; /* the file is truncated here, which is not damage */
	r->condition.missing++;
	r->gap_after = true;
}

/* ---- delivery ---- */

/* Decodes the next record of `meta`. An invalid record ends the frame. */
static void peek_record(struct trace_reader *r)
{
	r->have_record = false;
	if (span__done(&r->meta))
		return;
	r->have_record = trace_record__get(&r->meta, &r->record);
	if (!r->have_record)
		note_missing(r);
}

static int load_edges(struct trace_reader *r, const struct trace_frame *frame, struct failure *f)
{
	int got;

	if (frame->last < r->skip_until) {
		skip_payload(r, frame);
		r->edges = span_of(NULL, 0);
		r->gap = false; /* what is missing before it does not matter either */
		return 0;
	}
	got = load_payload(r, frame, &r->edge_bytes, &r->edges, f);
	if (got < 0)
		return got;
	if (!got) {
		note_missing(r);
		return 0;
	}
	r->chunk = true;
	r->ts = frame->first;
	return 0;
}

static int load_meta(struct trace_reader *r, const struct trace_frame *frame, struct failure *f)
{
	struct trace_frame next;
	int got = load_payload(r, frame, &r->meta_bytes, &r->meta, f);

	if (got < 0)
		return got;
	if (!got)
		note_missing(r);
	peek_record(r);
	if (!(frame->flags & TRACE_FRAME_WITH_EDGES))
		return 0;
	got = next_header(r, &next, f);
	if (got <= 0)
		return got;
	check_sequence(r, &next);
	if (next.type == TRACE_FRAME_EDGES)
		return load_edges(r, &next, f);
	/* The edges are missing. The frame that was read instead has to wait. */
	trace_frame__pack(&next, r->ahead);
	r->nr_ahead = TRACE_FRAME_SIZE;
	r->offset -= TRACE_FRAME_SIZE;
	r->next_sequence = next.sequence;
	return 0;
}

/* Loads the next frame that has something to deliver. Returns 1, 0 at the end, or -errno. */
static int load_frame(struct trace_reader *r, struct failure *f)
{
	struct trace_frame frame;
	int got = next_header(r, &frame, f);

	if (got <= 0)
		return got;
	check_sequence(r, &frame);
	r->meta = r->edges = span_of(NULL, 0);
	r->place = 0;
	if (frame.type == TRACE_FRAME_META)
		got = load_meta(r, &frame, f);
	else if (frame.type == TRACE_FRAME_EDGES)
		got = load_edges(r, &frame, f);
	else
		skip_payload(r, &frame);
	if (frame.type == TRACE_FRAME_INDEX)
		r->condition.whole = true;
	return got < 0 ? got : 1;
}

static bool next_edge(struct trace_reader *r, struct trace_item *item)
{
	struct span *s = &r->edges;
	unsigned int byte = span__byte(s);

	item->kind = TRACE_ITEM_EDGE;
	item->code = byte & 15;
	item->slot = byte >> 4;
	if (__builtin_expect(item->slot == TRACE_SLOT_LARGE, 0))
		item->slot += (__u32)span__number(s);
	r->ts += (__u64)span__signed(s);
	item->ts = r->ts;
	if (s->bad) {
		note_missing(r);
		return false;
	}
	if (r->ts > r->last_ts)
		r->last_ts = r->ts;
	r->place++;
	r->condition.edges++;
	return true;
}

static void take_record(struct trace_reader *r, struct trace_item *item)
{
	item->kind = TRACE_ITEM_RECORD;
	item->record = r->record;
	item->ts = r->record.ts;
	peek_record(r);
}

static bool take_gap(struct trace_reader *r, bool *gap, struct trace_item *item)
{
	if (!*gap)
		return false;
	*gap = false;
	*item = (struct trace_item){.kind = TRACE_ITEM_GAP, .ts = r->last_ts};
	return true;
}

int trace_reader__next(struct trace_reader *r, struct trace_item *item, struct failure *f)
{
	int got = 1;

	while (got > 0) {
		if (__builtin_expect(take_gap(r, &r->gap, item), 0))
			return 0;
		if (__builtin_expect(r->chunk, 0)) {
			r->chunk = false;
			*item = (struct trace_item){.kind = TRACE_ITEM_CHUNK, .ts = r->ts};
			return 0;
		}
		if (r->have_record && (r->record.place <= r->place || span__done(&r->edges))) {
			take_record(r, item);
			return 0;
		}
		if (!span__done(&r->edges)) {
			if (next_edge(r, item))
				return 0;
			continue;
		}
		if (take_gap(r, &r->gap_after, item))
			return 0;
		got = load_frame(r, f);
	}
	r->condition.ended = true;
	*item = (struct trace_item){.kind = TRACE_ITEM_END, .ts = r->last_ts};
	return got;
}

/* ---- opening ---- */

static int read_magic(struct trace_reader *r, struct failure *f)
{
	char magic[TRACE_MAGIC_SIZE];
	size_t n = fread(magic, 1, sizeof(magic), r->in);

	if (ferror(r->in))
		return read_error(r, f);
	r->offset = n;
	if (n == sizeof(magic) && !memcmp(magic, TRACE_MAGIC, sizeof(magic)))
		return 0;
	if (!n)
		failure__what(f, "%s is empty", r->name);
	else if (n < sizeof(magic) && !memcmp(magic, TRACE_MAGIC, n))
		failure__what(f, "%s ends before anything was recorded", r->name);
	else
		failure__what(f, "%s is not a gilscope trace", r->name);
	failure__command(f, "gilscope record -o FILE -- python3 ...");
	return -EINVAL;
}

static int read_header(struct trace_reader *r, struct failure *f)
{
	struct trace_frame frame = {0};
	struct span span;
	int got = next_header(r, &frame, f);

	if (got < 0)
		return got;
	if (got && frame.type == TRACE_FRAME_HEADER) {
		check_sequence(r, &frame);
		got = load_payload(r, &frame, &r->meta_bytes, &span, f);
		if (got < 0)
			return got;
		if (got && trace_header__get(&span, &r->header)) {
			if (r->header.version <= TRACE_VERSION)
				return 0;
			failure__what(f,
				      "%s is a trace of format version %u, but this gilscope reads "
				      "only up to version %u",
				      r->name, r->header.version, TRACE_VERSION);
			failure__cause(f, "it was recorded by a newer gilscope");
			return -ENOTSUP;
		}
	}
	failure__what(f, "%s has no complete header: it is truncated, or damaged at its beginning",
		      r->name);
	return -EINVAL;
}

int trace_reader__open(struct trace_reader **out, FILE *in, const char *name, struct failure *f)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	int err;

	*out = NULL;
	if (!r) {
		failure__what(f, "out of memory");
		fclose(in);
		return -ENOMEM;
	}
	r->in = in;
	r->name = name;
	err = read_magic(r, f);
	err = err ?: read_header(r, f);
	if (err)
		trace_reader__free(r);
	else
		*out = r;
	return err;
}

void trace_reader__free(struct trace_reader *r)
{
	if (!r)
		return;
	fclose(r->in);
	bytes__free(&r->stored);
	bytes__free(&r->meta_bytes);
	bytes__free(&r->edge_bytes);
	free(r);
}

const struct trace_header *trace_reader__header(const struct trace_reader *r)
{
	return &r->header;
}

const struct trace_condition *trace_reader__condition(const struct trace_reader *r)
{
	return &r->condition;
}

void trace_reader__skip_until(struct trace_reader *r, __u64 ts)
{
	r->skip_until = ts;
}

/* ---- the index ---- */

/* Loads the index's frame, to which the file's tail points. */
static bool load_index(struct trace_reader *r, struct trace_frame *frame, struct span *index)
{
	unsigned char tail[TRACE_TAIL_SIZE], bytes[TRACE_FRAME_SIZE];
	__u64 offset = 0;

	if (fseeko(r->in, -TRACE_TAIL_SIZE, SEEK_END) ||
	    fread(tail, 1, sizeof(tail), r->in) != sizeof(tail) ||
	    memcmp(tail + 8, TRACE_TAIL_MAGIC, 8))
		return false;
	for (int i = 7; i >= 0; i--)
		offset = offset << 8 | tail[i];
	if (offset >> 62 || fseeko(r->in, (off_t)offset, SEEK_SET) ||
	    fread(bytes, 1, sizeof(bytes), r->in) != sizeof(bytes) ||
	    !trace_frame__parse(frame, bytes) || frame->type != TRACE_FRAME_INDEX)
		return false;
	return load_payload(r, frame, &r->meta_bytes, index, NULL) > 0;
}

__u64 trace_reader__last_ns(struct trace_reader *r)
{
	const struct trace_condition condition = r->condition;
	const __u64 offset = r->offset;
	off_t here = ftello(r->in);
	struct trace_frame frame;
	struct span index;
	__u64 last = 0;

	/* Works only before anything has been read, because it uses the buffers. */
	if (here < 0 || r->condition.edges || r->have_record)
		return 0;
	if (load_index(r, &frame, &index)) {
		while (!span__done(&index)) {
			span__number(&index); /* the offset, relative to the one before */
			last += (__u64)span__signed(&index);
			span__number(&index); /* how many edges */
		}
		if (index.bad)
			last = 0;
		else if (frame.last > last) /* the observation went on after the last edge */
			last = frame.last;
	}
	clearerr(r->in);
	r->condition = condition;
	r->offset = offset;
	if (fseeko(r->in, here, SEEK_SET))
		last = 0;
	return last;
}
