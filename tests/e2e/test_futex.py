# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The source without probes. Its truth is the source on libc, in another gilscope beside it, for the same
run; the invariants of a report (invariants.py) know what is not measured."""
from test_check import judged
from test_python2 import python2
from test_static import MUSL
from lib import (Gilscope, Skip, Workload, best_of, check, close_to, debian, each, equal, gil_of, gilscope,
                 interpreters, process_of, scratch, stat, verdict, within)

SHORT = 100000  # ns; shorter waits may pass without a sleep


def edges(gil):
    return {(e["from"], e["to"]): e["count"] for e in gil["handoff_edges"]}


def longer(gil, than):
    return sum(b["count"] for b in gil["wait"]["buckets"] if b["lo_ns"] >= than)


def wait_for_start(g):
    """There are no probes to wait for, but gilscope says when it observes."""
    while True:
        line = g.process.stderr.readline()
        check(line, "gilscope ended early")
        if "observing" in line:
            return


def both(interpreter, script, *args):
    """One run under both sources. Both observe before the workload begins, and until it ends. Returns
    (GIL by futex, GIL by uprobe)."""
    w = Workload(interpreter, script, *args)
    runs = [Gilscope("-p", str(w.pid), "--source", source) for source in ("uprobe", "futex")]
    for g in runs:
        wait_for_start(g)
    w.go()
    w.truth()
    w.end()
    uprobe = process_of(runs[0].finish().report, w.pid)
    # The host of a virtual machine may stop a CPU in the middle of an update.
    run = runs[1].finish(expect_lost=True)
    within(run.report["lost_events"], 0, 5, "lost events")
    futex = process_of(run.report, w.pid)
    equal((futex["source"], uprobe["source"]), ("futex", "uprobe"), "sources")
    return gil_of(futex), gil_of(uprobe)


def bucket(ns):
    """The buckets are 16 to an octave."""
    return ns / 16


def check_same(a, b):
    close_to(a["contended"], b["contended"], 0.01 + 2 / max(b["contended"], 1), "waits")
    close_to(a["wait"]["sum_ns"], b["wait"]["sum_ns"], 0.01, "sum of waits")
    for q in ("p50_ns", "p99_ns"):
        check(abs(a["wait"][q] - b["wait"][q]) <= 2 * bucket(b["wait"][q]), "%s: %s by futex, %s by uprobe",
              q, a["wait"][q], b["wait"][q])
    close_to(a["requested_releases"], b["requested_releases"], 0.02 + 3 / max(b["requested_releases"], 1),
             "requested releases")


def check_same_ends(a, b, share):
    mine, truth = edges(a), edges(b)
    wrong = sum(abs(mine.get(k, 0) - truth.get(k, 0)) for k in set(mine) | set(truth))
    check(wrong <= 2 * share * b["handoffs"] + 4, "%s of %s handoffs differ", wrong, b["handoffs"])


def compare(interpreter, ends, script, *args):
    a, b = both(interpreter, script, *args)
    check_same(a, b)
    check_same_ends(a, b, ends)


@each(interpreters)
def test_a_convoy(interpreter):
    best_of(3, lambda: compare(interpreter, 0.01, "convoy.py", 300))


def test_two_threads():
    best_of(3, lambda: compare(debian(), 0.01, "cpu_threads.py", 2, 2))


def test_eight_threads():
    best_of(3, lambda: compare(debian(), 0.01, "cpu_threads.py", 8, 3))


def test_short_waits():
    """Threads that need the GIL for moments: the waits that are long enough to be seen, are."""
    def compare_long():
        a, b = both(debian(), "short_turns.py", 12, 2)
        # Without probes, a wait begins later and ends earlier, by some 10 us in all.
        within(longer(a, SHORT), 0.98 * longer(b, 1.25 * SHORT) - 3, 1.02 * longer(b, SHORT) + 3,
               "waits of more than 100 us")
    best_of(3, compare_long)


# --- what is said --------------------------------------------------------------------------------

def test_report():
    run = gilscope("stat", "--source", "futex", "--", *debian().argv("cpu_threads.py", 2, 1))
    said = " ".join((run.out + run.err).split())
    for words in ("not measured", "through futex", "Only waits were measured", "--source uprobe"):
        check(words in said, "%r is not in the report: %s", words, said)
    for words in ("probe hits", "Only one thread at a time", "acquired and released", "%  of the time a thread had it"):
        check(words not in said, "%r is in the report: %s", words, said)


def test_a_launched_program():
    run = stat("--source", "futex", command=debian().argv("cpu_threads.py", 2, 1))
    process = process_of(run.report, run.truth()["pid"])
    told = verdict(run.report)
    equal((process["source"], told["kind"], told["gil_bound"]), ("futex", "waits", "yes"), "verdict")
    check(process["late_ns"] < 1e9, "late by %s ns", process["late_ns"])
    equal(run.report["probe_cost"]["hits"], 0, "hits")


def test_nobody_waits():
    run = stat("--source", "futex", command=debian().argv("stat_loop.py", 20000))
    told = verdict(run.report)
    equal((told["kind"], told["gil_bound"]), ("waits", "no"), "verdict")
    check("held" not in told["text"] and "busy" in " ".join(told["support"]), "it says %s", told)
    gil = gil_of(process_of(run.report, run.truth()["pid"]))
    within(gil["contended"], 0, 20, "waits")


def test_no_probe_is_in_the_process():
    w = Workload(debian(), "cpu_threads.py", 2, 1)
    g = Gilscope("-p", str(w.pid), "--source", "futex")
    wait_for_start(g)
    with open("/proc/%d/maps" % w.pid) as f:
        check("[uprobes]" not in f.read(), "the process has a page for uprobes")
    w.go()
    w.truth()
    w.end()
    g.finish()


def test_children():
    """A child made by fork is observed from its first wait."""
    run = stat("--source", "futex", command=debian().argv("mp.py", "fork", 3, 1000))
    check(len([p for p in run.report["processes"] if p["gils"]]) >= 3, "processes: %s",
          [(p["pid"], len(p["gils"])) for p in run.report["processes"]])


# --- what is refused -----------------------------------------------------------------------------

def refused(run, status, *words):
    equal(run.status, status, "exit status")
    for w in words:
        check(w in run.err, "%r is not said: %s", w, run.err)


def test_combinations():
    target = ["--source", "futex", "--", "true"]
    refused(gilscope("stat", "--blame", "99", *target), 2, "--blame")
    refused(gilscope("record", *target), 2, "record", "futex")
    refused(gilscope("check", "--trace", scratch("waits.gil"), "--assert", "wait.max < 1s", *target), 2, "check --trace", "futex")
    refused(gilscope("check", "--assert", 'blame.ratio{function~"f"} < 50%', *target), 2, "futex")


def test_python_2():
    if not python2():
        raise Skip("there is no Python 2")
    w = Workload(python2()[0], "python2.py", "compute", 2, 5)
    refused(gilscope("stat", "--source", "futex", "-p", str(w.pid)), 4, "semaphore", "--source uprobe")


def test_top():
    """As text, without a screen."""
    w = Workload(debian(), "cpu_threads.py", 2, 3)
    w.go()
    run = gilscope("top", "--source", "futex", "-p", str(w.pid), "-n", "2", "--interval", "1")
    equal(run.status, 0, "status, stderr: %s" % run.err)
    check("waits" in run.out, "no verdict of waits: %s", run.out)
    w.truth()
    w.end()


def test_rules():
    """A rule about waits is judged; those about holds are not."""
    report = judged("wait.ratio>20%", "hold.p99<1s", "hold_blocked.sum<1s", status=3, options=["--source", "futex"],
                    command=debian().argv("cpu_threads.py", 2, 1))
    equal([r["verdict"] for r in report["rules"]], ["pass", "inconclusive", "inconclusive"], "verdicts")
    equal([r["runs"][0].get("doubt") for r in report["rules"][1:]], ["not_measured"] * 2, "doubts")


@each(lambda: MUSL[:2])
def test_musl(kind):
    w = Workload(kind.interpreter(), "cpu_threads.py", 2, 5)
    why = "words of their own stacks" if kind.name == "musl" else "linked into it"
    refused(gilscope("stat", "--source", "futex", "-p", str(w.pid)), 4, why, "--source uprobe")
