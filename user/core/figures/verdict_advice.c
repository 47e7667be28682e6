// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What to do about a verdict. Most readers use a library and have not written it, so advice for
 * them comes first, and what its author can do after it.
 */
#include "core/figures/verdict_words.h"

/* With shorter turns, handing over costs more than it gains. */
#define INTERVAL_LEAST_US 1000

static void advise_shared(struct verdict_teller *t)
{
	if (t->choices & VERDICT_TELLS_SMALL_TURNS)
		verdict_add(t,
			    "They let the GIL go and take it back at each of many small calls "
			    "(%s acquisitions). Try: fewer and larger calls, or more "
			    "processes.",
			    format_count(t->v->acquisitions).s);
	else if (t->choices & VERDICT_TELLS_SATURATED)
		verdict_add(t, "Only one thread at a time can run Python, so more threads cannot "
			       "help. Try: more processes (multiprocessing, more workers), or "
			       "libraries that release the GIL while they compute.");
	else if (t->choices & VERDICT_TELLS_COMPUTING)
		verdict_add(t, "The GIL is not held all the time, but while these threads compute, "
			       "only one of them can run Python. Try: more processes "
			       "(multiprocessing, more workers), or libraries that release the GIL "
			       "while they compute.");
	else
		verdict_add(t, "The GIL is not held all the time: threads wait because they want "
			       "it at the same moments. Try: fewer and larger calls, each of "
			       "which takes the GIL once, or more processes.");
}

static void advise_convoy(struct verdict_teller *t)
{
	bool shorter = t->v->switch_interval_us > INTERVAL_LEAST_US;

	verdict_add(t,
		    "Try: %sthe long computation in another process. A thread has to wait anew "
		    "after each call that releases the GIL, so fewer and larger calls help, too.",
		    shorter ? "a shorter switch interval (sys.setswitchinterval), or " : "");
}

static void advise_asleep(struct verdict_teller *t)
{
	verdict_add(t, "It may be an extension, or the start of another program (subprocess), "
		       "which blocks until that runs. Try: a call or a version of the library "
		       "that lets other threads run while it blocks, fewer starts, or that part "
		       "in another process. The author of an extension can release the "
		       "GIL around what blocks (Py_BEGIN_ALLOW_THREADS, or nogil in Cython), "
		       "and a program that embeds Python before it does (PyEval_SaveThread).");
}

static void advise_native(struct verdict_teller *t)
{
	verdict_add(t, "It may be an extension, or a part of Python such as the garbage collector, "
		       "re or sorted(). Try: smaller pieces, fewer calls, or another process. The "
		       "author of an extension can release the GIL while it computes "
		       "(Py_BEGIN_ALLOW_THREADS, or nogil in Cython).");
}

static void advise_interval(struct verdict_teller *t)
{
	if (t->v->switch_interval_us < 5000)
		verdict_add(t, "Try: sys.setswitchinterval(0.005), the default. Below 0.001, "
			       "handing over costs more than it gains.");
	else
		verdict_add(t, "Try: sys.setswitchinterval(0.005), the default. If the program "
			       "does not set it, search its libraries for setswitchinterval: the "
			       "unit is seconds.");
}

static void advise_preempted(struct verdict_teller *t)
{
	verdict_add(t, "The machine, or the container's CPU limit, has too few CPUs for what runs "
		       "on it. Try: more CPUs, or less beside this program; then most of the "
		       "waiting ends.");
}

static void advise_stopped(struct verdict_teller *t)
{
	verdict_add(t,
		    "Try: kill -CONT %d, or let the debugger or the freezer release it. No thread "
		    "can go on before that.",
		    (int)t->v->pid);
}

static void advise_stuck(struct verdict_teller *t)
{
	if (t->v->stopped)
		advise_stopped(t);
	else if (t->v->asleep)
		verdict_add(t, "It is native code that waits for something. If another thread has "
			       "to take the GIL first, they wait for each other for ever. Its "
			       "author can release the GIL before it blocks "
			       "(Py_BEGIN_ALLOW_THREADS; a program that embeds Python: "
			       "PyEval_SaveThread).");
	else
		verdict_add(t, "Python code lets go soon after it is asked, so this is native code "
			       "that does not release the GIL. Try: smaller pieces, or another "
			       "process.");
}

static void advise_idle(struct verdict_teller *t)
{
	if (t->v->stopped)
		advise_stopped(t);
}

static void advise_one_thread(struct verdict_teller *t)
{
	verdict_add(t, "This is one thread's own work. More threads would share its GIL and make "
		       "nothing faster; more processes could.");
}

static void advise_busy(struct verdict_teller *t)
{
	verdict_add(t, "There is little room left for more threads.");
}

static void advise_waits(struct verdict_teller *t)
{
	if (t->v->answer == VERDICT_NO)
		verdict_add(t, "Only waits in which a thread sleeps were measured. How busy the "
			       "GIL is, was not.");
	else
		verdict_add(t, "Only waits were measured, so why threads wait is not known. Try: "
			       "--source uprobe, which also sees who has the GIL, and for how "
			       "long.");
}

static void advise_each_its_own(struct verdict_teller *t)
{
	verdict_add(t, "More of them can help as long as there are CPUs.");
}

void verdict_advise(struct verdict_teller *t)
{
	static void (*const advise[VERDICT_INTERVAL + 1])(struct verdict_teller *) = {
		[VERDICT_IDLE] = advise_idle,
		[VERDICT_ONE_THREAD] = advise_one_thread,
		[VERDICT_BUSY] = advise_busy,
		[VERDICT_EACH_ITS_OWN] = advise_each_its_own,
		[VERDICT_SHARED] = advise_shared,
		[VERDICT_CONVOY] = advise_convoy,
		[VERDICT_ASLEEP] = advise_asleep,
		[VERDICT_NATIVE] = advise_native,
		[VERDICT_PREEMPTED] = advise_preempted,
		[VERDICT_STUCK] = advise_stuck,
		[VERDICT_WAITS] = advise_waits,
		[VERDICT_INTERVAL] = advise_interval,
	};

	if (t->v->gil_on == 2)
		verdict_add(t,
			    "Python names the module in a warning on standard error; with -W "
			    "error::RuntimeWarning, its import fails instead. Try: a newer version "
			    "of it, or PYTHON_GIL=0 if that is safe. Then threads need not wait.");
	else if (t->v->gil_on)
		verdict_add(t,
			    "Try: find what turned it on: PYTHON_GIL=1, -X gil=1, or the import "
			    "of a module that does not declare Py_mod_gil, which fails with -W "
			    "error::RuntimeWarning. With a newer version of that module, or with "
			    "PYTHON_GIL=0 if it is safe, threads need not wait.");
	if (advise[t->v->kind])
		advise[t->v->kind](t);
}
