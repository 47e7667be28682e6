/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writing and reading bytes in the encoding of traces and of protobuf. A number is a varint: seven
 * bits a byte, lowest first, with the top bit set if more bytes follow. A signed number is
 * zigzag-encoded first. Neither side stops at an error: the writer notes that memory ran out, and
 * the reader that it ran past the end. Callers check once, at the end.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <linux/types.h>

/* A growing array. {0} is an empty one. */
struct bytes {
	unsigned char *data; /* owned */
	size_t size;
	size_t room;
	bool failed; /* memory ran out: the content is incomplete */
};

/* Frees the content and leaves an empty array. */
void bytes__free(struct bytes *b);
/* Makes room for n more bytes. If there is no memory, sets `failed` and returns false. */
bool bytes__reserve(struct bytes *b, size_t n);
void bytes__append(struct bytes *b, const void *data, size_t n);
void bytes__number(struct bytes *b, __u64 n);
void bytes__signed(struct bytes *b, __s64 n);
/* Writes a length as a number, then the bytes up to the first NUL, or all of `room`. */
void bytes__string(struct bytes *b, const char *s, size_t room);

static inline __u64 zigzag(__s64 n)
{
	return ((__u64)n << 1) ^ (__u64)(n >> 63);
}

static inline __s64 unzigzag(__u64 n)
{
	return (__s64)(n >> 1) ^ -(__s64)(n & 1);
}

/* Writes n at p, at most 10 bytes; returns the end. */
static inline unsigned char *put_varint(unsigned char *p, __u64 n)
{
	while (n >= 0x80) {
		*p++ = (unsigned char)(n | 0x80);
		n >>= 7;
	}
	*p++ = (unsigned char)n;
	return p;
}

/* The bytes still to be read. Once `bad`, all further numbers are 0 and all strings empty. */
struct span {
	const unsigned char *at;
	const unsigned char *end;
	bool bad;
};

static inline struct span span_of(const void *data, size_t size)
{
	const unsigned char *at = data;

	return (struct span){.at = at, .end = size ? at + size : at};
}

static inline bool span__done(const struct span *s)
{
	return s->bad || s->at == s->end;
}

static inline unsigned int span__byte(struct span *s)
{
	if (__builtin_expect(s->at == s->end, 0)) {
		s->bad = true;
		return 0;
	}
	return *s->at++;
}

static inline __u64 span__number(struct span *s)
{
	__u64 n = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		unsigned int byte = span__byte(s);

		n |= (__u64)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return n;
	}
	s->bad = true; /* longer than any number */
	s->at = s->end;
	return 0;
}

static inline __s64 span__signed(struct span *s)
{
	return unzigzag(span__number(s));
}

/* Takes the next n bytes as a span of their own; an empty, bad one if there are fewer. */
struct span span__take(struct span *s, size_t n);
/* Reads what bytes__string wrote, cut to fit, always NUL-terminated, and padded with zeroes. */
void span__string(struct span *s, char *out, size_t room);

#endif
