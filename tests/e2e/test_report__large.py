# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Exports of large traces: what is too short to be seen is left out, and the size is told before."""
import functools
import os

from lib import check, equal, gilscope, scratch
from traces import Timeline, decode, intervals, record_workload

LONG = 3000000


@functools.lru_cache(None)
def convoy():
    return record_workload("convoy.py", 100)


def test_only_what_is_long():
    """Its slices are exactly the rows of csv that are long enough, and so is csv with the same option."""
    path = scratch("trace.pftrace")
    done = gilscope("report", convoy(), "--format", "perfetto", "--min", LONG / 1e9, "-o", path)
    equal(done.status, 0, "status (stderr: %s)" % done.err)
    line = Timeline(decode(path))
    for kind, name in ("hold", "hold"), ("wait", "wait"):
        rows = [r for r in intervals(convoy(), kind) if int(r["duration_ns"]) >= LONG]
        check(rows, "no %s is long", kind)
        equal(intervals(convoy(), kind, "--min", LONG / 1e9), rows, "rows of csv")
        wanted = sorted((int(r["start_ns"]), int(r["start_ns"]) + int(r["duration_ns"])) for r in rows)
        equal(sorted(line.slices(name)), wanted, "slices")
    owner = [t for t in line.tracks.values() if t.name and t.name.endswith(" owner")]
    equal(sum(len(t.slices) for t in owner),
          len(line.slices("hold")) + sum(s[4] for t in owner for s in t.slices), "slices of the owner")
    equal(gilscope("report", convoy(), "--min", "1").status, 2, "status of --min without an export")


def test_the_size_is_told():
    """Before it is written. The trace is made larger by what a reader skips, behind its end."""
    path = scratch("large.gil")
    with open(convoy(), "rb") as f, open(path, "wb") as to:
        to.write(f.read())
        to.truncate(64 << 20)
    for options, told in ([], True), (["--min", "0.1"], False):
        done = gilscope("report", path, "--format", "perfetto", "-o", os.devnull, *options)
        equal("this export is going to take some 2.5 GiB; --from and --to" in " ".join(done.err.split()), told,
              "whether it is told (stderr: %s)" % done.err)
