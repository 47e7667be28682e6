/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the files that parse rules: a place in the text, its words, and errors. */
#ifndef ASSERTION_PARSER_H
#define ASSERTION_PARSER_H

#include "core/rules/assertion.h"

struct parser {
	const char *text;
	size_t at;
	struct assertion *a;
	struct assertion_error *e;
};

/* The remaining text. */
const char *parser__here(const struct parser *p);
/* Says what is wrong with `length` bytes at `at`; the second one suggests what may have been meant.
 * Both return -EINVAL. */
int parser__wrong(struct parser *p, size_t at, size_t length, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int parser__suggest(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool parser__is_blank(char c);
bool parser__is_word(char c); /* a letter, a digit or _ */
bool parser__is_digit(char c);
void parser__skip_blanks(struct parser *p);
size_t parser__word_length(const char *s);
/* How many bytes to underline where the text is unexpected. */
size_t parser__stray_length(const char *s);
bool parser__is_keyword(const struct parser *p, const char *word);
/* If the word comes next, takes it and the blanks after it. */
bool parser__take_keyword(struct parser *p, const char *word);

/* Each parses its part and moves `at` past it. 0, or -EINVAL with the error. */
int parser__op(struct parser *p, enum assertion_op *op);
int parser__value(struct parser *p, const struct assertion_figure *f, struct assertion_number *n);
int parser__limit(struct parser *p);

#endif
