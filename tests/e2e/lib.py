# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the end-to-end tests share: workloads, running gilscope, reading its report; and all of basics.py,
pythons.py and probes.py.

Every report that is read here is checked by invariants.py. Tests never depend on absolute times,
and never sleep in the hope that something has happened meanwhile: `attach` waits until the probes
are in the target's memory, and workloads print READY and wait until they are told to continue."""
import functools
import glob
import json
import os
import re
import select
import signal
import subprocess
import time

from basics import *
from invariants import check_invariants
from probes import *
from pythons import *
from schema import check_schema

# --- processes -----------------------------------------------------------------------------------

def spawn(argv, **options):
    """Starts a process in its own session; it is killed when the test ends."""
    options.setdefault("start_new_session", True)
    process = subprocess.Popen(argv, **options)
    started.append(process)
    return process


# Each process that a test starts has this in its environment, and so have its children.
os.environ["GILSCOPE_TEST"] = "%d-%d" % (os.getpid(), time.monotonic_ns())


def is_of_a_test(pid):
    try:
        with open("/proc/%d/environ" % pid, "rb") as f:
            return ("GILSCOPE_TEST=" + os.environ["GILSCOPE_TEST"]).encode() in f.read().split(b"\0")
    except OSError:
        return False


def end_families():
    """Kills everything that descends from a test, in whatever group or session it is by now."""
    while True:
        found = [int(pid) for pid in os.listdir("/proc") if pid.isdigit()]
        found = [pid for pid in found if pid != os.getpid() and is_of_a_test(pid)]
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


def clean_up():
    """Kills the processes that the test left running, and their children."""
    while started:
        process = started.pop()
        try:
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except ProcessLookupError:
            pass
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        process.wait()


class Workload:
    """A workload that gilscope does not launch. With --wait, it prints READY and waits for go()."""

    def __init__(self, interpreter, script, *args, wait=True, user=None):
        argv = interpreter.argv(script, *args) + (["--wait"] if wait else [])
        self.process = spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=interpreter.environment(), user=user)
        self.pid = self.process.pid
        self.read = b""  # output that no caller has asked for yet
        self.expect("READY")

    def line(self, seconds=30):
        """The next line of its stdout."""
        seconds *= PATIENCE
        while b"\n" not in self.read:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                raise AssertionError("no line from the workload in %s s" % seconds)
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                status = self.process.wait(10)
                raise AssertionError("the workload ended early, with status %s" % status)
            self.read += more
        line, self.read = self.read.split(b"\n", 1)
        return line.decode()

    def expect(self, wanted):
        equal(self.line(), wanted, "the workload's line")

    def go(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def truth(self):
        return json.loads(self.line())

    def end(self, status=0):
        equal(self.process.wait(30 * PATIENCE), status, "the workload's status")

    def alive(self):
        return self.process.poll() is None


class Run:
    """The result of a run of gilscope."""

    def __init__(self, status, out, err, path):
        self.status, self.out, self.err = status, out, err
        self.report = None
        if path and os.path.exists(path):
            with open(path) as f:
                text = f.read()
            self.report = json.loads(text) if text else None
            check_schema(self.report or {})

    def truth(self):
        """The launched workload's last line."""
        lines = [line for line in self.out.splitlines() if line.startswith("{")]
        check(lines, "the command printed no truth; stderr: %s", self.err[-300:])
        return json.loads(lines[-1])


class Gilscope:
    """A run of `gilscope stat` in the background."""

    def __init__(self, *options, command=None, **popen):
        self.path = scratch("report.json")
        argv = [GILSCOPE, "stat", "--json", "-o", self.path]
        argv += [str(o) for o in options]
        if command:
            argv += ["--"] + [str(c) for c in command]
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        self.process = spawn(argv, stderr=subprocess.PIPE, text=True, **popen)

    def finish(self, status=0, seconds=60, **expectations):
        """Waits for the end; returns the Run, its report checked."""
        out, err = self.process.communicate(timeout=seconds * PATIENCE)
        run = Run(self.process.returncode, out or "", err, self.path)
        if status is not None:
            check(run.status == status, "gilscope's status is %s, not %s; stderr: %s",
                  run.status, status, err.strip()[-400:])
        if run.report is not None:
            check_invariants(run.report, **expectations)
        return run

    def interrupt(self, **options):
        """Interrupts gilscope like Ctrl-C, but not its command."""
        self.process.send_signal(signal.SIGINT)
        return self.finish(**options)


def stat(*options, command=None, status=0, seconds=60, expectations=None, **popen):
    """`gilscope stat` from its start to its end. The report must exist."""
    run = Gilscope(*options, command=command, **popen).finish(
        status, seconds, **(expectations or {}))
    check(run.report is not None, "no report; stderr: %s", run.err.strip()[-400:])
    return run


def page_data(path):
    """What the script of an HTML page shows."""
    with open(path, encoding="utf-8") as f:
        page = f.read()
    begin = page.index('id="data">') + len('id="data">')
    return json.loads(page[begin:page.index("</script>", begin)])


def stat_workload(interpreter, script, *args, options=(), **more):
    """Launches the workload under gilscope; returns (report of its process, truth, run)."""
    if interpreter.foreign:
        return attach_to_workload(interpreter, script, *args, options=options, **more)
    run = stat(*options, command=interpreter.argv(script, *args),
               env=interpreter.environment(), **more)
    truth = run.truth()
    return process_of(run.report, truth["pid"]), truth, run


def attach_to_workload(interpreter, script, *args, options=(), status=0, expectations=None):
    """Like stat_workload, but gilscope attaches when the workload is ready."""
    w = Workload(interpreter, script, *args)
    g = attach(w, *options)
    w.go()
    truth = w.truth()
    w.end()
    run = g.finish(status, **(expectations or {}))
    return process_of(run.report, w.pid), truth, run


def gilscope(*args, seconds=30, **popen):
    """Any gilscope command, with plain arguments."""
    popen.setdefault("stdin", subprocess.DEVNULL)
    popen.setdefault("stdout", subprocess.PIPE)
    process = spawn([GILSCOPE] + [str(a) for a in args], stderr=subprocess.PIPE, text=True, **popen)
    out, err = process.communicate(timeout=seconds * PATIENCE)
    if "--json" in args and out and out.startswith("{\n") and process.returncode >= 0:
        check_schema(json.loads(out))
    return Run(process.returncode, out or "", err, None)


def attach(workloads, *options, everything=False, **popen):
    """Starts gilscope on running workloads (or with --all); returns when it observes them."""
    if isinstance(workloads, Workload):
        workloads = [workloads]
    target = ["--all"] if everything else ["-p", ",".join(str(w.pid) for w in workloads)]
    running = Gilscope(*target, *options, **popen)
    for w in workloads:
        wait_until(lambda: has_probes(running.process.pid, w.pid) or
                   has_spoken(running.process) or running.process.poll() is not None,
                   "probes in process %d" % w.pid)
    wait_until(lambda: at_rest(running.process), "gilscope to finish its set-up")
    if running.process.poll() is not None:
        raise AssertionError("gilscope ended, with status %s: %s" % (
            running.process.returncode, running.process.stderr.read().strip()[-400:]))
    return running


def has_spoken(process):
    """True if gilscope has written to stderr, as it does when it observes. For perf events in a
    file other than the C library, this is the only sign."""
    return bool(select.select([process.stderr], [], [], 0)[0])


def has_probes(gilscope_pid, pid):
    """True if this gilscope has attached probes to process pid, in any file; of perf events, any
    gilscope may be meant."""
    if has_link(gilscope_pid, pid):
        return True
    try:
        return is_observed(pid)
    except Skip:
        return False


def has_link(gilscope_pid, pid):
    """True if this gilscope has a uprobe_multi link to process pid."""
    for path in glob.glob("/proc/%d/fdinfo/*" % gilscope_pid):
        try:
            with open(path) as f:
                if re.search(r"\buprobe_multi\b(.|\n)*\npid:\s*%d\n" % pid, f.read()):
                    return True
        except OSError:
            pass
    return False


def cpu_time(pid):
    """(state, ticks of CPU time, voluntary switches) of a process."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open("/proc/%d/status" % pid) as f:
        switches = re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)", f.read()).group(1)
    return fields[0], int(fields[11]) + int(fields[12]), switches


def at_rest(process):
    """True if the process has slept in the same place for 30 ms, or is gone."""
    try:
        before = cpu_time(process.pid)
        time.sleep(0.03)
        return before[0] in "ZX" or (before[0] == "S" and cpu_time(process.pid) == before)
    except (FileNotFoundError, ProcessLookupError):
        return True


# --- reading a report ----------------------------------------------------------------------------

def process_of(report, pid):
    """The process's part of the report; after an exec there are several, and this is the last."""
    found = [p for p in report["processes"] if p["pid"] == pid]
    check(found, "process %s is not in the report, only %s; unobserved: %s", pid,
          [p["pid"] for p in report["processes"]], report.get("unobserved"))
    return found[-1]


def gil_of(process):
    mains = [g for g in process["gils"] if g["main"]]
    equal(len(mains), 1, "number of main GILs of process %s (note: %r)" % (
        process["pid"], process.get("note")))
    return mains[0]


def workers(process):
    """The rows of all threads except the main one."""
    return [t for t in gil_of(process)["threads"] if t["tid"] != process["pid"]]


def thread(process, tid):
    rows = [t for t in gil_of(process)["threads"] if t["tid"] == tid]
    equal(len(rows), 1, "number of rows of thread %s of process %s" % (tid, process["pid"]))
    return rows[0]


def total(rows, *path):
    """The sum over rows of row[path[0]][path[1]]..."""
    result = 0
    for r in rows:
        for k in path:
            r = r[k]
        result += r or 0
    return result


def longer_than(rows, name, ns):
    """The number of the rows' holds (or waits) in buckets that reach beyond ns."""
    return sum(b["count"] for r in rows for b in r[name]["buckets"] if b["hi_ns"] > ns)


def check_asleep_with_the_gil(rows, threads, sleeps, t, room):
    """Checks the rows of workers that slept `sleeps` times in all, t ns each, with the GIL, and
    released it in between. `threads` is what they know about themselves. Returns the sum of their
    lifetimes."""
    # A hold may also be long because its holder had no CPU. There are at most as many such holds as
    # fit into the time for which holders had none, which is 0 on an idle machine.
    within(longer_than(rows, "hold", t), sleeps, sleeps + total(rows, "hold_preempted_ns") // t,
           "holds of at least %d ns" % t)
    close_to(total(rows, "hold_blocked_ns"), sleeps * t, 0.05, "hold_blocked_ns")
    # For nearly all its life, each worker sleeps with the GIL or waits for it; only the few µs
    # around a release are neither. It may also wait before it notes its beginning, because it needs
    # the GIL for that, and after it has noted its end.
    lives = sum(w["end"] - w["begin"] for w in threads)
    span = max(w["end"] for w in threads) - min(w["begin"] for w in threads)
    within(total(rows, "hold", "sum_ns") + total(rows, "wait", "sum_ns"), 0.9 * lives,
           room * len(threads) * span, "holds and waits of all workers")
    return lives


def verdict(report):
    """The report's verdict, or {}."""
    return report.get("verdict") or {}


def free_pid():
    """The id of a process that has just ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@functools.lru_cache(None)
def wheel():
    """The wheel beside the program under test."""
    found = glob.glob(os.path.join(os.path.dirname(GILSCOPE), "wheel", "*.whl"))
    if not found:
        raise Skip("make wheel has not built it")
    return found[0]


def all_shown(master):
    """What has been written to a terminal, up to its end; master is a descriptor of its other side."""
    shown = b""
    try:
        while True:
            shown += os.read(master, 65536)
    except OSError:  # nobody has the terminal open any more
        return shown
