# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sub-interpreters: each one with a GIL of its own has its own row in the report; the others share
the main interpreter's row."""
from lib import (Workload, attach, check, each, equal, gil_of, interpreters,
                 optimised_interpreters, process_of, stat, stat_workload, total, within)


def with_own_gils():
    """The interpreters whose sub-interpreters can have their own GIL."""
    return [i for i in interpreters() if i.version[:2] >= (3, 12) and i.name != "embed"]


def row_of(process, number):
    rows = [g for g in process["gils"] if g["interpreter"] == number]
    equal(len(rows), 1, "number of GILs of interpreter %s" % number)
    return rows[0]


def check_own(process, truths):
    """Compares each sub-interpreter's row with what it knows about itself."""
    equal(len(process["gils"]), len(truths) + 1, "number of GILs")
    for t in truths:
        one = t["interpreter"]
        gil = row_of(process, one["id"])
        check(not gil["main"], "a sub-interpreter's GIL is the main one")
        # After its end, other data may be in the place of its interval; that must not be reported.
        check(gil["switch_interval_us"] in (5000, None), "switch_interval_us is %s",
              gil["switch_interval_us"])
        threads = [r for r in gil["threads"] if r["tid"] == t["tid"]]
        equal(len(threads), 1, "rows of the thread that ran interpreter %s" % one["id"])
        check(threads[0]["acquisitions"] >= one["calls"], "%s acquisitions for %s calls",
              threads[0]["acquisitions"], one["calls"])
        # Only one thread ever wants this GIL.
        equal(gil["contended"], 0, "contended")
        check(gil["observed_ns"] < gil_of(process)["observed_ns"],
              "a sub-interpreter's GIL was observed for longer than the main one's")


def check_together(process, truths):
    check_own(process, truths)
    held = 0
    for t in truths:
        one = t["interpreter"]
        gil, life = row_of(process, one["id"]), one["end"] - one["begin"]
        row = [r for r in gil["threads"] if r["tid"] == t["tid"]][0]
        # The thread holds its GIL all the time, even when it is preempted, except in the calls of
        # os.stat. The factor 0.7 allows for preemption in these calls on a busy machine. The upper
        # bound allows for what the thread does before `begin`, mostly imports.
        within(row["hold"]["sum_ns"], 0.7 * life, 3 * life, "hold")
        held += row["hold"]["sum_ns"]
    span = (max(t["interpreter"]["end"] for t in truths) -
            min(t["interpreter"]["begin"] for t in truths))
    check(held > 1.2 * span, "the GILs were held for %s ns in %s ns, so not at the same time", held,
          span)


@each(with_own_gils)
def test_own_gils_at_the_same_time(interpreter):
    process, truth, _ = stat_workload(interpreter, "subinterpreters.py", "own", 2, 2000, 1)
    check_together(process, truth["threads"])


@each(with_own_gils)
def test_attached_to_one_that_computes(interpreter):
    """Nobody else wants its GIL, so no edge comes: the interpreter says who has it."""
    w = Workload(interpreter, "subinterpreters.py", "endless")
    w.go()
    number, tid = map(int, w.line().split())
    process = process_of(stat("-p", w.pid, "-d", "0.5").report, w.pid)
    gil = row_of(process, number)
    equal(gil["holder"], tid, "holder")
    equal([t["tid"] for t in gil["threads"]], [tid], "threads")
    within(gil["open_hold_ns"], 0.9 * gil["observed_ns"], gil["observed_ns"], "the hold that goes on")
    equal(gil_of(process)["holder"], None, "holder of the main interpreter's GIL")


@each(with_own_gils)
def test_made_before_and_after_attaching(interpreter):
    w = Workload(interpreter, "subinterpreters.py", "own", 2, 2000, 1)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    check_together(process_of(g.finish().report, w.pid), truth["threads"])


@each(with_own_gils)
def test_shared_gil(interpreter):
    calls = 2000
    process, truth, _ = stat_workload(interpreter, "subinterpreters.py", "shared", 2, calls, 0.3)
    equal(len(process["gils"]), 1, "number of GILs")
    for t in truth["threads"]:
        rows = [r for r in gil_of(process)["threads"] if r["tid"] == t["tid"]]
        check(total(rows, "acquisitions") >= calls, "%s acquisitions for %s calls",
              total(rows, "acquisitions"), calls)
    # Both threads compute at the same time, so they wait for each other.
    check(gil_of(process)["contended"] > 0, "nobody waited for a shared GIL")


@each(with_own_gils)
def test_one_after_the_other(interpreter):
    # One thread makes more GILs than the kernel's record of a process has places for, most of them
    # at the same address. Each must still have its own row.
    process, truth, _ = stat_workload(interpreter, "subinterpreters.py", "sequence", 30, 100)
    check_own(process, truth["threads"])


def quick_with_own_gils():
    """All but the debug builds, which make interpreters so slowly that the first one ends before
    the last one starts."""
    return [i for i in with_own_gils() if i in optimised_interpreters()]


@each(quick_with_own_gils)
def test_more_than_there_is_room_for(interpreter):
    process, truth, _ = stat_workload(interpreter, "subinterpreters.py", "own", 9, 100, 0.2)
    # On a slow machine the first interpreter may end before the last one starts; then there is room
    # for all of them.
    n = len(process["gils"])
    if "not observed" not in (process.get("note") or ""):
        equal(n, 1 + 9, "number of GILs, when the report says that all were observed")
    check(n >= 2, "only %d GILs", n)
