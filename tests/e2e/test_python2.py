# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Python 2.7, whose GIL is a semaphore that does not exist before the first thread is started."""
import functools
import glob
import os
import shutil
import subprocess

from invariants import check_invariants
from lib import (Interpreter, Workload, attach, built, check, check_asleep_with_the_gil, each,
                 equal, folder, gil_of, gilscope, process_of, stat, thread, total, version_of,
                 wait_until, within, workers)

MS = 1000000
K = 20000
CANNOT_OBSERVE = 4


def stripped(path, version):
    """A copy without symbols, in which gilscope must find the GIL's variable by the code."""
    libraries = glob.glob(os.path.join(os.path.dirname(path), "..", "lib", "libpython2.7.so.1.0"))
    if not libraries or not shutil.which("strip"):
        return []
    place = os.path.join(folder(), "python2")
    os.makedirs(place)
    copies = []
    for source in (path, libraries[0]):
        copies.append(os.path.join(place, os.path.basename(source)))
        shutil.copy(source, copies[-1])
        os.chmod(copies[-1], 0o755)
        subprocess.run(["strip", copies[-1]], check=True)
    env = {"LD_LIBRARY_PATH": place, "PYTHONHOME": os.path.dirname(os.path.dirname(path))}
    return [Interpreter("stripped-2.7", copies[0], version, env)]


@functools.lru_cache(None)
def python2():
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for path in glob.glob(os.path.join(root, "versions", "2.7*", "bin", "python2.7")):
        version = version_of(path)
        if version:
            return [Interpreter("%d.%d.%d" % version, path, version)] + stripped(path, version)
    return []


def tids_in(pid, place):
    """The threads of the process that sleep in this function of the kernel."""
    found = []
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/wchan" % (pid, tid)) as f:
            if f.read() == place:
                found.append(int(tid))
    return found


BUSY = {"expect_lost": True, "expect_anomalies": True}


def check_losses(report, process):
    """Hardly any edge is lost, and if none is lost, the report has no contradictions."""
    gil = gil_of(process)
    within(report["lost_events"], 0, 2 + gil["acquisitions"] // 100, "lost_events")
    if not report["lost_events"]:
        check_invariants(report)


def observed(interpreter, *args):
    """Observes the workload from before it begins; returns (report of its process, truth)."""
    w = Workload(interpreter, "python2.py", *args)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    report = g.finish(**BUSY).report
    process = process_of(report, truth["pid"])
    check_losses(report, process)
    return process, truth


@each(python2)
def test_asleep_with_the_gil(interpreter):
    n, m, t = 3, 8, 20 * MS
    process, truth = observed(interpreter, "asleep", n, m, t // MS)
    check(process["python"].startswith("2.7."), "python is %r", process["python"])
    rows = workers(process)
    check_asleep_with_the_gil(rows, truth["threads"], n * m, t, 1.3)
    check(gil_of(process)["handoffs"] > 0, "no handoff between threads that wait for each other")


@each(python2)
def test_every_release_is_counted(interpreter):
    process, truth = observed(interpreter, "calls", K)
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K * 1.01, "acquisitions")
    within(row["hold"]["count"], K, K * 1.01, "holds")
    equal(row["requested_releases"], None, "requested releases")


@each(python2)
def test_threads_that_compute_wait_for_each_other(interpreter):
    process, truth = observed(interpreter, "compute", 2, 0.6)
    rows = workers(process)
    together = (min(w["end"] for w in truth["threads"]) -
                max(w["begin"] for w in truth["threads"]))
    # The threads take turns. After every 100 bytecodes there is a moment, between a release and the
    # next acquisition, in which neither has the GIL. On a busy machine a thread that wants the GIL
    # may also have to wait for a CPU.
    within(total(rows, "hold", "sum_ns"), 0.2 * together, 1.1 * together + 50 * MS, "holds")
    check(total(rows, "acquisitions") > 100, "%s acquisitions", total(rows, "acquisitions"))
    check(total(rows, "contended") > 0, "nobody waited")


@each(python2)
def test_attached_to_while_threads_compute(interpreter):
    w = Workload(interpreter, "python2.py", "compute", 3, 2, wait=False)
    # On a busy machine a thread is sometimes preempted in the middle of an update. Another thread's
    # edge is then lost, and the report says so.
    run = stat("-p", w.pid, "-d", 1, expectations=BUSY)
    process = process_of(run.report, w.pid)
    check_losses(run.report, process)
    check(gil_of(process)["acquisitions"] > 100, "%s acquisitions",
          gil_of(process)["acquisitions"])
    w.truth()
    w.end()


@each(python2)
def test_attached_to_the_middle_of_a_sleep(interpreter):
    """The interpreter says who has the GIL, and /proc who waits for it, though no edge comes."""
    w = Workload(interpreter, "python2.py", "asleep", 2, 1, 3600000)
    w.go()
    wait_until(lambda: len(tids_in(w.pid, "hrtimer_nanosleep")) == 1, "one thread asleep with the GIL")
    report = stat("-p", w.pid, "-d", "0.3").report
    gil = gil_of(process_of(report, w.pid))
    equal([gil["holder"]], tids_in(w.pid, "hrtimer_nanosleep"), "holder")
    equal(gil["waiters"], 1, "threads that wait")
    within(gil["open_hold_ns"], 0.9 * gil["observed_ns"], gil["observed_ns"], "the hold that goes on")
    equal(report["verdict"]["kind"], "stuck", "verdict: %s" % report["verdict"]["text"])


@each(python2)
def test_child(interpreter):
    process, truth = observed(interpreter, "fork", K)
    within(thread(process, truth["threads"][0]["tid"])["acquisitions"], K, K * 1.01,
           "acquisitions")


@each(python2)
def test_launched(interpreter):
    run = stat(command=interpreter.argv("python2.py", "compute", 2, 1),
               env=interpreter.environment(), expectations=BUSY)
    process = process_of(run.report, run.truth()["pid"])
    check_losses(run.report, process)
    check(gil_of(process)["acquisitions"] > 100, "%s acquisitions",
          gil_of(process)["acquisitions"])


@each(python2)
def test_no_switch_interval(interpreter):
    code = "import threading, time; threading.Thread(target=time.sleep, args=(0.5,)).start()"
    run = stat(command=[interpreter.path, "-c", code], env=interpreter.environment())
    equal(gil_of(run.report["processes"][0])["switch_interval_us"], None, "switch_interval_us")


@each(python2)
def test_without_a_thread(interpreter):
    run = stat(command=[interpreter.path, "-c", "import time; time.sleep(0.5)"],
               env=interpreter.environment())
    process = run.report["processes"][0]
    equal(process["gils"], [], "GILs")
    check("no GIL before its first thread" in process["note"], "note is %r", process["note"])


def doctor_output(path, status):
    """What `doctor` prints about a file."""
    run = gilscope("doctor", path)
    equal(run.status, status, "status")
    return run.out


def test_inlined_functions_are_refused():
    """A Python 2 with link-time optimization, such as Debian's, calls no function that can be
    probed."""
    options = ["-O2", "-shared", "-fPIC"]
    check("PyThread_release_lock" in doctor_output(built("python2_shape.c", *options), 0),
          "a file with the functions is not recognized as Python 2")
    out = doctor_output(built("python2_shape.c", "-DINLINED", *options), CANNOT_OBSERVE)
    check("PyThread_release_lock" not in out, "it says: %s", out)
