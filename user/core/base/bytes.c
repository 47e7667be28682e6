// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>

#include "core/base/bytes.h"

void bytes__free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

bool bytes__reserve(struct bytes *b, size_t n)
{
	size_t room = b->room ? b->room : 256;
	unsigned char *grown;

	if (b->room - b->size >= n)
		return true;
	while (room - b->size < n)
		room *= 2;
	grown = realloc(b->data, room);
	if (!grown) {
		b->failed = true;
		return false;
	}
	b->data = grown;
	b->room = room;
	return true;
}

void bytes__append(struct bytes *b, const void *data, size_t n)
{
	if (!n || !bytes__reserve(b, n))
		return;
	memcpy(b->data + b->size, data, n);
	b->size += n;
}

void bytes__number(struct bytes *b, __u64 n)
{
	if (bytes__reserve(b, 10))
		b->size = (size_t)(put_varint(b->data + b->size, n) - b->data);
}

void bytes__signed(struct bytes *b, __s64 n)
{
	bytes__number(b, zigzag(n));
}

void bytes__string(struct bytes *b, const char *s, size_t room)
{
	size_t n = strnlen(s, room);

	bytes__number(b, n);
	bytes__append(b, s, n);
}

struct span span__take(struct span *s, size_t n)
{
	struct span part = {s->at, s->at, false};

	if (s->bad || (size_t)(s->end - s->at) < n) {
		s->bad = part.bad = true;
		return part;
	}
	s->at += n;
	part.end = s->at;
	return part;
}

void span__string(struct span *s, char *out, size_t room)
{
	struct span text = span__take(s, span__number(s));
	size_t n = (size_t)(text.end - text.at);

	memset(out, 0, room);
	if (n)
		memcpy(out, text.at, n < room ? n : room - 1);
}
