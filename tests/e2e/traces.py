# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the tests of record and report share: runs of the two, and reading exports."""
import ast
import collections
import csv
import io
import json
import os
import re
import select
import shutil
import signal
import subprocess

from lib import (GILSCOPE, HERE, Skip, check, debian, equal, gilscope, is_observed, scratch,
                 spawn, wait_until)
from invariants import check_invariants


class Recording:
    """A run of `gilscope record` in the background."""

    def __init__(self, *options, command=None, path=None, **popen):
        self.path = path or scratch("trace.gil")
        argv = [GILSCOPE, "record", "-o", self.path] + [str(o) for o in options]
        if command:
            argv += ["--"] + [str(c) for c in command]
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        popen.setdefault("env", dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
        self.process = spawn(argv, text=True, **popen)

    def finish(self, status=0, seconds=60):
        """Waits for the end; returns its stderr."""
        out, err = self.process.communicate(timeout=seconds)
        self.out = out or ""
        if status is not None:
            equal(self.process.returncode, status, "gilscope's status (stderr: %s)" % err.strip())
        return err

    def interrupt(self, **options):
        self.process.send_signal(signal.SIGINT)
        return self.finish(**options)

    def observes(self, *workloads):
        """Waits until it observes the workloads; returns itself."""
        for w in workloads:
            wait_until(lambda: is_observed(w.pid) or self.process.poll() is not None,
                       "probes in process %d" % w.pid)
        said = self.process.stderr.readline()
        check(said.startswith("observing"), "it said %r", said)
        return self


def record(*options, command, status=0, seconds=60, **popen):
    """`gilscope record` of a command from its start to its end; returns the trace's path."""
    r = Recording(*options, command=command, **popen)
    r.finish(status, seconds)
    return r.path


def record_workload(script, *args, interpreter=None, options=(), **more):
    interpreter = interpreter or debian()
    more.setdefault("env", interpreter.environment())
    return record(*options, command=interpreter.argv(script, *args), **more)


def verify(path):
    """Checks that the replay is exact, by comparing it with the kernel's figures in the trace."""
    done = gilscope("report", "--verify", path, seconds=90)
    equal(done.status, 0, "status of report --verify (%s%s)" % (done.out, done.err.strip()))


def report(path, *options, status=0, clean=True, **expectations):
    """The JSON report, checked. With `clean`, stderr must be empty."""
    done = gilscope("report", path, "--json", *options, seconds=90)
    equal(done.status, status, "status of report (stderr: %s)" % done.err.strip())
    if clean:
        equal(done.err, "", "stderr")
    result = json.loads(done.out)
    check_invariants(result, **expectations)
    result["stderr"] = done.err
    return result


def gils(result):
    return [g for p in result["processes"] for g in p["gils"]]


def intervals(path, kind, *options):
    """The rows of this kind in the csv export."""
    done = gilscope("report", path, "--format", "csv", *options, seconds=90)
    equal(done.status, 0, "status (stderr: %s)" % done.err.strip())
    return [row for row in csv.DictReader(io.StringIO(done.out)) if row["kind"] == kind]


# --- Perfetto's TrackEvents ----------------------------------------------------------------------

def decode(path):
    """The packets of an export, each as a dictionary. protoc decodes them with a subset of
    Perfetto's .proto that has the same field numbers."""
    protoc = shutil.which("protoc")
    if not protoc:
        raise Skip("no protoc")
    with open(path, "rb") as f:
        done = subprocess.run([protoc, "--decode=perfetto.protos.Trace", "-I" + HERE,
                               os.path.join(HERE, "track_event.proto")],
                              stdin=f, capture_output=True, text=True)
    equal(done.returncode, 0, "status of protoc (%s)" % done.stderr[-300:])
    return parse(done.stdout)["packet"]


def parse(text):
    """Reads protoc's text format into {field: [value or message, ...]}. An unknown field, which
    protoc shows as a number, is an error."""
    stack = [collections.defaultdict(list)]
    for line in text.splitlines():
        line = line.strip()
        if line.endswith("{"):
            message = collections.defaultdict(list)
            stack[-1][line[:-1].strip()].append(message)
            stack.append(message)
        elif line == "}":
            stack.pop()
        elif line:
            name, value = line.split(": ", 1)
            check(not name.isdigit(), "field %s is not in Perfetto's .proto", name)
            stack[-1][name].append(value)
    return stack[0]


class Track:
    def __init__(self, descriptor):
        self.name = unquoted(descriptor["name"])
        self.parent = first(descriptor, "parent_uuid")
        self.thread = first(descriptor, "thread")
        self.process = first(descriptor, "process")
        self.counter = "counter" in descriptor
        self.last = 0
        self.open = []  # slices: [name, begin, flows that end in it]
        self.slices = []  # (name, begin, end, depth, unfinished)
        self.values = []
        self.instants = []


def first(message, field):
    values = message.get(field)
    return values[0] if values else None


def unquoted(values):
    """What is behind a text of protoc, which is written as C has it."""
    return ast.literal_eval("b" + values[0]).decode() if values else None


class Timeline:
    """Reads the packets in file order, and checks what must always hold."""

    def __init__(self, packets):
        self.tracks, self.names, self.flows = {}, {}, collections.Counter()
        self.ends_of_flows = collections.Counter()
        self.clocks = None
        for p in packets:
            self.packet(p)
        for uuid, t in self.tracks.items():
            check(not t.open, "track %s has an open slice: %s", t.name, t.open)
            check(t.parent is None or t.parent in self.tracks, "track %s has no parent", t.name)

    def packet(self, p):
        for c in p["clock_snapshot"]:
            self.clocks = {int(first(k, "clock_id")): int(first(k, "timestamp"))
                           for k in c["clocks"]}
        for d in p["trace_packet_defaults"]:
            equal(first(d, "timestamp_clock_id"), "3", "the clock (3 is CLOCK_MONOTONIC)")
        for i in p["interned_data"]:
            for n in i["event_names"]:
                self.names[first(n, "iid")] = unquoted(n["name"])
        for d in p["track_descriptor"]:
            uuid = first(d, "uuid")
            if uuid not in self.tracks:
                self.tracks[uuid] = Track(d)
        for e in p["track_event"]:
            self.event(int(first(p, "timestamp")), e)

    def event(self, ts, e):
        track = self.tracks[first(e, "track_uuid")]
        check(ts >= track.last, "time goes back on track %s: %d after %d", track.name, ts,
              track.last)
        track.last = ts
        name = self.names.get(first(e, "name_iid")) or unquoted(e["name"])
        kind = first(e, "type")
        self.flows.update(e["flow_ids"])
        self.ends_of_flows.update(e["terminating_flow_ids"])
        if kind == "TYPE_SLICE_BEGIN":
            track.open.append((name, ts))
        elif kind == "TYPE_SLICE_END":
            check(track.open, "a slice ends on track %s that has not begun", track.name)
            begun = track.open.pop()
            unfinished = any(unquoted(a["name"]) == "unfinished" for a in e["debug_annotations"])
            track.slices.append(begun + (ts, len(track.open), unfinished))
        elif kind == "TYPE_COUNTER":
            check(track.counter, "a value on track %s", track.name)
            track.values.append((ts, int(first(e, "counter_value"))))
        else:
            equal(kind, "TYPE_INSTANT", "type of an event")
            track.instants.append((ts, name))

    def slices(self, name, tracks=None):
        """(begin, end) of the finished slices with this name."""
        return [s[1:3] for t in tracks or self.tracks.values() for s in t.slices
                if s[0] == name and not s[4]]


def unread(stream, seconds):
    """True if nothing arrives on the stream for that long."""
    return not select.select([stream], [], [], seconds)[0]


def size_of(text):
    """The number of bytes in a text such as "3.4 MiB"."""
    number, unit = re.fullmatch(r"([\d.]+) (B|KiB|MiB|GiB)", text).groups()
    return float(number) * 1024 ** ("B", "KiB", "MiB", "GiB").index(unit)
