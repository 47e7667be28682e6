// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/base/format.h"
#include "edge/record/recorder_private.h"

#define PROGRESS_NS 250000000ULL

void recorder__clear_progress(const struct recorder *r)
{
	if (r->terminal)
		fputs("\r\033[K", stderr);
}

void recorder__next_name(struct recorder *r, const struct target_spec *spec)
{
	pid_t pid = spec->argv                                  ? observer__command(r->observer)
		    : spec->nr_pids == 1 && !spec->nr_selectors ? spec->pids[0]
								: 0;
	char what[32], again[16] = "";
	time_t now = time(NULL);
	struct tm local;

	if (pid)
		snprintf(what, sizeof(what), "%d", pid);
	else if (!localtime_r(&now, &local) ||
		 !strftime(what, sizeof(what), "%Y%m%d-%H%M%S", &local))
		strcpy(what, "all");
	if (r->names_taken++)
		snprintf(again, sizeof(again), ".%u", r->names_taken);
	snprintf(r->name, sizeof(r->name), "gil.%s%s.gil", what, again);
	if (r->named)
		output_file__rename(r->named, r->name);
}

void recorder__explain_write(const struct recorder *r, int err, struct failure *f)
{
	const char *path = r->options->output;
	bool to_pipe = !strcmp(path, "-");

	failure__what(f, "cannot write the trace to %s: %s", to_pipe ? "standard output" : path,
		      err == -EPIPE ? "the reader has closed it" : strerror(-err));
	if (r->file.is_regular && trace_sink__size(r->sink, NULL))
		failure__cause(f, "the %s written before the error can be read",
			       format_bytes(trace_sink__size(r->sink, NULL)).s);
	if (err == -ENOSPC || err == -EDQUOT)
		failure__command(f, "df -h %s", to_pipe ? "." : path);
	else if (r->file.is_regular && trace_sink__size(r->sink, NULL))
		failure__command(f, "gilscope report %s", path);
}

void recorder__put_progress(struct recorder *r, __u64 now)
{
	__u64 lost = trace_encoder__lost(r->encoder) + snapshot_lost__total(&r->lost);

	if (!r->terminal || now < r->progress_ns)
		return;
	r->progress_ns = now + PROGRESS_NS;
	fprintf(stderr, "\r\033[Krecording: %.1f s%s%s, %s edges, %s, %s lost",
		(double)(now - r->start_ns) / 1e9, r->duration_ns ? " of " : "",
		r->duration_ns ? format_ns(r->duration_ns, true).s : "",
		format_count(trace_encoder__edges(r->encoder)).s,
		format_bytes(trace_sink__size(r->sink, NULL)).s, format_count(lost).s);
	fflush(stderr);
}

void recorder__put_summary(struct recorder *r, const struct snapshot *s)
{
	__u64 lost = trace_encoder__lost(r->encoder) + snapshot_lost__total(&s->lost);
	bool to_pipe = !strcmp(r->options->output, "-");
	char seconds[32];

	recorder__clear_progress(r);
	if (r->options->quiet)
		return;
	snprintf(seconds, sizeof(seconds), "%.1f",
		 (double)gil_elapsed(s->start_ns, s->end_ns) / 1e9);
	failure__say("recorded %s edges in %s s, %s lost: %s in %s",
		     format_count(trace_encoder__edges(r->encoder)).s, seconds,
		     lost ? format_count(lost).s : "none",
		     format_bytes(trace_sink__size(r->sink, NULL)).s,
		     to_pipe ? "standard output" : r->options->output);
	if (r->full)
		failure__say("the recording ended early: the file has reached --max-size");
}
