# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""gilscope doctor: what it reports about this machine, about processes, and about interpreters."""
import json
import os
import re
import shutil
import struct

from lib import (GILSCOPE, Interpreter, Skip, Workload, cached, check, check_untouched, debian,
                 each, equal, folder, free_pid, gil_of, gilscope, interpreters, process_of,
                 scratch, spawn, stat, usdt_pythons, version_of)

from test_python2 import python2
from test_static import with_glibc

USAGE, CANNOT_OBSERVE = 2, 4
NOBODY = 65534
ASK = """
import json, sys
try:
    import sysconfig
    lto = "-flto" in str(sysconfig.get_config_vars())
except ImportError:
    lto = None
print(json.dumps({"debug": hasattr(sys, "gettotalrefcount"), "lto": lto}))
"""


def doctor(*args, status=0, **popen):
    """Runs doctor and returns its report."""
    run = gilscope("doctor", "--json", *args, **popen)
    check(run.status == status, "status is %s, not %s; it says: %s %s", run.status, status,
          run.out[-600:], run.err)
    report = json.loads(run.out)
    equal(report["schema"], "gilscope-doctor/1", "schema")
    equal(report["can_observe"], status == 0, "can_observe")
    equal(report["obstacle"] is None, status == 0, "there is no obstacle")
    return report


def test_this_machine():
    report = doctor()
    equal(report["python"], None, "python")
    equal(report["machine"]["kernel"], os.uname().release, "kernel")
    states = {c["name"]: c["state"] for c in report["machine"]["checks"]}
    equal(states["probe"], "good", "the trial of the probes")
    check(report["machine"]["ns_per_hit"] > 0, "a hit costs nothing")


def test_perf_events():
    report = doctor(env=dict(os.environ, GILSCOPE_PERF_EVENTS="1"))
    equal(report["machine"]["probes"], "perf_events", "probes")


def says(interpreter):
    """What the interpreter says about its build."""
    path = scratch("ask.py")
    with open(path, "w") as f:
        f.write(ASK)
    run = spawn([interpreter.path, path], stdout=-1, text=True, env=interpreter.environment())
    return json.loads(run.communicate()[0])


@each(interpreters)
def test_a_process_and_its_file(interpreter):
    w = Workload(interpreter, "stat_loop.py", 100)
    python = doctor("-p", w.pid)["python"]
    check_untouched(w.pid)
    truth = says(interpreter)
    equal(python["pid"], w.pid, "pid")
    equal(python["version"], "%d.%d.%d" % interpreter.version, "version")
    equal(python["source"], "uprobe", "source")
    equal(python["gil"]["off"], False, "off")
    equal(python["gil"]["switch_interval_us"], 5000, "switch_interval_us")
    observed = gil_of(process_of(stat("-p", w.pid, "-d", "0.05").report, w.pid))
    equal(python["gil"]["address"], observed["address"], "the GIL's address")
    file = doctor(python["path"])["python"]
    for found in (python, file):
        equal(found["version"], python["version"], "version")
        equal(found["gil"]["place"], python["gil"]["place"], "the GIL's place")
        equal(found["debug"], truth["debug"], "debug")
        equal(found["free_threaded_build"], False, "free_threaded_build")
        if found["lto"] is not None and truth["lto"] is not None:
            equal(found["lto"], truth["lto"], "lto")
    w.go()
    w.truth()
    w.end()


def test_a_free_threaded_process():
    path = cached("python3.13t")
    w = Workload(Interpreter("python3.13t", path, version_of(path)), "stat_loop.py", 100)
    python = doctor("-p", w.pid)["python"]
    equal(python["free_threaded_build"], True, "free_threaded_build")
    equal(python["gil"]["off"], True, "off")
    equal(doctor(python["path"])["python"]["free_threaded_build"], True, "free_threaded_build")


@each(usdt_pythons)
def test_an_interpreter_with_gil_probes(interpreter):
    """doctor names the same source as stat."""
    w = Workload(interpreter, "stat_loop.py", 100)
    process = process_of(stat("-p", w.pid, "-d", "0.05").report, w.pid)
    python = doctor("-p", w.pid)["python"]
    equal(python["source"], process["source"], "source")
    equal(doctor(python["path"])["python"]["source"], process["source"], "source by the file")


@each(with_glibc)
def test_a_libc_that_is_linked_in(kind):
    python = doctor(kind.interpreter().path)["python"]
    equal(python["source"], "uprobe", "source")
    check("found " + kind.how in python["source_why"], "why: %s", python["source_why"])
    equal(python["version"][:5], "3.11.", "version")


@each(python2)
def test_python_2(interpreter):
    w = Workload(interpreter, "python2.py", "compute", 2, 1)
    python = doctor("-p", w.pid)["python"]
    equal(python["version"], "2.7.%d" % interpreter.version[2], "version")
    equal(python["source"], "uprobe", "source")
    equal(doctor(python["path"])["python"]["version"], python["version"], "version by the file")


# --- what is not CPython --------------------------------------------------------------------------

def others():
    return ["pypy3", "jython"]


NAMES = {"pypy3": "PyPy", "jython": "Jython on a Java virtual machine"}


def started(name):
    """A process of that interpreter that exists until its stdin ends."""
    process = spawn([cached(name), "-c", "import sys; sys.stdout.write('READY\\n'); "
                     "sys.stdout.flush(); sys.stdin.read()"], stdin=-1, stdout=-1, stderr=-3)
    equal(process.stdout.readline(), b"READY\n", "the line of %s" % name)
    return process


@each(others)
def test_not_cpython(name):
    process = started(name)
    report = doctor("-p", process.pid, status=CANNOT_OBSERVE)
    check(NAMES[name] in report["obstacle"], "obstacle: %s", report["obstacle"])
    run = gilscope("stat", "-p", process.pid)
    equal(run.status, CANNOT_OBSERVE, "the status of stat")
    check(NAMES[name] in run.err, "stat says: %s", run.err)
    equal(run.out, "", "stdout of stat")


@each(others)
def test_not_cpython_launched(name):
    run = gilscope("stat", "--", cached(name), "-c", "import time; time.sleep(1)")
    equal(run.status, CANNOT_OBSERVE, "the status of stat")
    check(NAMES[name] in run.err, "stat says: %s", run.err)


def not_files():
    script = scratch("script")
    with open(script, "w") as f:
        f.write("#!/bin/sh\nexec \"$PYTHON\" \"$@\"\n")
    return {"/bin/true": "no CPython", script: "script", "/etc/passwd": "not an executable",
            "/nonexistent": "no such file", "/": "not an executable", "/dev/null": "not an"}


def test_files_that_are_no_interpreter():
    for path, words in not_files().items():
        report = doctor(path, status=CANNOT_OBSERVE)
        check(words in report["obstacle"], "%s: %s", path, report["obstacle"])
        equal(report["python"]["version"], None, "version")
    check("gilscope doctor -p $(pidof -s true)" in gilscope("doctor", "/bin/true").out, "no advice for plug-ins")


def test_scripts_are_followed_and_never_run():
    place, marker = scratch("bin"), scratch("marker")
    os.mkdir(place)
    run = "open(%r, 'w')\n" % marker
    scripts = {"console": "#!/usr/bin/python3\n" + run, "by-env": "#!/usr/bin/env python3\n" + run,
               "wrapper": "#!/bin/sh\ntouch %s\nexec env A=1 /usr/bin/python3 -m site \"$@\"\n" % marker,
               "long": "#!/bin/sh\n'''exec' \"/usr/bin/python3\" \"$0\" \"$@\"\n' '''\n" + run,
               "of-a-script": "#!/bin/sh\nexec by-env\n"}
    for name, text in scripts.items():
        path = os.path.join(place, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
    for name in scripts:
        python = doctor(name, env=dict(os.environ, PATH=place + ":/usr/bin:/bin"))["python"]
        equal((python["path"], python["script"]), (os.path.realpath("/usr/bin/python3"), os.path.join(place, name)),
              "program and script of " + name)
    check(not os.path.exists(marker), "a script was run")


def test_no_such_process():
    pid = free_pid()
    check(str(pid) in doctor("-p", pid, status=CANNOT_OBSERVE)["obstacle"], "not named")


def test_a_name_is_looked_up_in_path():
    path = doctor("python3", env=dict(os.environ, PATH="/usr/bin"))["python"]["path"]
    equal(path, os.path.realpath("/usr/bin/python3"), "path")


def test_a_damaged_file():
    """A file with half of an interpreter, and one whose table of offsets is damaged."""
    with open("/usr/bin/python3", "rb") as f:
        whole = f.read()
    path = scratch("python")
    with open(path, "wb") as f:
        f.write(whole[:len(whole) // 2])
    doctor(path, status=CANNOT_OBSERVE)
    source = doctor_path_of("3.13")
    with open(source, "rb") as f:
        whole = f.read()
    at = [m.start() for m in re.finditer(b"xdebugpy", whole)
          if struct.unpack_from("<Q", whole, m.start() + 8)[0] >> 16 == 0x030d][0]
    with open(path, "wb") as f:
        f.write(whole[:at + 24] + bytes(8 * 20) + whole[at + 24 + 8 * 20:])
    report = doctor(path, status=CANNOT_OBSERVE)
    check("_Py_DebugOffsets" in report["obstacle"], "obstacle: %s", report["obstacle"])


def doctor_path_of(version):
    for i in interpreters():
        if version in i.name:
            w = Workload(i, "stat_loop.py", 100)
            return doctor("-p", w.pid)["python"]["path"]
    raise Skip("there is no CPython %s" % version)


# --- obstacles -----------------------------------------------------------------------------------

def test_without_rights():
    copy = os.path.join(folder(), "gilscope")
    if not os.path.exists(copy):
        shutil.copy(GILSCOPE, copy)
    process = spawn([copy, "doctor", "--json"], stdout=-1, stderr=-1, text=True, user=NOBODY,
                    group=NOBODY, extra_groups=[])
    out, err = process.communicate()
    equal(process.returncode, CANNOT_OBSERVE, "status (stderr: %s)" % err[-300:])
    report = json.loads(out)
    equal(report["command"], "sudo gilscope doctor", "command")
    check("CAP_BPF" in report["obstacle"], "obstacle: %s", report["obstacle"])


def test_in_a_container():
    process = spawn(["unshare", "--pid", "--fork", "--mount-proc", GILSCOPE, "doctor", "--json"],
                    stdout=-1, text=True)
    report = json.loads(process.communicate()[0])
    equal(process.returncode, CANNOT_OBSERVE, "status")
    check("PID namespace" in report["obstacle"], "obstacle: %s", report["obstacle"])
    check("--pid=host" in report["command"], "command: %s", report["command"])


def test_usage():
    for args in (["-p"], ["-p", "x"], ["-p", "1", "python3"], ["-p", "1", "-p", "2"], ["a", "b"],
                 ["--nonsense"]):
        run = gilscope("doctor", *args)
        equal(run.status, USAGE, "status of doctor %s" % args)
        check("gilscope doctor --help" in run.err and not run.out, "it says: %s", run.err)


def test_text():
    run = gilscope("doctor")
    equal(run.status, 0, "status")
    check(run.out.endswith("gilscope can observe CPython on this machine.\n"), "it says: %s",
          run.out[-200:])
    run = gilscope("doctor", debian().path)
    check(run.out.endswith("gilscope can observe processes of this interpreter.\n"), "%s", run.out)


def test_a_full_disk():
    with open("/dev/full", "w") as full:
        run = gilscope("doctor", stdout=full)
    equal(run.status, USAGE, "status")
    check("standard output" in run.err, "it says: %s", run.err)
