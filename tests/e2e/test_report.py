# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""gilscope report: parts of a trace, the exports, and incomplete or damaged files."""
import collections
import functools
import json
import os
import random
import re

from lib import (ROOT, Workload, check, close_to, debian, equal, gil_of, gilscope, page_data, scratch,
                 timeout, within)
from traces import Timeline, decode, gils, intervals, record, record_workload, report


@functools.lru_cache(None)
def convoy():
    """A trace that most tests here share. It has three threads, handoffs and requested releases."""
    return record_workload("convoy.py", 300)


@functools.lru_cache(None)
def processes():
    return record_workload("mp.py", "fork", 3, 300)


def export(path, form, *options):
    out = scratch("export")
    done = gilscope("report", path, "--format", form, "-o", out, *options, seconds=90)
    equal(done.status, 0, "status (stderr: %s)" % done.err.strip())
    return out


# --- parts of a trace ----------------------------------------------------------------------------

def test_text_is_as_of_stat():
    text = " ".join(gilscope("report", convoy()).out.split())
    for word in ("Python 3", "switch interval 5 ms", "GIL-bound", "What this cost"):
        check(word in text, "no %r in the report", word)
    narrow = gilscope("report", convoy(), env=dict(os.environ, COLUMNS="60")).out
    equal([line for line in narrow.splitlines() if len(line) > 60], [], "lines that are too long for 60 columns")


def test_a_range():
    whole = report(convoy())
    seconds = whole["duration_ns"] / 1e9
    parts = [report(convoy(), "--from", "%.6f" % (i * seconds / 4 or 0), "--to",
                    "%.6f" % ((i + 1) * seconds / 4) if i < 3 else "1000") for i in range(4)]
    equal(sum(gils(p)[0]["acquisitions"] for p in parts if gils(p)), gils(whole)[0]["acquisitions"],
          "acquisitions of the four parts")
    # The number of hits without an edge is known only for the whole trace.
    close_to(sum(p["probe_cost"]["hits"] for p in parts), whole["probe_cost"]["hits"], 0.02,
             "hits of the four parts")
    for p in parts:
        within(p["duration_ns"], seconds / 4 * 1e9 * 0.99, seconds / 4 * 1e9 * 1.01, "a part's length")
        check(not gils(p) or not gils(p)[0]["anomalies"], "anomalies")
    last = report(convoy(), "--from", "-%.6f" % (seconds / 4))
    check(gils(last)[0]["acquisitions"] > 0, "nothing in the last quarter")
    within(last["duration_ns"], seconds / 4 * 1e9 * 0.99, seconds / 4 * 1e9 * 1.01,
           "the last quarter's length")


def test_processes_and_threads_of_a_part():
    """A process that ended before the range is not in it, and a thread's report covers only its
    process."""
    code = ("import subprocess, sys, threading, time\n"
            "if len(sys.argv) == 1:\n"
            "    subprocess.run([sys.executable, sys.argv[0], 'child'])\n"
            "    time.sleep(1)\n"
            "else:\n"
            "    ts = [threading.Thread(target=lambda: sum(range(10 ** 7))) for _ in '123']\n"
            "    [t.start() for t in ts]; [t.join() for t in ts]\n")
    script = scratch("child.py")
    with open(script, "w") as f:
        f.write(code)
    path = record(command=[debian().path, script])
    whole = report(path)
    parent = max(whole["processes"], key=lambda p: p["observed_ns"])
    # Between fork and exec the child may have used the GIL of the parent's program, which has a row
    # of its own.
    child = [p for p in whole["processes"] if p["pid"] != parent["pid"]][-1]
    for option in ("--pid", "--thread"):
        for form in ("json", "csv"):
            done = gilscope("report", path, "--from", "-0.5", option, child["pid"], "--format", form)
            equal(done.status, 2, "status")
            check("not in this part" in done.err, "it said %r", done.err)
        done = gilscope("report", "--json", path, option, parent["pid"])
        equal([p["pid"] for p in json.loads(done.out)["processes"]], [parent["pid"]], "processes")
        check("process %d" % child["pid"] not in done.out, "the report mentions the child")


def test_a_range_without_edges():
    """A range without edges still shows the state from before it, up to the end of the range."""
    for code, held in (("time.sleep(3.5)", 0), ("while time.time() < end: pass", 1)):
        code = "import time; end = time.time() + 3.5\n" + code
        path = record("-d", "3", command=[debian().path, "-c", code])
        with open(path, "rb") as f:
            piped = gilscope("report", "--json", "--from", "1", "--to", "2", "-", stdin=f)
        for result, wanted in ((report(path, "--from", "1", "--to", "2"), 1),
                               (report(path, "--from", "1"), 2),
                               (report(path, "--from", "-1"), 1),
                               (report(path, "--from", "-2", "--to", "-1"), 1),
                               (json.loads(piped.out), 1)):
            close_to(result["duration_ns"], wanted * 1e9, 0.05, "its length")
            equal(gils(result)[0]["held_ratio"], held, "share held")


def test_one_process():
    whole = report(processes())
    for p in whole["processes"]:
        part = report(processes(), "--pid", str(p["pid"]))
        equal([q["pid"] for q in part["processes"]], [p["pid"]], "processes")
        equal(part["processes"][0]["gils"], p["gils"], "its GIL")


def test_one_thread():
    gil = gils(report(convoy()))[0]
    for t in gil["threads"]:
        # The sums that report() checks are over all threads.
        done = gilscope("report", "--json", convoy(), "--thread", str(t["tid"]))
        part = gils(json.loads(done.out))[0]
        equal(part["threads"], [t], "its row")
        equal(part["hold"], t["hold"], "holds")
        equal(part["held_ratio"], gil["held_ratio"], "the GIL's share of time")
        rows = intervals(convoy(), "hold", "--thread", str(t["tid"]))
        equal({int(r["tid"]) for r in rows} - {t["tid"]}, set(), "other threads")
        equal(len(rows), t["hold"]["count"], "its holds")


# --- lines ---------------------------------------------------------------------------------------

def check_sums(rows, figures, kind, parts):
    equal(len(rows), figures[kind]["count"], "number of %ss" % kind)
    equal(sum(int(r["duration_ns"]) for r in rows), figures[kind]["sum_ns"], "their sum")
    for part, key in parts:
        equal(sum(int(r[part]) for r in rows), figures["%s_%s" % (kind, key)], "%s, %s" % (kind, part))


def test_csv_sums_are_the_reports():
    gil = gils(report(convoy()))[0]
    waits, holds = intervals(convoy(), "wait"), intervals(convoy(), "hold")
    common = [("oncpu_ns", "oncpu_ns"), ("blocked_ns", "blocked_ns")]
    check_sums(waits, gil, "wait", common + [("runnable_ns", "runnable_ns")])
    check_sums(holds, gil, "hold", common + [("runnable_ns", "preempted_ns")])
    equal(sum(r["requested"] == "1" for r in holds), gil["requested_releases"], "requested releases")
    given = [r for r in waits if r["handoff_from"]]
    check(given, "no handoff")
    pairs = collections.Counter((int(r["handoff_from"]), int(r["tid"])) for r in given)
    for e in gil["handoff_edges"]:
        within(pairs[e["from"], e["to"]], e["count"] - 1, e["count"], "handoffs")


def test_ndjson_is_the_same():
    with open(export(convoy(), "ndjson")) as f:
        lines = [json.loads(line) for line in f]
    for kind in ("wait", "hold"):
        rows = intervals(convoy(), kind)
        mine = [l for l in lines if l["kind"] == kind]
        equal([(l["start_ns"], l["duration_ns"], l["tid"]) for l in mine],
              [(int(r["start_ns"]), int(r["duration_ns"]), int(r["tid"])) for r in rows],
              "%ss" % kind)


# --- a timeline ----------------------------------------------------------------------------------

PARTS = {"on CPU": "oncpu", "runnable": "runnable", "preempted": "preempted", "blocked": "blocked"}


@functools.lru_cache(None)
def timeline(path):
    return Timeline(decode(export(path, "perfetto")))


def of_process(line, pid):
    """The tracks of one process."""
    def belongs(t):
        while t.parent:
            t = line.tracks[t.parent]
        return t.process and t.process["pid"] == [str(pid)]
    return [t for t in line.tracks.values() if belongs(t)]


def check_timeline(path):
    line = timeline(path)
    for p in report(path)["processes"]:
        tracks = of_process(line, p["pid"])
        for kind in ("wait", "hold"):
            slices = line.slices(kind, tracks)
            equal(len(slices), sum(g[kind]["count"] for g in p["gils"]), "%ss" % kind)
            equal(sum(e - b for b, e in slices), sum(g[kind]["sum_ns"] for g in p["gils"]),
                  "sum of %ss" % kind)
        for t in tracks:
            check_parts(t)
        requested = sum(len(t.instants) for t in tracks)
        equal(requested, sum(g["requested_releases"] for g in p["gils"]), "requested releases")
        handoffs = sum(g["handoffs"] for g in p["gils"])
        equal(len(line.slices("handoff", tracks)), handoffs, "handoffs")
        owned = sum(e - b for t in tracks if t.name and t.name.endswith("owner")
                    for _, b, e, _, unfinished in t.slices if not unfinished)
        equal(owned, sum(g["hold"]["sum_ns"] for g in p["gils"]), "time owned")
    return line


def check_parts(track):
    """Checks that the parts of a wait or hold fill it."""
    outer = [s for s in track.slices if s[0] in ("wait", "hold") and s[3] == 0]
    inner = sorted(s[1:3] for s in track.slices if s[0] in PARTS and s[3] == 1)
    equal(sum(s[2] - s[1] for s in track.slices if s[3] == 0 and s[0] in
              ("wait", "hold", "wait (began earlier)")),
          sum(e - b for b, e in inner), "parts on %s" % track.name)
    check(len(inner) >= len(outer), "an interval has no parts")


def test_perfetto_of_a_convoy():
    line = check_timeline(convoy())
    handoffs = len(line.slices("handoff"))
    check(handoffs > 0, "no handoff")
    equal(len(line.flows), handoffs, "flows")
    equal(line.flows, line.ends_of_flows, "beginnings and ends of flows")
    equal(set(line.flows.values()), {1}, "times that a flow begins")
    check(line.clocks.keys() >= {1, 3, 6}, "clocks %s", line.clocks)
    waiting = [t for t in line.tracks.values() if t.name and t.name.endswith("waiting")]
    held = [t for t in line.tracks.values() if t.name and t.name.endswith("held")]
    check(any(v > 0 for t in waiting for _, v in t.values), "nobody ever waits")
    check(all(0 <= v <= 100 for t in held for _, v in t.values), "held is not a percentage")
    check(any(v > 90 for t in held for _, v in t.values), "it is never held")


def test_perfetto_of_processes():
    check_timeline(processes())


def test_perfetto_of_a_running_process():
    from traces import Recording
    w = Workload(debian(), "compute_check.py")
    w.go()
    r = Recording("-p", w.pid, "-d", "0.3")
    r.finish()
    check_timeline(r.path)


def test_perfetto_of_what_is_long():
    path = record_workload("convoy.py", 100, options=["--min-wait", "0.004", "--min-hold", "0.001"])
    line = timeline(path)
    for kind in ("wait", "hold"):
        rows = intervals(path, kind)
        check(rows, "no %s", kind)
        equal(sorted(e - b for b, e in line.slices(kind, line.tracks.values())),
              sorted(int(row["duration_ns"]) for row in rows), "%ss" % kind)


def test_perfetto_of_a_part():
    path = record_workload("convoy.py", 300)
    for options in (["--from", "0.1", "--to", "0.3"], ["--thread", str(gils(report(path))[0][
            "threads"][0]["tid"])]):
        line = Timeline(decode(export(path, "perfetto", *options)))
        equal(line.flows, line.ends_of_flows, "beginnings and ends of flows")


# --- incomplete or damaged files -----------------------------------------------------------------

def changed(path, change):
    """A copy of the file, changed."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    copy = scratch("changed.gil")
    new = change(data)
    with open(copy, "wb") as f:
        f.write(data if new is None else new)
    return copy


def check_message(path):
    """Checks that every format gives a message, and either no output or what can be read."""
    for form in ("json", "text", "csv", "ndjson", "perfetto"):
        done = gilscope("report", path, "--format", form, "-o", scratch("out"), seconds=60)
        check(done.status in (0, 2), "%s: status %s (%s)", form, done.status, done.err[-200:])
        check(done.err.strip(), "%s: no message", form)


@timeout(180)
def test_cut_off():
    size = os.path.getsize(convoy())
    dice = random.Random(size)
    for n in [0, 3, 8, 20, 56, 60, size - 1, size - 16, size - 17] + [dice.randrange(size)
                                                                      for _ in range(6)]:
        check_message(changed(convoy(), lambda data, n=n: data[:n]))


@timeout(180)
def test_flipped_bits():
    size = os.path.getsize(convoy())
    dice = random.Random(1)
    whole = gils(report(convoy()))[0]
    for _ in range(10):
        at = dice.randrange(8, size - 16)

        def flip(data, at=at):
            data[at] ^= 1 << dice.randrange(8)
        path = changed(convoy(), flip)
        check_message(path)
        done = gilscope("report", "--json", path, seconds=60)
        if not done.status:
            for g in gils(json.loads(done.out)):
                check(g["hold"]["max_ns"] is None or g["hold"]["max_ns"] <= whole["hold"]["max_ns"],
                      "byte %d: a hold that did not happen", at)


def edge_frames(data):
    """[(offset, size)] of the payloads of the frames of edges."""
    at, found = 8, []
    while data[at:at + 4] == b"GILF":
        size = int.from_bytes(data[at + 8:at + 12], "little")
        if data[at + 4] == 3:
            found.append((at + 48, size))
        at += 48 + size
    return found


def spoilt(path, which):
    """A copy of the file in which a byte of one frame of edges is changed."""
    def change(data):
        at, size = edge_frames(data)[which]
        data[at + size // 2] ^= 0xff
    return changed(path, change)


def test_missing_frames_are_not_observed():
    """A frame at the beginning, in the middle or at the end is damaged. The report and top say so,
    and do not count its time as observed."""
    path = record_workload("demo.py", 3, options=["-d", "3"])
    with open(path, "rb") as f:
        nr = len(edge_frames(f.read()))
    check(nr >= 3, "%d frames of edges", nr)
    for which in (0, nr // 2, nr - 1):
        bad = spoilt(path, which)
        result = report(bad, clean=False, expect_lost=True)
        gil = gils(result)[0]
        lost = gil["not_recorded"]
        within(lost["ns"], 0.02e9, 1.5e9, "time that frame %d of %d took" % (which, nr))
        within(gil["observed_ns"] + lost["ns"], 0.9 * result["duration_ns"],
               result["duration_ns"], "observed and not")
        shown = gilscope("top", "-b", "-i", bad, "--interval", 0.5, "-n", 100).out
        check("missing or damaged" in shown, "top does not say so: %s", shown[-3000:])
        # No share may exceed 100 %, wherever a window of top begins or ends.
        for share in re.findall(r"(?m)^held +(\S+)|on CPU (\S+) %", shown):
            share = share[0] or share[1]
            check(share == "?" if which == 0 and share == "?" else float(share) <= 100,
                  "a share of %s %%", share)


def test_what_is_no_trace():
    for path, word in (("/etc/passwd", "not a gilscope trace"), ("/dev/null", "is empty"),
                       ("/nonexistent.gil", "No such file"), ("/tmp", "directory")):
        done = gilscope("report", path)
        equal(done.status, 2, "status of %s" % path)
        check(word in done.err, "%s: it said %r", path, done.err)


def test_newer_version():
    """A newer format is refused by its version, which is the first field of the header."""
    import struct
    import zlib

    def newer(data):
        fields = list(struct.unpack_from("<6I2QI", data, 8))
        payload = bytes(data[56:56 + fields[2]])
        if fields[1] >> 8 & 1:
            payload = zlib.decompress(payload)
        payload = b"\x63" + payload[1:]
        fields[1] &= 0xff
        fields[2] = fields[3] = len(payload)
        fields[8] = zlib.crc32(payload)
        head = struct.pack("<6I2QI", *fields)
        return bytes(data[:8]) + head + struct.pack("<I", zlib.crc32(head)) + payload
    done = gilscope("report", changed(convoy(), newer))
    equal(done.status, 2, "status")
    check("format version 99" in done.err and "newer gilscope" in done.err, "it said %r", done.err)


def test_bad_options():
    for options, word in (([], "no trace"), ([convoy(), "x"], "one trace"),
                          ([convoy(), "--format", "xml"], "unknown format"),
                          ([convoy(), "--format", "jsn"], "did you mean json?"),
                          ([convoy(), "--weight", "cpu"], "not one of wait|hold"),
                          ([convoy(), "--weight", "hold"], "--weight is for stacks"),
                          ([convoy(), "--from", "x"], "--from"),
                          ([convoy(), "--from", "2", "--to", "1"], "between")):
        done = gilscope("report", *options)
        equal(done.status, 2, "status of %s" % options)
        check(word in done.err, "%s: it said %r", options, done.err)


def test_colours():
    trace = os.path.join(ROOT, "tests", "golden", "readme-demo.gil")

    def coloured(*options, **env):
        env = dict({k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE")}, **env)
        run = gilscope(*options, env=env)
        check(run.out, "%s prints nothing: %s", options, run.err)
        return "\033[" in run.out
    for command in (["report", trace], ["check", "--assert", "hold.max < 1000s", "-i", trace]):
        check(not coloured(*command), "%s: a pipe has colours", command[0])
        check(coloured(*command, "--color=always", NO_COLOR="1"), "%s: always", command[0])
        check(coloured(*command, CLICOLOR_FORCE="1"), "%s: CLICOLOR_FORCE", command[0])
        check(not coloured(*command, "--color", "never", CLICOLOR_FORCE="1"), "%s: never", command[0])


def test_stacks_need_samples():
    for form in ("folded", "pprof", "speedscope"):
        done = gilscope("report", convoy(), "--format", form, "-o", "/dev/null")
        equal(done.status, 4, "status of %s" % form)
        check("no samples" in done.err and "try: gilscope record --blame" in done.err,
              "it said %r", done.err)


def test_a_page():
    """It has the figures of the JSON, of a part of the trace, too."""
    for part in ([], ["--from", "0.1", "--to", "0.5"]):
        path = scratch("page.html")
        done = gilscope("report", convoy(), *part, "--format", "html", "-o", path)
        equal(done.status, 0, "status (stderr: %s)" % done.err)
        page, g = page_data(path)["gils"][0], gil_of(report(convoy(), *part)["processes"][0])
        equal([page[k]["count"] for k in ("wait", "hold")], [g[k]["count"] for k in ("wait", "hold")],
              "waits and holds")
        equal(sorted((t[0], t[4]) for t in page["threads"]),
              sorted((t["tid"], t["acquisitions"]) for t in g["threads"]), "threads")
        chart = page["chart"]
        held = sum(chart["holds"]["list"][2::4])
        equal(held, sum(t["hold"]["sum_ns"] + t["open_hold_ns"] for t in g["threads"]) if not part
              else held, "the time in holds")
        equal({lane["tid"] for lane in chart["lanes"]} <= {t["tid"] for t in g["threads"]}, True,
              "lanes")


def test_output_is_not_the_trace():
    path = changed(convoy(), lambda data: None)
    size = os.path.getsize(path)
    for form in ("text", "csv"):
        done = gilscope("report", path, "--format", form, "-o", path)
        equal(done.status, 2, "status of %s" % form)
        check("the trace itself" in done.err, "it said %r", done.err)
        equal(os.path.getsize(path), size, "the trace's size")


def test_output_cannot_be_written():
    done = gilscope("report", convoy(), "--format", "csv", "-o", "/dev/full")
    equal(done.status, 2, "status")
    check("No space left" in done.err, "it said %r", done.err)


def test_what_is_not_there():
    pid = report(convoy())["processes"][0]["pid"]
    for options, word in ((["--pid", "1"], "no process 1"), (["--thread", "1"], "no thread 1 that"),
                          (["--pid", pid, "--thread", "1"], "no thread 1 of process %d" % pid),
                          (["--from", "1000"], "--from is past the end of the trace"),
                          (["--to", "-1000"], "--to is empty")):
        for form in ("text", "csv"):
            done = gilscope("report", convoy(), "--format", form, *options)
            equal(done.status, 2, "status of %s" % options)
            check(word in done.err, "%s: %r", options, done.err)
            check("Can't tell" not in done.out, "%s: it reports nonetheless", options)
