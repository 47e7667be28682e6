/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes JSON, indented by two spaces, with small objects on one line. The writer takes care of
 * commas and indentation. Numbers do not depend on the locale, and strings come out as valid UTF-8
 * whatever bytes they contain.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdio.h>
#include <linux/types.h>

struct json {
	FILE *out;
	unsigned int depth;
	unsigned int inline_depth; /* containers from this depth on stay on one line; 0: none */
	bool started;              /* the current container has an element */
};

/* In all of these, key is NULL for an element of an array, and for the outermost value. */
void json__open(struct json *j, const char *key, char bracket);
/* The same, all on one line. */
void json__open_inline(struct json *j, const char *key, char bracket);
void json__close(struct json *j, char bracket);
void json__string(struct json *j, const char *key, const char *value);
/* The same; null if the value is NULL or empty. */
void json__text(struct json *j, const char *key, const char *value);
/* A name of fixed size, which need not end in a zero byte. */
void json__name(struct json *j, const char *key, const char *name, size_t size);
void json__integer(struct json *j, const char *key, __u64 value);
/* The same; null if it is not known. */
void json__integer_if(struct json *j, const char *key, bool known, __u64 value);
void json__signed(struct json *j, const char *key, long long value);
/* With six decimals; null if the value is not finite. */
void json__real(struct json *j, const char *key, double value);
void json__bool(struct json *j, const char *key, bool value);
void json__null(struct json *j, const char *key);

#endif
