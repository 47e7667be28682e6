// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/base/proto.h"

#define WIRE_VARINT  0
#define WIRE_FIXED64 1
#define WIRE_LENGTH  2

void proto__number(struct bytes *b, unsigned int field, __u64 value)
{
	bytes__number(b, field << 3 | WIRE_VARINT);
	bytes__number(b, value);
}

void proto__fixed64(struct bytes *b, unsigned int field, __u64 value)
{
	unsigned char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(value >> 8 * i);
	bytes__number(b, field << 3 | WIRE_FIXED64);
	bytes__append(b, bytes, sizeof(bytes));
}

void proto__string(struct bytes *b, unsigned int field, const char *s, size_t room)
{
	bytes__number(b, field << 3 | WIRE_LENGTH);
	bytes__string(b, s, room);
}

void proto__message(struct bytes *b, unsigned int field, const struct bytes *message)
{
	bytes__number(b, field << 3 | WIRE_LENGTH);
	bytes__number(b, message->size);
	bytes__append(b, message->data, message->size);
	b->failed = b->failed || message->failed;
}
