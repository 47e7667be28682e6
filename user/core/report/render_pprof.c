// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The format of pprof: a profile.proto (github.com/google/pprof), compressed by gzip. Each stack is a
 * sample with three values. Field numbers are those of the public .proto file.
 */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/base/proto.h"
#include "core/report/render.h"
#include "core/report/stacks.h"

/* Profile */
#define PROFILE_SAMPLE_TYPE  1
#define PROFILE_SAMPLE       2
#define PROFILE_LOCATION     4
#define PROFILE_FUNCTION     5
#define PROFILE_STRING       6
#define PROFILE_DURATION     10
#define PROFILE_DEFAULT_TYPE 14
/* ValueType, Sample, Label */
#define TYPE_NAME       1
#define TYPE_UNIT       2
#define SAMPLE_LOCATION 1
#define SAMPLE_VALUE    2
#define SAMPLE_LABEL    3
#define LABEL_KEY       1
#define LABEL_TEXT      2
/* Location, Line, Function */
#define LOCATION_ID       1
#define LOCATION_LINE     4
#define LINE_FUNCTION     1
#define LINE_NUMBER       2
#define FUNCTION_ID       1
#define FUNCTION_NAME     2
#define FUNCTION_RAW_NAME 3
#define FUNCTION_FILE     4

/* The first strings of the table; the others are added as they occur. */
enum { NOTHING, WAIT, HOLD, SAMPLES, NANOSECONDS, COUNT, GIL, STRINGS };

struct pprof {
	struct bytes profile, part, inner; /* the latter two are reused */
	struct stack_frames locations;     /* frames with their lines */
	struct stack_frames functions;     /* frames without them */
	__u64 nr_strings;
	struct stacks *gils; /* the frames of the two tables */
	size_t nr_gils;
};

static __u64 put_string(struct pprof *x, const char *s)
{
	proto__string(&x->profile, PROFILE_STRING, s, strlen(s));
	return x->nr_strings++;
}

static void put_types(struct pprof *x, const struct snapshot *s, bool by_hold)
{
	static const char *const strings[STRINGS] = {[NOTHING] = "",
						     [WAIT] = "wait",
						     [HOLD] = "hold",
						     [SAMPLES] = "samples",
						     [NANOSECONDS] = "nanoseconds",
						     [COUNT] = "count",
						     [GIL] = "gil"};
	static const __u64 types[][2] = {
		{WAIT, NANOSECONDS}, {HOLD, NANOSECONDS}, {SAMPLES, COUNT}};

	for (int i = 0; i < STRINGS; i++)
		put_string(x, strings[i]);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		x->part.size = 0;
		proto__number(&x->part, TYPE_NAME, types[i][0]);
		proto__number(&x->part, TYPE_UNIT, types[i][1]);
		proto__message(&x->profile, PROFILE_SAMPLE_TYPE, &x->part);
	}
	proto__number(&x->profile, PROFILE_DURATION, gil_elapsed(s->start_ns, s->end_ns));
	proto__number(&x->profile, PROFILE_DEFAULT_TYPE, by_hold ? HOLD : WAIT);
}

static int put_sample(struct pprof *x, const struct stacks *all, const struct stack *s, __u64 gil)
{
	const __u64 values[] = {s->wait_ns, s->hold_ns, s->samples};

	x->part.size = 0;
	for (size_t i = s->nr; i--;) {
		ssize_t n = stack_frames__number(&x->locations, &all->frames[s->first + i], true);

		if (n < 0)
			return -ENOMEM;
		proto__number(&x->part, SAMPLE_LOCATION, (__u64)n + 1);
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		proto__number(&x->part, SAMPLE_VALUE, values[i]);
	x->inner.size = 0;
	proto__number(&x->inner, LABEL_KEY, GIL);
	proto__number(&x->inner, LABEL_TEXT, gil);
	proto__message(&x->part, SAMPLE_LABEL, &x->inner);
	proto__message(&x->profile, PROFILE_SAMPLE, &x->part);
	return 0;
}

/* The frames stay in x->gils, because the tables refer to them. */
static int put_gil(struct pprof *x, const struct snapshot_process *p, const struct snapshot_gil *g)
{
	struct stacks *all = &x->gils[x->nr_gils++];
	int err = stacks__of(all, p, g);
	__u64 name = put_string(x, stacks__gil_name(p, g).s);

	for (size_t i = 0; !err && i < all->nr; i++)
		if (all->list[i].wait_ns || all->list[i].hold_ns)
			err = put_sample(x, all, &all->list[i], name);
	return err;
}

static int put_locations(struct pprof *x)
{
	for (size_t i = 0; i < x->locations.nr; i++) {
		const struct stack_frame *f = x->locations.list[i];
		ssize_t n = stack_frames__number(&x->functions, f, false);

		if (n < 0)
			return -ENOMEM;
		x->inner.size = x->part.size = 0;
		proto__number(&x->inner, LINE_FUNCTION, (__u64)n + 1);
		proto__number(&x->inner, LINE_NUMBER, f->line);
		proto__number(&x->part, LOCATION_ID, i + 1);
		proto__message(&x->part, LOCATION_LINE, &x->inner);
		proto__message(&x->profile, PROFILE_LOCATION, &x->part);
	}
	for (size_t i = 0; i < x->functions.nr; i++) {
		const struct stack_frame *f = x->functions.list[i];
		__u64 name = put_string(x, f->function);

		x->part.size = 0;
		proto__number(&x->part, FUNCTION_ID, i + 1);
		proto__number(&x->part, FUNCTION_NAME, name);
		proto__number(&x->part, FUNCTION_RAW_NAME, name);
		proto__number(&x->part, FUNCTION_FILE, f->file[0] ? put_string(x, f->file) : 0);
		proto__message(&x->profile, PROFILE_FUNCTION, &x->part);
	}
	return x->profile.failed || x->part.failed || x->inner.failed ? -ENOMEM : 0;
}

/* The header has no time, so that the same report is the same file. */
static int write_compressed(FILE *out, struct bytes *data)
{
	z_stream z = {.next_in = data->data, .avail_in = (uInt)data->size};
	unsigned char buffer[4096];
	int status;

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	do {
		z.next_out = buffer;
		z.avail_out = sizeof(buffer);
		status = deflate(&z, Z_FINISH);
		fwrite(buffer, 1, sizeof(buffer) - z.avail_out, out);
	} while (status == Z_OK);
	deflateEnd(&z);
	return fflush(out) || ferror(out) ? errno ? -errno : -EIO : 0;
}

int render_pprof(FILE *out, const struct snapshot *s, const struct render_options *o)
{
	struct pprof x = {0};
	size_t gils = 0;
	int err;

	for (size_t i = 0; i < s->nr_processes; i++)
		gils += s->processes[i].nr_gils;
	x.gils = calloc(gils + 1, sizeof(*x.gils));
	err = x.gils ? 0 : -ENOMEM;
	put_types(&x, s, o->by_hold);
	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		for (size_t j = 0; !err && j < p->nr_gils; j++)
			if (p->gils[j].functions)
				err = put_gil(&x, p, &p->gils[j]);
	}
	err = err ?: put_locations(&x) ?: write_compressed(out, &x.profile);
	stack_frames__free(&x.locations);
	stack_frames__free(&x.functions);
	bytes__free(&x.profile);
	bytes__free(&x.part);
	bytes__free(&x.inner);
	for (size_t i = 0; i < x.nr_gils; i++)
		stacks__free(&x.gils[i]);
	free(x.gils);
	return err;
}
