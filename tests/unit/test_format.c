// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>

#include "core/figures/bins.h"
#include "core/base/format.h"
#include "random.h"
#include "test.h"
#include "core/base/utf8.h"

TEST(durations)
{
	static const struct {
		__u64 ns;
		const char *want;
	} rows[] = {
		{0, "0 ns"},
		{850, "850 ns"},
		{999, "999 ns"},
		{1000, "1.00 µs"},
		{12345, "12.3 µs"},
		{99949, "99.9 µs"},
		{99950, "100 µs"},
		{999499, "999 µs"},
		{999500, "1.00 ms"},
		{5012345, "5.01 ms"},
		{1200000000, "1.20 s"},
		{9994999999, "9.99 s"},
		{9995000000, "10.0 s"},
		{59949999999, "59.9 s"},
		{59950000000, "1 min 0 s"},
		{123000000000, "2 min 3 s"},
		{3599600000000, "1 h 0 min"},
		{3720000000000, "1 h 2 min"},
		{~0ULL, "5124095 h 34 min"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK_STR(format_ns(rows[i].ns, false).s, rows[i].want);
	CHECK_STR(format_ns(12345, true).s, "12.3 us");
}

TEST(every_duration_has_three_digits)
{
	__u64 r = random_seed(3);

	for (int i = 0; i < 100000; i++) {
		__u64 ns = 1000 + random_size(&r, 35);
		struct format f = format_ns(ns, true);
		int digits = 0;
		double value = strtod(f.s, NULL);
		const char *unit = strchr(f.s, ' ') + 1;
		double scale = *unit == 'u' ? 1e3 : *unit == 'm' ? 1e6 : 1e9;

		for (const char *s = f.s; *s != ' '; s++)
			digits += *s != '.';
		CHECK(digits == 3, "%llu is \"%s\"", ns, f.s);
		CHECK(fabs(value * scale - (double)ns) <= 0.00501 * (double)ns, "%llu is \"%s\"",
		      ns, f.s);
	}
}

TEST(intervals)
{
	CHECK_STR(format_interval(5000, false).s, "5 ms");
	CHECK_STR(format_interval(500, false).s, "500 µs");
	CHECK_STR(format_interval(500, true).s, "500 us");
	CHECK_STR(format_interval(1500, false).s, "1.50 ms");
	CHECK_STR(format_interval(100000000, false).s, "100 s");
}

TEST(counts)
{
	CHECK_STR(format_count(0).s, "0");
	CHECK_STR(format_count(999).s, "999");
	CHECK_STR(format_count(1000).s, "1,000");
	CHECK_STR(format_count(1234567).s, "1,234,567");
	CHECK_STR(format_count(~0ULL).s, "18,446,744,073,709,551,615");
}

TEST(percents)
{
	CHECK_STR(format_percent(0).s, "0.0 %");
	CHECK_STR(format_percent(0.0001).s, "<0.1 %");
	CHECK_STR(format_percent(0.123).s, "12.3 %");
	CHECK_STR(format_percent(0.9999).s, ">99.9 %");
	CHECK_STR(format_percent(1).s, "100 %");
	CHECK_STR(format_percent(2.5).s, "250 %");
	CHECK_STR(format_percent(NAN).s, "?");
	CHECK_STR(format_percent(INFINITY).s, "?");
}

TEST(means)
{
	CHECK_STR(format_mean(0).s, "0.00");
	CHECK_STR(format_mean(0.001).s, "<0.01");
	CHECK_STR(format_mean(2.971).s, "2.97");
	CHECK_STR(format_mean(9.996).s, "10.0");
	CHECK_STR(format_mean(123.4).s, "123");
	CHECK_STR(format_mean(1234.5).s, "1,235");
	CHECK_STR(format_mean(NAN).s, "?");
}

TEST(names)
{
	CHECK_STR(format_name("python3", 16, false).s, "python3");
	CHECK_STR(format_name("0123456789abcdefgh", 16, false).s, "0123456789abcdef");
	CHECK_STR(format_name("a\033[31mb\r\n\x7f", 16, false).s, "a?[31mb???");
	CHECK_STR(format_name("gr\xc3\xbc\xc3\x9f", 16, false).s, "grüß");
	CHECK_STR(format_name("gr\xc3\xbc\xc3\x9f", 16, true).s, "gr??");
	CHECK_STR(format_name("cut\xe2\x82", 16, false).s, "cut??");
	CHECK_STR(format_name("\xc2\x9b"
			      "31m",
			      16, false)
			  .s,
		  "?31m"); /* a control sequence, too */
	CHECK_STR(format_name("\xe2\x80\xaex", 16, false).s, "?x");
}

/* Whatever the bytes are, nothing passes that would control a terminal. */
TEST(random_names)
{
	__u64 r = random_seed(4);

	for (int n = 0; n < 100000; n++) {
		char name[16];
		struct format f;
		size_t length;

		for (int i = 0; i < 16; i++)
			name[i] = (char)random_next(&r);
		f = format_name(name, sizeof(name), n & 1);
		for (const char *s = f.s; *s; s += length) {
			__u32 c = utf8__decode(s, &length);

			CHECK(c != UTF8_INVALID && utf8__columns(c) >= 0, "run %d", n);
			CHECK(!(n & 1) || c < 0x80, "run %d", n);
		}
	}
}

TEST(utf8_is_strict)
{
	static const struct {
		const char *bytes;
		__u32 want;
		size_t length;
	} rows[] = {
		{"a", 'a', 1},
		{"\xc3\xbc", 0xfc, 2},
		{"\xe2\x82\xac", 0x20ac, 3},
		{"\xf0\x9f\x90\x8d", 0x1f40d, 4},
		{"\xc0\x80", UTF8_INVALID, 1},         /* overlong */
		{"\xe0\x80\x80", UTF8_INVALID, 1},     /* overlong */
		{"\xed\xa0\x80", UTF8_INVALID, 1},     /* surrogate */
		{"\xf4\x90\x80\x80", UTF8_INVALID, 1}, /* beyond the last */
		{"\x80", UTF8_INVALID, 1},
		{"\xf8\x88\x80\x80", UTF8_INVALID, 1},
		{"\xe2\x82", UTF8_INVALID, 1},
		{"\xff", UTF8_INVALID, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t length;

		CHECK_EQ(utf8__decode(rows[i].bytes, &length), rows[i].want);
		CHECK_EQ(length, rows[i].length);
	}
}

TEST(columns)
{
	CHECK_EQ(format__columns(""), 0);
	CHECK_EQ(format__columns("12.3 µs"), 7);
	CHECK_EQ(format__columns("\xe4\xb8\xad\xe6\x96\x87"), 4);
	CHECK_EQ(format__columns("e\xcc\x81"), 1);
}

static const char *shortened(const char *s, int columns, bool ascii)
{
	static struct format f;

	f = format_name(s, strlen(s), ascii);
	format__shorten(&f, columns, ascii);
	return f.s;
}

/* What tells names of threads apart is often at their ends. */
TEST(shortened_names)
{
	CHECK_STR(shortened("io-1", 9, false), "io-1");
	CHECK_STR(shortened("MainThread", 10, false), "MainThread");
	CHECK_STR(shortened("ThreadPoolExecutor-0_3", 9, false), "Threa…0_3");
	CHECK_STR(shortened("ThreadPoolExecutor-0_3", 15, true), "ThreadPoo.r-0_3");
	CHECK_STR(shortened("中文中文中文", 9, false), "中文…中文");
	CHECK_STR(shortened("abc", 2, false), "ab");
}

TEST(bin_labels)
{
	CHECK_STR(bins__label(0, false).s, "[0ns, 100ns)");
	CHECK_STR(bins__label(3, false).s, "[500ns, 1µs)");
	CHECK_STR(bins__label(3, true).s, "[500ns, 1us)");
	CHECK_STR(bins__label(15, false).s, "[5ms, 10ms)");
	CHECK_STR(bins__label(26, false).s, "[20s, 50s)");
	CHECK_STR(bins__label(BINS - 1, false).s, "50s or more");
}

TEST(bins_have_every_value)
{
	static struct gil_hist h;
	__u64 r = random_seed(5), count = 0;
	struct bins b;

	b = bins__of_hist(&h);
	CHECK(b.first > b.last && !b.largest, "not empty");
	for (int i = 0; i < 10000; i++)
		gil_hist_add(&h, random_size(&r, 40));
	b = bins__of_hist(&h);
	for (int i = 0; i < BINS; i++)
		count += b.count[i];
	CHECK_EQ(count, 10000);
	CHECK(b.count[b.first] && b.count[b.last], "empty ends");
}

TEST(bins_around_the_switch_interval)
{
	static struct gil_hist h;
	struct bins b;

	gil_hist_add(&h, 4700000);
	gil_hist_add(&h, 5060000);
	gil_hist_add(&h, 9000000);
	b = bins__of_hist(&h);
	CHECK_EQ(b.count[14], 1);
	CHECK_EQ(b.count[15], 2);
	CHECK_EQ(b.first, 14);
	CHECK_EQ(b.last, 15);
	CHECK_EQ(b.largest, 2);
}

TEST_MAIN
