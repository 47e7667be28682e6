// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every key, without a terminal: what it changes, and what it does not. */
#include "random.h"
#include "test.h"
#include "core/screen/view.h"

/* A view as drawing leaves it: a list of several GILs, three columns, 10 rows per page. */
static struct view drawn(enum view_level level)
{
	struct view v;

	view__init(&v);
	v.level = level;
	v.several = true;
	v.page = 10;
	v.nr_shown = 3;
	v.shown[0] = 0;
	v.shown[1] = 2;
	v.shown[2] = 5;
	v.list.chosen = 257;
	v.threads.chosen = 4711;
	return v;
}

static enum view_action press(struct view *v, const char *keys)
{
	enum view_action last = VIEW_IGNORED;

	for (; *keys; keys++)
		last = view__key(v, (unsigned char)*keys);
	return last;
}

TEST(quit)
{
	struct view v = drawn(VIEW_GIL);

	CHECK_EQ(press(&v, "q"), VIEW_QUIT);
	CHECK_EQ(press(&v, "?q"), VIEW_CHANGED);
	CHECK(!v.help, "q closes the help first");
	CHECK_EQ(press(&v, "/q"), VIEW_CHANGED);
	CHECK_STR(v.threads.filter, "q");
}

TEST(functions_open_and_close)
{
	struct view v = drawn(VIEW_GIL);

	CHECK_EQ(press(&v, "f"), VIEW_CHANGED);
	CHECK_EQ(v.level, VIEW_FUNCTIONS);
	CHECK(view__table(&v) == &v.functions, "its table");
	press(&v, "jj/x\n2");
	CHECK_EQ(v.functions.sort, 2);
	CHECK_STR(v.functions.filter, "x");
	CHECK_EQ(v.threads.sort, -1);
	CHECK_EQ(press(&v, "\n"), VIEW_IGNORED);
	/* Esc clears the filter first. */
	press(&v, "\033");
	CHECK_EQ(v.level, VIEW_FUNCTIONS);
	press(&v, "\033");
	CHECK_EQ(v.level, VIEW_GIL);
	press(&v, "ff");
	CHECK_EQ(v.level, VIEW_GIL);
	CHECK(!v.one_thread, "all threads");
	/* From a thread, its own, and back to it. */
	v = drawn(VIEW_THREAD);
	press(&v, "f");
	CHECK(v.level == VIEW_FUNCTIONS && v.one_thread, "of one thread");
	press(&v, "f");
	CHECK_EQ(v.level, VIEW_THREAD);
	press(&v, "f\033");
	CHECK_EQ(v.level, VIEW_THREAD);
	/* From the list, those of the GIL that is selected there. */
	v = drawn(VIEW_LIST);
	press(&v, "?f");
	CHECK(v.level == VIEW_FUNCTIONS && !v.help, "from the help");
	CHECK_EQ(v.gil, 257);
	v = drawn(VIEW_LIST);
	v.list.chosen = 0;
	CHECK_EQ(press(&v, "f"), VIEW_IGNORED);
}

TEST(help_opens_and_closes)
{
	static const unsigned int keys[] = {'?', 'h', KEY_CODE_F1};
	struct view v = drawn(VIEW_GIL);

	for (int i = 0; i < 3; i++) {
		view__key(&v, keys[i]);
		CHECK(v.help, "open");
		view__key(&v, i ? keys[i] : KEY_CODE_ESCAPE);
		CHECK(!v.help, "closed");
	}
	press(&v, "?jjjk");
	CHECK_EQ(v.help_top, 2);
	CHECK_EQ(v.threads.cursor, 0);
	press(&v, "g");
	CHECK_EQ(v.help_top, 0);
}

TEST(in_and_back)
{
	struct view v = drawn(VIEW_LIST);

	press(&v, "\n");
	CHECK_EQ(v.level, VIEW_GIL);
	CHECK_EQ(v.gil, 257);
	v.threads.chosen = 4711;
	view__key(&v, KEY_CODE_RIGHT);
	CHECK_EQ(v.level, VIEW_THREAD);
	CHECK_EQ(v.tid, 4711);
	CHECK_EQ(press(&v, "\n"), VIEW_IGNORED);
	view__key(&v, KEY_CODE_LEFT);
	CHECK_EQ(v.level, VIEW_GIL);
	view__key(&v, KEY_CODE_ESCAPE);
	CHECK_EQ(v.level, VIEW_LIST);
	CHECK_EQ(view__key(&v, KEY_CODE_ESCAPE), VIEW_IGNORED);
	v.level = VIEW_GIL;
	v.several = false;
	CHECK_EQ(view__key(&v, KEY_CODE_ESCAPE), VIEW_IGNORED);
	v.threads.chosen = 0;
	CHECK_EQ(press(&v, "\n"), VIEW_IGNORED);
	CHECK_EQ(v.level, VIEW_GIL);
}

TEST(another_gil_begins_at_the_top)
{
	struct view v = drawn(VIEW_LIST);

	press(&v, "\njjj");
	CHECK_EQ(v.threads.cursor, 3);
	strcpy(v.threads.filter, "x");
	v.level = VIEW_LIST;
	press(&v, "\n");
	CHECK_EQ(v.threads.cursor, 3);
	v.level = VIEW_LIST;
	v.list.chosen = 513;
	press(&v, "\n");
	CHECK_EQ(v.threads.cursor, 0);
	CHECK_STR(v.threads.filter, "");
}

TEST(moving)
{
	struct view v = drawn(VIEW_GIL);

	press(&v, "jjjk");
	CHECK_EQ(v.threads.cursor, 2);
	CHECK(v.threads.stays && !v.threads.chosen, "the cursor stays on its row");
	view__key(&v, KEY_CODE_PAGE_DOWN);
	CHECK_EQ(v.threads.cursor, 12);
	view__key(&v, KEY_CODE_DOWN);
	view__key(&v, KEY_CODE_PAGE_UP);
	CHECK_EQ(v.threads.cursor, 3);
	view__key(&v, KEY_CODE_UP);
	for (int i = 0; i < 100; i++)
		press(&v, "G");
	CHECK(v.threads.cursor > 1 << 28, "at the end");
	press(&v, "g");
	CHECK_EQ(v.threads.cursor, 0);
	CHECK(!v.threads.stays, "at the top");
	CHECK_EQ(v.list.cursor, 0);
}

TEST(sorting)
{
	struct view v = drawn(VIEW_GIL);

	CHECK_EQ(v.threads.sort, -1);
	press(&v, "s");
	CHECK_EQ(v.threads.sort, 0);
	press(&v, "s");
	CHECK_EQ(v.threads.sort, 2);
	press(&v, "ss");
	CHECK_EQ(v.threads.sort, -1);
	press(&v, "3");
	CHECK_EQ(v.threads.sort, 5);
	CHECK(!v.threads.reverse, "forwards");
	press(&v, "3");
	CHECK(v.threads.reverse, "again: backwards");
	CHECK_EQ(press(&v, "4"), VIEW_IGNORED);
	press(&v, "S");
	CHECK(!v.threads.reverse, "S turns it round");
	CHECK_EQ(v.list.sort, -1);
}

TEST(the_mouse)
{
	struct view v = drawn(VIEW_GIL);

	v.spots[0] = (struct view_spot){SPOT_COLUMN, 2, 10, 5, 8, 1};
	v.spots[1] = (struct view_spot){SPOT_ROWS, 7, 0, 6, 80, 4};
	v.spots[2] = (struct view_spot){SPOT_KEY, 't', 0, 23, 9, 1};
	v.nr_spots = 3;
	CHECK_EQ(view__click(&v, 9, 5, false), VIEW_IGNORED);
	CHECK_EQ(view__click(&v, 18, 5, false), VIEW_IGNORED);
	CHECK_EQ(view__click(&v, 17, 5, false), VIEW_CHANGED);
	CHECK_EQ(v.threads.sort, 5);
	CHECK_EQ(view__click(&v, 79, 8, false), VIEW_CHANGED);
	CHECK_EQ(v.threads.cursor, 9);
	CHECK(v.threads.stays && !v.threads.chosen, "the cursor stays on its row");
	CHECK_EQ(view__click(&v, 79, 10, false), VIEW_IGNORED);
	v.threads.chosen = 4711; /* as drawing leaves it */
	CHECK_EQ(view__click(&v, 79, 8, true), VIEW_CHANGED);
	CHECK_EQ(v.level, VIEW_THREAD);
	CHECK_EQ(v.tid, 4711);
	v.level = VIEW_GIL;
	press(&v, "/ab");
	CHECK_EQ(view__click(&v, 0, 23, false), VIEW_CHANGED);
	CHECK(v.table_only && !v.typing, "a key in the bottom row, not a letter");
	v.threads.cursor = 4;
	view__key(&v, KEY_CODE_WHEEL_DOWN);
	CHECK_EQ(v.threads.cursor, 7);
	view__key(&v, KEY_CODE_WHEEL_UP);
	CHECK_EQ(v.threads.cursor, 4);
}

TEST(filtering)
{
	struct view v = drawn(VIEW_GIL);

	press(&v, "/ab?");
	CHECK(v.typing && !v.help, "all keys are letters");
	CHECK_STR(v.threads.filter, "ab?");
	view__key(&v, KEY_CODE_BACKSPACE);
	view__key(&v, 0xfc);
	view__key(&v, 0x4e2d);
	CHECK_STR(v.threads.filter, "ab\xc3\xbc\xe4\xb8\xad");
	view__key(&v, KEY_CODE_BACKSPACE);
	CHECK_STR(v.threads.filter, "ab\xc3\xbc");
	press(&v, "\n");
	CHECK(!v.typing, "Enter ends it");
	CHECK_STR(v.threads.filter, "ab\xc3\xbc");
	view__key(&v, KEY_CODE_ESCAPE);
	CHECK_STR(v.threads.filter, "");
	CHECK_EQ(v.level, VIEW_GIL);
	press(&v, "/x\nc");
	CHECK_STR(v.threads.filter, "");
	press(&v, "/x");
	view__key(&v, KEY_CODE_ESCAPE);
	CHECK(!v.typing && !v.threads.filter[0], "Esc gives it up");
	press(&v, "/");
	for (int i = 0; i < 300; i++)
		view__key(&v, i & 1 ? 0x4e2d : 'x');
	CHECK(strlen(v.threads.filter) < sizeof(v.threads.filter), "too long");
}

TEST(time)
{
	struct view v = drawn(VIEW_GIL);

	CHECK_EQ(view__interval_ns(&v), 250000000);
	press(&v, "+");
	CHECK_EQ(view__interval_ns(&v), 100000000);
	press(&v, "++++");
	CHECK_EQ(view__interval_ns(&v), 100000000);
	for (int i = 0; i < 20; i++)
		press(&v, "-");
	CHECK_EQ(view__interval_ns(&v), 10000000000ULL);
	view__set_interval(&v, 400000000);
	CHECK_EQ(view__interval_ns(&v), 500000000);
	CHECK_EQ(view__window_ns(&v), 10000000000ULL);
	press(&v, "ww");
	CHECK_EQ(view__window_ns(&v), 0);
	press(&v, "w");
	CHECK_EQ(view__window_ns(&v), 2000000000);
	press(&v, " ");
	CHECK(v.paused, "paused");
	press(&v, "p");
	CHECK(!v.paused, "not any more");
}

TEST(what_others_must_do)
{
	struct view v = drawn(VIEW_GIL);

	CHECK_EQ(press(&v, "r"), VIEW_RESET);
	CHECK_EQ(press(&v, "o"), VIEW_SAVE_TEXT);
	CHECK_EQ(press(&v, "O"), VIEW_SAVE_JSON);
	CHECK_EQ(press(&v, "."), VIEW_IGNORED);
	CHECK_EQ(press(&v, "<"), VIEW_IGNORED);
	v.playback = true;
	CHECK_EQ(press(&v, "."), VIEW_STEP);
	CHECK(v.paused, "a step stops the playback");
	press(&v, ">>>");
	CHECK_EQ(v.speed, 3);
	for (int i = 0; i < 100; i++)
		press(&v, "<");
	CHECK(v.speed >= -10, "%d", v.speed);
}

TEST(looks)
{
	struct view v = drawn(VIEW_GIL);
	const struct theme *first = v.theme;

	press(&v, "C");
	CHECK(v.theme != first, "another one");
	CHECK(strstr(v.message, v.theme->name), "%s", v.message);
	press(&v, "CC");
	CHECK(v.theme == first, "in a circle");
	press(&v, "j");
	CHECK_STR(v.message, "");
	press(&v, "t");
	CHECK(v.table_only, "the table alone");
	view__key(&v, KEY_CODE_ESCAPE);
	CHECK(!v.table_only, "and back");
	press(&v, "l");
	CHECK(v.log_counts, "logarithmic");
	CHECK(theme__find("safe") && !theme__find("pink"), "themes by name");
	for (int i = 0; i < STYLES; i++)
		CHECK(theme__mono()->look[i].colour == -1, "mono has no colours");
}

TEST_MAIN
