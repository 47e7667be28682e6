/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The dashboard while it runs: a history, a view of it, and the screen or stream that shows it. */
#ifndef TOP_H
#define TOP_H

#include "core/base/failure.h"
#include "core/history/history.h"
#include "edge/observe/observe.h"
#include "edge/top/player.h"
#include "edge/record/recording.h"
#include "core/replay/replay.h"
#include "core/screen/screen.h"
#include "edge/top/terminal.h"

struct top {
	struct history *history;
	struct view view;
	struct screen_facts facts;
	struct terminal *terminal; /* NULL: blocks of text on stdout */
	struct observer *observer; /* NULL: a playback, or the target has ended */
	struct recording recording;
	struct replay *replay; /* NULL: live */
	struct player player;  /* of it, where keys are read */
	__u64 replayed_ns;     /* up to here */
	__u64 replay_end_ns;   /* 0: not known */
	bool ascii;
	bool no_colour;
	long long frames_left; /* -1: no limit */
	char state[64];        /* what facts.state is, if it is not fixed */
	char playback[80];
	int timer_fd;
	bool quit;
	int err; /* that ended it */
};

/* 0 or -errno with f filled. The view's interval must be set. */
int top__open(struct top *top, struct failure *f);
void top__close(struct top *top);

/* Takes a tick and shows it. `last`: there will be no other. */
void top__frame(struct top *top, bool last);
/* Until the user has seen enough: keys, signals, and, if there is one, the playback's clock. */
void top__loop(struct top *top);
/* The same while the observer runs. 0 or -errno. */
int top__hook(struct top *top, struct observer *ob);

#endif
