// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <zlib.h>

#include "core/trace/trace_format.h"

static void put32(unsigned char *p, __u32 n)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(n >> 8 * i);
}

static __u32 get32(const unsigned char *p)
{
	return p[0] | (__u32)p[1] << 8 | (__u32)p[2] << 16 | (__u32)p[3] << 24;
}

static void put64(unsigned char *p, __u64 n)
{
	put32(p, (__u32)n);
	put32(p + 4, (__u32)(n >> 32));
}

static __u64 get64(const unsigned char *p)
{
	return get32(p) | (__u64)get32(p + 4) << 32;
}

void trace_frame__pack(const struct trace_frame *f, unsigned char *bytes)
{
	put32(bytes, TRACE_FRAME_SYNC);
	put32(bytes + 4, f->type | (__u32)f->flags << 8);
	put32(bytes + 8, f->stored);
	put32(bytes + 12, f->size);
	put32(bytes + 16, f->sequence);
	put32(bytes + 20, f->count);
	put64(bytes + 24, f->first);
	put64(bytes + 32, f->last);
	put32(bytes + 40, f->crc);
	put32(bytes + 44, (__u32)crc32(0, bytes, 44));
}

bool trace_frame__parse(struct trace_frame *f, const unsigned char *bytes)
{
	*f = (struct trace_frame){
		.type = bytes[4],
		.flags = bytes[5],
		.stored = get32(bytes + 8),
		.size = get32(bytes + 12),
		.sequence = get32(bytes + 16),
		.count = get32(bytes + 20),
		.first = get64(bytes + 24),
		.last = get64(bytes + 32),
		.crc = get32(bytes + 40),
	};
	return get32(bytes) == TRACE_FRAME_SYNC && get32(bytes + 44) == crc32(0, bytes, 44) &&
	       f->stored <= TRACE_LARGEST && f->size <= TRACE_LARGEST;
}

/* The fastest level: a better one takes twice the time and saves a tenth. */
#define COMPRESSION 1

void trace_chunk__pack(const struct trace_chunk *c, struct bytes *out)
{
	uLongf stored = compressBound(c->payload.size);
	struct trace_frame frame = c->frame;
	unsigned char *header, *payload;

	if (!bytes__reserve(out, TRACE_FRAME_SIZE + stored))
		return;
	header = out->data + out->size;
	payload = header + TRACE_FRAME_SIZE;
	frame.size = (__u32)c->payload.size;
	if (c->payload.size &&
	    compress2(payload, &stored, c->payload.data, c->payload.size, COMPRESSION) == Z_OK &&
	    stored < c->payload.size) {
		frame.flags |= TRACE_FRAME_DEFLATED;
	} else {
		stored = c->payload.size;
		if (stored)
			memcpy(payload, c->payload.data, stored);
	}
	frame.stored = (__u32)stored;
	frame.crc = (__u32)crc32(0, payload, (uInt)stored);
	trace_frame__pack(&frame, header);
	out->size += TRACE_FRAME_SIZE + stored;
}
