/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The samples of a trace: which code had a GIL, in three types of records. Places in the code are
 * numbered in each frame anew, and so are the functions in them, so that a frame can be read without
 * those before it. The numbers are given in the records, and each stands before its first use.
 */
#ifndef TRACE_SAMPLES_H
#define TRACE_SAMPLES_H

#include "core/trace/trace_format.h"

/* So many functions, and so many places, are the most that a frame has. */
#define TRACE_NAMES_MOST 4096
/* So many Python frames are the most that a place has. */
#define TRACE_FRAMES_MOST (1 + BLAME_CALLERS)

/* CODE: a function. */
struct trace_code_object {
	char function[sizeof(((struct blame_row *)NULL)->function)];
	char file[sizeof(((struct blame_row *)NULL)->file)];
};

/* The body without the number in front of it. */
void trace_code_object__put(struct bytes *b, const char *function, const char *file);
bool trace_code_object__get(struct span *s, struct trace_code_object *c);

/* PLACE: a stack of Python frames, and what runs there. The innermost frame is the first. */
struct trace_place {
	enum blame_kind kind; /* up to BLAME_UNREADABLE */
	bool native_known;
	char native[sizeof(((struct blame_row *)NULL)->native)];
	__u32 nr_frames;               /* the place itself, and its callers */
	__u32 cut;                     /* as in struct blame_place */
	__u32 code[TRACE_FRAMES_MOST]; /* the number of its function, in this frame of the trace */
	__u32 line[TRACE_FRAMES_MOST];
};

/* `codes` are the numbers of the functions: the place's, and its callers'. */
void trace_place__put(struct bytes *b, const struct blame_place *at, const __u32 *codes);
bool trace_place__get(struct span *s, struct trace_place *p);

/* SAMPLES: some samples of a GIL. Its process and its place there come first. Each `last` is what the
 * sample before it had, and at first the record's time, and 0. */
struct trace_last_sample {
	__u64 ts;
	__u32 tid;
};

/* `at` of the sample is not used: the place is the one with this number. */
void trace_sample__put(struct bytes *b, const struct blame_sample *s, __u32 place,
		       struct trace_last_sample *last);
bool trace_sample__get(struct span *s, struct blame_sample *sample, __u32 *place,
		       struct trace_last_sample *last);

/* FIGURES_FUNCTIONS: the rows of functions of a live run, of which only the number and a checksum are
 * kept, because the samples give the same rows. */
struct trace_functions_check {
	__u64 nr;
	__u32 crc;
};

struct trace_functions_check trace_functions__check(const struct blame_row *rows, size_t n);
void trace_functions__put(struct bytes *b, const struct trace_functions_check *c);
bool trace_functions__get(struct span *s, struct trace_functions_check *c);

/* ---- numbers for what a frame has ---- */

/* Bytes that have a number: that of their first appearance. {0} is an empty one. */
struct trace_names {
	struct trace_name *list;
	__u32 *table; /* hash table from content to index + 1; 0: unused */
	struct bytes content;
	__u32 nr, room;
};

/* The number of these bytes; *is_new says that it is their first one. Returns -1 if memory ran out, or
 * if there are TRACE_NAMES_MOST already. */
int trace_names__number(struct trace_names *n, const struct bytes *what, bool *is_new);
/* Forgets all, or frees it. */
void trace_names__clear(struct trace_names *n);
void trace_names__free(struct trace_names *n);

#endif
