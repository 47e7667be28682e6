// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * csv and ndjson: a line for each wait and each hold when it ends. These are exactly the ones in a
 * report's distributions: a wait or hold that began before the observation, or goes on at its end,
 * has no length.
 */
#include <errno.h>
#include <string.h>

#include "core/export/export.h"
#include "core/base/format.h"
#include "core/base/json.h"

struct interval {
	const struct replay_step *step;
	bool is_wait;
};

struct intervals {
	FILE *out;
	void (*put)(FILE *out, const struct interval *i);
	void (*put_sample)(FILE *out, const struct replay_gil *g, const struct blame_sample *s);
	__u64 min_ns;
};

/* ---- csv ---- */

static void put_quoted(FILE *out, const char *name, size_t size)
{
	struct format clean = format_name(name, size, false);

	putc('"', out);
	for (const char *c = clean.s; *c; c++) {
		if (*c == '"')
			putc('"', out);
		putc(*c, out);
	}
	putc('"', out);
}

static void put_csv(FILE *out, const struct interval *i)
{
	const struct replay_step *s = i->step;
	const struct snapshot_process *p = s->gil->process;
	const struct gil_thread *t = &s->thread->t;

	fprintf(out, "%s,%llu,%llu,%d,", i->is_wait ? "wait" : "hold", s->since, s->ns, p->pid);
	put_quoted(out, p->comm, sizeof(p->comm));
	fprintf(out, ",%u,", t->tid);
	put_quoted(out, t->comm, sizeof(t->comm));
	fprintf(out, ",0x%llx,%llu,%llu,%llu,", s->gil->g.lock.address, s->part[GIL_PART_ONCPU],
		s->part[GIL_PART_RUNNABLE], s->part[GIL_PART_BLOCKED]);
	if (i->is_wait && s->handoff.count)
		fprintf(out, "%u,%llu,", s->handoff.from, s->gap_ns);
	else if (!i->is_wait && !s->gil->g.requests_unknown)
		fprintf(out, ",,%d", !!(s->edge.flags & GIL_EDGE_F_REQUESTED));
	else
		fputs(",,", out);
	putc(',', out);
	put_quoted(out, p->command, sizeof(p->command));
	putc(',', out);
	put_quoted(out, t->name, sizeof(t->name));
	putc('\n', out);
}

/* ---- ndjson ---- */

static void put_parts(struct json *j, const struct interval *i)
{
	const __u64 *part = i->step->part;

	json__integer(j, "oncpu_ns", part[GIL_PART_ONCPU]);
	json__integer(j, i->is_wait ? "runnable_ns" : "preempted_ns", part[GIL_PART_RUNNABLE]);
	json__integer(j, "blocked_ns", part[GIL_PART_BLOCKED]);
}

static void put_ndjson(FILE *out, const struct interval *i)
{
	const struct replay_step *s = i->step;
	const struct snapshot_process *p = s->gil->process;
	const struct gil_thread *t = &s->thread->t;
	struct json j = {.out = out};
	char address[32];

	snprintf(address, sizeof(address), "0x%llx", s->gil->g.lock.address);
	json__open_inline(&j, NULL, '{');
	json__string(&j, "kind", i->is_wait ? "wait" : "hold");
	json__integer(&j, "start_ns", s->since);
	json__integer(&j, "duration_ns", s->ns);
	json__signed(&j, "pid", p->pid);
	json__name(&j, "comm", p->comm, sizeof(p->comm));
	if (p->command[0])
		json__name(&j, "command", p->command, sizeof(p->command));
	json__integer(&j, "tid", t->tid);
	json__name(&j, "thread", t->comm, sizeof(t->comm));
	if (t->name[0])
		json__name(&j, "name", t->name, sizeof(t->name));
	json__string(&j, "gil", address);
	put_parts(&j, i);
	if (i->is_wait && s->handoff.count) {
		json__integer(&j, "handoff_from", s->handoff.from);
		json__integer(&j, "handoff_ns", s->gap_ns);
	}
	if (!i->is_wait && !s->gil->g.requests_unknown)
		json__bool(&j, "requested", s->edge.flags & GIL_EDGE_F_REQUESTED);
	json__close(&j, '}');
	putc('\n', out);
}

static void put_text(struct json *j, const char *key, const char *text)
{
	if (text && *text)
		json__name(j, key, text, strlen(text));
}

static void put_frame(struct json *j, const char *function, const char *file, unsigned int line)
{
	put_text(j, "function", function);
	put_text(j, "file", file);
	if (line)
		json__integer(j, "line", line);
}

static void put_callers(struct json *j, const struct blame_place *at)
{
	if (!at->nr_callers)
		return;
	json__open_inline(j, "callers", '[');
	for (unsigned int i = 0; i < at->nr_callers; i++) {
		const struct blame_frame *c = &at->callers[i];

		json__open_inline(j, NULL, '{');
		put_frame(j, c->function, c->file, c->line);
		json__close(j, '}');
	}
	json__close(j, ']');
	if (at->cut)
		json__integer(j, "cut", at->cut);
}

static void put_sample(FILE *out, const struct replay_gil *g, const struct blame_sample *s)
{
	const struct blame_place *at = &s->at;
	struct json j = {.out = out};
	char address[32];

	snprintf(address, sizeof(address), "0x%llx", g->g.lock.address);
	json__open_inline(&j, NULL, '{');
	json__string(&j, "kind", s->kind == BLAME_TICK ? "tick" : "gap");
	json__integer(&j, "start_ns", gil_elapsed(s->blocked_ns + s->preempted_ns, s->ts));
	json__integer(&j, "duration_ns", s->blocked_ns + s->preempted_ns);
	json__signed(&j, "pid", g->process->pid);
	json__integer(&j, "tid", s->tid);
	json__string(&j, "gil", address);
	if (at->kind != BLAME_FUNCTION)
		json__string(&j, "no_function", blame_kind__name(at->kind));
	put_frame(&j, at->function, at->file, at->line);
	put_text(&j, "native", at->native);
	put_callers(&j, at);
	if (s->kind == BLAME_TICK) {
		json__integer(&j, "waiters", s->waiters);
	} else {
		json__integer(&j, "blocked_ns", s->blocked_ns);
		json__integer(&j, "preempted_ns", s->preempted_ns);
		json__integer(&j, "wait_ns", s->wait_ns);
	}
	json__close(&j, '}');
	putc('\n', out);
}

/* ---- both ---- */

static int on_step(void *ctx, const struct replay_step *s)
{
	const struct intervals *to = ctx;
	const struct interval i = {.step = s, .is_wait = s->ends_wait};

	if ((!s->ends_wait && !s->ends_hold) || s->ns < to->min_ns)
		return 0;
	to->put(to->out, &i);
	return ferror(to->out) ? errno ? -errno : -EIO : 0;
}

static int on_sample(void *ctx, struct replay_gil *g, const struct blame_sample *s)
{
	const struct intervals *to = ctx;

	if (to->put_sample && s->blocked_ns + s->preempted_ns >= to->min_ns)
		to->put_sample(to->out, g, s);
	return ferror(to->out) ? errno ? -errno : -EIO : 0;
}

static int run(struct intervals *to, struct replay *r, __u64 until_ns, struct failure *f)
{
	const struct replay_follower follower = {.step = on_step, .sample = on_sample};
	int err;

	replay__follow(r, &follower, to);
	err = replay__run(r, until_ns, f);
	replay__follow(r, NULL, NULL);
	if (err < 0)
		return err;
	return fflush(to->out) || ferror(to->out) ? errno ? -errno : -EIO : 0;
}

int export_csv(FILE *out, struct replay *r, const struct export_part *part, struct failure *f)
{
	struct intervals to = {out, put_csv, NULL, part->min_ns};

	fputs("kind,start_ns,duration_ns,pid,comm,tid,thread,gil,oncpu_ns,runnable_ns,blocked_ns,"
	      "handoff_from,handoff_ns,requested,command,name\n",
	      out);
	return run(&to, r, part->until_ns, f);
}

int export_ndjson(FILE *out, struct replay *r, const struct export_part *part, struct failure *f)
{
	struct intervals to = {out, put_ndjson, put_sample, part->min_ns};

	return run(&to, r, part->until_ns, f);
}
