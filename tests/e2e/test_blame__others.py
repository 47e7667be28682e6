# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Side by side with another tool, in one run: the same functions, in the same order."""
import collections
import os
import re
import shutil
import subprocess

from basics import Skip
from lib import check, equal, gil_of, interpreters, process_of, spawn, stat, within, workload

FUNCTIONS = ["most", "some", "few"]
PROGRAM = "profile:hz:997 /pid == %d/ { @[ustack(perf, 16)] = count(); } interval:s:2 { exit(); }"


def with_frame_pointers():
    """From 3.15 on, CPython is built with frame pointers, so that others can walk the stack, too."""
    for i in interpreters():
        if i.version[:2] >= (3, 15):
            return i
    raise Skip("no Python 3.15")


def named_by_bpftrace(text):
    """How many samples each function has, as the innermost one of Python."""
    counts = collections.Counter()
    for stack, n in re.findall(r"^@\[\n(.*?)\n\]: (\d+)$", text, re.S | re.M):
        named = re.search(r"py::(.*?):/", stack)
        counts[named.group(1) if named else None] += int(n)
    return counts


def test_the_same_as_bpftrace():
    if not shutil.which("bpftrace"):
        raise Skip("no bpftrace")
    python = with_frame_pointers()
    target = spawn([python.path, "-X", "perf", workload("three.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    equal(target.stdout.readline(), b"READY\n", "the workload's line")
    other = spawn(["bpftrace", "-e", PROGRAM % target.pid], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run = stat("--blame", 997, "-d", 3, "-p", target.pid)
    out, err = other.communicate(timeout=60)
    os.unlink("/tmp/perf-%d.map" % target.pid)
    counts = named_by_bpftrace(out)
    if sum(counts.values()) < 200:
        raise Skip("bpftrace has %d samples: %s" % (sum(counts.values()), err.strip()[-200:]))
    rows = gil_of(process_of(run.report, target.pid))["functions"]
    held = collections.Counter()
    for r in rows:
        held[r["function"]] += r["hold_ns"]
    equal([name for name, _ in held.most_common(3)], FUNCTIONS, "gilscope's order")
    equal([name for name, _ in counts.most_common() if name in FUNCTIONS], FUNCTIONS, "bpftrace's order")
    ours, theirs = sum(held[name] for name in FUNCTIONS), sum(counts[name] for name in FUNCTIONS)
    check(theirs > 0.8 * sum(counts.values()), "bpftrace names few: %s", counts)
    for name in FUNCTIONS:
        error = 4 * (0.25 / theirs) ** 0.5
        within(held[name] / ours, counts[name] / theirs - error, counts[name] / theirs + error,
               "the share of %s" % name)
