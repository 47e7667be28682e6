# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Targets that do their worst. gilscope ends in time and says what it could not do; what it does not
know it counts; and a Python that is observed beside them is not harmed, and is counted right."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from invariants import check_invariants
from lib import (Gilscope, Skip, Workload, attach, breakpoints, built, check, check_untouched,
                 debian, each, equal, gil_of, gilscope, interpreters, process_of, scratch, spawn, stat,
                 timeout, total, within, workers)

CANNOT_OBSERVE = 4
K = 3000
# Not for CI: numbers for which a small leak matters, too. They take a quarter of an hour.
FULL_SIZE = "GILSCOPE_FULL_SIZE" in os.environ
VERSIONS = ["0x020700f0"] + ["0x03%02x00f0" % minor for minor in range(7, 16)] + ["0x036300f0"]


def hostile(source, *args, **popen):
    """A running hostile program, after its READY."""
    process = spawn([built(source, "-rdynamic")] + [str(a) for a in args], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, **popen)
    equal(process.stdout.readline(), b"READY\n", "its line")
    return process


def refused(*args, statuses=(CANNOT_OBSERVE,)):
    run = gilscope("stat", *args)
    check(run.status in statuses, "status %s (stderr: %s)", run.status, run.err.strip()[-300:])
    check(run.err.strip(), "no message")
    return run


class Bystander:
    """A Python that gilscope observes together with everything else on the machine."""

    def __init__(self, *options):
        self.workload = Workload(debian(), "stat_loop.py", K)
        self.gilscope = attach(self.workload, *options, everything=True)

    def check_unharmed(self, **options):
        """Lets it run to its end; returns the report."""
        self.workload.go()
        self.workload.truth()
        self.workload.end()
        self.gilscope.process.send_signal(signal.SIGINT)
        _, err = self.gilscope.process.communicate(timeout=60)
        equal(self.gilscope.process.returncode, 0, "gilscope's status (stderr: %s)" % err[-300:])
        with open(self.gilscope.path) as f:
            report = json.load(f)
        process = process_of(report, self.workload.pid)
        # The other processes of this machine are none of its business.
        check_invariants(dict(report, processes=[process]), **options)
        within(total(workers(process), "acquisitions"), K, K + 20, "its acquisitions")
        equal(gil_of(process)["anomalies"], 0, "its anomalies")
        return report


# --- what it claims to be ------------------------------------------------------------------------

@each(lambda: VERSIONS)
def test_claims_to_be_python(version):
    """It may even have what looks like an unused GIL; but then it is the only one that is wrong."""
    process = hostile("claims_python.c", version, 60)
    refused("-d", "0.2", "-p", process.pid, statuses=(0, CANNOT_OBSERVE))
    check_untouched(process.pid)
    equal(process.poll(), None, "its status")


def test_claims_to_be_an_unknown_version():
    process = hostile("claims_python.c", VERSIONS[-1], 60)
    refused("-p", process.pid)
    equal(any(breakpoints(process.pid)), False, "something left attached")
    equal(process.poll(), None, "its status")


def test_claims_beside_a_bystander():
    bystander = Bystander()
    processes = [hostile("claims_python.c", version, 60) for version in VERSIONS]
    report = bystander.check_unharmed()
    told = {u["pid"] for u in report["unobserved"]}
    equal([p.pid for p in processes if p.poll() is not None], [], "those that are gone")
    check(not told & {bystander.workload.pid}, "the bystander is among the unobserved")


# --- its mappings --------------------------------------------------------------------------------

def test_flips_mappings():
    """The probes of the bystander stay where they belong."""
    libc = re.search(r"\S+/libc\.so\.6", open("/proc/self/maps").read()).group()
    copy = os.path.join(scratch("libc"), "libc.so.6")
    os.mkdir(os.path.dirname(copy))
    shutil.copy(libc, copy)
    bystander = Bystander()
    for _ in range(3):
        hostile("flip_maps.c", 60, libc, copy)
    run = gilscope("stat", "-d", "1", "--", built("flip_maps.c", "-rdynamic"), "0.5", libc, copy)
    equal(run.status, CANNOT_OBSERVE, "status (stderr: %s)" % run.err.strip()[-300:])
    bystander.check_unharmed()


def test_many_mappings():
    process = hostile("many_maps.c", 64000, 60)
    refused("-p", process.pid)
    bystander = Bystander()
    for _ in range(3):
        hostile("many_maps.c", 64000, 60)
    bystander.check_unharmed()


# --- memory and files that never come ------------------------------------------------------------

def stalled(*before, user="65534"):
    process = spawn([*before, built("stall.c", "-rdynamic"), "60", user], stdout=subprocess.PIPE)
    if process.stdout.readline() != b"READY\n":
        raise Skip("no userfaultfd")
    return process


def test_memory_that_never_comes():
    """The only one that waits for the target is the looker. The end of gilscope does not."""
    process = stalled()
    run = refused("-p", process.pid)
    check("in time" in run.err, "it says: %s", run.err)
    equal(process.poll(), None, "its status")


def test_memory_that_never_comes_to_doctor():
    process = stalled()
    run = gilscope("doctor", "-p", process.pid)
    equal(run.status, CANNOT_OBSERVE, "status (stderr: %s)" % run.err)
    check("in time" in " ".join(run.out.split()), "it says: %s", run.out)
    equal(process.poll(), None, "its status")


def test_memory_that_never_comes_in_a_container():
    """Root there is somebody else than root outside."""
    process = stalled("unshare", "-m", user="0")
    run = refused("-p", process.pid)
    check("in time" in run.err, "it says: %s", run.err)
    equal(process.poll(), None, "its status")


def test_memory_that_never_comes_beside_a_bystander():
    """However many such processes a user has, he makes gilscope wait only for a while in all."""
    processes = [stalled() for _ in range(8)]
    bystander = Bystander()
    processes += [stalled() for _ in range(8)]
    report = bystander.check_unharmed()
    told = [u["why"] for u in report["unobserved"] if u["pid"] in {p.pid for p in processes}]
    # The others have been looked at before they were what they are.
    within(len([why for why in told if "in time" in why]), 8, 16, "the number of those refused")
    equal([p.pid for p in processes if p.poll() is not None], [], "those that are gone")


@each(lambda: ["of_root", "of_a_user", "silent", "named_as_if_of_root", "below_an_overlay"])
def test_interpreter_on_fuse(kind):
    """A file that a user serves gets no probes: here the interpreter, whose C library still does. Neither
    the name of the folder nor an overlay hides it, nor that it does not say what it is. A file system
    that root has mounted is like any other."""
    place = scratch("a,user_id=0,b" if kind == "named_as_if_of_root" else "fuse")
    program = os.path.realpath(debian().path)
    os.mkdir(place)
    user = "0" if kind == "of_root" else "65534"
    silent = ["silent"] if kind == "silent" else []
    server = spawn([built("fuse_file.c"), place, program, user] + silent, stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE)
    if server.stdout.readline() != b"READY\n":
        raise Skip("no FUSE")
    name, before = os.path.basename(program), []
    try:
        if kind == "below_an_overlay":
            lower, overlay = scratch("lower"), scratch("overlay")
            os.mkdir(lower)
            os.mkdir(overlay)
            script = 'mount -t overlay x -o lowerdir=%s:%s %s && exec "$0" "$@"' % (place, lower, overlay)
            before, place = ["unshare", "-Urm", "sh", "-c", script], overlay
            if subprocess.run(before + ["true"], capture_output=True, check=False).returncode:
                raise Skip("no overlays in a user namespace")
        run = stat(command=before + [os.path.join(place, name)] + debian().argv("stat_loop.py", K)[1:],
                   env=dict(debian().environment(), PYTHONHOME="/usr"))
    finally:
        server.stdin.close()
        server.wait(30)
    process = process_of(run.report, run.truth()["pid"])
    within(total(workers(process), "acquisitions"), K, K + 20, "acquisitions")
    equal("FUSE" in process["source_reason"], kind != "of_root", "that FUSE is the reason (%s)" %
          process["source_reason"])


# --- how it lives and dies -----------------------------------------------------------------------

def test_execs_in_a_loop():
    """After 300 execs, the program is observed from its first edge on."""
    run = stat(command=[built("exec_loop.c"), "300"] + debian().argv("stat_loop.py", K),
               env=debian().environment())
    process = process_of(run.report, run.truth()["pid"])
    within(total(workers(process), "acquisitions"), K, K + 20, "acquisitions")


def test_execs_while_gilscope_looks():
    """An exec can be reported after a look that has found its program already: then the process's
    record knows nothing of it, and was once given to another GIL, too."""
    sign = scratch("sign")
    os.mkdir(sign)
    processes = [spawn(debian().argv("exec_self.py", sign)) for _ in range(12)]
    run = gilscope("stat", "--all", "--json", "-d", "1")
    os.rmdir(sign)
    equal(run.status, 0, "status (stderr: %s)" % run.err)
    pids = {p.pid for p in processes}
    report = json.loads(run.out)
    rows = [p for p in report["processes"] if p["pid"] in pids]
    check(len(rows) > len(pids), "only %d programs were observed", len(rows))
    addresses = {g["address"] for p in rows for g in p["gils"]}
    check("0x0" not in addresses, "the addresses of the GILs: %s", sorted(addresses))
    check(all(p["observed_ns"] <= report["duration_ns"] for p in rows), "a row began too early")


def test_forks_within_a_limit():
    bystander = Bystander()
    storm = spawn([built("fork_storm.c"), "2000"])
    storm.wait(60)
    # If there were more children than records at a time, the report says so.
    bystander.check_unharmed(expect_lost=True)


def test_its_end_is_lost():
    """While gilscope is stopped, the ring of process events overflows, and the end of the target is
    among what is lost. gilscope notices all the same, and says that something is missing."""
    code = "import subprocess; print('READY', flush=True); input(); subprocess.run(%r)" % (
        [built("fork_storm.c"), "9000"],)
    target = spawn([debian().path, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    equal(target.stdout.readline(), b"READY\n", "its line")
    g = attach([target])
    g.process.send_signal(signal.SIGSTOP)
    target.stdin.write(b"\n")
    target.stdin.flush()
    target.wait(60)
    g.process.send_signal(signal.SIGCONT)
    run = g.finish(expect_lost=True)
    check(run.report["lost"]["events"] > 0, "no event was lost")


@timeout(180)
def test_dies_at_each_step():
    """The target is killed at each step of the attach in turn. gilscope ends with a message, or with
    a report if it had begun."""
    preloaded = built("kill_at.c", "-shared", "-fPIC", "-ldl")
    env = dict(os.environ, LD_PRELOAD=preloaded, ASAN_OPTIONS="verify_asan_link_order=0")

    def run_to(step):
        w, log = Workload(debian(), "stat_loop.py", 10), scratch("steps")
        run = gilscope("stat", "-d", "0.1", "-p", w.pid,
                       env=dict(env, KILL_PID=str(w.pid), KILL_AT=str(step), KILL_LOG=log))
        if step:
            check(not w.alive() or w.process.wait(10) is not None, "it was not killed")
        return run, open(log).read().splitlines()

    run, steps = run_to(0)
    equal(run.status, 0, "status (stderr: %s)" % run.err)
    for step in sorted(set(range(1, len(steps), max(1, len(steps) // 30))) | {len(steps) - 1}):
        run, _ = run_to(step)
        check(run.status in (0, CANNOT_OBSERVE), "step %d (%s): status %s, %s", step,
              steps[step - 1], run.status, run.err)
        check(run.err.strip(), "step %d: no message", step)


# --- what it costs gilscope ----------------------------------------------------------------------

def memory_of(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return int(re.search(r"\nPrivate_Dirty:\s*(\d+)", f.read()).group(1)) * 1024


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


SPAWNER = """
while read n; do
	for i in $(seq $n); do
		"$0" %s 0.1 > /dev/null &
		[ $((i %% 40)) -ne 0 ] || wait
	done
	wait
	echo done
done
""" % VERSIONS[-1]


def start_spawner():
    """A shell that for each number it reads starts as many processes of an unsupported version,
    which live until they have been looked at. To the kernel they are not children of a target, so
    their ends are not reported."""
    return spawn(["sh", "-c", SPAWNER, built("claims_python.c", "-rdynamic")], stdin=subprocess.PIPE,
                 stdout=subprocess.PIPE, text=True)


def run_refused(spawner, n):
    spawner.stdin.write("%d\n" % n)
    spawner.stdin.flush()
    equal(spawner.stdout.readline(), "done\n", "the spawner's line")


def note(text):
    if FULL_SIZE:
        print("# " + text, flush=True)


@timeout(1800 if FULL_SIZE else 120)
def test_refused_processes_cost_no_memory():
    """From some number of refused processes on, more of them take no more memory."""
    more = 2500 if FULL_SIZE else 600
    spawner = start_spawner()
    bystander = Bystander()
    pid = bystander.gilscope.process.pid
    run_refused(spawner, 1200)  # so many have a line of their own in the report
    for i in range(3 if FULL_SIZE else 0):
        run_refused(spawner, more)
        note("%d bytes after %d more processes" % (memory_of(pid), more))
    first = memory_of(pid)
    run_refused(spawner, more)
    second = memory_of(pid)
    note("%d bytes after %d more processes" % (second, more))
    if FULL_SIZE:  # what else ran meanwhile may have taken the bystander's row
        check(second - first < 600 * 500, "%d bytes for each process", (second - first) // more)
        return
    report = bystander.check_unharmed()
    equal(len(report["unobserved"]), 1024, "the number of those that are listed")
    # What else ran on this machine has rows, each of 9 KiB.
    rows = sum(len(g["threads"]) for p in report["processes"] for g in p["gils"])
    check(second - first - rows * 9500 < 600 * 500, "%d bytes for each process, and %d rows",
          (second - first) // more, rows)


@timeout(3600 if FULL_SIZE else 120)
def test_many_files_cost_no_descriptors():
    """The same for files: each of these interpreters is another file."""
    bystander = Bystander()
    pid, counts = bystander.gilscope.process.pid, []
    files = 1000 if FULL_SIZE else 60
    for i in range(files):
        copy = scratch("python3")
        shutil.copy(debian().path, copy)
        subprocess.run([copy, "-c", "import time; time.sleep(0.1)"], check=True,
                       env=dict(debian().environment(), PYTHONHOME="/usr"))
        os.unlink(copy)
        if i + 1 in (files // 2, files):
            time.sleep(1.5)  # until the records of ended processes have been given back
            counts.append(open_files(pid))
    note("%d descriptors after %d files, and %d after %d" % (counts[0], files // 2, counts[1], files))
    within(counts[1] - counts[0], -10, 10, "descriptors for %d files" % (files // 2))
    if not FULL_SIZE:  # then more have ended than have rows, perhaps the bystander's, too
        report = bystander.check_unharmed()
        check(len(report["processes"]) > 30, "only %d were observed", len(report["processes"]))


# --- tables that are full ------------------------------------------------------------------------

def test_a_full_table_of_processes_is_told():
    path = " ".join(debian().argv("stat_loop.py", 10))
    script = "for i in $(seq 40); do %s & done; wait" % path
    run = Gilscope("--max-processes", "16", command=["sh", "-c", script],
                   env=debian().environment()).finish(None, expect_lost=True)
    check(run.report["lost"].get("processes", 0) > 0, "lost: %s", run.report["lost"])


def test_a_full_table_of_gils_is_told():
    newer = [i for i in interpreters() if i.version >= (3, 12)]
    if not newer:
        raise Skip("no Python 3.12 or later")
    children = [Workload(newer[0], "subinterpreters.py", "own", 6, 10, 0) for _ in range(22)]
    g = attach(children, "--max-processes", "24")
    for w in children:
        w.go()
    for w in children:
        w.truth()
        w.end()
    run = g.finish(expect_lost=True)
    check(run.report["lost"].get("gils", 0) > 0, "lost: %s", run.report["lost"])
