// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What has its place on a screen: the sentence, columns, empty rows, and what can be clicked. */
#include "frames.h"
#include "random.h"
#include "core/screen/screen_parts.h"

/* The frame on one line, as it reads. */
static char *on_one_line(char *text)
{
	for (char *at = text; *at; at++)
		*at = *at == '\n' ? ' ' : *at;
	return text;
}

static void check_sentence(const char *fixture, int width, int height)
{
	struct history *h = history_of(fixture);
	const struct snapshot *s = history__span(h, HISTORY_WINDOW);
	struct verdict v = s->nr_processes > 1
				   ? verdict__of_snapshot(s)
				   : verdict__of_gil(&s->processes[0], &s->processes[0].gils[0]);
	struct verdict_text told;
	struct view view;
	char *text;

	view__init(&view);
	text = on_one_line(frame(&view, h, width, height, false, false));
	verdict__tell(&v, false, &told);
	CHECK(strstr(text, told.sentence), "%s at %dx%d lacks: %.150s", fixture, width, height,
	      told.sentence);
	CHECK(!strstr(text, "…"), "%s at %dx%d is cut", fixture, width, height);
	/* In a small window, only the most important advice. */
	for (int i = 0; i < VERDICT_SUPPORT && height >= 24; i++)
		CHECK(strstr(text, told.support[i]), "%s at %dx%d lacks: %.150s", fixture, width,
		      height, told.support[i]);
	CHECK(!strstr(told.support[0], "Try:") || strstr(text, "Try:"), "%s: no advice", fixture);
	free(text);
	history__free(h);
}

/* The diagnosis and the advice are whole, and there is still a thread or a process below them. */
TEST(the_sentence_is_whole)
{
	static const char *const fixtures[] = {"single",       "convoy", "blocked", "stuck",
					       "multiprocess", "many",   "native"};

	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++)
		for (size_t j = 0; j < 4 && !test_failure[0]; j++)
			check_sentence(fixtures[i], sizes[j].width, sizes[j].height);
}

TEST(rows_are_shared_out)
{
	__u64 random = random_seed(7);

	for (int round = 0; round < 20000 && !test_failure[0]; round++) {
		int rows = SCREEN_HEIGHT_LEAST - 2 + (int)random_below(&random, 90), sum = 0;
		int want[SCREEN_PARTS], got[SCREEN_PARTS];

		for (int i = 0; i < SCREEN_PARTS; i++)
			want[i] = (int)random_below(&random, i == PART_TABLE ? 300 : 14);
		want[PART_TABLE] += 2;
		screen__share_out(rows, want, round & 1, got);
		for (int i = 0; i < SCREEN_PARTS; i++) {
			CHECK(got[i] >= 0 && (got[i] <= want[i] || i == PART_COST), "part %d", i);
			sum += got[i];
		}
		CHECK(sum <= rows, "%d of %d rows", sum, rows);
		CHECK(got[PART_TABLE] >= 2, "no thread");
		CHECK(got[PART_SENTENCE] == want[PART_SENTENCE] || got[PART_TABLE] <= 3,
		      "the sentence is cut");
		CHECK(sum == rows || got[PART_TABLE] == want[PART_TABLE], "rows are empty");
	}
}

/* The number of empty rows above the row of keys. */
static int empty_rows(const char *text)
{
	int empty = 0;

	for (const char *at = text; *at; at = strchr(at, '\n') + 1) {
		if (!strchr(strchr(at, '\n') + 1, '\n'))
			break;
		empty = *at == '\n' ? empty + 1 : 0;
	}
	return empty;
}

TEST(a_large_window_is_used)
{
	static const char *const fixtures[] = {"single", "convoy", "blocked", "multiprocess"};

	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++) {
		struct history *h = history_of(fixtures[i]);
		struct view v;
		char *text;

		view__init(&v);
		text = frame(&v, h, 200, 60, false, false);
		CHECK(empty_rows(text) <= 2, "%s: %d rows are empty", fixtures[i],
		      empty_rows(text));
		free(text);
		history__free(h);
	}
}

/* What is worth more than a curve of contention is not left out for it. */
TEST(columns_by_priority)
{
	struct history *h = history_of("many");
	struct view v;
	char *text;

	view__init(&v);
	text = frame(&v, h, 80, 24, false, false);
	CHECK(strstr(text, "process name") && strstr(text, "why "), "why");
	CHECK(strstr(text, "acq/s") && strstr(text, "wait p99"), "acq/s, wait p99");
	free(text);
	text = frame(&v, h, 60, 12, false, false);
	CHECK(strstr(text, "why"), "why, in 60 columns");
	free(text);
	history__free(h);
}

/* The cell at which this text begins. */
static void find(const char *text, const char *what, int *x, int *y)
{
	const char *at = strstr(text, what), *line = text;

	CHECK(at, "%s is not on the screen", what);
	for (*y = 0; strchr(line, '\n') < at; (*y)++)
		line = strchr(line, '\n') + 1;
	*x = 0;
	for (; line < at; line++)
		*x += (*line & 0xc0) != 0x80;
}

/* A reversed curve would be a hole in a block. */
TEST(the_curve_of_a_selected_row)
{
	struct history *h = history_of("many");
	struct grid *g = grid__new(200, 24, false);
	int curve = 0, selected = 0;
	struct view v;

	view__init(&v);
	CHECK_EQ(screen__draw(g, &v, h, &facts), 0);
	for (int y = 0; y < g->height; y++)
		for (int x = 0; x < g->width; x++) {
			const struct cell *c = grid__cell(g, x, y);

			selected += c->style == STYLE_SELECTED;
			curve += c->style == STYLE_WAIT && !strcmp(c->s, "█");
			CHECK(c->style != STYLE_SELECTED || strcmp(c->s, "█"), "at %d,%d", x, y);
		}
	CHECK(selected > 100 && curve >= 3, "%d cells selected, %d in curves", selected, curve);
	grid__free(g);
	history__free(h);
}

/* Clicks on what a frame shows do what its words say. */
TEST(clicks_on_a_frame)
{
	struct history *h = history_of("many");
	struct view v;
	char *text;
	int x, y;

	view__init(&v);
	text = frame(&v, h, 80, 24, false, false);
	find(text, "acq/s", &x, &y);
	CHECK_EQ(view__click(&v, x, y, false), VIEW_CHANGED);
	free(text);
	text = frame(&v, h, 80, 24, false, false);
	CHECK(strstr(text, "▼acq/s"), "an arrow");
	CHECK_EQ(view__click(&v, x, y, true), VIEW_CHANGED);
	free(text);
	text = frame(&v, h, 80, 24, false, false);
	CHECK(strstr(text, "▲acq/s"), "the arrow turned round");
	CHECK_EQ(view__click(&v, x, y + 5, false), VIEW_CHANGED);
	free(text);
	text = frame(&v, h, 80, 24, false, false);
	CHECK_EQ(v.list.cursor, 4);
	CHECK(v.list.chosen, "a process is chosen");
	CHECK_EQ(view__click(&v, x, 2, false), VIEW_IGNORED);
	find(text, "w window", &x, &y);
	CHECK_EQ(view__click(&v, x, y, false), VIEW_CHANGED);
	CHECK_EQ(view__window_ns(&v), 30 * S);
	find(text, "quit", &x, &y);
	CHECK_EQ(view__click(&v, x, y, false), VIEW_QUIT);
	find(text, "acq/s", &x, &y);
	CHECK_EQ(view__click(&v, x, y + 5, true), VIEW_CHANGED);
	CHECK_EQ(v.level, VIEW_GIL);
	CHECK_EQ(v.gil, v.list.chosen);
	free(text);
	history__free(h);
}

/* All of the help can be reached, and its bottom row says how. */
TEST(the_last_page_of_the_help)
{
	struct history *h = history_of("convoy");
	struct view v;
	char *text;

	view__init(&v);
	free(frame(&v, h, 80, 24, false, false));
	view__key(&v, '?');
	text = frame(&v, h, 80, 24, false, false);
	CHECK(strstr(text, "PgDn") && strstr(text, "lines 1 to 22 of "), "%.100s", text);
	free(text);
	view__key(&v, 'G');
	text = frame(&v, h, 80, 24, false, false);
	CHECK(strstr(text, "times that it got the GIL\n Esc"), "not its end: %.100s", text);
	free(text);
	history__free(h);
}

static struct history *history_with_names(const char *const *names, int n)
{
	struct snapshot *s = snapshot__new();
	struct history *h = history__new(10 * S);
	struct story st = story__begin(s, 1000, "python3");

	for (int i = 0; i < n; i++) {
		__u32 tid = story__thread(&st, 1000 + (__u32)i, names[i]);

		story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 10 * US);
		story__edge(&st, tid, GIL_EDGE_RELEASE, 0);
	}
	story__end(&st, false);
	history__add(h, s);
	snapshot__free(s);
	return h;
}

TEST(names_in_natural_order)
{
	static const char *const names[] = {"io-10",  "io-2",           "main", "io-1",
					    "io-02x", "io-99999999999", "io-",  "io-2a"};
	static const char *const order[] = {"io- ",    "io-1 ",  "io-2 ",           "io-2a ",
					    "io-02x ", "io-10 ", "io-99999999999 ", "main "};
	struct history *h = history_with_names(names, 8);
	const char *at;
	struct view v;
	char *text;

	view__init(&v);
	free(frame(&v, h, 100, 30, false, false));
	view__key(&v, '2');
	text = frame(&v, h, 100, 30, false, false);
	at = strstr(text, "▲name");
	CHECK(at, "no arrow");
	for (size_t i = 0; i < 8; i++) {
		at = strstr(at, order[i]);
		CHECK(at, "%s is not in its place in:\n%s", order[i], text);
	}
	free(text);
	history__free(h);
}

TEST_MAIN
