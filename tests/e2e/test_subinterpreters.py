# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sub-interpreters: those with a GIL of their own have a row of their own, the others share the main
one's."""
from lib import (Workload, attach, check, each, equal, gil_of, interpreters,
                 optimised_interpreters, process_of, stat_workload, total, within)


def with_own_gils():
    """The interpreters of which a sub-interpreter can have its own GIL."""
    return [i for i in interpreters() if i.version[:2] >= (3, 12) and i.name != "embed"]


def row_of(process, number):
    rows = [g for g in process["gils"] if g["interpreter"] == number]
    equal(len(rows), 1, "number of GILs of interpreter %s" % number)
    return rows[0]


def check_own(process, told):
    """Each sub-interpreter's row against what it told of itself."""
    equal(len(process["gils"]), len(told) + 1, "number of GILs")
    for t in told:
        one = t["interpreter"]
        gil = row_of(process, one["id"])
        check(not gil["main"], "a sub-interpreter's GIL is the main one")
        # Not what is in its place when it has ended.
        check(gil["switch_interval_us"] in (5000, None), "switch_interval_us is %s",
              gil["switch_interval_us"])
        threads = [r for r in gil["threads"] if r["tid"] == t["tid"]]
        equal(len(threads), 1, "rows of the thread that ran interpreter %s" % one["id"])
        check(threads[0]["acquisitions"] >= one["calls"], "%s acquisitions for %s calls",
              threads[0]["acquisitions"], one["calls"])
        # It has its GIL to itself: nobody else ever wants it.
        equal(gil["contended"], 0, "contended")
        check(gil["observed_ns"] < gil_of(process)["observed_ns"],
              "a sub-interpreter's GIL was observed for longer than the main one's")


def check_together(process, told):
    check_own(process, told)
    held = 0
    for t in told:
        one = t["interpreter"]
        gil, life = row_of(process, one["id"]), one["end"] - one["begin"]
        row = [r for r in gil["threads"] if r["tid"] == t["tid"]][0]
        # All its life but the calls of os.stat; a preempted holder holds. 0.7: on a busy machine it
        # may be off the CPU in a call, too. Above: what goes before `begin`, the imports mostly.
        within(row["hold"]["sum_ns"], 0.7 * life, 3 * life, "hold")
        held += row["hold"]["sum_ns"]
    span = (max(t["interpreter"]["end"] for t in told) -
            min(t["interpreter"]["begin"] for t in told))
    check(held > 1.2 * span, "GILs were held for %s ns in %s ns: one after the other", held, span)


@each(with_own_gils)
def test_own_gils_at_the_same_time(interpreter):
    process, truth, _ = stat_workload(interpreter, "subinterpreters.py", "own", 2, 2000, 1)
    check_together(process, truth["threads"])


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
    # They compute at the same time, and wait for each other.
    check(gil_of(process)["contended"] > 0, "nobody waited for a shared GIL")


@each(with_own_gils)
def test_one_after_the_other(interpreter):
    # More than there are places for in the kernel's record of a process, most of them at the same
    # address, in one thread: each is told apart.
    process, truth, _ = stat_workload(interpreter, "subinterpreters.py", "sequence", 30, 100)
    check_own(process, truth["threads"])


def quick_with_own_gils():
    """Not the debug builds: before they have made the last interpreter, the first is gone."""
    return [i for i in with_own_gils() if i in optimised_interpreters()]


@each(quick_with_own_gils)
def test_more_than_there_is_room_for(interpreter):
    process, truth, _ = stat_workload(interpreter, "subinterpreters.py", "own", 9, 100, 0.2)
    # On a slow machine the first may have ended when the last one starts; then there was room.
    n = len(process["gils"])
    if "not observed" not in (process.get("note") or ""):
        equal(n, 1 + 9, "number of GILs, as the report says of none that it was not observed")
    check(n >= 2, "only %d GILs", n)
