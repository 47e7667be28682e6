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
	VERDICT_PREEMPTED, /* the holder, or the thread that gets the GIL next, has no CPU */
	VERDICT_STUCK,     /* one hold takes most of the time, while others wait */
	VERDICT_WAITS,     /* only waits were seen: how much threads wait, and not why */
	VERDICT_INTERVAL,  /* the switch interval is so long or so short that it is the cause */
};

/* What is told, or how. */
enum verdict_choice {
	VERDICT_CHOSEN = 1 << 0,
	VERDICT_TELLS_OTHERS = 1 << 1,
	VERDICT_TELLS_BRIEF = 1 << 2,
	VERDICT_TELLS_SMALL_TURNS = 1 << 3,
	VERDICT_TELLS_COMPUTING = 1 << 4,
	VERDICT_TELLS_WAITS = 1 << 5,
	VERDICT_TELLS_CONTENDED = 1 << 6,
	VERDICT_TELLS_ASLEEP = 1 << 7,
	VERDICT_TELLS_PREEMPTED = 1 << 8,
	VERDICT_TELLS_UNSCHEDULED = 1 << 9,
	VERDICT_TELLS_SATURATED = 1 << 10,
	VERDICT_TELLS_STOPPED = 1 << 11,
	VERDICT_TELLS_LONGEST_WAIT = 1 << 12,
};

/* Threads that behave alike. The one to name is that with the lowest number, so that it stays the
 * same as long as the group does. */
struct verdict_threads {
	size_t count; /* 0: none, or their number is unknown */
	bool passing; /* they live only for a moment each */
	bool in_turn; /* they do not all wait at the same time */
	__u32 tid;    /* the one to name; 0: none */
	char name[GIL_THREAD_NAME];
	__u64 longest_ns; /* its longest hold */
	__u64 wait_ns;    /* their typical wait */
	__u64 sum_ns; /* what made them a group: the time waited, or for which others waited... */
	__u64 turns;  /* their acquisitions, and the time in their holds */
	__u64 held_ns;
	double least; /* the least and the most share of the time that one of them waits */
	double most;
	__u32 least_tid; /* which ones these are */
	__u32 most_tid;
};

/* The kind decides which of the figures are meaningful. Those from `waiting` on are 0 if they are
 * not. */
struct verdict {
	enum verdict_kind kind;
	enum verdict_answer answer;
	pid_t pid;             /* the process of the GIL that this is about; 0: none */
	struct format process; /* its name */
	bool named; /* there are several GILs, so the sentence must say which one this is */
	/* for every GIL; NaN if unknown */
	double held_ratio;
	double contended_ratio;
	double wait_ratio;
	long switch_interval_us;  /* the default if unknown */
	__u64 asleep_ns;          /* time asleep in holds, over all threads */
	double asleep_share;      /* of the time in holds */
	__u64 stopped_ns;         /* time in holds for which the thread was stopped, not asleep */
	double stopped_share;     /* of the time in holds */
	double preempted_share;   /* of the time in holds */
	double unscheduled_share; /* of the time in waits: woken, but without a CPU */
	/* the GIL of a free-threaded build is on: 1 all the time, 2 turned on while observed */
	int gil_on;
	__u64 acquisitions;
	__u64 longest_wait_ns; /* 0: not known, as one was cut off by the beginning or the end */
	bool small_turns; /* shared: those who wait need the GIL only briefly, but again and again */
	bool computing;   /* shared: those who wait compute for long when they have the GIL */
	struct verdict_threads waiting; /* who loses by it */
	struct verdict_threads front;   /* who has the GIL meanwhile */
	/* shared: threads that need the GIL only briefly, and wait as in a convoy */
	struct verdict_threads brief;
	double loss; /* the most share of its time that a thread, or one of the passing ones, waits
		      */
	/* stuck: the hold that does not end */
	__u64 open_ns;
	double open_share;             /* of the observed time */
	bool asleep;                   /* idle: the holder sleeps while nobody waits */
	char call[SNAPSHOT_CALL_SIZE]; /* in which the holder sleeps; "": not known */
	bool stopped;                  /* stuck, idle: the holder is stopped */
	unsigned int waiters;
	/* each its own: the busy GILs, and the number of their processes */
	size_t gils;
	size_t processes;
	/* the function behind which others wait most, and its share of all waiting; "" if no samples
	 * were taken, or none stands out */
	struct blame_row code;
	double code_share;
	/* other GILs for which threads wait as well */
	size_t others;
	unsigned int choices; /* of words; 0: those that verdict__choices makes of the figures */
	/* nothing seen: there was no process to observe; why, if one was refused (it is `pid`) */
	bool no_process;
	char why[160];
};

#define VERDICT_TEXT    512
#define VERDICT_SUPPORT 4

struct verdict_text {
	const char *answer;                          /* "GIL-bound", "Not GIL-bound", ... */
	char sentence[VERDICT_TEXT];                 /* why, without the answer */
	char support[VERDICT_SUPPORT][VERDICT_TEXT]; /* the last ones, or all, may be empty */
};

struct verdict verdict__of_gil(const struct snapshot_process *p, const struct snapshot_gil *g);
struct verdict verdict__of_snapshot(const struct snapshot *s);
/* The same, for callers that ask again and again: it stays with the process that the verdict was
 * about before, if that matters about as much as others. 0: none. */
struct verdict verdict__of_snapshot_after(const struct snapshot *s, pid_t before);

/* What is told of a verdict, where that hangs on a figure: a set of enum verdict_choice. `before`: 0,
 * or what was told of it the last time, which is kept a little below the figure that it needs. */
unsigned int verdict__choices(const struct verdict *v, unsigned int before);

/* Puts the verdict into words. `ascii`: only ASCII characters. */
void verdict__tell(const struct verdict *v, bool ascii, struct verdict_text *text);

/* True if the sentence names the thread or has a figure of it. */
bool verdict__is_about(const struct verdict *v, const struct gil_thread *t);

/* The names in JSON: "shared", "convoy"...; "yes", "partly", "no", "unknown". */
const char *verdict_kind__name(enum verdict_kind k);
const char *verdict_answer__name(enum verdict_answer a);

#endif
