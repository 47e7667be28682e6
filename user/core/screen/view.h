/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the user looks at, and how a key changes that. Nothing here knows a terminal; what a key
 * asks for beyond the view is returned to the caller.
 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <linux/types.h>
#include <sys/types.h>

#include "core/screen/theme.h"

/* A key is a character (Unicode), or one of these. */
enum view_key {
	KEY_CODE_ENTER = '\n',
	KEY_CODE_ESCAPE = 27,
	KEY_CODE_BACKSPACE = 127,
	KEY_CODE_UP = 0x110000,
	KEY_CODE_DOWN,
	KEY_CODE_PAGE_UP,
	KEY_CODE_PAGE_DOWN,
	KEY_CODE_HOME,
	KEY_CODE_END,
	KEY_CODE_LEFT,
	KEY_CODE_RIGHT,
	KEY_CODE_F1,
};

enum view_action {
	VIEW_IGNORED, /* the key means nothing here */
	VIEW_CHANGED, /* draw it again */
	VIEW_QUIT,
	VIEW_RESET, /* forget what was measured so far */
	VIEW_SAVE_TEXT,
	VIEW_SAVE_JSON,
	VIEW_RECORD, /* begin to record, or end it */
	VIEW_STEP,   /* of a playback: one interval */
};

enum view_level {
	VIEW_LIST,   /* all GILs */
	VIEW_GIL,    /* one of them */
	VIEW_THREAD, /* one of its threads */
};

/* How much of the past the figures are of; the last choice is all of it. */
#define VIEW_WINDOWS 4
extern const __u64 view_windows_ns[VIEW_WINDOWS]; /* 0: since the start */

struct view_table {
	int sort; /* index in the table of columns; -1: the table's own order */
	bool reverse;
	int cursor;   /* the selected row */
	int top;      /* the first row that is shown */
	__u64 chosen; /* what the cursor is on; 0: nothing */
	bool stays;   /* the cursor stays on that when rows move; else it stays at the top */
	char filter[48];
};

struct view {
	enum view_level level;
	bool help;
	bool typing; /* the filter */
	bool table_only;
	bool paused;
	bool log_counts; /* histograms: logarithmic counts */
	bool playback;
	bool level_chosen; /* by the user: it is not changed any more */
	int window;
	int interval; /* index in the list of intervals */
	int speed;    /* of a playback: 2^speed times as fast */
	const struct theme *theme;
	struct view_table list;
	struct view_table threads;
	int help_top;
	/* what is drilled into; 0: nothing yet */
	__u64 gil; /* as view_table.chosen of the list */
	__u32 tid;
	char message[160]; /* for the bottom line, until the next key */
	/* set by the last drawing */
	int page;      /* rows of the table */
	int shown[16]; /* the columns of the table, as indexes */
	int nr_shown;
	bool several; /* there is a list to go back to */
};

void view__init(struct view *v);

enum view_action view__key(struct view *v, unsigned int key);

/* The time between two frames. */
__u64 view__interval_ns(const struct view *v);
#define VIEW_INTERVAL_MOST 10000000000ULL
/* Sets it to the next longer one that there is. */
void view__set_interval(struct view *v, __u64 ns);
/* The length of the window, 0 for all. */
__u64 view__window_ns(const struct view *v);
/* The table that is shown. */
struct view_table *view__table(struct view *v);

#endif
