# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Threads have the names that the program has given them, wherever they are shown."""
import csv
import io
import json
import time

from lib import (Workload, attach, check, debian, each, equal, gil_of, gilscope, process_of, scratch, some_interpreters,
                 stat, stat_workload, thread)
from traces import record_workload, report, verify



def check_names(process, numbers):
    named = {"main": "MainThread", "io": "io-1", "renamed": "render", "early": "early bird", "kernel": None,
             "unnamed": numbers["unnamed_name"]}
    for key, name in named.items():
        equal(thread(process, numbers[key])["name"], name, "the name of %s" % key)
    equal(thread(process, numbers["kernel"])["comm"], "by-the-kernel", "the kernel's name")
    hostile = thread(process, numbers["hostile"])["name"]
    check(hostile.startswith("\x1b[31mröd\x07\n中文xxx") and hostile.endswith("xxx..."), "the hostile name is %r",
          hostile)
    check(len(hostile.encode()) < 64, "it has %d bytes", len(hostile.encode()))


@each(some_interpreters)
def test_names_of_threads(interpreter):
    """The unit tests read them in every interpreter (test_frames)."""
    process, numbers, _ = stat_workload(interpreter, "thread_names.py", 1.2)
    if not process["gils"]:
        return
    if all(t["name"] is None for t in gil_of(process)["threads"]):
        old = tuple(int(n) for n in process["python"].split(".")[:2]) < (3, 8)
        check(old or process["free_threaded_build"], "no names on %s", process["python"])
        return
    check_names(process, numbers)


def test_names_in_a_trace():
    """A replay has the same names as the live report, and so have the exports."""
    path = record_workload("thread_names.py", 1.2)
    verify(path)
    process = report(path)["processes"][0]
    numbers = {t["name"]: t["tid"] for t in gil_of(process)["threads"]}
    check({"MainThread", "io-1", "render", "early bird"} <= set(numbers), "the names are %r", numbers)
    out = scratch("export")
    rows = list(csv.DictReader(io.StringIO(gilscope("report", path, "--format", "csv").out)))
    equal({r["tid"] for r in rows if r["name"] == "io-1"}, {str(numbers["io-1"])}, "threads called io-1")
    equal({r["command"] for r in rows}, {"thread_names.py"}, "the command")
    lines = [json.loads(line) for line in gilscope("report", path, "--format", "ndjson").out.splitlines()]
    equal({r["tid"] for r in lines if r.get("name") == "render"}, {numbers["render"]}, "threads called render")
    equal(gilscope("report", path, "--format", "perfetto", "-o", out).status, 0, "status of the export")
    with open(out, "rb") as f:
        exported = f.read()
    check(b"early bird" in exported and b"\x1b[31m" not in exported, "the export has other names")


def test_a_rule_about_named_threads():
    """README's own rule, and the kernel's name."""
    rules = ['wait.count{thread~"io*"} >= 0', 'acquisitions{thread="by-the-kernel"} > 1', 'acquisitions{thread="render"} > 1']
    done = gilscope("check", *[a for r in rules for a in ("--assert", r)], "--command-output", "stderr", "--json", "--",
                    *debian().argv("thread_names.py", 1))
    equal([r["verdict"] for r in json.loads(done.out)["rules"]], ["pass"] * 3, "verdicts")


def test_names_of_another_users_threads():
    """They are read by the process that looks into such targets."""
    w = Workload(debian(), "thread_names.py", 60, wait=False, user=65534)
    g = attach(w)
    time.sleep(0.5)
    run = g.interrupt()
    names = {t["name"] for t in gil_of(process_of(run.report, w.pid))["threads"]}
    check({"MainThread", "io-1", "render"} <= names, "the names are %r", names)


def test_names_after_fork():
    """Up to 3.12, threading does not tell the child its new number."""
    script = scratch("forks.py")
    with open(script, "w") as f:
        f.write("import os, threading, time\n"
                "def child():\n"
                "    t = threading.Thread(target=work, name='helper')\n"
                "    t.start()\n"
                "    work()\n"
                "    t.join()\n"
                "def work():\n"
                "    for _ in range(500):\n"
                "        time.sleep(0.002)\n"
                "def forker():\n"
                "    pid = os.fork()\n"
                "    if not pid:\n"
                "        child()\n"
                "        os._exit(0)\n"
                "    os.waitpid(pid, 0)\n"
                "t = threading.Thread(target=forker, name='forker')\n"
                "t.start()\n"
                "t.join()\n")
    out = scratch("report.json")
    equal(gilscope("stat", "--json", "-o", out, "--", "/usr/bin/python3", script).status, 0, "status")
    with open(out) as f:
        processes = json.load(f)["processes"]
    names = sorted(sorted((t["tid"] != p["pid"], t["name"]) for t in gil_of(p)["threads"]) for p in processes)
    equal(names, [[(False, "MainThread"), (True, "forker")], [(False, "forker"), (True, "helper")]],
          "the names of the first threads and of others")


def test_names_in_a_container():
    """There, threads have other numbers than outside, and the kernel's are told apart by /proc."""
    run = stat(command=["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"] + debian().argv("thread_names.py", 1.2))
    numbers = run.truth()
    process = next(p for p in run.report["processes"] if p["command"] == "thread_names.py")
    check(process["pid"] != numbers["pid"], "it is in the same namespace")
    names = sorted(t["name"] or "" for t in gil_of(process)["threads"])
    equal([n for n in names if n[:1] != "\x1b"],
          ["", "MainThread", numbers["unnamed_name"], "early bird", "io-1", "render"], "the names")
