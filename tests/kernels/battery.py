# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""battery.py [--small] [NAME...]: runs in a guest, and compares gilscope's reports with what
programs know about themselves.

Each test prints one line, with its figures. The guest is emulated, so in a second it does what a
real machine does in a few hundredths of a second. Therefore no test depends on how long something
takes: the tests compare counts, orders, and times within one run.

battery.py --refusal: checks that gilscope refuses this kernel by name."""
import argparse
import glob
import json
import os
import re
import signal
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import lib  # noqa: E402
import run  # noqa: E402
from lib import (Gilscope, Interpreter, Skip, Workload, attach, cached, check, check_untouched,  # noqa: E402
                 debian, equal, gil_of, gilscope, longer_than, process_of, scratch, stat, stat_workload,
                 thread, total, verdict, within, workers)

MS = 1000000
LIMIT = 400  # time limit for one test, in seconds
CALLS = 5000  # the usual number of calls that release the GIL
SLACK = 20  # a thread's acquisitions besides its calls: at its start, in its gate, at its end
BUSY = os.path.join(lib.ROOT, "build", "kernels", "busy.so")
UNORDERLY = {"expect_lost": True, "expect_anomalies": True}

tests = {}
small = set()


def point(in_small=False):
    def mark(test):
        name = test.__name__[len("test_"):]
        tests[name] = test
        if in_small:
            small.add(name)
        return test
    return mark


def plain(text):
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", text)).strip()


def exactly(row, calls, what="acquisitions"):
    """Checks a thread's counts of acquisitions and holds against the number of its calls."""
    within(row["acquisitions"], calls, calls + SLACK, what)
    within(row["hold"]["count"], calls, calls + SLACK, "holds")
    return "%d %s of %d" % (row["acquisitions"], what, calls)


def missed(report):
    """The report's losses, in words; "" if there are none."""
    lost = {cause: n for cause, n in report["lost"].items() if n}
    return "; lost: %s" % json.dumps(lost) if lost else ""


# --- one process ---------------------------------------------------------------------------------

@point(in_small=True)
def test_doctor():
    done = gilscope("doctor", seconds=60)
    equal(done.status, 0, "status of doctor, which said: %s" % plain(done.out + done.err))
    return re.search(r"probes on gilscope itself.*?(?= gilscope can)", plain(done.out)).group(0)


@point(in_small=True)
def test_counts():
    process, truth, done = stat_workload(debian(), "stat_loop.py", 4 * CALLS)
    row = thread(process, truth["threads"][0]["tid"])
    return exactly(row, 4 * CALLS) + missed(done.report)


@point()
def test_counts_through_perf_events():
    """Attaches by perf events, as on kernels before 6.6, whatever this kernel is."""
    process, truth, done = stat_workload(debian_with(GILSCOPE_PERF_EVENTS="1"), "stat_loop.py", CALLS)
    return exactly(thread(process, truth["threads"][0]["tid"]), CALLS) + missed(done.report)


def debian_with(**env):
    return Interpreter("debian", debian().path, debian().version, env)


@point(in_small=True)
def test_holds_asleep():
    n, m, t = 3, 8, 20 * MS
    process, truth, _ = stat_workload(debian(), "pydll_sleep.py", n, m, t // MS)
    rows = workers(process)
    lives = sum(w["end"] - w["begin"] for w in truth["threads"])
    asleep, long = total(rows, "hold_blocked_ns"), longer_than(rows, "hold", t)
    # No sleep is shorter than asked for.
    within(asleep, n * m * t, lives, "hold_blocked_ns")
    # There may be more, because emulation may make any other hold that long as well.
    check(long >= n * m, "%d holds that long, of %d", long, n * m)
    check(total(rows, "wait", "sum_ns") > lives / 4, "3 threads share the GIL but wait little")
    return "%d holds of at least %d ms, of %d; asleep with the GIL for %.2f of the time slept" % (
        long, t // MS, n * m, asleep / (n * m * t))


@point()
def test_asleep_without_the_gil():
    n, m = 3, 20
    process, truth, _ = stat_workload(debian(), "cdll_sleep.py", n, m, 10)
    rows = workers(process)
    lives = sum(w["end"] - w["begin"] for w in truth["threads"])
    # Each call releases the GIL twice: for the sleep, and for os.stat.
    within(total(rows, "acquisitions"), 2 * n * m, 2 * n * m + n * SLACK, "acquisitions")
    within(total(rows, "hold_blocked_ns"), 0, 0.05 * lives, "hold_blocked_ns")
    return "%d acquisitions of %d; asleep with the GIL for %.4f of the time" % (
        total(rows, "acquisitions"), 2 * n * m, total(rows, "hold_blocked_ns") / lives)


@point()
def test_holds_busy():
    if not os.path.exists(BUSY):
        raise Skip("there is no %s" % BUSY)
    process, truth, _ = stat_workload(debian(), "busy_ext.py", BUSY, 2, 4, 40)
    shares = []
    for w in truth["threads"]:
        row = thread(process, w["tid"])
        within(longer_than([row], "hold", 39 * MS), w["calls"], w["calls"] + 1, "long holds")
        # It holds the GIL while it computes, and at most for all of its life.
        within(row["hold"]["sum_ns"], 0.95 * w["wall_ns"], 1.05 * (w["end"] - w["begin"]), "hold")
        room = 0.1 * w["cpu_ns"] + 0.15 * row["hold_preempted_ns"]
        within(row["hold_oncpu_ns"], w["cpu_ns"] - room, 1.001 * row["hold"]["sum_ns"], "hold_oncpu_ns")
        shares.append("%.3f and %.3f" % (row["hold"]["sum_ns"] / w["wall_ns"],
                                         row["hold_oncpu_ns"] / w["cpu_ns"]))
    return "hold and time on a CPU, of the true ones: " + "; ".join(shares)


@point(in_small=True)
def test_convoy():
    process, truth, done = stat_workload(debian(), "convoy.py", 60)
    io, cpu = thread(process, truth["io_tid"]), thread(process, truth["cpu_tid"])
    # With emulated CPUs, the other thread often has no CPU when it could take the GIL.
    within(io["contended"], 0.05 * truth["ops"], truth["ops"] + 10, "contended")
    within(io["wait"]["sum_ns"], 0, 1.02 * truth["io_ns"] + 20 * MS, "the I/O thread's wait")
    # The I/O thread asks for the GIL after one interval, and timers are never early.
    check(io["wait"]["p50_ns"] > 0.9 * 5 * MS, "median wait is %s ns", io["wait"]["p50_ns"])
    within(cpu["requested_releases"], 0.8 * io["contended"] - 2, io["contended"] + 5, "requested releases")
    # The verdict is not checked, because it also depends on how the host shares out its CPUs.
    kind = verdict(done.report)["kind"]
    return "%d waits of %d, %d requested, verdict: %s" % (
        io["contended"], truth["ops"], cpu["requested_releases"], kind)


# --- several processes ---------------------------------------------------------------------------

def children(how):
    n, calls = 3, CALLS
    done = stat(command=debian().argv("mp.py", how, n, calls))
    truth, counts = done.truth(), []
    equal(truth["failed"], 0, "children that failed")
    for child in truth["children"]:
        process = process_of(done.report, child["pid"])
        row = thread(process, child["threads"][0]["tid"])
        # A child rests before it begins. If it was observed later than that, the report says so.
        late = process["late_ns"] is not None and process["late_ns"] > truth["rest_ns"]
        within(row["acquisitions"], 0 if late else calls, calls + SLACK, "acquisitions of a child")
        counts.append("%d%s" % (row["acquisitions"], " (late, as reported)" if late else ""))
    return "%s acquisitions of %d each%s" % (", ".join(counts), calls, missed(done.report))


@point(in_small=True)
def test_fork():
    return children("fork")


@point()
def test_spawn():
    return children("spawn")


@point(in_small=True)
def test_all():
    w = Workload(debian(), "stat_loop.py", CALLS)
    g = attach(w, everything=True)
    w.go()
    truth = w.truth()
    w.end()
    report = g.interrupt().report
    row = thread(process_of(report, w.pid), truth["threads"][0]["tid"])
    return "%s; %d processes" % (exactly(row, CALLS), len(report["processes"]))


# --- recordings ----------------------------------------------------------------------------------

def recorded(script, *args):
    """Records a workload, and checks that the replay gives what the kernel counted. Returns
    (report, truth)."""
    path = scratch("trace.gil")
    done = gilscope("record", "-o", path, "--", *debian().argv(script, *args), seconds=90)
    equal(done.status, 0, "status of record, which said: %s" % done.err[-300:])
    verified = gilscope("report", path, "--verify", seconds=90)
    equal(verified.status, 0, "status of report --verify, which said: %s" % verified.err[-300:])
    report = json.loads(gilscope("report", path, "--json", seconds=90).out)
    return report, done.truth()


@point(in_small=True)
def test_record():
    report, truth = recorded("stat_loop.py", CALLS)
    row = thread(process_of(report, truth["pid"]), truth["threads"][0]["tid"])
    return exactly(row, CALLS) + " in the trace, as the kernel counted" + missed(report)


@point()
def test_record_a_convoy():
    report, truth = recorded("convoy.py", 60)
    io = thread(process_of(report, truth["pid"]), truth["io_tid"])
    within(io["contended"], 0.05 * truth["ops"], truth["ops"] + 10, "contended")
    return "%d waits in the trace, as the kernel counted%s" % (io["contended"], missed(report))


# --- rules ---------------------------------------------------------------------------------------

def judged(rule, status):
    done = gilscope("check", "--assert", rule, "--", *debian().argv("pydll_sleep.py", 1, 3, 200), seconds=90)
    equal(done.status, status, "status of check, which said: %s" % plain(done.out + done.err)[-300:])
    said = [line for line in done.out.splitlines() + done.err.splitlines() if rule in line]
    check(said, "the rule is not in what check said: %s", plain(done.out + done.err)[-300:])
    return plain(said[0])


@point()
def test_check_that_passes():
    return judged("hold.max < 3600s", 0)


@point(in_small=True)
def test_check_that_fails():
    # The holds are sleeps of 200 ms, and no sleep is shorter than asked for.
    return judged("hold.max < 100ms", 1)


# --- processes that run already ------------------------------------------------------------------

def attached(calls):
    w = Workload(debian(), "stat_loop.py", calls)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    report = g.finish().report
    return exactly(thread(process_of(report, w.pid), truth["threads"][0]["tid"]), calls) + missed(report)


@point()  # the small part attaches in test_killed
def test_attach():
    return attached(CALLS)


@point()
def test_attach_for_a_time():
    w = Workload(debian(), "compute_check.py")
    w.go()
    gil = gil_of(process_of(stat("-p", w.pid, "-d", "3").report, w.pid))
    check_untouched(w.pid)
    computed_right(w)
    check(gil["acquisitions"] > 0, "no acquisition was seen")
    return "%d acquisitions, held for %.2f of the time; the target continued" % (
        gil["acquisitions"], gil["held_ratio"])


def computed_right(w):
    w.go()
    truth = w.truth()
    w.end()
    equal(truth["wrong"], 0, "wrong results of the target")
    equal(truth["sum"], truth["rounds"] * truth["sum_of_a_round"], "the target's sum")
    return truth


@point(in_small=True)
def test_killed():
    """After a SIGKILL in the middle, the target continues untouched, and later observations are
    exact."""
    w = Workload(debian(), "compute_check.py")
    w.go()
    for _ in range(2):
        g = attach(w)
        g.process.send_signal(signal.SIGKILL)
        g.process.wait(30)
        check(w.alive(), "the target is gone")
    check_untouched(w.pid)
    truth = computed_right(w)
    return "2 times; the target's %d rounds are right; afterwards %s" % (truth["rounds"], attached(CALLS))


@point(in_small=True)
def test_top():
    w = Workload(debian(), "compute_check.py")
    w.go()
    done = gilscope("top", "-b", "-n", "3", "-p", w.pid, seconds=60)
    equal(done.status, 0, "status of top, which said: %s" % done.err[-300:])
    blocks = len(re.findall(r"\b%d\b" % w.pid, done.out))
    check(blocks >= 3, "the process is in %d blocks of 3: %s", blocks, done.out[:300])
    computed_right(w)
    return "3 blocks, %d bytes" % len(done.out)


# --- other interpreters --------------------------------------------------------------------------

def python2():
    for path in glob.glob(os.path.join(os.environ.get("PYENV_ROOT", ""), "versions/2.7*/bin/python2.7")):
        version = lib.version_of(path)
        if version:
            return Interpreter("2.7", path, version)
    raise Skip("there is no CPython 2.7 in the image of interpreters")


@point()
def test_python2():
    w = Workload(python2(), "python2.py", "calls", CALLS)
    g = Gilscope("-p", w.pid)
    # attach() would look for probes in libc's functions, and Python 2's are in others.
    said = g.process.stderr.readline()
    check(said.startswith("observing"), "gilscope said: %s", said)
    w.go()
    truth = w.truth()
    w.end()
    report = g.finish(**UNORDERLY).report
    row = thread(process_of(report, w.pid), truth["threads"][0]["tid"])
    # No mutex protects the record of a semaphore. While the host keeps a CPU from one thread in the
    # middle of an update, another thread's edges are lost, and the report must say so.
    lost = report["lost"]["edges"]
    within(lost, 0, CALLS / 20, "lost edges")
    within(row["acquisitions"], CALLS - lost, 1.01 * CALLS, "acquisitions")
    return "%d acquisitions of %d%s" % (row["acquisitions"], CALLS, missed(report))


@point()
def test_usdt():
    found = [p for p in lib.usdt_pythons() if isinstance(p, Interpreter)]
    if not found:
        raise Skip("no CPython with GIL probes has been built: make usdt-python builds it")
    process, truth, done = stat_workload(found[0], "stat_loop.py", CALLS, options=["--source", "usdt"])
    equal(process["source"], "usdt", "source")
    return exactly(thread(process, truth["threads"][0]["tid"]), CALLS) + missed(done.report)


def with_own_gils():
    """CPythons whose sub-interpreters can have GILs of their own."""
    found = [Interpreter("%d.%d.%d" % v, path, v) for path, v in lib.pyenv_pythons() if v >= (3, 12)]
    try:
        path = cached("python3.13")
        found.append(Interpreter("Debian 13's", path, lib.version_of(path), foreign=True))
    except Skip:
        pass
    return [i for i in found if i.version]


@point()
def test_subinterpreters():
    found = with_own_gils()
    if not found:
        raise Skip("there is no CPython 3.12 or later in the image of interpreters")
    return "; ".join("%s: %s" % (i.name, own_gils(i)) for i in found)


def own_gils(interpreter):
    process, truth, _ = stat_workload(interpreter, "subinterpreters.py", "own", 2, 2000, 0.5)
    equal(len(process["gils"]), 1 + len(truth["threads"]), "number of GILs")
    counts = []
    for t in truth["threads"]:
        one = t["interpreter"]
        gil, = [g for g in process["gils"] if g["interpreter"] == one["id"]]
        row, = [r for r in gil["threads"] if r["tid"] == t["tid"]]
        check(row["acquisitions"] >= one["calls"], "%s acquisitions for %s calls", row["acquisitions"],
              one["calls"])
        equal(gil["contended"], 0, "contended")
        counts.append(str(row["acquisitions"]))
    return "%s acquisitions of 2000" % ", ".join(counts)


# --- kernels that are too old --------------------------------------------------------------------

def test_refusal():
    """gilscope says what is missing, and exits with status 4."""
    done = gilscope("stat", "--", *debian().argv("short.py"), seconds=60)
    said = plain(done.err)
    equal(done.status, 4, "status of stat, which said: %s" % said[-400:])
    check(re.search(r"Linux 5\.1\d|kernel", said), "the kernel is not named: %s", said)
    equal(gilscope("doctor", seconds=60).status, 4, "status of doctor")
    return said[:300]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--refusal", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, run.expire)
    wanted = {"refusal": test_refusal} if options.refusal else {
        name: test for name, test in tests.items()
        if name in (options.names or (small if options.small else tests))}
    failed = 0
    for name, test in wanted.items():
        one = run.Run("battery/" + name, test, LIMIT)
        any(one.attempt() for _ in range(run.ATTEMPTS_AT_ONCE))
        failed += one.report() == "not ok"
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
