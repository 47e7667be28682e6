/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * "Am I GIL-bound, and why?" A verdict is a kind and the figures that it is based on. It can be
 * told in one plain sentence. All its figures are in the report below it.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "core/figures/snapshot.h"

enum verdict_answer {
	VERDICT_UNKNOWN, /* cannot tell */
	VERDICT_NO,
	VERDICT_PARTLY,
	VERDICT_YES,
};

enum verdict_kind {
	VERDICT_NOTHING_SEEN,  /* too little to tell */
	VERDICT_FREE_THREADED, /* there is no GIL */
	VERDICT_IDLE,          /* the GIL is mostly free, and nobody waits */
	VERDICT_ONE_THREAD,    /* one thread keeps the GIL busy, and nobody waits */
	VERDICT_BUSY,          /* several threads keep it busy, yet hardly wait */
	VERDICT_EACH_ITS_OWN,  /* several busy GILs, and nobody waits: multiprocessing */
	VERDICT_SHARED,        /* threads that all want to compute share the GIL */
	VERDICT_CONVOY,        /* a thread waits a switch interval for each of its short holds */
	VERDICT_ASLEEP,        /* native code sleeps with the GIL while others wait */
	VERDICT_NATIVE,    /* native code computes with the GIL and does not let go when asked */
	VERDICT_PREEMPTED, /* the holder has the GIL but no CPU */
	VERDICT_STUCK,     /* one hold takes most of the time, while others wait */
};

/* The kind decides which of the figures are meaningful. Those from `tid` on are 0 if they are
 * not. */
struct verdict {
	enum verdict_kind kind;
	enum verdict_answer answer;
	pid_t pid; /* the process of the GIL that this is about; 0: none */
	char comm[16];
	bool named; /* there are several GILs, so the sentence must say which one this is */
	/* for every GIL; NaN if unknown */
	double held_ratio;
	double contended_ratio;
	double wait_ratio;
	long switch_interval_us; /* the default if unknown */
	__u64 asleep_ns;         /* time asleep in holds, over all threads */
	double asleep_share;     /* of the time in holds */
	double preempted_share;  /* of the time in holds */
	/* the thread to name */
	__u32 tid;
	char thread[16];
	__u64 longest_ns; /* its longest hold */
	/* convoy: the thread in front; the median wait behind it */
	__u32 holder;
	char holder_name[16];
	__u64 wait_ns;
	/* stuck: the hold that does not end */
	__u64 open_ns;
	double open_share; /* of the observed time */
	bool asleep;
	unsigned int waiters;
	/* shared: how many threads wait, and the least and most share of the time that one waits */
	size_t threads;
	double least;
	double most;
	/* each its own: the busy GILs, and the number of their processes */
	size_t gils;
	size_t processes;
	/* other GILs for which threads wait as well */
	size_t others;
};

#define VERDICT_TEXT    512
#define VERDICT_SUPPORT 2

struct verdict_text {
	const char *answer;                          /* "GIL-bound", "Not GIL-bound", ... */
	char sentence[VERDICT_TEXT];                 /* why, without the answer */
	char support[VERDICT_SUPPORT][VERDICT_TEXT]; /* the last ones, or all, may be empty */
};

struct verdict verdict__of_gil(const struct snapshot_process *p, const struct snapshot_gil *g);
struct verdict verdict__of_snapshot(const struct snapshot *s);

/* Puts the verdict into words. `ascii`: only ASCII characters. */
void verdict__tell(const struct verdict *v, bool ascii, struct verdict_text *text);

/* The names in JSON: "shared", "convoy"...; "yes", "partly", "no", "unknown". */
const char *verdict_kind__name(enum verdict_kind k);
const char *verdict_answer__name(enum verdict_answer a);

#endif
