// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts the verdict into words, for somebody who hears of the GIL for the first time. Figures are
 * written as in the report, so that they can be found there. What to do about it is in
 * verdict_advice.c.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/figures/verdict_words.h"

void verdict_say(struct verdict_teller *t, const char *fmt, ...)
{
	size_t used = strlen(t->text->sentence);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->text->sentence + used, sizeof(t->text->sentence) - used, fmt, ap);
	va_end(ap);
}

void verdict_add(struct verdict_teller *t, const char *fmt, ...)
{
	va_list ap;

	if (t->supports == VERDICT_SUPPORT)
		return;
	va_start(ap, fmt);
	vsnprintf(t->text->support[t->supports++], VERDICT_TEXT, fmt, ap);
	va_end(ap);
}

struct format verdict_interval(const struct verdict_teller *t)
{
	return format_interval(t->v->switch_interval_us, t->ascii);
}

struct verdict_name verdict_who(const struct verdict_teller *t, const struct verdict_threads *who)
{
	struct format name = format_name(who->name, sizeof(who->name), t->ascii);
	struct verdict_name n;
	int used;

	if (!who->tid) {
		snprintf(n.s, sizeof(n.s), "%s", who->count ? "threads" : "a thread");
		return n;
	}
	if (who->count < 2)
		used = snprintf(n.s, sizeof(n.s), "thread %u", who->tid);
	else
		used = snprintf(n.s, sizeof(n.s), "%s %sthreads such as %u",
				format_count(who->count).s, who->passing ? "short-lived " : "",
				who->tid);
	if (name.s[0])
		snprintf(n.s + used, sizeof(n.s) - (size_t)used, " (%.48s)", name.s);
	return n;
}

/* The same at the beginning of a sentence. */
static struct verdict_name who_first(const struct verdict_teller *t,
				     const struct verdict_threads *who)
{
	struct verdict_name n = verdict_who(t, who);

	n.s[0] = (char)toupper(n.s[0]);
	return n;
}

/* The ending of a verb. */
static const char *s_of(const struct verdict_threads *who)
{
	return who->count < 2 ? "s" : "";
}

/* "50.0 %", or "50.0 % to 58.2 %". */
static struct format shares(const struct verdict_threads *who)
{
	struct format least = format_percent(who->least), most = format_percent(who->most), f;

	if (!strcmp(least.s, most.s))
		return most;
	snprintf(f.s, sizeof(f.s), "%.20s to %.20s", least.s, most.s);
	return f;
}

static void tell_shared(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	const struct verdict_threads *w = &v->waiting;

	if (!w->count)
		verdict_say(t,
			    "threads wait for the GIL %s of the time, on average %s of them at "
			    "once.",
			    format_percent(v->contended_ratio).s, format_mean(v->wait_ratio).s);
	else if (w->count == 1)
		verdict_say(t, "%s waits for the GIL %s of the time, while other threads have it.",
			    verdict_who(t, w).s, format_percent(w->most).s);
	else if (w->in_turn)
		verdict_say(t,
			    "%s wait for the GIL, few of them at once. Somebody waits %s of the "
			    "time.",
			    verdict_who(t, w).s, format_percent(v->contended_ratio).s);
	else
		verdict_say(t,
			    "%s want the GIL at the same time, and each waits for it %s of the "
			    "time.",
			    verdict_who(t, w).s, shares(w).s);
}

static void tell_convoy(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	const struct verdict_threads *w = &v->waiting, *f = &v->front;
	const char *does = w->count < 2 ? "does" : "do";

	verdict_say(t, "%s %s only short bits of Python%s, but typically wait%s %s for %s turn. ",
		    verdict_who(t, w).s, does, w->count > 1 ? " each" : "", s_of(w),
		    format_ns(w->wait_ns, t->ascii).s, w->count < 2 ? "its" : "a");
	verdict_say(t,
		    "%s run%s Python nonstop, and CPython makes %s let go of the GIL only every %s "
		    "(the \"switch interval\"). This is the convoy effect.",
		    who_first(t, f).s, s_of(f), f->count < 2 ? "it" : "them",
		    verdict_interval(t).s);
}

/* How long the holds of those in front are: the longest hold, if others waited for it; the first one,
 * in which the program starts, is often longer than all others. */
static void say_longest(struct verdict_teller *t)
{
	const struct verdict *v = t->v;

	if (t->choices & VERDICT_TELLS_LONGEST_WAIT)
		verdict_say(t, ". The longest wait took %s. ",
			    format_ns(v->longest_wait_ns, t->ascii).s);
	else
		verdict_say(t, ", whose longest hold took %s. ",
			    format_ns(v->front.longest_ns, t->ascii).s);
}

static void tell_asleep(struct verdict_teller *t)
{
	const struct verdict *v = t->v;

	verdict_say(t,
		    "native code sleeps while it holds the GIL: for %s, %s of all the time in "
		    "holds, mostly in %s",
		    format_ns(v->asleep_ns, t->ascii).s, format_percent(v->asleep_share).s,
		    verdict_who(t, &v->front).s);
	say_longest(t);
	verdict_say(t, "Other threads waited.");
}

static void tell_native(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	const struct verdict_threads *f = &v->front, *w = &v->waiting;

	verdict_say(t,
		    "native code computes without letting the GIL go, while other threads wait for "
		    "it (%s of the time). It runs in %s",
		    format_percent(v->contended_ratio).s, verdict_who(t, f).s);
	say_longest(t);
	if (w->count && w->tid != f->tid && !w->in_turn)
		verdict_say(t, "%s wait%s for it %s of the time. ", who_first(t, w).s, s_of(w),
			    shares(w).s);
	verdict_say(t, "Python code would let go soon after %s (the \"switch interval\").",
		    verdict_interval(t).s);
}

static void tell_interval(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	const struct verdict_threads *w = &v->waiting, *f = &v->front;

	verdict_say(t, "the switch interval is %s%s, ", verdict_interval(t).s,
		    v->switch_interval_us < 5000 ? "" : " (5 ms by default)");
	if (v->switch_interval_us < 5000) {
		verdict_say(t,
			    "so threads take the GIL from each other again and again, and spend "
			    "their time in handing it over. They wait for it %s of the time, and "
			    "get less done than with longer turns.",
			    format_percent(v->contended_ratio).s);
		return;
	}
	verdict_say(t, "so whoever has the GIL may keep it for that long. ");
	if (v->open_ns)
		verdict_say(t, "%s has had it for %s, and %u thread%s waited until the end.",
			    who_first(t, f).s, format_ns(v->open_ns, t->ascii).s, v->waiters,
			    v->waiters == 1 ? "" : "s");
	else if (w->count && !w->in_turn)
		verdict_say(t, "%s wait%s for it %s of the time, behind %s.", who_first(t, w).s,
			    s_of(w), shares(w).s, verdict_who(t, f).s);
	else
		verdict_say(t, "Threads wait for it %s of the time, behind %s.",
			    format_percent(v->contended_ratio).s, verdict_who(t, f).s);
}

static void tell_preempted(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	bool holder = t->choices & VERDICT_TELLS_PREEMPTED;
	bool next = t->choices & VERDICT_TELLS_UNSCHEDULED;

	verdict_say(t, "threads wait %s of the time%s%s, but mostly for a CPU. ",
		    format_percent(v->contended_ratio).s, v->front.tid ? " behind " : "",
		    v->front.tid ? verdict_who(t, &v->front).s : "");
	if (holder || !next)
		verdict_say(t,
			    "Whoever holds the GIL is off the CPU %s of the time in holds, though "
			    "it could run.",
			    format_percent(v->preempted_share).s);
	if (next)
		verdict_say(t,
			    "%sThreads that wait have been woken, but have no CPU yet, %s of the "
			    "time in waits.",
			    holder ? " " : "", format_percent(v->unscheduled_share).s);
}

static void tell_stuck(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	const char *call = v->asleep ? v->call : "";

	verdict_say(t,
		    "%s has held the GIL for %s without letting go%s%s%s, and %u thread%s waited "
		    "for it until the end.",
		    verdict_who(t, &v->front).s, format_ns(v->open_ns, t->ascii).s,
		    v->stopped  ? ", stopped by a signal, a debugger or a freezer"
		    : v->asleep ? ", asleep"
				: "",
		    *call ? " in " : "", call, v->waiters, v->waiters == 1 ? "" : "s");
}

/* How threads wait for a GIL that is not what holds the program up. */
static void say_how_they_wait(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	const struct verdict_threads *w = &v->waiting;

	if (t->choices & VERDICT_TELLS_CONTENDED && w->tid && !w->passing)
		verdict_say(t,
			    "threads wait for it %s of the time, but each only a little: %s wait%s "
			    "%s of the time.",
			    format_percent(v->contended_ratio).s, verdict_who(t, w).s, s_of(w),
			    shares(w).s);
	else if (t->choices & VERDICT_TELLS_WAITS)
		verdict_say(t, "threads wait for it %s of the time%s.",
			    format_percent(v->contended_ratio).s,
			    t->choices & VERDICT_TELLS_CONTENDED ? ", but each only a little" : "");
	else
		verdict_say(t, "nobody waits for it.");
}

static void tell_one_thread(struct verdict_teller *t)
{
	const struct verdict *v = t->v;

	if (v->front.tid)
		verdict_say(t, "%s keeps the GIL busy (held %s of the time), and ",
			    verdict_who(t, &v->front).s, format_percent(v->held_ratio).s);
	else
		verdict_say(
			t, "one thread has the GIL and never let it go (held %s of the time), and ",
			format_percent(v->held_ratio).s);
	if ((t->choices & (VERDICT_TELLS_WAITS | VERDICT_TELLS_CONTENDED)) == VERDICT_TELLS_WAITS)
		verdict_say(t, "others hardly wait for it (%s of the time).",
			    format_percent(v->contended_ratio).s);
	else
		say_how_they_wait(t);
}

static void tell_busy(struct verdict_teller *t)
{
	verdict_say(t, "threads take turns with the GIL (held %s of the time)",
		    format_percent(t->v->held_ratio).s);
	if (!(t->choices & VERDICT_TELLS_CONTENDED)) {
		verdict_say(t, " and hardly wait for it (%s of the time).",
			    format_percent(t->v->contended_ratio).s);
		return;
	}
	verdict_say(t, ", and ");
	say_how_they_wait(t);
}

static void tell_each_its_own(struct verdict_teller *t)
{
	const struct verdict *v = t->v;

	if (v->processes < 2)
		verdict_say(t,
			    "%zu GILs in one process are busy, each with its own interpreter, and "
			    "hardly anybody waits.",
			    v->gils);
	else
		verdict_say(t,
			    "%zu processes are busy at the same time, each with %s own GIL, and "
			    "hardly anybody waits.",
			    v->processes, v->gils > v->processes ? "at least one" : "its");
}

static void tell_idle(struct verdict_teller *t)
{
	const struct verdict *v = t->v;

	if (v->stopped) {
		verdict_say(t,
			    "the process is, or was, stopped by a signal, a debugger or a freezer. "
			    "The thread that has the GIL did nothing for %s.",
			    format_ns(v->stopped_ns, t->ascii).s);
		return;
	}
	if (v->asleep) {
		verdict_say(
			t,
			"the GIL is held %s of the time, but most of that asleep%s%s, and hardly "
			"anybody waits for it: the program idles with the GIL.",
			format_percent(v->held_ratio).s, *v->call ? ", now in " : "", v->call);
		return;
	}
	verdict_say(t, "the GIL is held %s of the time, and ", format_percent(v->held_ratio).s);
	say_how_they_wait(t);
}

static void tell_waits(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	const struct verdict_threads *w = &v->waiting;

	if (v->answer == VERDICT_NO) {
		if (t->choices & VERDICT_TELLS_WAITS)
			say_how_they_wait(t);
		else
			verdict_say(t, "no thread was seen asleep in a wait for the GIL.");
		return;
	}
	if (!w->tid || w->in_turn)
		verdict_say(t,
			    "threads wait for the GIL %s of the time, on average %s of them at "
			    "once.",
			    format_percent(v->contended_ratio).s, format_mean(v->wait_ratio).s);
	else
		verdict_say(t, "%s wait%s for the GIL%s %s of the time, typically for %s.",
			    verdict_who(t, w).s, s_of(w), w->count > 1 ? ", each" : "", shares(w).s,
			    format_ns(w->wait_ns, t->ascii).s);
}

static void tell_free_threaded(struct verdict_teller *t)
{
	if (t->v->held_ratio > 0) {
		verdict_say(t, "this Python runs without a GIL (free-threaded), but for moments.");
		verdict_add(t, "What is below was measured in these: the import of a module turns "
			       "it on.");
		return;
	}
	verdict_say(t, "this Python runs without a GIL (free-threaded), so there is nothing to "
		       "wait for.");
	verdict_add(t, "Nothing was measured: that is not the same as no contention, which then is "
		       "in other locks.");
}

static void tell_nothing(struct verdict_teller *t)
{
	const struct verdict *v = t->v;

	/* Most reasons begin with the process. */
	if (!strncmp(v->why, "process ", 8))
		verdict_say(t, "%s.", format_sentence(v->why, sizeof(v->why), t->ascii).s);
	else if (v->why[0])
		verdict_say(t, "process %d (%s) was not observed: %s.", v->pid,
			    format_name(v->process.s, sizeof(v->process.s), t->ascii).s,
			    format_sentence(v->why, sizeof(v->why), t->ascii).s);
	else if (v->no_process)
		verdict_say(t, "no CPython was seen.");
	else
		verdict_say(t, "too little was seen of a GIL to judge.");
}

/* Adds what is worth saying besides the main cause. */
static void add_asides(struct verdict_teller *t)
{
	const struct verdict *v = t->v;
	bool asleep = t->choices & VERDICT_TELLS_ASLEEP && v->kind != VERDICT_ASLEEP && !v->asleep;
	bool waits = v->answer >= VERDICT_PARTLY;

	if (t->choices & VERDICT_TELLS_OTHERS)
		verdict_add(t, "Threads wait for %zu other GIL%s as well.", v->others,
			    v->others == 1 ? "" : "s");
	if (t->choices & VERDICT_TELLS_BRIEF && v->kind == VERDICT_SHARED)
		verdict_add(t,
			    "%s need%s the GIL only briefly, and wait%s behind them as well "
			    "(the convoy effect).",
			    who_first(t, &v->brief).s, s_of(&v->brief), s_of(&v->brief));
	if (asleep && v->kind != VERDICT_EACH_ITS_OWN)
		verdict_add(t, "It was also held asleep for %s (%s of the time in holds)%s.",
			    format_ns(v->asleep_ns, t->ascii).s, format_percent(v->asleep_share).s,
			    waits ? "" : ": native code that does not release it while it blocks");
	if (t->choices & VERDICT_TELLS_STOPPED && !v->stopped)
		verdict_add(t,
			    "Whoever had the GIL was stopped for %s, by a signal, a debugger or a "
			    "freezer. The program is not to blame for that time.",
			    format_ns(v->stopped_ns, t->ascii).s);
	if (waits && t->choices & VERDICT_TELLS_PREEMPTED && v->kind != VERDICT_PREEMPTED)
		verdict_add(t,
			    "The holder was off the CPU, though it could run, %s of the time in "
			    "holds. More CPUs would make the waits shorter, but not end them.",
			    format_percent(v->preempted_share).s);
}

void verdict__tell(const struct verdict *v, bool ascii, struct verdict_text *text)
{
	static void (*const tell[])(struct verdict_teller *) = {
		[VERDICT_NOTHING_SEEN] = tell_nothing,
		[VERDICT_FREE_THREADED] = tell_free_threaded,
		[VERDICT_IDLE] = tell_idle,
		[VERDICT_ONE_THREAD] = tell_one_thread,
		[VERDICT_BUSY] = tell_busy,
		[VERDICT_EACH_ITS_OWN] = tell_each_its_own,
		[VERDICT_SHARED] = tell_shared,
		[VERDICT_CONVOY] = tell_convoy,
		[VERDICT_ASLEEP] = tell_asleep,
		[VERDICT_NATIVE] = tell_native,
		[VERDICT_PREEMPTED] = tell_preempted,
		[VERDICT_STUCK] = tell_stuck,
		[VERDICT_WAITS] = tell_waits,
		[VERDICT_INTERVAL] = tell_interval,
	};
	static const char *const answers[] = {
		[VERDICT_UNKNOWN] = "Can't tell",
		[VERDICT_NO] = "Not GIL-bound",
		[VERDICT_PARTLY] = "Partly GIL-bound",
		[VERDICT_YES] = "GIL-bound",
	};
	struct verdict_teller t = {.v = v,
				   .text = text,
				   .ascii = ascii,
				   .choices = v->choices ? v->choices : verdict__choices(v, 0)};

	memset(text, 0, sizeof(*text));
	text->answer = v->no_process ? "Nothing was observed" : answers[v->answer];
	if (v->named && v->kind != VERDICT_EACH_ITS_OWN)
		verdict_say(&t, "in process %d (%s), ", v->pid,
			    format_name(v->process.s, sizeof(v->process.s), ascii).s);
	if (v->gil_on)
		verdict_say(&t,
			    "this Python could run without a GIL (a free-threaded build), but "
			    "its GIL %s: ",
			    v->gil_on == 2
				    ? "was turned on while it ran, by the import of a module that "
				      "does not declare Py_mod_gil"
				    : "is turned on");
	tell[v->kind](&t);
	verdict_code__tell(&t);
	verdict_advise(&t);
	add_asides(&t);
}
