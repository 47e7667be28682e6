// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What goes into the trace: the header, the entries of the ring, and what the target reports about
 * processes. */
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/version.h"
#include "edge/record/recorder_private.h"

/* How often the size is checked, in ring entries; a chunk has some 65,000 of them. */
#define ENTRIES_PER_LOOK 4096

bool recorder__is_over(const struct recorder *r)
{
	return r->err || r->full;
}

void recorder__end_if_full(struct recorder *r)
{
	__u64 at_most;

	trace_sink__size(r->sink, &at_most);
	if (!r->options->max_size || at_most + CLOSING_SIZE <= r->options->max_size)
		return;
	r->full = true;
	observer__end(r->observer);
}

static int on_entry(void *ctx, void *entry, size_t size)
{
	struct recorder *r = ctx;
	const struct gil_stream_edge *e = entry;
	int err;

	if (recorder__is_over(r))
		return 0;
	/* On a busy machine many entries may have come since the last tick. */
	if (r->options->max_size && ++r->nr_entries % ENTRIES_PER_LOOK == 0)
		recorder__end_if_full(r);
	err = trace_encoder__entry(r->encoder, entry, size);
	if (e->ts > r->edge_ns)
		r->edge_ns = e->ts;
	recorder__fail(r, err);
	return err;
}

static void on_process(void *ctx, const struct snapshot_process *p)
{
	struct recorder *r = ctx;

	if (!recorder__is_over(r))
		recorder__fail(r, trace_encoder__process(r->encoder, p, clock_ns()));
}

static void on_ended(void *ctx, const struct snapshot_process *p, bool listed)
{
	struct recorder *r = ctx;

	if (!recorder__is_over(r))
		recorder__fail(r, trace_encoder__ended(r->encoder, p, listed, clock_ns()));
}

static void on_named(void *ctx, unsigned int thread, const struct gil_thread *t)
{
	struct recorder *r = ctx;

	if (!recorder__is_over(r))
		recorder__fail(
			r, trace_encoder__named(r->encoder, thread, t->tid, t->name, clock_ns()));
}

static void on_folded(void *ctx, unsigned int thread)
{
	struct recorder *r = ctx;

	if (!recorder__is_over(r))
		recorder__fail(r, trace_encoder__folded(r->encoder, thread, clock_ns()));
}

static void on_sample(void *ctx, const struct gil_lock *gil, const struct blame_sample *s)
{
	struct recorder *r = ctx;

	if (!recorder__is_over(r))
		recorder__fail(r, trace_encoder__sample(r->encoder, gil, s));
}

static void on_unobserved(void *ctx, const struct snapshot_unobserved *u)
{
	struct recorder *r = ctx;

	if (!recorder__is_over(r))
		recorder__fail(r, trace_encoder__unobserved(r->encoder, u, clock_ns()));
}

static void on_failed(void *ctx, int err)
{
	recorder__fail(ctx, err);
}

static __s64 clock_offset(clockid_t clock)
{
	struct timespec t;
	__u64 before = clock_ns();

	clock_gettime(clock, &t);
	return (__s64)(t.tv_sec * 1000000000LL + t.tv_nsec) - (__s64)(before + clock_ns()) / 2;
}

/* The target as given on the command line. */
static void describe_target(const struct target_spec *spec, char *text, size_t size)
{
	size_t n = 0;

	if (spec->all)
		snprintf(text, size, "--all");
	for (size_t i = 0; i < spec->nr_pids && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%d", i ? "," : "-p ", spec->pids[i]);
	for (size_t i = 0; i < spec->nr_selectors && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s--%s %s", n ? " " : "",
				      selector_names[spec->selectors[i].kind],
				      spec->selectors[i].word);
	for (char **word = spec->argv; word && *word && n < size; word++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " " : "", *word);
}

int recorder__put_header(struct recorder *r, const struct target_spec *spec)
{
	struct trace_header h = {
		.version = TRACE_VERSION,
		.start_ns = r->start_ns,
		.realtime_ns = clock_offset(CLOCK_REALTIME),
		.boottime_ns = clock_offset(CLOCK_BOOTTIME),
		.min_wait_ns = r->options->min_wait_ns,
		.min_hold_ns = r->options->min_hold_ns,
		.program = GILSCOPE_VERSION,
	};
	struct utsname u;

	if (!uname(&u)) {
		snprintf(h.host, sizeof(h.host), "%.63s", u.nodename);
		snprintf(h.kernel, sizeof(h.kernel), "%.63s", u.release);
		snprintf(h.machine, sizeof(h.machine), "%.15s", u.machine);
	}
	describe_target(spec, h.target, sizeof(h.target));
	return trace_encoder__header(r->encoder, &h);
}

void recorder__listen(struct recorder *r)
{
	r->listener = (struct listener){.entry = on_entry,
					.process = on_process,
					.ended = on_ended,
					.named = on_named,
					.folded = on_folded,
					.sample = on_sample,
					.unobserved = on_unobserved,
					.failed = on_failed,
					.ctx = r};
}
