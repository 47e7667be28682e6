// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file of defaults: what its lines mean, and which file counts. */
#include <sys/stat.h>

#include "core/base/config.h"
#include "core/base/options.h"
#include "random.h"
#include "test.h"

static struct config c;
static struct failure f;
static char buffer[4096];

static int parse(const char *text)
{
	config__clear(&c);
	memset(&f, 0, sizeof(f));
	snprintf(buffer, sizeof(buffer), "%s", text);
	return config__parse(&c, buffer, "/c", " stat top ", &f);
}

TEST(sections_and_values)
{
	CHECK_EQ(parse("# all\n\n[ stat\ttop ]\r\n color = never \n--no-follow\n[top]\nn=a = b\n"),
		 0);
	CHECK_EQ(c.nr, 3);
	CHECK(config_line__is_for(&c.lines[0], "stat") && config_line__is_for(&c.lines[0], "top"),
	      "two commands");
	CHECK(!config_line__is_for(&c.lines[2], "stat") && !config_line__is_for(&c.lines[0], "sta"),
	      "one command");
	CHECK_STR(c.lines[0].name, "color");
	CHECK_STR(c.lines[0].value, "never");
	CHECK_EQ(c.lines[0].number, 4);
	CHECK_STR(c.lines[1].name, "no-follow");
	CHECK(!c.lines[1].value, "no value");
	CHECK_STR(c.lines[2].value, "a = b");
}

TEST(what_is_wrong_has_its_line)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
		{"color = never\n", "/c:1: there is no section before it, such as [stat]"},
		{"\n[tsat]\n", "/c:2: there is no command 'tsat' (did you mean stat?)"},
		{"[stat nothing]\n", "/c:1: there is no command 'nothing'"},
		{"[]\n", "/c:1: a section needs the name of a command, such as [stat]"},
		{"[stat\n", "/c:1: not a section such as [stat]"},
		{"[stat] x\n", "/c:1: not a section such as [stat]"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK(parse(cases[i].text) < 0, "%s was accepted", cases[i].text);
		CHECK_STR(f.what, cases[i].what);
	}
}

static int set(void *options, const char *value, struct failure *why)
{
	*(const char **)options = value;
	if (value && !strcmp(value, "bad")) {
		failure__what(why, "not good");
		return -1;
	}
	return 0;
}

TEST(options_by_name)
{
	static const struct option_row rows[] = {
		{0, "color", "WHEN", "", set}, {'f', "force", NULL, "", set}, {0}};
	const char *got = NULL;
	const struct option_group groups[] = {{"Options", rows, &got}, {0}};

	CHECK_EQ(options__set(groups, "color", "never", &f), 0);
	CHECK_STR(got, "never");
	CHECK_EQ(options__set(groups, "force", "true", &f), 0);
	CHECK_EQ(options__set(groups, "force", NULL, &f), 0);
	CHECK(options__set(groups, "force", "no", &f), "a flag with a value");
	CHECK_STR(f.what, "force takes no value");
	CHECK(options__set(groups, "color", NULL, &f), "no value");
	CHECK_STR(f.what, "color needs a value: color = WHEN");
	CHECK(options__set(groups, "colr", "x", &f), "unknown");
	CHECK_STR(f.what, "there is no option colr (did you mean color?)");
	CHECK(options__set(groups, "f", NULL, &f), "a letter");
	CHECK(options__set(groups, "color", "bad", &f), "a bad value");
	CHECK_STR(f.what, "color = bad: not good");
}

static bool no_config(const char *line, bool past_words)
{
	static const struct option_row rows[] = {
		{'o', "output", "FILE", "", set}, {'f', "force", NULL, "", set}, {0}};
	const char *got;
	const struct option_group groups[] = {{"Options", rows, &got}, {0}};
	char *argv[16], *rest = buffer;
	int argc = 0;

	snprintf(buffer, sizeof(buffer), "%s", line);
	while ((argv[argc] = strsep(&rest, " ")))
		argc++;
	return options__no_config(groups, argc, argv, past_words);
}

TEST(no_config)
{
	CHECK(no_config("stat -f --no-config -o x", false), "among options");
	CHECK(!no_config("stat -o --no-config", false), "an option's argument");
	CHECK(!no_config("stat -o x -- --no-config", false), "the command's");
	CHECK(!no_config("stat ls --no-config", false), "the command's, without --");
	CHECK(no_config("report x --no-config", true), "behind a word");
	CHECK(!no_config("report x -- --no-config", true), "behind --");
	CHECK(no_config("stat --help", false), "--help needs no file");
}

TEST(only_ones_own_file_counts)
{
	CHECK(!config__refusal(1000, S_IFREG | 0644, 1000), "one's own");
	CHECK(!config__refusal(0, S_IFREG | 0644, 1000), "root's");
	CHECK(config__refusal(1000, S_IFREG | 0644, 0), "a user's, for root");
	CHECK(config__refusal(1001, S_IFREG | 0644, 1000), "another user's");
	CHECK(config__refusal(1000, S_IFREG | 0664, 1000), "the group may write");
	CHECK(config__refusal(0, S_IFREG | 0602, 0), "all may write");
	CHECK(config__refusal(1000, S_IFIFO | 0600, 1000), "a pipe");
	CHECK(config__refusal(1000, S_IFDIR | 0700, 1000), "a folder");
}

TEST(random_text)
{
	static const char letters[] = "[]=# \n\tstatop-\r";
	__u64 seed = random_seed(2);

	for (int i = 0; i < 20000; i++) {
		char text[100];
		size_t n = random_below(&seed, sizeof(text) - 1);

		for (size_t j = 0; j < n; j++)
			text[j] = letters[random_below(&seed, sizeof(letters) - 1)];
		text[n] = '\0';
		parse(text);
	}
	config__clear(&c);
}

TEST_MAIN
