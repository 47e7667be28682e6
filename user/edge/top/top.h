/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The running dashboard: a history, a view of it, and the screen or stream that shows it. */
#ifndef TOP_H
#define TOP_H

#include "core/base/failure.h"
#include "core/history/history_sink.h"
#include "edge/observe/observe.h"
#include "edge/top/player.h"
#include "edge/record/recording.h"
#include "core/replay/replay.h"
#include "core/screen/screen.h"
#include "edge/top/terminal.h"

struct top {
	struct history *history;
	struct tick_sink sink; /* feeds the history */
	struct view view;
	struct screen_facts facts;
	struct terminal *terminal; /* NULL: blocks of text on stdout */
	struct observer *observer; /* NULL: a playback, or the target has ended */
	struct recording recording;
	struct replay *replay; /* NULL: live */
	struct player player;  /* runs the replay while keys are read */
	__u64 replayed_ns;     /* the replay has been asked to run up to here */
	__u64 replay_end_ns;   /* 0: unknown */
	bool ascii;
	bool no_colour;
	long long frames_left; /* -1: no limit */
	char state[64];        /* text that facts.state points to, unless that is constant */
	char playback[80];
	char when[40]; /* text that facts.when points to */
	int timer_fd;
	bool quit;
	int err; /* the error that ended the dashboard */
};

/* The view's interval must be set before. Returns 0, or -errno with f filled. */
int top__open(struct top *top, struct failure *f);
void top__close(struct top *top);

/* Takes one tick and shows it. `last`: no other frame follows. */
void top__frame(struct top *top, bool last);
/* Handles keys, signals and the playback's clock until the user quits. */
void top__loop(struct top *top);
/* Registers the same with an observer, for while that runs. Returns 0 or -errno. */
int top__hook(struct top *top, struct observer *ob);

#endif
