# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""stat -I, -r and -x: what is printed are differences of exact figures, so they add up."""
import json
import os
import pty
import signal
import subprocess

from lib import GILSCOPE, all_shown, check, debian, equal, gilscope, scratch, spawn, Workload

NAMES = ("acquisitions", "contended", "handoffs", "requested_releases")
ARGS = ("stat_loop.py", 3000)


def of_report(report, name):
    return sum(g[name] for p in report["processes"] for g in p["gils"])


def test_intervals_add_up():
    path = scratch("intervals.json")
    run = gilscope("stat", "-I", "100ms", "--json", "-o", path, "--", *debian().argv(*ARGS),
                   env=debian().environment())
    equal(run.status, 0, "status (%s)" % run.err)
    with open(path) as f:
        lines = [json.loads(line) for line in f]
    check(len(lines) > 1, "no interval: %s", lines)
    equal(lines[-1]["schema"], "gilscope/1", "the last line's schema")
    for name in NAMES:
        equal(sum(line[name] for line in lines[:-1]), of_report(lines[-1], name), name)
    equal(sum(line["elapsed_ns"] for line in lines[:-1]), lines[-1]["duration_ns"], "time")
    check(all(a["end_ns"] < b["end_ns"] for a, b in zip(lines, lines[1:-1])), "times do not grow")


def test_ctrl_c_in_the_middle_as_csv():
    w = Workload(debian(), "stat_loop.py", 3000)
    g = spawn([GILSCOPE, "stat", "-I", "100ms", "-x,", "-p", str(w.pid)], stdout=subprocess.PIPE,
              stderr=subprocess.PIPE, text=True)
    check(g.stderr.readline().startswith("observing"), "it does not begin")
    w.go()
    truth = w.truth()
    g.send_signal(signal.SIGINT)
    out, _ = g.communicate(timeout=30)
    equal(g.returncode, 0, "status")
    rows = [line.split(",") for line in out.splitlines()]
    check(all(len(row) == 4 for row in rows), "not four fields: %s", rows[:3])
    seen = sum(int(row[1]) for row in rows if row[3] == "acquisitions")
    calls = sum(t["acquisitions"] for t in truth["threads"] if "acquisitions" in t) or 3000
    check(seen >= calls, "%d acquisitions in all, of at least %d", seen, calls)


def test_no_line_is_about_next_to_nothing():
    """The observation ends with an interval, so that one is the last."""
    w = Workload(debian(), "stat_loop.py", 3000)
    path = scratch("ends.json")
    equal(gilscope("stat", "-I", "0.2", "-d", "0.6", "--json", "-o", path, "-p", w.pid).status, 0, "status")
    with open(path) as f:
        lines = [json.loads(line) for line in f][:-1]
    check(1 <= len(lines) <= 3 and all(line["elapsed_ns"] > 1e8 for line in lines), "%s", lines)


def test_text_has_a_line_for_each_interval_and_the_summary():
    run = gilscope("stat", "-I", "0.1", "--", *debian().argv(*ARGS), env=debian().environment())
    lines = run.err.splitlines()
    equal(lines[0].split()[:2], ["#", "time"], "the head")
    end = lines.index("")
    check(end > 1 and all(line.split()[0].replace(".", "").isdigit() for line in lines[1:end]),
          "lines: %s", lines[:end])
    check("GIL-bound" in lines[end + 1] or "?" in lines[end + 1], "no summary: %s", lines[end:])


def test_repeat():
    path = scratch("repeat.json")
    run = gilscope("stat", "-r", 3, "--json", "-o", path, "--", *debian().argv(*ARGS),
                   env=debian().environment())
    equal(run.status, 0, "status (%s)" % run.err)
    with open(path) as f:
        report = json.load(f)
    equal(report["runs"], 3, "runs")
    row = report["figures"]["acquisitions"]
    equal(len(row["values"]), 3, "values")
    equal((row["least"], row["largest"]), (min(row["values"]), max(row["values"])), "range")
    check(abs(row["mean"] - sum(row["values"]) / 3) < 0.01, "mean of %s", row)
    check(row["least"] >= 3000, "acquisitions: %s", row)


def test_repeat_ends_when_the_command_fails():
    run = gilscope("stat", "-r", 4, "--", "/usr/bin/python3", "-c", "raise SystemExit(3)")
    equal(run.status, 3, "status")
    check("after 1 of 4 runs" in run.err and "acquisitions" in run.err, "it said %s", run.err)


def test_progress_on_a_terminal_only():
    w = Workload(debian(), "stat_loop.py", 100)
    master, slave = pty.openpty()
    g = spawn([GILSCOPE, "stat", "-p", str(w.pid), "-d", "0.3"], stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    shown = all_shown(master)
    out = g.communicate(timeout=30)[0]
    os.close(master)
    check(b"\r\x1b[Kobserving: 0 s of 300 ms; Ctrl-C ends it now" in shown, "a terminal shows %r", shown)
    check(shown.endswith(b"\r\x1b[K"), "the line stays: %r", shown)
    check(b"\x1b" not in out, "it is in the report: %r", out[:200])
    run = gilscope("stat", "-p", w.pid, "-d", "0.1")
    check("\r" not in run.err and "observing:" not in run.err, "not on a terminal: %r", run.err)


def test_wrong_combinations():
    me = str(os.getpid())
    for options, words in ((["-r", "2", "-p", me], "-r needs a command"),
                           (["-r", "2", "-I", "1", "--", "true"], "-r cannot be used with -I"),
                           (["-I", "10ms", "-p", me], "shortest interval is 100ms"),
                           (["-x", "", "-p", me], "not a separator"),
                           (["-x,", "--json", "-p", me], "use one of them"),
                           (["-x,", "-o", "-", "--", "true"], "-x and the command would both")):
        run = gilscope("stat", *options)
        equal(run.status, 2, "status of %s" % options)
        check(words in run.err, "%s: it said %r", options, run.err)
