// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules: which ones parse, where the caret is in the others, and files of rules. */
#include <errno.h>
#include <math.h>

#include "core/rules/assertion.h"
#include "core/base/format.h"
#include "random.h"
#include "core/base/suggest.h"
#include "test.h"

/* Rules, and the form in which they are printed; NULL: unchanged. */
static const struct {
	const char *text;
	const char *printed;
} good[] = {
	{"wait.p99 < 10ms", NULL},
	{"wait.p99<10ms", "wait.p99 < 10ms"},
	{"  wait.p99\t<= 10ms  ", "wait.p99 <= 10ms"},
	{"warn hold.max < 50ms", NULL},
	{"hold_blocked.sum < 100us", "hold_blocked < 100us"},
	{"hold_blocked < 100us", NULL},
	{"hold_blocked.ratio < 1%", NULL},
	{"held_ratio < 90%", NULL},
	{"blame.ratio{function~\"json.*\"} < 20%", NULL},
	{"blame_hold.sum{file~\"*/json/*\", function=\"dumps\"} < 1s",
	 "blame_hold{function=\"dumps\",file~\"*/json/*\"} < 1s"},
	{"held_ratio <= 0.9", NULL},
	{"held_ratio.ratio <= 0.90", "held_ratio <= 0.90"},
	{"wait_ratio < 1.5", NULL},
	{"requested_releases.rate < 100/s", NULL},
	{"requested_releases.ratio < 5%", NULL},
	{"contended.count == 0", "contended == 0"},
	{"handoff.p99.9 < 1s", NULL},
	{"handoff.p99.9000 < 1s", "handoff.p99.9 < 1s"},
	{"hold.p0.0001 > 10ns", NULL},
	{"chain.max < 20", NULL},
	{"chain.p50 < 2", NULL},
	{"gil_enabled == 0", NULL},
	{"gil_enabled != 1", NULL},
	{"wait.p99{thread~\"io*\"} < 5ms", NULL},
	{"wait.p99 { pid = \"12\" , thread ~ \"io*\" } < 5ms",
	 "wait.p99{thread~\"io*\",pid=\"12\"} < 5ms"},
	{"hold.max{process=\"a\\\"b\\\\\",python~\"3.1?*\"} < 1ms", NULL},
	{"hold.max{thread=\"} < 1ms, #\"} < 1ms", NULL},
	{"wait.p99 < +10% vs baseline", NULL},
	{"wait.p99 < +10% and +200us vs baseline", NULL},
	{"acquisitions.rate > -10% vs baseline over worst", NULL},
	{"wait.p99 < 10ms over all if wait.count >= 100", NULL},
	{"wait.p99 < 10ms over median", NULL},
	{"warn wait.mean{thread=\"a\"} < +5% and +1ms vs baseline over best if held_ratio > 50%",
	 NULL},
	{"wait.max < 007ms", "wait.max < 7ms"},
};

TEST(good_rules)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct assertion_error e;
		struct assertion a, b;

		CHECK(!assertion__parse(&a, good[i].text, &e), "%s: %s", good[i].text, e.message);
		CHECK_STR(assertion__print(&a).s, good[i].printed ? good[i].printed : good[i].text);
		CHECK(!assertion__parse(&b, assertion__print(&a).s, &e), "%s again: %s",
		      good[i].text, e.message);
		CHECK_STR(assertion__print(&b).s, assertion__print(&a).s);
	}
}

/* Wrong rules, where the caret must be, and the suggestion. */
static const struct {
	const char *text;
	const char *carets;
	const char *suggestion;
} bad[] = {
	{"", "^", ""},
	{"wiat.p99 < 10ms", "^^^^", "wait"},
	{"hold_blocked_ns < 10ms", "^^^^^^^^^^^^^^^", "hold_blocked"},
	{"nothing.like_it < 10ms", "^^^^^^^", ""},
	{"wait < 10ms", "^^^^", "wait.p99 or wait.max"},
	{"wait.p100 < 10ms", "     ^^^^", "p50"},
	{"wait.p999 < 10ms", "     ^^^^", "p99"},
	{"wait.p0 < 10ms", "     ^^", "p50"},
	{"wait.p99. < 10ms", "        ^", ""},
	{"wait.maxx < 10ms", "     ^^^^", "max"},
	{"wait.avg < 10ms", "     ^^^", ""},
	{"wait. < 10ms", "     ^", ""},
	{"chain.ratio < 1%", "      ^^^^^", "rate"},
	{"acquisitions.ratio < 1%", "             ^^^^^", "rate"},
	{"gil_enabled.max == 1", "            ^^^", ""},
	{"held_ratio.p99 < 1%", "           ^^^", ""},
	{"wait .p99 < 10ms", "    ^", ""},
	{"wait. p99 < 10ms", "     ^", ""},
	{"wait.p 99 < 10ms", "     ^", ""},
	{"wait.p99 < 10 ms", "             ^", ""},
	{"wait.p99 < = 10ms", "          ^", ""},
	{"wait.p99 < 1 0ms", "            ^", ""},
	{"wait.p99 < 10", "           ^^", "10ms"},
	{"wait.p99 < 10%", "           ^^^", ""},
	{"wait.p99 < 10msec", "             ^^^^", ""},
	{"wait.p99 < 10µs", "             ^^^", "us"},
	{"wait.p99 < 10xyzabc", "             ^^^^^^", ""},
	{"wait.p99 < 1.2.3ms", "              ^", ""},
	{"wait.p99 < 1.ms", "            ^", ""},
	{"wait.p99 < .5ms", "           ^", ""},
	{"wait.p99 < 1234567890123456ms", "           ^^^^^^^^^^^^^^^^", ""},
	{"wait.p99 < 1e3ms", "            ^^^^", ""},
	{"wait.p99 < -1ms", "           ^^^^", "+10% and -1ms"},
	{"wait.p99 < 1ms if wait.count > -1", "                               ^",
	 "+10% vs baseline"},
	{"wait.p99 10ms", "         ^^^^", ""},
	{"wait.p99 = 10ms", "         ^", "=="},
	{"wait.p99 =< 10ms", "         ^^", "<="},
	{"wait.p99 <> 10ms", "         ^^", ""},
	{"wait.p99 <", "          ^", ""},
	{"wait.p99", "        ^", ""},
	{"wait.rate < 10", "            ^^", "10/s"},
	{"wait.count < 10ms", "             ^^^^", ""},
	{"gil_enabled == 2", "               ^", ""},
	{"wait.max{thread~io*} < 1ms", "                ^^^", "\"io*\""},
	{"wait.max{thread~\"io*} < 1ms", "                ^^^^^^^^^^^", ""},
	{"wait.max{thread=\"\"} < 1ms", "                ^^", ""},
	{"wait.max{thraed=\"a\"} < 1ms", "         ^^^^^^", "thread"},
	{"wait.max{tid=\"1\"} < 1ms", "         ^^^", "pid"},
	{"wait.max{thread:\"1\"} < 1ms", "               ^", ""},
	{"wait.max{thread=\"a\",thread=\"b\"} < 1ms", "                    ^^^^^^", ""},
	{"wait.max{thread=\"a\" < 1ms", "                    ^", ""},
	{"wait.max{thread=\"a\"", "        ^^^^^^^^^^^", ""},
	{"wait.max{} < 1ms", "         ^", ""},
	{"blame.ratio < 20%", "^^^^^", "blame.ratio{function~\"json.*\"}"},
	{"blame.p99{function=\"f\"} < 20%", "      ^^^", ""},
	{"blame.ratio{thread=\"a\"} < 20%", "            ^^^^^^", ""},
	{"hold.max{function=\"f\"} < 1s", "         ^^^^^^^^", "blame.ratio or blame_hold.ratio"},
	{"hold.max < 1s if blame.ratio > 1%", "                 ^^^^^",
	 "blame.ratio{function~\"json.*\"}"},
	{"held_ratio{thread=\"a\"} < 1%", "           ^^^^^^", "hold.ratio or wait.ratio"},
	{"wait.p99 < +10%", "               ^", "vs baseline"},
	{"wait.p99 < +10% vs", "                ^^", "vs baseline"},
	{"wait.p99 < +10% vs basline", "                ^^^^^^^^^^", "vs baseline"},
	{"wait.p99 < 10% vs baseline", "           ^^^", ""},
	{"wait.p99 < 10ms vs baseline", "           ^^^^", "+10%"},
	{"wait.p99 < +10ms vs baseline", "           ^^^^^", "+10% and +10ms"},
	{"wait.p99 < +10% and 2ms vs baseline", "                    ^^^", ""},
	{"wait.p99 < +10% and +2% vs baseline", "                    ^^^", ""},
	{"wait.p99 == +10% vs baseline", "            ^^^^", ""},
	{"wait.p99 < 10ms over mean", "                     ^^^^", "median"},
	{"gil_enabled == 1 over best", "                      ^^^^", "over all"},
	{"wait.p99 < 10ms ovre all", "                ^^^^", "over"},
	{"wait.p99 < 10ms if", "                  ^", ""},
	{"wait.p99 < 10ms if wait.cuont > 1", "                        ^^^^^", "count"},
	{"wait.p99 < 10ms if wait.count{thread=\"a\"} > 1", "                             ^", ""},
	{"wait.p99 < 10ms and hold.max < 1s", "                ^^^", ""},
	{"wait.p99 < 10ms; rm", "             ^^^", "ms"},
	{"wait.p99 < 10ms\n", "               ^", ""},
	{"warn", "    ^", ""},
};

TEST(bad_rules)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char carets[100] = "";
		struct assertion_error e;
		struct assertion a;

		CHECK(assertion__parse(&a, bad[i].text, &e) == -EINVAL, "\"%s\" parses",
		      bad[i].text);
		snprintf(carets, sizeof(carets), "%*s%.*s", e.at, "", e.length ? e.length : 1,
			 "^^^^^^^^^^^^^^^^^^^^^^^^");
		CHECK(!strcmp(carets, bad[i].carets), "\"%s\": \"%s\", not \"%s\" (%s)",
		      bad[i].text, carets, bad[i].carets, e.message);
		CHECK(!strcmp(e.suggestion, bad[i].suggestion), "\"%s\" suggests \"%s\" (%s)",
		      bad[i].text, e.suggestion, e.message);
		CHECK(e.message[0], "\"%s\": no message", bad[i].text);
	}
}

TEST(errors_are_shown_below_the_rule)
{
	struct assertion_set set = {0};
	struct failure f = {0};

	CHECK_EQ(assertion_set__add(&set, "wait.p99\t< 10 ms if wiat.count > 1", &f), -EINVAL);
	CHECK_STR(f.what, "--assert: a stray space between number and unit\n"
			  "    wait.p99 < 10 ms if wiat.count > 1\n"
			  "                 ^");
	CHECK_STR(f.command, "gilscope metrics");
	CHECK_EQ(assertion_set__add(&set, "wait{thread~\"gr\xc3\xbc\xc3\x9f\"}", &f), -EINVAL);
	CHECK_STR(f.what, "--assert: wait is a distribution: name a statistic of it\n"
			  "    wait{thread~\"gr\xc3\xbc\xc3\x9f\"}\n"
			  "    ^^^^ did you mean wait.p99 or wait.max?");
	CHECK_EQ(assertion_set__add(&set, "wait.max{thread~\"\xc3\xbc\xc3\x9f\"} < 10", &f),
		 -EINVAL);
	CHECK_STR(f.what, "--assert: wait.max is a time: give ns, us, ms or s\n"
			  "    wait.max{thread~\"\xc3\xbc\xc3\x9f\"} < 10\n"
			  "                            ^^ did you mean 10ms?");
	CHECK_EQ(set.nr, 0);
	assertion_set__clear(&set);
}

/* Wherever the error is in a long rule, the caret is below it. */
TEST(errors_of_long_rules)
{
	struct assertion_set set = {0};
	char text[1000];

	for (size_t n = 0; n < 900; n++) {
		struct failure f = {0};
		const char *line, *caret;

		snprintf(text, sizeof(text), "%*swait.max $ 1", (int)n, "");
		CHECK_EQ(assertion_set__add(&set, text, &f), -EINVAL);
		line = strchr(f.what, '\n') + 1;
		caret = strchr(line, '\n') + 1;
		if (n < 450)
			CHECK(line[strcspn(caret, "^")] == '$', "%zu:\n%s", n, f.what);
	}
	assertion_set__clear(&set);
}

TEST(values)
{
	static const struct {
		const char *rule;
		double value;
	} rows[] = {
		{"wait.max < 10ms", 1e7},   {"wait.max < 1.5us", 1500},
		{"wait.sum < 2m", 120e9},   {"hold.sum < 1.5h", 5400e9},
		{"wait.max < 2s", 2e9},     {"wait.max < 7ns", 7},
		{"held_ratio < 90%", 0.9},  {"held_ratio < 0.9", 0.9},
		{"wait.rate < 2.5/s", 2.5}, {"wait.count < 12", 12},
		{"held_ratio < 10%", 0.1},  {"wait.max < -10% vs baseline", -0.1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct assertion_error e;
		struct assertion a;

		if (i + 1 == sizeof(rows) / sizeof(*rows)) {
			CHECK(!assertion__parse(&a, rows[i].rule, &e), "%s", e.message);
		} else {
			CHECK(!assertion__parse(&a, rows[i].rule, &e), "%s", e.message);
		}
		CHECK(assertion_number__value(&a.limit) == rows[i].value, "%s: %.17g", rows[i].rule,
		      assertion_number__value(&a.limit));
	}
}

/* Pieces of rules in any order. If a rule parses, it prints as text that parses to the same rule. */
TEST(random_rules_go_round)
{
	static const char *const pieces[] = {
		"wait",
		".p99",
		".max",
		" ",
		"<",
		">=",
		"==",
		"10ms",
		"1.50s",
		"warn ",
		"held_ratio",
		"{",
		"thread",
		"~",
		"=",
		"\"a\\\"*\"",
		"}",
		",",
		"pid",
		"over ",
		"all",
		"worst",
		"if ",
		"+10%",
		" and ",
		" vs ",
		"baseline",
		"50%",
		"chain.max",
		"gil_enabled",
		"0",
		".p",
		"99.9",
		"hold_blocked",
		".ratio",
		".count",
		"wait.p99 < 10ms",
		"hold.max{thread~\"x\"} <",
	};
	__u64 r = random_seed(11);
	int parsed = 0;

	for (int n = 0; n < 300000; n++) {
		char text[600] = "";
		struct assertion_error e;
		struct assertion a, b;

		for (int i = 1 + (int)random_below(&r, 9); i; i--)
			strcat(text, pieces[random_below(&r, sizeof(pieces) / sizeof(*pieces))]);
		if (assertion__parse(&a, text, &e)) {
			CHECK(e.message[0] && e.at >= 0 && e.at <= (int)strlen(text), "%s", text);
			continue;
		}
		parsed++;
		CHECK(!assertion__parse(&b, assertion__print(&a).s, &e), "%s", text);
		CHECK_STR(assertion__print(&b).s, assertion__print(&a).s);
	}
	CHECK(parsed > 100, "%d", parsed);
}

TEST(distances)
{
	CHECK_EQ(suggest__distance("", 0, "abc", 3), 3);
	CHECK_EQ(suggest__distance("abc", 3, "abc", 3), 0);
	CHECK_EQ(suggest__distance("wiat", 4, "wait", 4), 1);
	CHECK_EQ(suggest__distance("kitten", 6, "sitting", 7), 3);
}

/* ---- files ---- */

struct file {
	const char *path;
	const char *text;
};

static int read_files(void *ctx, const char *path, char **text, size_t *size)
{
	for (const struct file *f = ctx; f->path; f++) {
		if (!strcmp(f->path, path)) {
			*text = strdup(f->text);
			*size = strlen(f->text);
			return 0;
		}
	}
	return -ENOENT;
}

static int read_set(struct assertion_set *set, struct file *files, struct failure *f)
{
	struct assertion_reader reader = {.read = read_files, .ctx = files};

	memset(set, 0, sizeof(*set));
	memset(f, 0, sizeof(*f));
	return assertion_set__read(set, "ci/rules", &reader, f);
}

TEST(files)
{
	struct file files[] = {
		{"ci/rules", "# what we promise\r\n"
			     "\n"
			     "wait.p99 < 10ms  # a comment\r\n"
			     "\tinclude \"more/rules\"\n"
			     "include other\n"
			     "hold.max{thread~\"#x\"} < 1s # \"quoted\n"},
		{"ci/more/rules", "include \"../last\"\nwarn chain.max < 3"},
		{"ci/more/../last", "gil_enabled == 1\n"},
		{"ci/other", ""},
		{NULL, NULL},
	};
	static const struct {
		const char *rule, *file;
		unsigned int line;
	} want[] = {
		{"wait.p99 < 10ms", "ci/rules", 3},
		{"gil_enabled == 1", "ci/more/../last", 1},
		{"warn chain.max < 3", "ci/more/rules", 2},
		{"hold.max{thread~\"#x\"} < 1s", "ci/rules", 6},
	};
	struct assertion_set set;
	struct failure f;

	CHECK(!read_set(&set, files, &f), "%s", f.what);
	CHECK_EQ(set.nr, 4);
	for (size_t i = 0; i < set.nr; i++) {
		CHECK_STR(assertion__print(&set.list[i]).s, want[i].rule);
		CHECK_STR(set.list[i].file, want[i].file);
		CHECK_EQ(set.list[i].line, want[i].line);
	}
	assertion_set__clear(&set);
}

static void check_refused(struct file *files, const char *what)
{
	struct assertion_set set;
	struct failure f;

	CHECK(read_set(&set, files, &f) < 0, "accepted: %s", what);
	assertion_set__clear(&set);
	CHECK(!strncmp(f.what, what, strlen(what)), "\"%s\", not \"%s\"", f.what, what);
}

TEST(bad_files)
{
	struct file bad_rule[] = {{"ci/rules", "\n  wiat.p99 < 1ms # x\n"}, {0}};
	struct file no_file[] = {{"ci/rules", "include \"nowhere\""}, {0}};
	struct file no_name[] = {{"ci/rules", "include \t"}, {0}};
	struct file itself[] = {{"ci/rules", "include \"rules\""}, {0}};
	struct file missing[] = {{0}};

	check_refused(bad_rule, "ci/rules:2: unknown metric \"wiat\"\n    wiat.p99 < 1ms\n"
				"    ^^^^ did you mean wait?");
	if (!test_failure[0])
		check_refused(no_file, "cannot read ci/nowhere: No such file");
	if (!test_failure[0])
		check_refused(no_name, "ci/rules:1: include needs a file name");
	if (!test_failure[0])
		check_refused(itself, "more than 64 files of rules");
	if (!test_failure[0])
		check_refused(missing, "cannot read ci/rules: No such file");
}

TEST_MAIN
