/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Formats figures and names for people. Each function returns a small buffer by value, which can be
 * used directly as an argument of printf. Nothing depends on the locale.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct format {
	char s[80];
};

/* 850 ns, 12.3 µs, 5.01 ms, 1.20 s, 2 min 3 s, 1 h 2 min: three digits. */
struct format format_ns(__u64 ns, bool ascii);
/* A switch interval as people write it: 5 ms, 500 µs. */
struct format format_interval(long us, bool ascii);
/* 1,234,567 */
struct format format_count(__u64 n);
/* Bytes: "812 B", "3.4 MiB". */
struct format format_bytes(__u64 n);
/* 0.123 as 12.3 %; "?" if NaN. A ratio above 0 never shows as 0, nor one below 1 as 100. */
struct format format_percent(double ratio);
/* 2.97, 12.3, 1,234: a mean in three digits; "?" if NaN. */
struct format format_mean(double v);
/* A name in which every character that could disturb a terminal has become '?'. */
struct format format_name(const char *name, size_t size, bool ascii);

/* The same for a sentence. */
struct format_long {
	char s[256];
};
struct format_long format_sentence(const char *s, size_t size, bool ascii);

/* The number of columns that s takes on a terminal. */
int format__columns(const char *s);
/* Cuts s, at its end, so that it takes at most so many columns. */
void format__cut(struct format *s, int columns);
/* The same in its middle, because names of threads often differ only in their ends. */
void format__shorten(struct format *s, int columns, bool ascii);

#endif
