// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The values of options, and the help. */
#include <stdlib.h>

#include "core/base/colour.h"
#include "core/base/options.h"
#include "test.h"

static long long seconds(const char *text)
{
	struct failure f = {0};
	unsigned long long ns = 0;

	return options__seconds(text, &ns, &f) ? -1 : (long long)ns;
}

TEST(lengths_of_time)
{
	CHECK_EQ(seconds("10"), 10000000000LL);
	CHECK_EQ(seconds("0.25"), 250000000);
	CHECK_EQ(seconds("10s"), 10000000000LL);
	CHECK_EQ(seconds("500ms"), 500000000);
	CHECK_EQ(seconds("1.5us"), 1500);
	CHECK_EQ(seconds("7ns"), 7);
	CHECK_EQ(seconds("2m"), 120000000000LL);
	CHECK_EQ(seconds("1h"), 3600000000000LL);
}

TEST(what_is_no_length_of_time)
{
	static const char *const texts[] = {"",    "s",     "0",    "-1",    "+1",    " 1",
					    "1 s", "1e3",   "0x10", "inf",   "1.2.3", "1S",
					    "10x", "9000h", "nan",  "0.1ns", "1,5",   "1d"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK(seconds(texts[i]) < 0, "'%s' was accepted", texts[i]);
}

static int choice(const char *text, struct failure *f)
{
	int n;

	return options__choice(text, "auto|always|never", &n, f) ? -1 : n;
}

TEST(choices)
{
	struct failure f = {0};

	CHECK_EQ(choice("auto", &f), 0);
	CHECK_EQ(choice("never", &f), 2);
	CHECK_EQ(choice("alway", &f), -1);
	CHECK_STR(f.what, "not one of auto|always|never (did you mean always?)");
	CHECK_EQ(choice("", &f), -1);
	CHECK_EQ(choice("auto|always", &f), -1);
	CHECK_EQ(choice("red", &f), -1);
	CHECK_STR(f.what, "not one of auto|always|never");
}

TEST(when_text_has_colours)
{
	const struct colour_environment plain = {NULL, NULL, "xterm"}, no = {"1", NULL, "xterm"},
					force = {"", "1", "dumb"}, both = {"1", "1", NULL},
					zero = {NULL, "0", NULL}, dumb = {NULL, NULL, "dumb"};

	CHECK(colour__wanted(COLOUR_AUTO, &plain, true), "a terminal");
	CHECK(!colour__wanted(COLOUR_AUTO, &plain, false), "a pipe");
	CHECK(colour__wanted(COLOUR_ALWAYS, &no, false), "always");
	CHECK(!colour__wanted(COLOUR_NEVER, &force, true), "never");
	CHECK(!colour__wanted(COLOUR_AUTO, &no, true), "NO_COLOR");
	CHECK(colour__wanted(COLOUR_AUTO, &force, false), "CLICOLOR_FORCE");
	CHECK(!colour__wanted(COLOUR_AUTO, &both, true), "NO_COLOR comes first");
	CHECK(!colour__wanted(COLOUR_AUTO, &zero, false), "CLICOLOR_FORCE=0");
	CHECK(!colour__wanted(COLOUR_AUTO, &dumb, true), "a dumb terminal");
}

static int set_nothing(void *options, const char *value, struct failure *f)
{
	(void)options, (void)value, (void)f;
	return 0;
}

TEST(help_fits_80_columns)
{
	static const struct option_row rows[] = {
		{'s', "short", NULL, "does what it says", set_nothing},
		{0, "a-long-option", "one|of|these",
		 "begins on a line of its own, and its words are wrapped where the line ends",
		 set_nothing},
		{0},
	};
	const struct option_group groups[] = {{"Options", rows, NULL}, {0}};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	options__help(groups, out);
	fclose(out);
	CHECK(strstr(text, "  -s, --short              does what it says\n"), "%s", text);
	CHECK(strstr(text,
		     "      --a-long-option one|of|these\n"
		     "                           begins on a line of its own, and its words are\n"
		     "                           wrapped where the line ends\n"),
	      "%s", text);
	free(text);
}

TEST_MAIN
