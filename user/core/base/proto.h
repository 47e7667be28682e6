/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes protobuf: the fields of a message, one after the other. A nested message is first made in
 * a buffer of its own. */
#ifndef PROTO_H
#define PROTO_H

#include "core/base/bytes.h"

void proto__number(struct bytes *b, unsigned int field, __u64 value);
void proto__fixed64(struct bytes *b, unsigned int field, __u64 value);
/* Writes the bytes up to the first NUL, or all of `room`. */
void proto__string(struct bytes *b, unsigned int field, const char *s, size_t room);
void proto__message(struct bytes *b, unsigned int field, const struct bytes *message);

#endif
