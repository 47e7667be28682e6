/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * "Am I GIL-bound, and why?" A verdict is a kind and the figures it stands on, and can be told in
 * one plain sentence. All its figures are in the report below it.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "core/figures/snapshot.h"

enum verdict_answer {
	VERDICT_UNKNOWN, /* can't tell */
	VERDICT_NO,
	VERDICT_PARTLY,
	VERDICT_YES,
};

enum verdict_kind {
	VERDICT_NOTHING_SEEN,  /* too little to tell */
	VERDICT_FREE_THREADED, /* there is no GIL */
	VERDICT_IDLE,          /* the GIL is mostly free, nobody waits */
	VERDICT_ONE_THREAD,    /* one thread keeps the GIL busy, nobody waits */
	VERDICT_BUSY,          /* several threads keep it busy, yet hardly wait */
	VERDICT_EACH_ITS_OWN,  /* several busy GILs, nobody waits: multiprocessing */
	VERDICT_SHARED,        /* threads that all want to compute share the GIL */
	VERDICT_CONVOY,        /* for its short holds a thread waits a switch interval each */
	VERDICT_ASLEEP,        /* native code sleeps with the GIL while others wait */
	VERDICT_NATIVE,    /* native code computes with the GIL and does not let go when asked */
	VERDICT_PREEMPTED, /* the holder has the GIL but not a CPU */
	VERDICT_STUCK,     /* one hold takes most of the time, while others wait */
};

/* Which of the figures mean something depends on the kind. Those from `tid` on are 0 where they do
 * not. */
struct verdict {
	enum verdict_kind kind;
	enum verdict_answer answer;
	pid_t pid; /* whose GIL this is about; 0: none */
	char comm[16];
	bool named; /* there are several GILs: say which one this is */
	/* of every GIL; NaN if not known */
	double held_ratio;
	double contended_ratio;
	double wait_ratio;
	long switch_interval_us; /* the default, if it is not known */
	__u64 asleep_ns;         /* time in holds asleep, all threads */
	double asleep_share;     /* of all holds */
	double preempted_share;  /* of all holds */
	/* the thread to name */
	__u32 tid;
	char thread[16];
	__u64 longest_ns; /* its longest hold */
	/* convoy: the thread in front; the median wait behind it */
	__u32 holder;
	char holder_name[16];
	__u64 wait_ns;
	/* stuck: the hold without end */
	__u64 open_ns;
	double open_share; /* of the observed time */
	bool asleep;
	unsigned int waiters;
	/* shared: how many threads wait, and for what share of the time each */
	size_t threads;
	double least;
	double most;
	/* each its own: busy GILs, in so many processes */
	size_t gils;
	size_t processes;
	/* other GILs that threads wait for as well */
	size_t others;
};

#define VERDICT_TEXT    512
#define VERDICT_SUPPORT 2

struct verdict_text {
	const char *answer;                          /* "GIL-bound", "Not GIL-bound", ... */
	char sentence[VERDICT_TEXT];                 /* why, without the answer */
	char support[VERDICT_SUPPORT][VERDICT_TEXT]; /* may be empty, from the end on */
};

struct verdict verdict__of_gil(const struct snapshot_process *p, const struct snapshot_gil *g);
struct verdict verdict__of_snapshot(const struct snapshot *s);

/* Tells it. `ascii`: no other characters. */
void verdict__tell(const struct verdict *v, bool ascii, struct verdict_text *text);

/* For JSON: "shared", "convoy"...; "yes", "partly", "no", "unknown". */
const char *verdict_kind__name(enum verdict_kind k);
const char *verdict_answer__name(enum verdict_answer a);

#endif
