# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Targets in namespaces of their own, targets whose files were deleted or replaced, and targets of
many versions at once."""
import os
import re
import shutil
import subprocess

from lib import (Interpreter, Skip, Workload, attach, built, check, debian, each, embedded_library, equal,
                 gil_of, gilscope, interpreters, process_of, scratch, spawn, stat, thread, timeout,
                 total, version_of, within, workers)

K = 2000


def script(name, text):
    path = scratch(name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


# --- namespaces ----------------------------------------------------------------------------------

def contained():
    """A program with an embedded Python in its own mount and PID namespaces. The files of both are
    in a file system that the host cannot see."""
    library = embedded_library()
    program = built("embed.c", "-ldl")
    place = scratch("inside")
    os.mkdir(place)
    path = script("container.sh", """
exec unshare --mount --pid --fork --mount-proc --propagation private /bin/sh -c '
mount -t tmpfs none "%s" && cp "%s" "%s/program" && cp "%s" "%s/libpython.so" || exit 125
EMBED_LIBPYTHON="%s/libpython.so" exec "%s/program" "$@"' container "$@"
""" % (place, program, place, library, place, place, place))
    return Interpreter("contained", path, version_of(path)), place


def child_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return int(f.read().split()[0])


def check_contained(report, pid):
    # The workload reports its numbers as seen in its own namespace.
    process = process_of(report, pid)
    within(total(workers(process), "acquisitions"), K, K + 20, "acquisitions")
    equal(gil_of(process)["anomalies"], 0, "anomalies")
    return process


def test_in_namespaces_attached():
    interpreter, place = contained()
    w = Workload(interpreter, "stat_loop.py", K)
    w.pid = child_of(w.process.pid)
    check(not os.path.exists(os.path.join(place, "libpython.so")), "the host sees the library")
    g = attach(w)
    w.go()
    w.truth()
    w.end()
    process = check_contained(g.finish().report, w.pid)
    equal(process["python"], "%d.%d.%d" % interpreter.version, "python")


def test_in_namespaces_launched():
    interpreter, _ = contained()
    run = stat(command=interpreter.argv("stat_loop.py", K), env=interpreter.environment())
    found = [p for p in run.report["processes"] if p["gils"]]
    equal(len(found), 1, "number of processes (unobserved: %s)" % run.report["unobserved"])
    check_contained(run.report, found[0]["pid"])


def foreign():
    return [i for i in interpreters() if i.foreign]


@each(foreign)
def test_launched_with_another_libc(interpreter):
    """Its probes are attached after it has started; the report says how late."""
    run = stat(command=interpreter.argv("stat_loop.py", K), env=interpreter.environment())
    truth = run.truth()
    process = process_of(run.report, truth["pid"])
    check(process["late_ns"] > 0, "not late, with probes on another library")
    # While it starts, it takes and releases the GIL hundreds of times.
    within(total(gil_of(process)["threads"], "acquisitions"), 1, K + 5000, "acquisitions")


# --- files that were deleted or replaced ---------------------------------------------------------

def remove(path):
    os.unlink(path)


def replace(path):
    """Puts another file in its place, as a package manager does for an update."""
    new = path + ".new"
    with open(new, "wb") as f:
        f.write(b"\x7fELF, or something else\n" * 1000)
    os.replace(new, path)


class Case:
    def __init__(self, what, end):
        self.what, self.end = what, end

    def __repr__(self):
        return "%s, %sd" % (self.what, self.end.__name__)


def gone_cases():
    return [Case(what, end) for what in ("program", "library") for end in (remove, replace)]


@each(gone_cases)
def test_file_that_is_no_more(case):
    place = scratch("files")
    os.mkdir(place)
    if case.what == "program":
        file = os.path.join(place, "python")
        shutil.copy("/usr/bin/python3", file)
        interpreter = Interpreter("copied", file, version_of(file))
    else:
        file = os.path.join(place, "libpython.so")
        shutil.copy(embedded_library(), file)
        interpreter = Interpreter("embed", built("embed.c", "-ldl"), debian().version,
                                  {"EMBED_LIBPYTHON": file})
    w = Workload(interpreter, "stat_loop.py", K)
    case.end(file)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    process = process_of(g.finish().report, w.pid)
    equal(process["python"], truth["python"], "python")
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K + 20, "acquisitions")


# --- many at once --------------------------------------------------------------------------------

@timeout(180)
def test_all_versions_at_once():
    loads = [Workload(i, "stat_loop.py", K) for i in interpreters()]
    g = attach(loads, everything=True)
    for w in loads:
        w.go()
    truths = [w.truth() for w in loads]
    for w in loads:
        w.end()
    report = g.interrupt().report
    for truth in truths:
        process = process_of(report, truth["pid"])
        equal(process["python"], truth["python"], "python of process %s" % truth["pid"])
        row = thread(process, truth["threads"][0]["tid"])
        within(row["acquisitions"], K, K + 20, "acquisitions of %s" % truth["python"])


def test_library_changed_in_an_overlay():
    """After the change, the path leads to another file than the mapped one, so probes are never
    hit. gilscope must not report this as an idle GIL."""
    code = ("import os, threading\nfor _ in range(2): threading.Thread(target=lambda: [sum(range(1000)) for _ in "
            "iter(int, 1)], daemon=True).start()\nprint(os.getpid(), flush=True)\ninput()")
    script = ("mkdir %(at)s && mount -t tmpfs none %(at)s && cd %(at)s && mkdir upper work root && mount -t overlay "
              "overlay -o lowerdir=/,upperdir=upper,workdir=work root && exec chroot root /usr/bin/python3 -c \"$0\"")
    process = spawn(["unshare", "-m", "sh", "-c", script % {"at": scratch("overlay")}, code],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid = process.stdout.readline()
    if not pid:
        raise Skip("no overlay can be mounted")
    with open("/proc/self/maps") as f:
        libc = re.search(r"/\S*/libc\.so\.6", f.read())[0]
    os.utime("/proc/%s/root%s" % (pid.strip(), libc))
    run = gilscope("stat", "-p", pid.strip(), "-d", "1")
    equal(run.status, 4, "status (stdout: %s)" % run.out[:200])
    check("overlay" in run.err, "it says: %s", run.err)
