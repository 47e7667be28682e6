# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table of verdicts: what gilscope has to say about a program whose truth is known. A row is run
in all ways by tests/verdicts, and each pattern once by test_verdicts.py."""
import collections
import re

from lib import Gilscope, attach_to_workload, check, stat_workload, verdict

# `kinds`: what may be told, in the order of preference; more than one only where two are true.
# `names`: which threads the sentence must name, in this order; +front: somewhere. `says`: what is in the sentence or
# in the advice; `unsaid`: what must not be.
Row = collections.namedtuple("Row", "pattern kinds names says unsaid")

ROWS = [
    Row("shared", ["shared"], ["waiting"], "more threads cannot help", "native code computes"),
    Row("small_calls", ["shared"], ["any"], "fewer and larger calls", "native code"),
    Row("convoy", ["convoy"], ["waiting", "front"], "convoy effect", "native"),
    Row("late_convoy", ["convoy"], ["waiting", "front"], "convoy effect", "native"),
    Row("requests", ["convoy"], ["any", "front"], "convoy effect", "at the same time"),
    Row("server", ["shared"], ["waiting"], "more threads cannot help", "native code computes"),
    Row("native_code", ["native"], ["front"], "smaller pieces", "convoy"),
    Row("all_native", ["native"], ["front"], "smaller pieces", "convoy"),
    Row("asleep", ["asleep"], ["front"], "sleeps while it holds", "convoy"),
    Row("all_asleep", ["asleep"], ["front"], "sleeps while it holds", "convoy"),
    Row("long_interval", ["switch_interval"], [], "switch interval is 100 s", "native"),
    Row("short_interval", ["switch_interval"], [], "switch interval is 1 µs", "native"),
    Row("idle", ["idle"], [], "the GIL is held", "Try"),
    Row("alone", ["one_thread"], ["front"], "one thread's own work", "Try"),
    Row("processes", ["each_its_own"], [], "at the same time", "in process"),
    Row("one_after_another", ["one_thread"], [], "in process", "processes are busy"),
    # As seen in programs.
    Row("garbage", ["native"], ["front"], "garbage collector", "convoy"),
    Row("matching", ["native"], ["front"], "re or sorted()", "convoy"),
    Row("long_calls", ["native"], ["front"], "smaller pieces", "convoy"),
    Row("native_before_main", ["native"], ["front"], "smaller pieces", "convoy"),
    Row("native_unheeded", ["one_thread"], ["front"], "one thread's own work", "smaller pieces"),
    Row("asleep_unheeded", ["idle"], [], "idles with the GIL", "Try"),
    Row("long_interval_for_all", ["switch_interval"], [], "switch interval is 100 s", "native"),
    Row("rather_long_interval", ["switch_interval"], ["any", "front"], "interval is 200 ms",
        "native"),
    Row("rather_short_interval", ["switch_interval"], [], "switch interval is 10 µs", "native"),
    Row("short_interval_of_use", ["one_thread", "idle", "shared", "preempted"], [], "",
        "setswitchinterval"),
    Row("busy_and_io", ["shared", "convoy"], ["any"], "convoy effect", "native code"),
    Row("mostly_idle", ["idle"], [], "the GIL is held", "Try"),
    Row("half_of_the_time", ["shared"], ["waiting"], "only one", "small calls"),
    Row("compress", ["idle", "preempted"], [], "", "larger calls"),
    Row("spin", ["convoy"], ["waiting", "front"], "convoy effect", "native"),
    Row("main_among_many", ["one_thread", "convoy", "preempted"], ["+front"], "", "take turns"),
    Row("callbacks", ["convoy"], ["any", "front"], "convoy effect", "at the same time"),
    Row("timers", ["idle"], [], "the GIL is held", "Try"),
    Row("pool", ["shared"], ["waiting"], "more processes", "small calls"),
    # Many consumers do little each, behind the one producer.
    Row("produce_and_consume", ["shared", "convoy"], ["any"], "process", "small calls"),
    Row("executor", ["convoy"], ["waiting", "front"], "convoy effect", "native"),
    Row("coroutines", ["one_thread"], ["front"], "one thread's own work", "Try"),
    Row("http", ["shared", "preempted", "convoy"], ["any"], "", "small calls"),
    Row("exec_chain", ["one_thread"], ["any"], "one thread's own work", "processes are busy"),
    Row("two_shared", ["shared"], ["any"], "1 other GIL", "small calls"),
]


def names_in(text):
    """The threads that a sentence names, in order."""
    return [int(tid) for tid in re.findall(r"hreads? (?:such as )?(\d+)", text)]


def machine_is_busy(report):
    """True if the holders had a CPU for less than a third of the time: then CPUs may be the cause of
    anything."""
    gils = [g for p in report["processes"] for g in p["gils"]]
    return sum(g["hold_preempted_ns"] for g in gils) > sum(g["hold"]["sum_ns"] for g in gils) * 2 / 3


def judge(row, truth, report):
    """Compares the verdict with the truth."""
    told = verdict(report)
    text = " ".join([told["text"]] + told["support"])
    if told["kind"] == "preempted" and machine_is_busy(report):
        return
    check(told["kind"] in row.kinds, "%s: %s is not %s: %s", row.pattern, told["kind"], row.kinds, text)
    check(row.says.lower() in text.lower(), "%s: %r is not said: %s", row.pattern, row.says, text)
    check(row.unsaid not in text, "%s: %r is said: %s", row.pattern, row.unsaid, text)
    if told["kind"] == "preempted":
        return  # it is about all threads
    named = names_in(told["text"])
    check(len(named) >= len(row.names), "%s: no thread is named: %s", row.pattern, text)
    for tid, role in zip(named, row.names):
        wanted = truth.get(role.strip("+"), [])
        right = role == "any" or (set(named) & set(wanted) if role[0] == "+" else tid in wanted)
        check(right, "%s: %s is not among %s: %s", row.pattern, tid, role, text)


def run(row, threads, seconds, interpreter, how):
    """Runs a row, and judges it."""
    how = attach_to_workload if how == "attached" else stat_workload
    _, truth, done = how(interpreter, "patterns.py", row.pattern, threads, seconds)
    judge(row, truth, done.report)


def run_together(rows, threads, seconds, interpreter):
    """The same for several rows at the same time, launched."""
    runs = [(row, Gilscope(command=interpreter.argv("patterns.py", row.pattern, threads, seconds),
                           env=interpreter.environment())) for row in rows]
    for row, g in runs:
        done = g.finish()
        judge(row, done.truth(), done.report)
