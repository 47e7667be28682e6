// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/utf8.h"

#define NS_PER_S 1000000000ULL

static struct format format_minutes(__u64 s)
{
	struct format f;

	if (s < 3600)
		snprintf(f.s, sizeof(f.s), "%llu min %llu s", (unsigned long long)s / 60,
			 (unsigned long long)s % 60);
	else
		snprintf(f.s, sizeof(f.s), "%llu h %llu min", (unsigned long long)s / 3600,
			 (unsigned long long)s % 3600 / 60);
	return f;
}

/* Prints n/scale; scale is 1, 10 or 100, and gives the number of decimals. */
static void print_scaled(char *buf, size_t size, __u64 n, unsigned int scale)
{
	if (scale == 1)
		snprintf(buf, size, "%llu", (unsigned long long)n);
	else
		snprintf(buf, size, "%llu.%0*u", (unsigned long long)n / scale,
			 scale == 100 ? 2 : 1, (unsigned int)(n % scale));
}

struct format format_ns(__u64 ns, bool ascii)
{
	const struct {
		__u64 ns;
		const char *name;
	} units[] = {{1000, ascii ? "us" : "µs"}, {1000000, "ms"}, {NS_PER_S, "s"}};
	struct format f;

	if (ns < 1000) {
		snprintf(f.s, sizeof(f.s), "%llu ns", (unsigned long long)ns);
		return f;
	}
	if (ns >= 60 * NS_PER_S - NS_PER_S / 20) /* would be rounded to 60.0 s */
		return format_minutes(ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2));
	/* The first unit and number of decimals that leave three digits after rounding. */
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		for (unsigned int scale = 100; scale; scale /= 10) {
			__u64 n = (ns * scale + units[i].ns / 2) / units[i].ns;
			char number[24];

			if (n >= 1000)
				continue;
			print_scaled(number, sizeof(number), n, scale);
			snprintf(f.s, sizeof(f.s), "%s %s", number, units[i].name);
			return f;
		}
	}
	return format_minutes(ns / NS_PER_S); /* not reached */
}

struct format format_interval(long us, bool ascii)
{
	struct format f;

	if (us >= 1000000 && us % 1000000 == 0)
		snprintf(f.s, sizeof(f.s), "%ld s", us / 1000000);
	else if (us >= 1000 && us % 1000 == 0)
		snprintf(f.s, sizeof(f.s), "%ld ms", us / 1000);
	else if (us >= 0 && us < 1000)
		snprintf(f.s, sizeof(f.s), "%ld %s", us, ascii ? "us" : "µs");
	else
		return format_ns(us > 0 ? (__u64)us * 1000 : 0, ascii);
	return f;
}

struct format format_count(__u64 n)
{
	char digits[24];
	struct format f;
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *to = f.s;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return f;
}

struct format format_percent(double ratio)
{
	struct format f = {"?"};
	char number[24];
	__u64 n;

	if (!isfinite(ratio) || ratio < 0 || ratio > 1e6)
		return f;
	n = (__u64)(ratio * 1000 + 0.5);
	if (!n && ratio > 0)
		return (struct format){"<0.1 %"};
	if (n == 1000 && ratio < 1)
		return (struct format){">99.9 %"};
	print_scaled(number, sizeof(number), n >= 1000 ? n / 10 : n, n >= 1000 ? 1 : 10);
	snprintf(f.s, sizeof(f.s), "%s %%", number);
	return f;
}

struct format format_mean(double v)
{
	struct format f = {"?"};

	if (!isfinite(v) || v < 0 || v > 1e12)
		return f;
	if (v > 0 && v < 0.005)
		return (struct format){"<0.01"};
	for (unsigned int scale = 100; scale > 1; scale /= 10) {
		__u64 n = (__u64)(v * scale + 0.5);

		if (n < 1000) {
			print_scaled(f.s, sizeof(f.s), n, scale);
			return f;
		}
	}
	return format_count((__u64)(v + 0.5));
}

/* Copies up to `size` bytes of `from`, or up to its first zero byte. */
static void sanitize(char *to, size_t to_size, const char *from, size_t size, bool ascii)
{
	char copy[200];
	size_t used = 0, n;

	if (size >= sizeof(copy))
		size = sizeof(copy) - 1;
	if (size >= to_size)
		size = to_size - 1;
	size = strnlen(from, size); /* `from` may be shorter than its buffer's size */
	memcpy(copy, from, size);
	copy[size] = '\0';
	for (const char *s = copy; *s; s += n) {
		__u32 c = utf8__decode(s, &n);
		bool ok = c != UTF8_INVALID && utf8__columns(c) >= 0 && (!ascii || c < 0x80);

		if (ok)
			memcpy(to + used, s, n);
		else
			to[used] = '?';
		used += ok ? n : 1;
	}
	to[used] = '\0';
}

struct format format_name(const char *name, size_t size, bool ascii)
{
	struct format f;

	sanitize(f.s, sizeof(f.s), name, size, ascii);
	return f;
}

struct format_long format_sentence(const char *s, size_t size, bool ascii)
{
	struct format_long f;

	sanitize(f.s, sizeof(f.s), s, size, ascii);
	return f;
}

int format__columns(const char *s)
{
	int columns = 0;
	size_t n;

	for (; *s; s += n) {
		__u32 c = utf8__decode(s, &n);

		columns += c == UTF8_INVALID || utf8__columns(c) < 0 ? 1 : utf8__columns(c);
	}
	return columns;
}

struct format format_bytes(__u64 n)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	struct format f;
	double value = (double)n;
	int unit = 0;

	for (; value >= 1000 && unit < 4; unit++)
		value /= 1024;
	snprintf(f.s, sizeof(f.s), unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return f;
}

void format__shorten(struct format *s, int columns, bool ascii)
{
	const char *dots = ascii ? "." : "…", *tail;
	struct format whole = *s;
	int end = columns / 3;

	if (columns < 3 || format__columns(s->s) <= columns) {
		format__cut(s, columns);
		return;
	}
	tail = whole.s + strlen(whole.s);
	while (tail > whole.s && format__columns(tail) < end)
		do
			tail--;
		while (tail > whole.s && (*tail & 0xc0) == 0x80);
	format__cut(s, columns - format__columns(tail) - 1);
	strcat(s->s, dots);
	strcat(s->s, tail);
}

void format__cut(struct format *s, int columns)
{
	size_t length = strlen(s->s);

	while (length && format__columns(s->s) > columns) {
		while (length && (s->s[length - 1] & 0xc0) == 0x80)
			length--;
		length -= length ? 1 : 0;
		s->s[length] = '\0';
	}
}
