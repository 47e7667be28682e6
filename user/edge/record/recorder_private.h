/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the recorder share: recorder.c decides when things happen, recorder_encode.c
 * puts them into the trace, and recorder_tell.c tells the user. */
#ifndef RECORDER_PRIVATE_H
#define RECORDER_PRIVATE_H

#include "core/trace/trace_encoder.h"
#include "edge/record/recorder.h"
#include "edge/record/trace_sink.h"

/* Part of --max-size that is reserved for what follows the last edge: thread names and the
 * index. */
#define CLOSING_SIZE (256U << 10)

struct recorder {
	const struct record_options *options;
	struct observer *observer;
	struct trace_sink *sink;
	struct trace_encoder *encoder;
	struct listener listener;
	/* If the recorder names the file: the options with that name, and how many such names were taken
	 * already. */
	struct record_options own;
	char name[64];
	unsigned int names_taken;
	int timer_fd;
	struct output_file file;   /* the output; its descriptor is owned by the sink */
	struct output_file *named; /* &file, if the recorder gives it its name; else NULL */
	int err;                   /* the error that ended the recording */
	bool full;                 /* the recording has reached --max-size */
	__u64 nr_entries;
	bool launched, terminal;
	__u64 start_ns, flush_ns, progress_ns;
	__u64 duration_ns; /* 0: no limit */
	__u64 edge_ns;     /* time of the last edge */
	unsigned int dumps;
	struct snapshot_lost lost;
	long cost_ns;                /* cost of a probe hit as last written to the trace, in ns */
	void (*on_pipe)(int signal); /* the previous handler of SIGPIPE */
};

/* Ends the recording, and soon the observation. Reports the error at once, because a launched
 * command may run for a long time. 0 is no error. */
void recorder__fail(struct recorder *r, int err);
/* True if nothing more is recorded. */
bool recorder__is_over(const struct recorder *r);
/* Ends the recording if the file has reached its limit. */
void recorder__end_if_full(struct recorder *r);

/* Sets r->listener, which encodes what it hears. */
void recorder__listen(struct recorder *r);
/* Encodes the header, for this target. Returns 0 or -errno. */
int recorder__put_header(struct recorder *r, const struct target_spec *spec);

/* Makes the next name for the file in r->name: "gil.1234.gil", "gil.1234.2.gil". */
void recorder__next_name(struct recorder *r, const struct target_spec *spec);

/* Erases the progress line before anything else is printed. */
void recorder__clear_progress(const struct recorder *r);
/* Prints the progress line, if it is due at `now`. */
void recorder__put_progress(struct recorder *r, __u64 now);
/* Prints what was recorded; s has the figures at the end. */
void recorder__put_summary(struct recorder *r, const struct snapshot *s);
/* Fills f with what a failed write means. */
void recorder__explain_write(const struct recorder *r, int err, struct failure *f);

#endif
