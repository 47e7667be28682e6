# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table of verdicts: what gilscope has to say about a program whose truth is known. A row is run
in all ways by tests/verdicts, and each pattern once by test_verdicts.py."""
import collections
import re

from lib import attach_to_workload, check, stat_workload, verdict

# `kinds`: what may be told, in the order of preference; more than one only where two are true.
# `names`: which threads the sentence must name, in this order. `says`: what is in the sentence or
# in the advice; `unsaid`: what must not be.
Row = collections.namedtuple("Row", "pattern kinds names says unsaid")

ROWS = [
    Row("shared", ["shared"], ["waiting"], "more threads cannot help", "native code computes"),
    Row("small_calls", ["shared"], ["waiting"], "fewer and larger calls", "native code"),
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
]


def names_in(text):
    """The threads that a sentence names, in order."""
    return [int(tid) for tid in re.findall(r"hreads? (?:such as )?(\d+)", text)]


def judge(row, threads, seconds, interpreter, how):
    """Runs a row, and compares the verdict with the truth."""
    run = attach_to_workload if how == "attached" else stat_workload
    _, truth, done = run(interpreter, "patterns.py", row.pattern, threads, seconds)
    told = verdict(done.report)
    text = " ".join([told["text"]] + told["support"])
    check(told["kind"] in row.kinds, "%s is not %s: %s", told["kind"], row.kinds, text)
    check(row.says in text, "%r is not said: %s", row.says, text)
    check(row.unsaid not in text, "%r is said: %s", row.unsaid, text)
    named = names_in(told["text"])
    check(len(named) >= len(row.names), "no thread is named: %s", text)
    for tid, role in zip(named, row.names):
        check(role == "any" or tid in truth[role], "%s is not among %s: %s", tid, role, text)
