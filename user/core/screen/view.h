/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the user looks at, and how keys change that. It knows no terminal. What a key requests
 * beyond the view is returned to the caller.
 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <linux/types.h>
#include <sys/types.h>

#include "core/figures/verdict_steady.h"
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
	KEY_CODE_WHEEL_UP,
	KEY_CODE_WHEEL_DOWN,
};

enum view_action {
	VIEW_IGNORED, /* the key means nothing here */
	VIEW_CHANGED, /* redraw */
	VIEW_QUIT,
	VIEW_RESET, /* forget what was measured so far */
	VIEW_SAVE_TEXT,
	VIEW_SAVE_JSON,
	VIEW_RECORD, /* start or stop recording */
	VIEW_STEP,   /* advance a playback by one interval */
};

enum view_level {
	VIEW_LIST,      /* all GILs */
	VIEW_GIL,       /* one of them */
	VIEW_THREAD,    /* one of its threads */
	VIEW_FUNCTIONS, /* the functions of the GIL, or of one of its threads */
};

/* How much of the past the figures cover. The last choice is all of it. */
#define VIEW_WINDOWS 4
extern const __u64 view_windows_ns[VIEW_WINDOWS]; /* 0: since the start */

struct view_table {
	int sort; /* index in the table of columns; -1: the default order */
	bool reverse;
	int cursor;   /* the selected row */
	int top;      /* the first row that is shown */
	__u64 chosen; /* id of the row under the cursor; 0: none */
	bool stays; /* the cursor follows that row when rows move; otherwise it stays at the top */
	char filter[48];
};

/* A place that can be clicked. */
enum view_spot_kind {
	SPOT_KEY,    /* as if this key were pressed */
	SPOT_COLUMN, /* the head of the table's column at this index of `shown` */
	SPOT_ROWS,   /* rows of the table, from this one on */
};

struct view_spot {
	enum view_spot_kind kind;
	unsigned int what;
	int x; /* on the screen */
	int y;
	int width;
	int height;
};

#define VIEW_SPOTS 48

/* Heights that only grow while the same is shown, so that what is below them rests. */
struct view_rest {
	__u64 id; /* what is shown */
	int width;
	int height;
	int sentence; /* rows */
	int table;
	int pairs;
};

struct view {
	enum view_level level;
	bool help;
	bool typing; /* the user is typing the filter */
	bool table_only;
	bool paused;
	bool log_counts; /* histograms have a logarithmic scale of counts */
	bool playback;
	bool level_chosen; /* the user has chosen a level, so it no longer changes by itself */
	int window;
	int interval; /* index in the list of intervals */
	int speed;    /* of a playback: 2^speed times real time */
	const struct theme *theme;
	struct view_table list;
	struct view_table threads;
	struct view_table functions;
	int help_top;
	/* the open GIL and thread; 0: none so far */
	__u64 gil; /* an id like view_table.chosen of the list */
	__u32 tid;
	bool one_thread;   /* the functions are those of this thread alone */
	char message[160]; /* for the bottom line, until the next key */
	/* set when drawing */
	int page;      /* rows of the table, or of the help, on the screen */
	int help_rows; /* all of them */
	int shown[16]; /* indexes of the table's visible columns */
	int nr_shown;
	bool several; /* there is a list to go back to */
	struct view_spot spots[VIEW_SPOTS];
	int nr_spots;
	/* of the page; and of what is below the list, about the GIL that is selected there */
	struct view_rest rest, rest_below;
	struct verdict_steady verdict, verdict_below;
};

void view__init(struct view *v);

enum view_action view__key(struct view *v, unsigned int key);
/* A click at these cells of the screen: it selects a row, sorts by a column, or presses a key that
 * is shown. The second click of a double one opens the row. */
enum view_action view__click(struct view *v, int x, int y, bool second);

/* The time between two frames. */
__u64 view__interval_ns(const struct view *v);
#define VIEW_INTERVAL_MOST 10000000000ULL
/* Chooses the shortest available interval that is at least ns. */
void view__set_interval(struct view *v, __u64 ns);
/* The length of the window; 0 for everything. */
__u64 view__window_ns(const struct view *v);
/* The table on the screen. */
struct view_table *view__table(struct view *v);

#endif
