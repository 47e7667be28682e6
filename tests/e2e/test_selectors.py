# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Targets by name, unit, cgroup and container. The cgroups are made for the test, in whatever hierarchy
there is; systemd and containers' managers need not run, as only paths are looked at."""
import os
import signal
import subprocess
import time

from lib import (Gilscope, Skip, at_rest, by_perf_events, check, each, equal, gilscope, has_link,
                 has_probes, scratch, spawn, wait_until)

CODE = """
import sys, threading, time
print('READY', flush=True)
for line in sys.stdin:
    thread = threading.Thread(target=lambda: sum(range(1000)))
    thread.start()
    thread.join()
    print('DONE', flush=True)
"""
ID = "5e1ec70" + "0" * 57


class Program:
    """A Python that uses its GIL whenever it is told to."""

    def __init__(self, name, before=None):
        self.path = scratch(name)
        with open(self.path, "w") as f:
            f.write(CODE)
        self.name = os.path.basename(self.path)[:-len(".py")]
        self.process = spawn(["/usr/bin/python3", self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True, preexec_fn=before)
        self.pid = self.process.pid
        equal(self.process.stdout.readline(), "READY\n", "its first line")

    def work(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        equal(self.process.stdout.readline(), "DONE\n", "its line")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Cgroup:
    """A cgroup with a path of its own; removed at the end."""

    def __init__(self, *components):
        self.made = []
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"):
            if os.path.exists(os.path.join(root, "cgroup.procs")) and os.access(root, os.W_OK):
                break
        else:
            raise Skip("no cgroup can be made here")
        top = "gilscope-test-%d-%d" % (os.getpid(), time.monotonic_ns())
        self.path = root
        try:
            for component in (top,) + components:
                self.path = os.path.join(self.path, component)
                os.mkdir(self.path)
                self.made.append(self.path)
        except OSError as e:
            self.remove()
            raise Skip("no cgroup can be made here: %s" % e)

    def take(self, pid):
        with open(os.path.join(self.path, "cgroup.procs"), "w") as f:
            f.write(str(pid))

    def remove(self):
        """Also ends what a failed test has left in it."""
        if self.made:
            with open(os.path.join(self.made[-1], "cgroup.procs")) as f:
                for pid in f.read().split():
                    os.kill(int(pid), signal.SIGKILL)

        def remove():
            while self.made:
                try:
                    os.rmdir(self.made[-1])
                except OSError:
                    return False
                self.made.pop()
            return True
        wait_until(remove, "the cgroup to be empty")


def begin(*options):
    g = Gilscope(*options)
    line = g.process.stderr.readline()
    check(line.startswith("observing"), "gilscope says %r", line)
    return g


def pids(report):
    return {p["pid"] for p in report["processes"]}


@each(lambda: ["whole", "without .py", "a part"])
def test_names(how):
    program = Program("selected.py")
    words = {"whole": program.name + ".py", "without .py": program.name, "a part": program.name[:-2] + "*"}
    g = begin("--name", words[how])
    program.work()
    equal(pids(g.interrupt().report), {program.pid}, "processes")


def test_together_with_a_number():
    one, two = Program("one.py"), Program("two.py")
    g = begin("-p", one.pid, "--name", two.name)
    one.work(), two.work()
    equal(pids(g.interrupt().report), {one.pid, two.pid}, "processes")


def test_what_starts_later_has_the_name():
    program = Program("again.py")
    g = begin("--name", program.name)
    program.end()
    other = spawn(["/usr/bin/python3", program.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    equal(other.stdout.readline(), "READY\n", "its first line")
    for _ in range(3):
        other.stdin.write("\n")
        other.stdin.flush()
        equal(other.stdout.readline(), "DONE\n", "its line")
    equal(pids(g.interrupt().report), {program.pid, other.pid}, "processes")


def selected_by(cgroup):
    path = cgroup.path
    return {"unit": ["--unit", "app"], "cgroup": ["--cgroup", os.path.dirname(path)],
            "container": ["--container", ID[:7]]}


@each(lambda: ["unit", "cgroup", "container"])
def test_in_a_cgroup(how):
    """What is in it from the start, what is started in it, and what is moved into it."""
    cgroup = Cgroup("app.service", "docker-%s.scope" % ID)
    try:
        outside = Program("outside.py")
        inside = Program("inside.py", lambda: cgroup.take(0))
        g = begin(*selected_by(cgroup)[how])
        later = Program("later.py", lambda: cgroup.take(0))
        moved = Program("moved.py")
        cgroup.take(moved.pid)

        def all_seen():
            for program in (outside, inside, later, moved):
                program.work()
            # Probes alone may be another gilscope's; and they are there a moment before edges count.
            return all(has_probes(g.process.pid, p.pid) if by_perf_events() else has_link(g.process.pid, p.pid)
                       for p in (later, moved)) and at_rest(g.process)
        wait_until(all_seen, "the later ones to be observed")
        for program in (outside, inside, later, moved):
            program.work()
        report = g.interrupt().report
        equal(pids(report), {inside.pid, later.pid, moved.pid}, "processes")
        for program in (outside, inside, later, moved):
            program.end()
    finally:
        cgroup.remove()


def test_nothing_is_found():
    """The message says what was looked for, and one command to try."""
    word = "no-such-%d" % os.getpid()
    for command, how in ((["stat"], "name"), (["top", "-b"], "unit"), (["stat"], "cgroup"),
                         (["record", "-o", scratch("none.gil")], "container"),
                         (["check", "--assert", "hold.max < 1s"], "container")):
        run = gilscope(*command, "--" + how, word)
        equal(run.status, 4, "status of %s" % command[0])
        check(word in run.err and "\n  try: " in run.err, "%s says %r", command[0], run.err)


def test_a_name_that_is_nearly_right():
    program = Program("nearly-right.py")
    run = gilscope("stat", "--name", program.name.replace("right", "rihgt"))
    check("(did you mean %s?)" % program.name in run.err, "the message is %r", run.err)


def test_what_people_write_instead():
    for words, wanted in ((["stat", "1234"], "try: gilscope stat -p 1234\n"), (["1234"], "try: gilscope stat -p 1234\n"),
                          (["top", "-p", "gunicorn"], "--name gunicorn selects by name"),
                          (["python3", "app.py"], "try: gilscope stat -- python3\n")):
        run = gilscope(*words)
        equal(run.status, 2, "status of %s" % words)
        check(wanted in run.err, "%s: it said %r", words, run.err)
