// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "edge/record/trace_output.h"

/* Limit on the entries of the index. When it is reached, pairs of entries are merged. */
#define INDEX_MOST 32768

struct index_entry {
	__u64 offset, last, count;
};

static int write_all(int fd, const unsigned char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Writes a whole frame or nothing: after a failed write the file is truncated, if that is
 * possible. */
static int trace_output__write(struct trace_output *o, const unsigned char *data, size_t size)
{
	off_t start =
		lseek(o->fd, 0, SEEK_CUR); /* a pipe has none; a shell's file has begun earlier */
	int err = write_all(o->fd, data, size);

	if (!err)
		o->offset += size;
	else if (o->offset && start >= 0 && ftruncate(o->fd, start))
		return err;
	return err;
}

static void trace_output__note(struct trace_output *o, const struct trace_frame *f)
{
	struct index_entry *grown;
	size_t kept = 0;

	o->sequence = f->sequence;
	if (f->last > o->last)
		o->last = f->last;
	if (f->type != TRACE_FRAME_EDGES)
		return;
	if (!o->index)
		o->index = calloc(INDEX_MOST, sizeof(*grown));
	if (!o->index)
		return; /* the index is optional */
	if (o->nr_index == INDEX_MOST) {
		for (size_t i = 0; i + 1 < o->nr_index; i += 2) {
			struct index_entry e = o->index[i];

			e.count += o->index[i + 1].count;
			e.last = o->index[i + 1].last;
			o->index[kept++] = e;
		}
		o->nr_index = kept;
	}
	o->index[o->nr_index++] = (struct index_entry){o->offset, f->last, f->count};
}

int trace_output__frame(struct trace_output *o, const struct trace_frame *f,
			const struct bytes *packed)
{
	int err = packed->failed ? -ENOMEM : 0;

	if (!err && !o->offset)
		err = trace_output__write(o, (const unsigned char *)TRACE_MAGIC, TRACE_MAGIC_SIZE);
	if (err)
		return err;
	trace_output__note(o, f);
	return trace_output__write(o, packed->data, packed->size);
}

int trace_output__chunk(struct trace_output *o, const struct trace_chunk *c)
{
	struct bytes packed = {0};
	int err;

	trace_chunk__pack(c, &packed);
	err = trace_output__frame(o, &c->frame, &packed);
	bytes__free(&packed);
	return err;
}

int trace_output__end(struct trace_output *o)
{
	struct trace_chunk c = {.frame = {.type = TRACE_FRAME_INDEX,
					  .sequence = o->sequence + 1,
					  .count = (__u32)o->nr_index,
					  .first = o->last,
					  .last = o->last}};
	struct index_entry before = {0};
	struct bytes packed = {0};
	int err;

	for (size_t i = 0; i < o->nr_index; i++) {
		const struct index_entry *e = &o->index[i];

		bytes__number(&c.payload, e->offset - before.offset);
		bytes__signed(&c.payload, (__s64)(e->last - before.last));
		bytes__number(&c.payload, e->count);
		before = *e;
	}
	trace_chunk__pack(&c, &packed);
	for (int i = 0; i < 8; i++)
		bytes__append(&packed, &(unsigned char){(unsigned char)(o->offset >> 8 * i)}, 1);
	bytes__append(&packed, TRACE_TAIL_MAGIC, 8);
	err = packed.failed || c.payload.failed ? -ENOMEM : 0;
	err = err ?: trace_output__write(o, packed.data, packed.size);
	bytes__free(&c.payload);
	bytes__free(&packed);
	return err;
}

void trace_output__clear(struct trace_output *o)
{
	free(o->index);
	o->index = NULL;
	o->nr_index = 0;
}
