// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Puts the verdict into words. Figures are written as in the report, so that they can be found
 * there. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/format.h"
#include "core/figures/verdict.h"

/* From this share on, a finding gets a sentence of its own beside another verdict. */
#define ASIDE 0.10

struct teller {
	const struct verdict *v;
	struct verdict_text *text;
	bool ascii;
	int supports;
};

__attribute__((format(printf, 2, 3))) static void say(struct teller *t, const char *fmt, ...)
{
	size_t used = strlen(t->text->sentence);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->text->sentence + used, sizeof(t->text->sentence) - used, fmt, ap);
	va_end(ap);
}

/* Adds a supporting sentence, unless there are already VERDICT_SUPPORT. */
__attribute__((format(printf, 2, 3))) static void add(struct teller *t, const char *fmt, ...)
{
	va_list ap;

	if (t->supports == VERDICT_SUPPORT)
		return;
	va_start(ap, fmt);
	vsnprintf(t->text->support[t->supports++], VERDICT_TEXT, fmt, ap);
	va_end(ap);
}

static struct format interval(const struct teller *t)
{
	return format_interval(t->v->switch_interval_us, t->ascii);
}

/* "thread 12 (name)" */
static struct format thread(const struct teller *t, __u32 tid, const char name[16])
{
	struct format f, n = format_name(name, 16, t->ascii);

	if (!tid)
		snprintf(f.s, sizeof(f.s), "a thread");
	else if (!n.s[0])
		snprintf(f.s, sizeof(f.s), "thread %u", tid);
	else
		snprintf(f.s, sizeof(f.s), "thread %u (%.48s)", tid, n.s);
	return f;
}

static void tell_shared(struct teller *t)
{
	const struct verdict *v = t->v;
	struct format least = format_percent(v->least), most = format_percent(v->most);

	if (v->threads == 1)
		say(t, "%s waits for the GIL %s of the time, while other threads have it.",
		    thread(t, v->tid, v->thread).s, most.s);
	else if (!v->threads)
		say(t, "threads wait for the GIL %s of the time, on average %s of them at once.",
		    format_percent(v->contended_ratio).s, format_mean(v->wait_ratio).s);
	else if (!strcmp(least.s, most.s))
		say(t,
		    "%zu threads want the GIL at the same time, and each waits for it %s of the "
		    "time.",
		    v->threads, most.s);
	else
		say(t,
		    "%zu threads want the GIL at the same time, and each waits for it %s to %s "
		    "of the time.",
		    v->threads, least.s, most.s);
	add(t, "More threads cannot help. More processes can, or native code that releases the "
	       "GIL.");
}

static void tell_convoy(struct teller *t)
{
	const struct verdict *v = t->v;
	__u64 intervals = v->wait_ns / ((__u64)v->switch_interval_us * 1000);

	say(t, "%s needs the GIL only briefly, but when it has to wait, it waits %s (the median), ",
	    thread(t, v->tid, v->thread).s, format_ns(v->wait_ns, t->ascii).s);
	if (intervals < 2)
		say(t, "about a whole switch interval (%s)", interval(t).s);
	else
		say(t, "more than %llu switch intervals (of %s)", intervals, interval(t).s);
	say(t, ", behind %s, which lets go only when asked.",
	    thread(t, v->holder, v->holder_name).s);
	add(t, "Move the long computation to a process, or shorten the switch interval "
	       "(sys.setswitchinterval).");
}

static void tell_asleep(struct teller *t)
{
	const struct verdict *v = t->v;

	say(t,
	    "native code sleeps while it holds the GIL: for %s, %s of all the time in holds, "
	    "the largest part by %s, whose longest hold took %s. Other threads waited.",
	    format_ns(v->asleep_ns, t->ascii).s, format_percent(v->asleep_share).s,
	    thread(t, v->tid, v->thread).s, format_ns(v->longest_ns, t->ascii).s);
	add(t, "Code that blocks should release the GIL first (Py_BEGIN_ALLOW_THREADS, or nogil in "
	       "Cython).");
}

static void tell_native(struct teller *t)
{
	const struct verdict *v = t->v;

	say(t,
	    "native code computes without letting the GIL go: %s held it for up to %s, though "
	    "a waiter asks for it after %s.",
	    thread(t, v->tid, v->thread).s, format_ns(v->longest_ns, t->ascii).s, interval(t).s);
	add(t, "Python code lets go soon after it is asked. An extension that computes for long "
	       "should release the GIL first (Py_BEGIN_ALLOW_THREADS, or nogil in Cython).");
}

static void tell_preempted(struct teller *t)
{
	say(t,
	    "threads wait %s of the time, because whoever holds the GIL is off the CPU %s of "
	    "the time in holds, though it could run.",
	    format_percent(t->v->contended_ratio).s, format_percent(t->v->preempted_share).s);
	add(t, "The machine, or the container's CPU limit, has too few CPUs for what runs on it.");
}

static void tell_stuck(struct teller *t)
{
	const struct verdict *v = t->v;

	say(t,
	    "%s has held the GIL for %s without letting go%s, and %u thread%s waited for it until "
	    "the end.",
	    thread(t, v->tid, v->thread).s, format_ns(v->open_ns, t->ascii).s,
	    v->asleep ? ", asleep" : "", v->waiters, v->waiters == 1 ? "" : "s");
	add(t, "Python code lets go soon after it is asked, so this is native code that does not "
	       "release the GIL.");
}

static void tell_one_thread(struct teller *t)
{
	const struct verdict *v = t->v;

	if (v->tid)
		say(t, "%s keeps the GIL busy (held %s of the time)",
		    thread(t, v->tid, v->thread).s, format_percent(v->held_ratio).s);
	else
		say(t, "one thread has the GIL and never let it go (held %s of the time)",
		    format_percent(v->held_ratio).s);
	if (v->contended_ratio > 0)
		say(t, ", and others hardly wait for it (%s of the time).",
		    format_percent(v->contended_ratio).s);
	else
		say(t, ", and nobody waits for it.");
	add(t, "This is one thread's own work. More threads would share its GIL and make nothing "
	       "faster; more processes could.");
}

static void tell_busy(struct teller *t)
{
	say(t,
	    "threads take turns with the GIL (held %s of the time) and hardly wait for it "
	    "(%s of the time).",
	    format_percent(t->v->held_ratio).s, format_percent(t->v->contended_ratio).s);
	add(t, "There is little room left for more threads.");
}

static void tell_each_its_own(struct teller *t)
{
	const struct verdict *v = t->v;

	if (v->processes < 2)
		say(t,
		    "%zu GILs in one process are busy, each with its own interpreter, and hardly "
		    "anybody waits.",
		    v->gils);
	else
		say(t, "%zu processes are busy, each with %s own GIL, and hardly anybody waits.",
		    v->processes, v->gils > v->processes ? "at least one" : "its");
	add(t, "More of them can help as long as there are CPUs.");
}

static void tell_idle(struct teller *t)
{
	const struct verdict *v = t->v;

	if (v->contended_ratio > 0)
		say(t, "the GIL is held %s of the time, and threads wait for it %s of the time.",
		    format_percent(v->held_ratio).s, format_percent(v->contended_ratio).s);
	else
		say(t, "the GIL is held %s of the time, and nobody waits for it.",
		    format_percent(v->held_ratio).s);
}

static void tell_free_threaded(struct teller *t)
{
	if (t->v->held_ratio > 0) {
		say(t, "this Python runs without a GIL (free-threaded), but for moments.");
		add(t, "What is below was measured in these: the import of a module turns it on.");
		return;
	}
	say(t, "this Python runs without a GIL (free-threaded), so there is nothing to wait for.");
	add(t, "Nothing was measured: that is not the same as no contention, which then is in "
	       "other locks.");
}

static void tell_nothing(struct teller *t)
{
	say(t, "too little was seen of a GIL to judge.");
}

/* Adds what is worth saying besides the main cause. */
static void add_asides(struct teller *t)
{
	const struct verdict *v = t->v;
	bool asleep = v->asleep_share >= ASIDE && v->kind != VERDICT_ASLEEP;
	bool waits = v->answer >= VERDICT_PARTLY;

	if (v->others)
		add(t, "Threads wait for %zu other GIL%s as well.", v->others,
		    v->others == 1 ? "" : "s");
	if (asleep && v->kind != VERDICT_EACH_ITS_OWN)
		add(t, "It was also held asleep for %s (%s of the time in holds)%s.",
		    format_ns(v->asleep_ns, t->ascii).s, format_percent(v->asleep_share).s,
		    waits ? "" : ": native code that does not release it while it blocks");
	if (waits && v->preempted_share >= ASIDE && v->kind != VERDICT_PREEMPTED)
		add(t,
		    "The holder was off the CPU, though it could run, %s of the time in holds: "
		    "too few CPUs make every wait longer.",
		    format_percent(v->preempted_share).s);
}

void verdict__tell(const struct verdict *v, bool ascii, struct verdict_text *text)
{
	static void (*const tell[])(struct teller *) = {
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
	};
	static const char *const answers[] = {
		[VERDICT_UNKNOWN] = "Can't tell",
		[VERDICT_NO] = "Not GIL-bound",
		[VERDICT_PARTLY] = "Partly GIL-bound",
		[VERDICT_YES] = "GIL-bound",
	};
	struct teller t = {.v = v, .text = text, .ascii = ascii};

	memset(text, 0, sizeof(*text));
	text->answer = answers[v->answer];
	if (v->named && v->kind != VERDICT_EACH_ITS_OWN)
		say(&t, "in process %d (%s), ", v->pid, format_name(v->comm, 16, ascii).s);
	tell[v->kind](&t);
	add_asides(&t);
}
