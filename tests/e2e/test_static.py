# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interpreters without a shared glibc: with glibc linked in (with symbols, stripped, and with its
symbols in a separate file), and with musl."""
import functools
import glob
import os
import shutil
import subprocess

from lib import (ROOT, Interpreter, Skip, Workload, attach, built, check, check_asleep_with_the_gil,
                 each, equal, folder, process_of, scratch, spawn, stat_workload, thread, total,
                 version_of, within, workers, workload)

MS = 1000000
CANNOT_OBSERVE = 4
K = 20000


def tool(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Skip("%s: %s" % (" ".join(argv)[:60], done.stderr.strip()[-200:]))


@functools.lru_cache(None)
def static_python():
    """Debian's libpython, linked statically with all it needs."""
    archive = glob.glob("/usr/lib/python3.11/config-3.11-*/libpython3.11.a")
    if not archive or not shutil.which("gcc"):
        raise Skip("no libpython3.11.a: libpython3.11-dev")
    path = os.path.join(folder(), "static-python")
    tool("gcc", "-static", "-O1", "-I/usr/include/python3.11", "-o", path, workload("static.c"),
         archive[0], "-lexpat", "-lz", "-lm")
    return path


def variant(name, *commands):
    """A variant of static_python(): a file of this name, which the commands make from it."""
    path = os.path.join(folder(), name)
    for command in commands or [["cp", "{from}", "{to}"]]:
        tool(*[word.format(**{"from": static_python(), "to": path}) for word in command])
    return path


def with_symbols():
    return variant("static")


def without_symbols():
    return variant("static-stripped", ["strip", "-o", "{to}", "{from}"])


def with_debug_file():
    return variant("static-split", ["objcopy", "--only-keep-debug", "{from}", "{to}.debug"],
                   ["objcopy", "--strip-all", "--add-gnu-debuglink={to}.debug", "{from}", "{to}"])


class Kind:
    """An interpreter that is made when it is first needed, and how its C library should be found."""

    def __init__(self, name, make, how, env=None):
        self.name, self.make, self.how, self.env = name, make, how, env or {}

    def __repr__(self):
        return self.name

    def interpreter(self):
        path = self.make()
        return Interpreter(self.name, path, version_of(path, self.env), self.env)


GLIBC = [Kind(make.__name__, make, how, {"PYTHONHOME": "/usr"}) for make, how in (
    (with_symbols, "by its symbols"), (without_symbols, "by the code"),
    (with_debug_file, "through a separate debug file"))]


@functools.lru_cache(None)
def musl_pythons():
    listed = subprocess.run([os.path.join(ROOT, "tests", "musl-python"), "--list"],
                            capture_output=True, text=True).stdout.split()
    if not listed:
        raise Skip("no CPython with musl: tests/musl-python builds one")
    return listed


MUSL = [Kind("musl", lambda: musl_pythons()[0], ""),
        Kind("musl-static", lambda: musl_pythons()[1], "by its symbols"),
        Kind("musl-stripped", lambda: musl_pythons()[2], "by the code")]


def with_glibc():
    return GLIBC


def all_kinds():
    return GLIBC + MUSL


def check_found(process, how):
    equal(process["source"], "uprobe", "source")
    check(how in process["source_reason"], "the reason is %r", process["source_reason"])


@each(all_kinds)
def test_every_release_is_counted(kind):
    process, truth, _ = stat_workload(kind.interpreter(), "stat_loop.py", K)
    check_found(process, kind.how)
    # gilscope may miss what a launched process does before its probes are attached; that part is
    # reported as late_ns. Searching the code takes some 100 ms, and the thread may end earlier.
    if not process["late_ns"]:
        row = thread(process, truth["threads"][0]["tid"])
        within(row["acquisitions"], K, K * 1.001, "acquisitions")


@each(lambda: ["owned", "served"])
def test_somebody_elses_debug_file(kind):
    """The debug file has the right name and build-id, but belongs to neither root nor the owner of
    the interpreter, whom it could harm. A user's FUSE can say of a file that it is root's."""
    split = with_debug_file()
    # The link names it, and it is looked for beside the program, and in .debug there.
    place = scratch("foreign")
    os.mkdir(place)
    path = shutil.copy(split, os.path.join(place, "static-split"))
    server = None
    if kind == "owned":
        shutil.copy(split + ".debug", place)
        os.chown(os.path.join(place, "static-split.debug"), 65534, 65534)
    else:
        os.mkdir(os.path.join(place, ".debug"))
        server = spawn([built("fuse_file.c"), os.path.join(place, ".debug"), split + ".debug", "65534"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if server.stdout.readline() != b"READY\n":
            raise Skip("no FUSE")
    env = {"PYTHONHOME": "/usr"}
    try:
        process, _, _ = stat_workload(Interpreter("foreign", path, version_of(path, env), env),
                                      "stat_loop.py", K)
    finally:
        if server:
            server.stdin.close()
            server.wait(30)
    check_found(process, "by the code")


@each(with_glibc)
def test_asleep_with_the_gil(kind):
    n, m, t = 3, 8, 20 * MS
    w = Workload(kind.interpreter(), "held_sleep.py", n, m, t // MS)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    process = process_of(g.finish().report, w.pid)
    rows = workers(process)
    check_found(process, kind.how)
    check_asleep_with_the_gil(rows, truth["threads"], n * m, t, 1.3)


@each(all_kinds)
def test_threads_wait(kind):
    w = Workload(kind.interpreter(), "cpu_threads.py", 2, 0.6)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    rows = workers(process_of(g.finish().report, w.pid))
    # A thread that is preempted may lose its turn before it has counted it.
    within(total(rows, "requested_releases"), truth["turns"] * 0.9 - 4, truth["turns"] * 1.1 + 4,
           "requested releases, against turns")


@each(all_kinds)
def test_counts_are_exact(kind):
    w = Workload(kind.interpreter(), "stat_loop.py", K)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    row = thread(process_of(g.finish().report, w.pid), truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K * 1.001, "acquisitions")


def exchanged(data, a, b):
    """The data with two texts of the same length swapped."""
    at, other = data.index(a), data.index(b)
    data = bytearray(data)
    data[at:at + len(a)] = b
    data[other:other + len(b)] = a
    return bytes(data)


def misleading():
    """A stripped interpreter in which the GIL's error messages are swapped. The functions that
    gilscope finds by these messages are not those that the GIL calls."""
    path = without_symbols() + "-misleading"
    with open(without_symbols(), "rb") as f:
        data = f.read()
    for cond, mutex in ((b"PyCOND_SIGNAL(gil->cond) ", b"PyMUTEX_LOCK(gil->mutex) "),
                        (b"PyCOND_SIGNAL(gil->switch_cond) ", b"PyMUTEX_LOCK(gil->switch_mutex) ")):
        equal((data.count(cond), data.count(mutex)), (1, 1), "numbers of messages")
        data = exchanged(data, cond, mutex)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)
    return path


def test_located_wrongly_is_refused():
    path = misleading()
    interpreter = Interpreter("misleading", path, (3, 11, 2), {"PYTHONHOME": "/usr"})
    w = Workload(interpreter, "cpu_threads.py", 2, 3)
    g = attach(w)
    w.go()
    run = g.finish(status=None)
    equal(run.status, CANNOT_OBSERVE, "status")
    check("not the one that the GIL uses" in run.err, "it says: %s", run.err)
    w.truth()
    w.end()
