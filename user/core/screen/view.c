// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "core/screen/view.h"

#define S  1000000000ULL
#define MS 1000000ULL

const __u64 view_windows_ns[VIEW_WINDOWS] = {2 * S, 10 * S, 30 * S, 0};

static const __u64 intervals_ns[] = {100 * MS, 250 * MS, 500 * MS,          1 * S,
				     2 * S,    5 * S,    VIEW_INTERVAL_MOST};

#define INTERVALS (int)(sizeof(intervals_ns) / sizeof(*intervals_ns))
#define SPEED_MAX 10

void view__init(struct view *v)
{
	*v = (struct view){.window = 1, .interval = 1, .theme = theme_table};
	v->list.sort = v->threads.sort = v->functions.sort = -1;
}

__u64 view__interval_ns(const struct view *v)
{
	return intervals_ns[v->interval];
}

void view__set_interval(struct view *v, __u64 ns)
{
	v->interval = 0;
	while (v->interval + 1 < INTERVALS && intervals_ns[v->interval] < ns)
		v->interval++;
}

__u64 view__window_ns(const struct view *v)
{
	return view_windows_ns[v->window];
}

struct view_table *view__table(struct view *v)
{
	return v->level == VIEW_LIST        ? &v->list
	       : v->level == VIEW_FUNCTIONS ? &v->functions
					    : &v->threads;
}

/* ---- what a key does ---- */

static enum view_action quit(struct view *v)
{
	(void)v;
	return VIEW_QUIT;
}

static enum view_action help(struct view *v)
{
	v->help = !v->help;
	v->help_top = 0;
	return VIEW_CHANGED;
}

static enum view_action pause_view(struct view *v)
{
	v->paused = !v->paused;
	return VIEW_CHANGED;
}

static enum view_action reset(struct view *v)
{
	(void)v;
	return VIEW_RESET;
}

static enum view_action filter(struct view *v)
{
	if (v->level == VIEW_THREAD)
		return VIEW_IGNORED;
	v->typing = true;
	return VIEW_CHANGED;
}

static enum view_action clear_filter(struct view *v)
{
	view__table(v)->filter[0] = '\0';
	return VIEW_CHANGED;
}

static enum view_action escape(struct view *v)
{
	if (v->help)
		return help(v);
	v->level_chosen = true;
	if (v->level == VIEW_THREAD)
		v->level = VIEW_GIL;
	else if (view__table(v)->filter[0])
		return clear_filter(v);
	else if (v->table_only)
		v->table_only = false;
	else if (v->level == VIEW_FUNCTIONS)
		v->level = v->one_thread ? VIEW_THREAD : VIEW_GIL;
	else if (v->level == VIEW_GIL && v->several)
		v->level = VIEW_LIST;
	else
		return VIEW_IGNORED;
	return VIEW_CHANGED;
}

static void to_the_top(struct view_table *t)
{
	t->cursor = t->top = 0;
	t->chosen = 0;
	t->stays = false;
}

static void open_gil(struct view *v)
{
	if (v->gil != v->list.chosen) {
		to_the_top(&v->threads);
		to_the_top(&v->functions);
		v->threads.filter[0] = v->functions.filter[0] = '\0';
	}
	v->gil = v->list.chosen;
	v->level = VIEW_GIL;
}

/* The functions of the thread or the GIL that is shown, or of the GIL that is selected; and back. */
static enum view_action functions(struct view *v)
{
	v->level_chosen = true;
	if (v->level == VIEW_FUNCTIONS) {
		v->level = v->one_thread ? VIEW_THREAD : VIEW_GIL;
		return VIEW_CHANGED;
	}
	if (v->level == VIEW_LIST && v->list.chosen)
		open_gil(v);
	else if (v->level == VIEW_LIST)
		return VIEW_IGNORED;
	v->one_thread = v->level == VIEW_THREAD;
	to_the_top(&v->functions);
	v->help = false;
	v->level = VIEW_FUNCTIONS;
	return VIEW_CHANGED;
}

static enum view_action enter(struct view *v)
{
	v->level_chosen = true;
	if (v->level == VIEW_LIST && v->list.chosen) {
		open_gil(v);
	} else if (v->level == VIEW_GIL && v->threads.chosen) {
		v->tid = (__u32)v->threads.chosen;
		v->level = VIEW_THREAD;
	} else {
		return VIEW_IGNORED;
	}
	return VIEW_CHANGED;
}

static enum view_action table_only(struct view *v)
{
	if (v->level == VIEW_THREAD)
		v->level = VIEW_GIL;
	v->table_only = !v->table_only;
	return VIEW_CHANGED;
}

#define FAR (1 << 29)

/* Drawing limits the result to what exists. */
static int moved(int at, int by)
{
	if (by > FAR - at)
		return FAR;
	return at + by > 0 ? at + by : 0;
}

static enum view_action move(struct view *v, int by)
{
	struct view_table *t = view__table(v);

	if (v->help) {
		v->help_top = moved(v->help_top, by);
		return VIEW_CHANGED;
	}
	if (v->level == VIEW_THREAD)
		return VIEW_IGNORED;
	t->cursor = moved(t->cursor, by);
	t->chosen = 0;
	t->stays = t->cursor > 0;
	return VIEW_CHANGED;
}

static enum view_action up(struct view *v)
{
	return move(v, -1);
}

static enum view_action down(struct view *v)
{
	return move(v, 1);
}

static enum view_action page_up(struct view *v)
{
	return move(v, v->page > 1 ? -v->page : -1);
}

static enum view_action page_down(struct view *v)
{
	return move(v, v->page > 1 ? v->page : 1);
}

#define WHEEL 3 /* rows */

static enum view_action wheel_up(struct view *v)
{
	return move(v, -WHEEL);
}

static enum view_action wheel_down(struct view *v)
{
	return move(v, WHEEL);
}

static enum view_action home(struct view *v)
{
	return move(v, -FAR);
}

static enum view_action end(struct view *v)
{
	return move(v, FAR);
}

/* Sorts by the next visible column; after the last one, in the default order. */
static enum view_action next_sort(struct view *v)
{
	struct view_table *t = view__table(v);
	int at = -1;

	for (int i = 0; i < v->nr_shown; i++)
		if (v->shown[i] == t->sort)
			at = i;
	t->sort = at + 1 < v->nr_shown ? v->shown[at + 1] : -1;
	t->reverse = false;
	to_the_top(t);
	return VIEW_CHANGED;
}

static enum view_action reverse_sort(struct view *v)
{
	view__table(v)->reverse = !view__table(v)->reverse;
	to_the_top(view__table(v));
	return VIEW_CHANGED;
}

static enum view_action sort_by(struct view *v, int column)
{
	struct view_table *t = view__table(v);

	if (column >= v->nr_shown)
		return VIEW_IGNORED;
	t->reverse = t->sort == v->shown[column] && !t->reverse;
	t->sort = v->shown[column];
	to_the_top(t);
	return VIEW_CHANGED;
}

static enum view_action faster(struct view *v)
{
	if (v->interval)
		v->interval--;
	return VIEW_CHANGED;
}

static enum view_action slower(struct view *v)
{
	if (v->interval + 1 < INTERVALS)
		v->interval++;
	return VIEW_CHANGED;
}

static enum view_action next_window(struct view *v)
{
	v->window = (v->window + 1) % VIEW_WINDOWS;
	return VIEW_CHANGED;
}

static enum view_action log_counts(struct view *v)
{
	v->log_counts = !v->log_counts;
	return VIEW_CHANGED;
}

static enum view_action next_theme(struct view *v)
{
	v->theme = theme__next(v->theme);
	snprintf(v->message, sizeof(v->message), "colours: %s (%s)", v->theme->name,
		 v->theme->help);
	return VIEW_CHANGED;
}

static enum view_action save_text(struct view *v)
{
	(void)v;
	return VIEW_SAVE_TEXT;
}

static enum view_action save_json(struct view *v)
{
	(void)v;
	return VIEW_SAVE_JSON;
}

static enum view_action record(struct view *v)
{
	return v->playback ? VIEW_IGNORED : VIEW_RECORD;
}

static enum view_action double_speed(struct view *v)
{
	if (!v->playback)
		return VIEW_IGNORED;
	if (v->speed < SPEED_MAX)
		v->speed++;
	return VIEW_CHANGED;
}

static enum view_action half_speed(struct view *v)
{
	if (!v->playback)
		return VIEW_IGNORED;
	if (v->speed > -SPEED_MAX)
		v->speed--;
	return VIEW_CHANGED;
}

static enum view_action step(struct view *v)
{
	if (!v->playback)
		return VIEW_IGNORED;
	v->paused = true;
	return VIEW_STEP;
}

static const struct {
	unsigned int key;
	enum view_action (*press)(struct view *v);
} keys[] = {
	{'q', quit},
	{'?', help},
	{'h', help},
	{KEY_CODE_F1, help},
	{' ', pause_view},
	{'p', pause_view},
	{'r', reset},
	{'/', filter},
	{'c', clear_filter},
	{KEY_CODE_ESCAPE, escape},
	{KEY_CODE_BACKSPACE, escape},
	{KEY_CODE_LEFT, escape},
	{KEY_CODE_ENTER, enter},
	{'\r', enter},
	{KEY_CODE_RIGHT, enter},
	{'f', functions},
	{'t', table_only},
	{'k', up},
	{KEY_CODE_UP, up},
	{'j', down},
	{KEY_CODE_DOWN, down},
	{KEY_CODE_PAGE_UP, page_up},
	{KEY_CODE_PAGE_DOWN, page_down},
	{KEY_CODE_WHEEL_UP, wheel_up},
	{KEY_CODE_WHEEL_DOWN, wheel_down},
	{'g', home},
	{KEY_CODE_HOME, home},
	{'G', end},
	{KEY_CODE_END, end},
	{'s', next_sort},
	{'S', reverse_sort},
	{'+', faster},
	{'=', faster},
	{'-', slower},
	{'w', next_window},
	{'l', log_counts},
	{'C', next_theme},
	{'o', save_text},
	{'O', save_json},
	{'R', record},
	{'>', double_speed},
	{'<', half_speed},
	{'.', step},
};

/* Handles a key while the filter is being typed. */
static enum view_action type(struct view *v, unsigned int key)
{
	char *filter = view__table(v)->filter;
	size_t length = strlen(filter), size = sizeof(v->list.filter);

	if (key == KEY_CODE_ENTER || key == '\r') {
		v->typing = false;
	} else if (key == KEY_CODE_ESCAPE) {
		v->typing = false;
		filter[0] = '\0';
	} else if ((key == KEY_CODE_BACKSPACE || key == '\b') && length) {
		while (length > 1 && (filter[length - 1] & 0xc0) == 0x80)
			length--;
		filter[length - 1] = '\0';
	} else if (key >= ' ' && key < 0x7f && length + 1 < size) {
		filter[length] = (char)key;
		filter[length + 1] = '\0';
	} else if (key >= 0xa0 && key < 0x800 && length + 2 < size) {
		snprintf(filter + length, size - length, "%c%c", 0xc0 | key >> 6,
			 0x80 | (key & 0x3f));
	} else if (key >= 0x800 && key < 0x10000 && length + 3 < size) {
		snprintf(filter + length, size - length, "%c%c%c", 0xe0 | key >> 12,
			 0x80 | (key >> 6 & 0x3f), 0x80 | (key & 0x3f));
	} else {
		return VIEW_IGNORED;
	}
	return VIEW_CHANGED;
}

enum view_action view__key(struct view *v, unsigned int key)
{
	v->message[0] = '\0';
	if (v->typing)
		return type(v, key);
	if (v->help && key == 'q')
		return help(v);
	if (!v->help && key >= '1' && key <= '9')
		return sort_by(v, (int)(key - '1'));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].key == key)
			return keys[i].press(v);
	return VIEW_IGNORED;
}

/* ---- what a click does ---- */

static enum view_action click_row(struct view *v, int row, bool second)
{
	struct view_table *t = view__table(v);

	if (second)
		return enter(v);
	t->cursor = row;
	t->chosen = 0;
	t->stays = true;
	return VIEW_CHANGED;
}

enum view_action view__click(struct view *v, int x, int y, bool second)
{
	v->message[0] = '\0';
	for (int i = 0; i < v->nr_spots; i++) {
		const struct view_spot *s = &v->spots[i];

		if (x < s->x || x >= s->x + s->width || y < s->y || y >= s->y + s->height)
			continue;
		v->typing = false;
		if (s->kind == SPOT_KEY)
			return view__key(v, s->what);
		if (s->kind == SPOT_COLUMN)
			return sort_by(v, (int)s->what);
		return click_row(v, (int)s->what + y - s->y, second);
	}
	return VIEW_IGNORED;
}
