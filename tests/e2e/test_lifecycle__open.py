# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is under way when a thread, a process or the observation ends, or when it begins: it counts
with the time that was seen, and is told as what it is."""
import json
import os
import signal
import subprocess
import time

from lib import (Gilscope, Workload, at_rest, attach, check, debian, each, equal, gil_of, gilscope, has_spoken, interpreters, process_of, scratch, spawn,
                 stat, total, wait_until, workload)
from traces import report, verify

FAILED, WAS_KILLED = 1, 137
PYTHON = "/usr/bin/python3"
# A thread sleeps with the GIL, and the main thread waits for it, until the process is killed.
WAITS = ("import ctypes, subprocess, threading, time\n"
         "sleep = ctypes.PyDLL(None).usleep\n"
         "subprocess.Popen(['sh', '-c', 'sleep 0.5; kill -KILL $PPID'])\n"
         "threading.Thread(target=lambda: sleep(60000000), daemon=True).start()\n"
         "time.sleep(0.02)")
KILLED = [PYTHON, "-c", WAITS]


def test_killed_while_waiting():
    """The unended wait and hold count, as they do when the observation ends first; live and from a
    trace."""
    trace = scratch("killed.gil")
    run = gilscope("record", "-o", trace, "--", *KILLED)
    equal(run.status, WAS_KILLED, "status (stderr: %s)" % run.err[-300:])
    verify(trace)
    for rule in ("wait.max < 100ms", "hold.max < 100ms", "hold_blocked < 100ms"):
        equal(gilscope("check", "-i", trace, "--assert", rule).status, FAILED, rule)
    whole = report(trace)
    process = next(p for p in whole["processes"] if p["python"])
    gil = gil_of(process)
    rows = {t["tid"]: t for t in gil["threads"]}
    waiter, holder = rows[process["pid"]], rows[gil["holder"]]
    check(waiter is not holder, "the main thread holds the GIL")
    equal(gil["waiters"], 1, "waiters")
    check(waiter["open_wait_ns"] > 0.5 * gil["open_hold_ns"], "waited %s ns of %s",
          waiter["open_wait_ns"], gil["open_hold_ns"])
    check(holder["open_hold_blocked_ns"] > 0.9 * gil["open_hold_ns"], "asleep for %s ns of %s",
          holder["open_hold_blocked_ns"], gil["open_hold_ns"])
    equal(whole["verdict"]["kind"], "stuck", "verdict")
    for word in (str(holder["tid"]), "asleep", "1 thread"):
        check(word in whole["verdict"]["text"], "no %s: %s", word, whole["verdict"]["text"])


def test_killed_while_waiting_fails_a_check():
    path = scratch("check.json")
    run = gilscope("check", "--assert", "wait.max < 100ms", "--json", "-o", path, "--", *KILLED)
    with open(path) as f:
        rules = json.load(f)["rules"]
    equal([r["verdict"] for r in rules], ["fail"], "verdicts (stderr: %s)" % run.err[-200:])


@each(interpreters)
def test_attached_to_a_deadlock(interpreter):
    """The one that has the GIL does nothing any more, so it is asked for; /proc says that it sleeps."""
    w = Workload(interpreter, "deadlock.py", wait=False)
    holder = int(w.line())
    whole = stat("-p", w.pid, "-d", "0.3").report
    gil = gil_of(process_of(whole, w.pid))
    equal(gil["holder"], holder, "holder")
    equal(gil["holder_call"], "futex", "the system call in which it sleeps")
    row = next(t for t in gil["threads"] if t["tid"] == gil["holder"])
    check(row["open_hold_blocked_ns"] > 0.9 * gil["open_hold_ns"] > 0, "asleep for %s ns of %s",
          row["open_hold_blocked_ns"], gil["open_hold_ns"])
    equal(whole["verdict"]["kind"], "stuck", "verdict")
    for word in (str(row["tid"]), "asleep"):
        check(word in whole["verdict"]["text"], "no %s: %s", word, whole["verdict"]["text"])


def test_recorded_from_the_middle_of_a_hold():
    w = Workload(debian(), "deadlock.py", wait=False)
    holder = int(w.line())
    trace = scratch("deadlock.gil")
    equal(gilscope("record", "-p", w.pid, "-d", "0.3", "-o", trace).status, 0, "status")
    verify(trace)
    told = report(trace)
    gil = gil_of(process_of(told, w.pid))
    equal((gil["holder"], gil["holder_call"]), (holder, "futex"), "holder, and the system call in which it sleeps")
    check("asleep in futex" in told["verdict"]["text"], "%s", told["verdict"]["text"])
    # Where it slept at the end is not known of an earlier moment.
    equal(gil_of(process_of(report(trace, "--to", "0.1"), w.pid))["holder_call"], None, "system call before the end")


def test_attached_to_the_middle_of_a_sleep():
    """The hold ends while it is observed. What was seen of it, and of the wait behind it, counts."""
    w = Workload(debian(), "holding.py", 1, 1500, wait=False)
    whole = stat("-p", w.pid, "-d", "1.8").report
    equal(whole["verdict"]["kind"], "asleep", "verdict: %s" % whole["verdict"]["text"])
    check(str(w.pid) in whole["verdict"]["text"], "not named: %s", whole["verdict"]["text"])


# A thread that reads from a pipe gets its line 0.1 s after the start. Then it waits for the main thread,
# which computes for SECONDS without being asked to let go.
LATE = ("import os, subprocess, sys, threading, time\n"
        "sys.setswitchinterval(100)\n"
        "end, other = os.pipe()\n"
        "threading.Thread(target=os.read, args=(end, 1)).start()\n"
        "print('READY', flush=True)\n"
        "sys.stdin.readline()\n"
        "subprocess.Popen(['sh', '-c', 'sleep 0.1; echo'], stdout=other)\n"
        "end = time.monotonic() + SECONDS\n"
        "while time.monotonic() < end: pass")


def late(seconds):
    process = spawn([PYTHON, "-c", LATE.replace("SECONDS", seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_attached_to_a_waiter():
    """It does not show itself, as nothing wakes it."""
    process = late("60")
    process.stdin.write(b"\n")
    process.stdin.flush()
    reader, = (t for t in os.listdir("/proc/%d/task" % process.pid) if int(t) != process.pid)
    wait_until(lambda: "futex" in wchan(process.pid, reader), "the thread to wait")
    trace = scratch("waiter.gil")
    equal(gilscope("record", "-p", process.pid, "-d", "0.3", "-o", trace).status, 0, "status")
    verify(trace)
    whole = report(trace)
    gil = gil_of(process_of(whole, process.pid))
    equal(gil["waiters"], 1, "waiters")
    check(gil["contended_ratio"] > 0.99, "contended for a share of %s only", gil["contended_ratio"])
    equal(whole["verdict"]["kind"], "switch_interval", "verdict: %s" % whole["verdict"]["text"])


def wchan(pid, tid):
    with open("/proc/%d/task/%s/wchan" % (pid, tid)) as f:
        return f.read()


def test_a_first_wait_is_whole():
    """A thread that slept in a read when gilscope came did not wait yet, however long the switch interval is."""
    process = late("0.5")
    g = Gilscope("-p", process.pid)
    wait_until(lambda: has_spoken(g.process), "gilscope")
    wait_until(lambda: at_rest(g.process), "gilscope to finish its set-up")
    process.stdin.write(b"\n")
    process.stdin.flush()
    process.wait()
    gil = gil_of(process_of(g.finish().report, process.pid))
    equal(gil["partial_waits"], 0, "waits that had begun before")
    check(gil["wait"]["max_ns"] > 0.1e9, "the longest wait took %s ns", gil["wait"]["max_ns"])


def test_stopped_in_the_middle():
    """Whoever has the GIL does not sleep then; the two threads still share it."""
    trace = scratch("stopped.gil")
    equal(gilscope("record", "-o", trace, "--", "/usr/bin/python3", workload("stopped.py"), 500).status, 0, "status")
    verify(trace)
    whole = report(trace)
    gil = gil_of(next(p for p in whole["processes"] if p["python"]))
    check(0.45e9 < gil["hold_stopped_ns"] <= gil["hold_blocked_ns"], "stopped for %s ns of %s ns blocked",
          gil["hold_stopped_ns"], gil["hold_blocked_ns"])
    check(whole["verdict"]["kind"] not in ("asleep", "native", "stuck"), "verdict: %s", whole["verdict"])
    check(any("stopped" in s for s in whole["verdict"]["support"]), "no word of it: %s", whole["verdict"])


def freezers():
    """Of both kinds of control groups: their folder, the file and the words that freeze and thaw, and the
    file and the words that tell when that is done."""
    with open("/proc/mounts") as f:
        for _, place, kind, options, *_ in map(str.split, f):
            if kind == "cgroup2":
                yield "cgroup2", place, "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1"
            elif kind == "cgroup" and "freezer" in options.split(","):
                yield "cgroup1", place, "freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN"


@each(lambda: dict((f[0], f) for f in freezers()))
def test_frozen_in_the_middle(freezer):
    """As a container is by "docker pause". A single thread computes, so it has the GIL then."""
    _, place, name, freeze, thaw, tells, done = dict((f[0], f) for f in freezers())[freezer]
    group = os.path.join(place, "gilscope-test-%d" % os.getpid())
    w = Workload(debian(), "cpu_threads.py", 1, 60)

    def write(to, text):
        with open(os.path.join(group, to), "w") as f:
            f.write(text)

    def read(from_):
        with open(os.path.join(group, from_)) as f:
            return f.read()

    def removed():
        try:
            os.rmdir(group)
        except OSError:
            return False
        return True

    os.mkdir(group)
    try:
        write("cgroup.procs", str(w.pid))
        g = attach(w)
        w.go()
        wait_until(lambda: len(os.listdir("/proc/%d/task" % w.pid)) == 2, "its thread")
        begin = cpu_ticks(w.pid)
        wait_until(lambda: cpu_ticks(w.pid) > begin + 2, "the thread to compute")
        write(name, freeze)
        wait_until(lambda: done in read(tells), "the process to be frozen")
        time.sleep(0.3)
        write(name, thaw)
        whole = g.interrupt().report
    finally:
        write(name, thaw)
        w.process.kill()
        wait_until(removed, "the control group to be empty")
    asleep = total(gil_of(process_of(whole, w.pid))["threads"], "open_hold_blocked_ns")
    check(asleep > 0.25e9, "the holder was off the CPU for %s ns only", asleep)
    told = [whole["verdict"]["text"]] + whole["verdict"]["support"]
    check(any("stopped" in text for text in told), "no word of it: %s", told)
    check(not any("asleep" in text for text in told), "it says: %s", told)


def stat_fields(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()


def cpu_ticks(pid):
    return int(stat_fields(pid)[11])


def test_attached_to_a_stopped_process():
    """It computes without end, so a thread had the GIL when it was stopped."""
    process = spawn(["/usr/bin/python3", "-c", "print('READY', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    process.stdout.readline()
    # While it writes the line, it does not have the GIL.
    begin = cpu_ticks(process.pid)
    wait_until(lambda: cpu_ticks(process.pid) > begin + 1, "the process to compute")
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: stat_fields(process.pid)[0] == "T", "the process to be stopped")
    whole = stat("-p", process.pid, "-d", "0.3").report
    gil = gil_of(process_of(whole, process.pid))
    equal(gil["holder"], process.pid, "holder")
    for word in ("stopped", "kill -CONT %d" % process.pid):
        check(word in json.dumps(whole["verdict"]), "no %s in %s", word, whole["verdict"])
    check("asleep" not in json.dumps(whole["verdict"]), "verdict: %s", whole["verdict"])
