// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The lines of instructions, compared with what each interpreter of this machine says about its own
 * code objects (line_tables.py). With GILSCOPE_LINES=all that is every instruction of its standard
 * library; otherwise, for one interpreter of each version, the ends of each line in some modules.
 */
#include <limits.h>
#include <stdbool.h>

#include "core/python/lines.h"
#include "interpreters.h"
#include "random.h"
#include "test.h"

/* Each look at a table begins at its start, so of a larger one only the ends of lines are looked at. */
#define MUCH 16384

struct comparison {
	const char *python;
	bool all;
	enum lines_kind kind;
	int minor, first_line;
	unsigned char *table;
	size_t size;
	long instructions, codes;
};

static bool read_code(struct comparison *c, const char *text)
{
	int used;

	if (sscanf(text, "code %d %d %n", &c->minor, &c->first_line, &used) != 2)
		return false;
	c->kind = c->minor >= 11 ? LINES_LOCATIONS : c->minor == 10 ? LINES_RANGES : LINES_PAIRS;
	text += used;
	c->table = realloc(c->table, strlen(text) / 2 + 1);
	for (c->size = 0; sscanf(text + 2 * c->size, "%2hhx", c->table + c->size) == 1; c->size++)
		;
	c->codes++;
	return true;
}

static void compare(struct comparison *c, char *text)
{
	bool each = c->all && c->size < MUCH;
	long from, to;
	int line, found;

	if (!strncmp(text, "code", 4)) {
		CHECK(read_code(c, text), "%s: %.80s", c->python, text);
		return;
	}
	CHECK(sscanf(text, "%ld %ld %d", &from, &to, &line) == 3, "%s: %.80s", c->python, text);
	for (long at = from; at < to; at += each || at + 2 >= to ? 2 : to - at - 2) {
		found = lines__at(c->kind, c->table, c->size, c->first_line, at);
		CHECK(found == line, "%s: code %ld (line %d), at %ld: %d, not %d", c->python,
		      c->codes, c->first_line, at, found, line);
		c->instructions++;
	}
}

/* Returns the minor version of this interpreter; 0 if it was not run because `seen` has it already. */
static int compare_with(const char *python, unsigned int seen)
{
	const char *how = getenv("GILSCOPE_LINES");
	struct comparison c = {.python = python, .all = how && !strcmp(how, "all")};
	char command[2 * PATH_MAX], *text = NULL;
	size_t room = 0;
	FILE *out;

	snprintf(command, sizeof(command), "'%s' -W ignore tests/unit/line_tables.py %s %u 2>&1",
		 python, c.all ? "all" : "some", seen);
	out = popen(command, "r");
	while (out && !test_failure[0] && getline(&text, &room, out) >= 0)
		compare(&c, text);
	if ((!out || pclose(out)) && !test_failure[0])
		snprintf(test_failure, sizeof(test_failure), "%s: line_tables.py failed", python);
	free(text);
	free(c.table);
	if (!test_failure[0] && c.minor && (c.codes < 100 || c.instructions < 5000))
		snprintf(test_failure, sizeof(test_failure),
			 "%s: %ld code objects, %ld instructions", python, c.codes, c.instructions);
	if (c.all)
		printf("# %s: %ld code objects, %ld instructions\n", python, c.codes,
		       c.instructions);
	return c.minor;
}

TEST(lines_as_each_interpreter_says)
{
	static struct interpreters all;
	unsigned int seen = 0;

	find_interpreters(&all);
	for (int i = 0; i < all.n && !test_failure[0]; i++)
		seen |= 1U << compare_with(all.path[i], seen);
	if (!all.n)
		SKIP("there is no interpreter");
}

TEST(tables_cut_short)
{
	static const unsigned char location[] = {0xee, 0xff, 0xff}; /* a number that never ends */

	CHECK_EQ(lines__at(LINES_LOCATIONS, NULL, 0, 7, 0), 0);
	CHECK_EQ(lines__at(LINES_RANGES, NULL, 0, 7, 0), 0);
	CHECK_EQ(lines__at(LINES_PAIRS, NULL, 0, 7, 100), 7);
	CHECK_EQ(lines__at(LINES_LOCATIONS, NULL, 0, 7, -1), 7);
	CHECK_EQ(lines__at(LINES_RANGES, "\x02", 1, 7, 0), 7);
	CHECK_EQ(lines__at(LINES_RANGES, "\x02\x01\x04", 3, 7, 2), 8);
	CHECK_EQ(lines__at(LINES_PAIRS, "\x02", 1, 7, 4), 7);
	lines__at(LINES_LOCATIONS, location, sizeof(location), 7, 0);
	/* Lines below 1 and beyond INT_MAX are none. */
	CHECK_EQ(lines__at(LINES_RANGES, "\x02\xf0", 2, 7, 0), 0);
	CHECK_EQ(lines__at(LINES_RANGES, "\x02\x01", 2, INT_MAX, 0), 0);
}

TEST(any_bytes)
{
	__u64 state = random_seed(1);
	unsigned char table[64];

	for (int i = 0; i < 200000; i++) {
		size_t size = random_below(&state, sizeof(table) + 1);

		for (size_t k = 0; k < size; k++)
			table[k] = (unsigned char)random_below(&state, 256);
		CHECK(lines__at(random_below(&state, 3), table, size,
				(int)random_below(&state, 1000),
				(long)random_below(&state, 200)) >= 0);
	}
}

TEST_MAIN
