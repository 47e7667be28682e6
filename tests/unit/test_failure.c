// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <limits.h>
#include <locale.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/failure.h"
#include "core/base/printable.h"
#include "test.h"

static char text[256];

static const char *format(enum printable kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!printable__vformat(text, sizeof(text), kind, fmt, ap))
		strcat(text, "[cut]");
	va_end(ap);
	return text;
}

TEST(formats_as_printf_does)
{
	CHECK_STR(format(PRINTABLE_TEXT, "%d %u %x %%", -5, 7U, 255U), "-5 7 ff %");
	CHECK_STR(format(PRINTABLE_TEXT, "%ld %lu %lld %llu %zu", LONG_MIN, ULONG_MAX, LLONG_MIN,
			 ULLONG_MAX, (size_t)3),
		  "-9223372036854775808 18446744073709551615 -9223372036854775808 "
		  "18446744073709551615 3");
	CHECK_STR(format(PRINTABLE_TEXT, "%5d|%-5d|%05d|%+d|%*d", 42, 42, 42, 42, 4, 1),
		  "   42|42   |00042|+42|   1");
	CHECK_STR(format(PRINTABLE_TEXT, "%5s|%-5s|%.2s|%.*s|%*s|", "ab", "ab", "abc", 1, "abc", 3,
			 ""),
		  "   ab|ab   |ab|a|   |");
	CHECK_STR(format(PRINTABLE_TEXT, "%c%c", 'a', 27), "a?");
}

TEST(an_argument_without_an_end)
{
	const char word[3] = {'a', 'b', 'c'};

	CHECK_STR(format(PRINTABLE_TEXT, "%.3s", word), "abc");
}

TEST(text_has_no_controls)
{
	CHECK_STR(format(PRINTABLE_TEXT, "a\n%s", "\033[31mred\nb\r\t\177"), "a\n?[31mred?b???");
	CHECK_STR(format(PRINTABLE_TEXT, "%s", "K\303\244se \343\201\202"),
		  "K\303\244se \343\201\202");
	/* The terminal's commands in one character; a turned direction; a byte that is not UTF-8. */
	CHECK_STR(format(PRINTABLE_TEXT, "%s", "\302\233x\342\200\256y\377z"), "?x?y?z");
}

TEST(lines_are_wrapped_between_words)
{
	struct failure f = {0};
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	failure__what(&f, "a message that is long enough for two lines\n    ^^^ of a mark");
	failure__command(&f, "a command that is never wrapped in any way");
	failure__set_width(40);
	failure__print(&f, out);
	failure__set_width(0);
	failure__print(&f, out);
	fclose(out);
	CHECK_STR(got, "gilscope: a message that is long enough\n"
		       "  for two lines\n"
		       "    ^^^ of a mark\n"
		       "  try: a command that is never wrapped in any way\n"
		       "gilscope: a message that is long enough for two lines\n"
		       "    ^^^ of a mark\n"
		       "  try: a command that is never wrapped in any way\n");
	free(got);
}

TEST(a_command_of_words)
{
	struct failure f = {.command = "gilscope stat"};

	failure__word(&f, "--json");
	failure__word(&f, "-d");
	failure__word(&f, "0.5");
	failure__word(&f, "--");
	failure__word(&f, "-");
	failure__word(&f, "a b");
	failure__word(&f, "--x=;y");
	CHECK_STR(f.command, "gilscope stat --json -d 0.5 -- - 'a b' --'x=;y'");
	for (int i = 0; i < 40; i++)
		failure__word(&f, "a-word-that-is-long");
	CHECK_STR(f.command, "");
	failure__word(&f, "more");
	CHECK_STR(f.command, "");
}

TEST(words_of_a_shell)
{
	CHECK_STR(format(PRINTABLE_SHELL, "ls -l %s", "/tmp/a-b_c.json"), "ls -l /tmp/a-b_c.json");
	CHECK_STR(format(PRINTABLE_SHELL, "ls %s", ""), "ls ''");
	CHECK_STR(format(PRINTABLE_SHELL, "ls %s", "a b;rm *"), "ls 'a b;rm *'");
	CHECK_STR(format(PRINTABLE_SHELL, "ls %s", "it's"), "ls $'it\\'s'");
	CHECK_STR(format(PRINTABLE_SHELL, "ls %s", "a\n\033b\\"), "ls $'a\\012\\033b\\\\'");
	CHECK_STR(format(PRINTABLE_SHELL, "ls %s", "-rf"), "ls ./-rf");
	CHECK_STR(format(PRINTABLE_SHELL, "report %s", "-"), "report -");
}

/* A shell makes the same bytes of each word again. */
TEST(a_shell_reads_the_word_again)
{
	static const char *const names[] = {"a b",         "$(id)`id`\"", "it's",
					    "\n\033[2J\\", "\377\302",    "K\303\244se",
					    "~",           "*?[a]",       "a\0071"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char script[512], read[64];
		FILE *shell;
		size_t n;

		format(PRINTABLE_SHELL, "printf %%s %s", names[i]);
		snprintf(script, sizeof(script), "exec bash -c '%s'", "eval \"$COMMAND\"");
		setenv("COMMAND", text, 1);
		shell = popen(script, "r");
		CHECK(shell, "no shell");
		n = fread(read, 1, sizeof(read) - 1, shell);
		read[n] = '\0';
		pclose(shell);
		CHECK_STR(read, names[i]);
	}
}

TEST(a_command_fits_or_is_left_out)
{
	struct failure f = {0};
	char name[4096];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	failure__command(&f, "ls -l %s", name);
	CHECK_STR(f.command, "");
	failure__what(&f, "cannot open %s: no", name);
	CHECK_EQ(strlen(f.what), sizeof(f.what) - 1);
}

TEST(text_is_not_cut_inside_a_character)
{
	char to[6];

	printable__lines(to, sizeof(to), "abcd\303\244", false);
	CHECK_STR(to, "abcd");
}

TEST(lines_stay_lines)
{
	char to[64];

	printable__lines(to, sizeof(to), "a\nb\033\303\244", false);
	CHECK_STR(to, "a\nb?\303\244");
	printable__lines(to, sizeof(to), "a\nb\033\303\244", true);
	CHECK_STR(to, "a\nb??");
}

/* Nobody can forget it: a failure that was made without the setters is harmless too. */
TEST(a_failure_is_printed_harmless)
{
	struct failure f = {.what = "a\033[2J", .cause = "\302\233", .command = "\033c"};
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	CHECK(out, "no memory");
	failure__print(&f, out);
	fclose(out);
	CHECK_STR(printed, "gilscope: a?[2J\n  likely cause: ?\n  try: ?c\n");
	free(printed);
}

int main(int argc, char **argv)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	return test_main(argc, argv);
}
