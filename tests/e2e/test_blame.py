# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compares which functions have the GIL with what the programs know about themselves.

The rate is higher than anybody needs, so that a short run has enough samples. What is estimated from
them may be off by four standard errors, and by what the programs' own clocks leave out."""
import json
import os
import subprocess

import traces
from lib import (Skip, built, check, debian, each, equal, gil_of, gilscope, interpreters,
                 page_data, process_of, scratch, stat, stat_workload, within, workload)
from schema import check_schema

HZ = 4363
OPTIONS = ("--blame", HZ)
MS = 1000000


def functions(process):
    """The rows; None for an interpreter whose frames are not understood, or that has no GIL."""
    rows = gil_of(process)["functions"] if process["gils"] else None
    if rows is None:
        old = tuple(int(n) for n in process["python"].split(".")[:2]) < (3, 8)
        check(old or process["free_threaded_build"], "no functions on %s", process["python"])
    return rows


def of_lines(rows, script, first, last):
    """The rows of a script's lines."""
    path = workload(script)
    return [r for r in rows if r["file"] == path and first <= (r["line"] or 0) <= last]


def oncpu(rows):
    return sum(r["hold_ns"] - r["hold_blocked_ns"] - r["hold_preempted_ns"] for r in rows)


def known_shares(interpreter, kind):
    process, truth, _ = stat_workload(interpreter, "shares.py", 1, kind, options=OPTIONS)
    rows = functions(process)
    if rows is None:
        return
    spent = {name: ns for name, ns in truth["spent"].items() if ns}
    found = {name: of_lines(rows, "shares.py", *truth["lines"][name]) for name in spent}
    held = sum(oncpu(found[name]) for name in spent)
    samples = sum(r["samples"] for name in spent for r in found[name])
    for name in spent:
        share = spent[name] / sum(spent.values())
        error = 0.02 + 4 * (share * (1 - share) / samples) ** 0.5
        within(oncpu(found[name]) / held, share - error, share + error,
               "the share of %s in %d samples" % (name, samples))


@each(interpreters)
def test_known_shares(interpreter):
    known_shares(interpreter, "long")


@each(interpreters)
def test_known_shares_of_short_holds(interpreter):
    known_shares(interpreter, "short")


@each(interpreters)
def test_a_call_that_sleeps_with_the_gil(interpreter):
    process, _, _ = stat_workload(interpreter, "pydll_sleep.py", 3, 8, 20, options=OPTIONS)
    rows = functions(process)
    if rows is None:
        return
    g = gil_of(process)
    asleep = [r for r in rows if r["native"] == "syscall:clock_nanosleep"]
    equal({(r["function"] or "").split(".")[-1] for r in asleep}, {"body"}, "functions that sleep")
    within(sum(r["hold_blocked_ns"] for r in asleep), 0.99 * g["hold_blocked_ns"],
           g["hold_blocked_ns"], "the time asleep in usleep")
    # Others wait only behind it, but for the start and for the moments in between.
    waited = sum(r["wait_ns"] for r in rows)
    within(sum(r["wait_ns"] for r in asleep), 0.9 * waited, waited, "waiting behind usleep")


@each(interpreters)
def test_native_code_that_computes(interpreter):
    library = built("busy.c", "-shared", "-fPIC")
    # At a high rate, the start of the interpreter uses up the time that there is for such look-ups.
    process, _, _ = stat_workload(interpreter, "busy_ext.py", library, 2, 4, 40,
                                  options=("--blame", 997))
    rows = functions(process)
    if rows is None:
        return
    busy = [r for r in rows if r["native"] == os.path.basename(library) + ":busy"]
    equal({(r["function"] or "").split(".")[-1] for r in busy}, {"body"}, "functions that compute")
    check(oncpu(busy) > 0.9 * 2 * 4 * 40 * MS, "busy() had the GIL for %s ns only", oncpu(busy))


@each(lambda: [(), ("link",)])
def test_code_that_a_program_has_compiled(link):
    """A perf map names it, if it is the user's own and no symbolic link."""
    process, _, _ = stat_workload(debian(), "compiled.py", *link, options=("--blame", 997))
    wanted = "[anonymous]" if link else "[compiled]:fast::kernel(int)"
    busy = [r for r in functions(process) if r["native"] == wanted]
    equal({(r["function"] or "").split(".")[-1] for r in busy}, {"body"}, "functions that run it")
    check(oncpu(busy) > 0.8 * oncpu(functions(process)), "it has %s of the time on a CPU", [
        (r["native"], oncpu([r])) for r in functions(process)])


def test_a_debug_file_in_another_root():
    """A path of a process means what it means to that process, not to gilscope."""
    library, there, here = built("busy.c", "-shared", "-fPIC"), scratch("there"), scratch("libraries")
    stripped = os.path.join(here, "busy.so")
    os.makedirs(here)
    for folder, name in (there, "compute"), (os.path.join(here, ".debug"), "decoy"):
        os.makedirs(folder)
        debug = os.path.join(folder, "busy.debug")
        for command in (["objcopy", "--only-keep-debug", "--redefine-sym", "busy=" + name, library, debug],
                        ["objcopy", "--strip-all", "--add-gnu-debuglink=" + debug, library, stripped]):
            if subprocess.run(command, capture_output=True, check=False).returncode:
                raise Skip("no objcopy")
    script = 'mount --bind %s %s/.debug && exec "$0" "$@"' % (there, here)
    run = stat("--blame", 997, command=["unshare", "-m", "sh", "-c", script] +
               debian().argv("busy_ext.py", stripped, 2, 4, 40), env=debian().environment())
    process = process_of(run.report, run.truth()["pid"])
    names = {r["native"] for r in functions(process) if (r["native"] or "").startswith("busy.so")}
    equal(names, {"busy.so:compute"}, "the native code")


def test_processes_that_end_soon():
    """Each runs a function of its own, and is over before anybody looks at the samples."""
    command = "for i in 1 2 3 4 5 6; do %s -c \"$(printf \"%s\" $i $i)\"; done" % (
        "/usr/bin/python3", "def job_%s():\\n  for i in range(1500000): pass\\njob_%s()")
    run = stat(*OPTIONS, command=["/bin/sh", "-c", command])
    names = []
    for process in run.report["processes"]:
        names += {r["function"] for r in functions(process)
                  if (r["function"] or "").startswith("job_")}
    # One that ended before gilscope had found its interpreter has no samples.
    check(names, "no job was seen")
    equal(len(set(names)), len(names), "jobs, each in one process: %s" % names)


def test_stacks_of_a_recording_add_up():
    path = traces.record_workload("shares.py", 1, "short", options=OPTIONS)
    rows = gil_of(traces.report(path)["processes"][0])["functions"]
    for weight in ("wait", "hold"):
        wanted = sum(row[weight + "_ns"] for row in rows)
        done = gilscope("report", path, "--format", "folded", "--weight", weight)
        equal(sum(int(line.rsplit(" ", 1)[1]) for line in done.out.splitlines()), wanted, weight)
        done = gilscope("report", path, "--format", "speedscope", "--weight", weight)
        file = json.loads(done.out)
        equal(sum(file["profiles"][file["activeProfileIndex"]]["weights"]), wanted, weight)


def test_whole_stacks():
    """Who has called a function, from outside to inside; both ends of a recursion; and no stack is
    longer than its limit."""
    path = scratch("stacks.gil")
    done = gilscope("record", *OPTIONS, "-o", path, "--", "/usr/bin/python3",
                    workload("stacks.py"), 1)
    equal(done.status, 0, done.err)
    lines = gilscope("report", path, "--format", "folded", "--weight", "hold").out.splitlines()
    stacks = [([f.split(" (")[0] for f in line.rsplit(" ", 1)[0].split(";")],
               int(line.rsplit(" ", 1)[1])) for line in lines]
    held = {way: sum(ns for names, ns in stacks if names[-3:] == [way, "middle", "spin"])
            for way in ("one_way", "other_way")}
    error = 4 * (0.1875 / (HZ / 4)) ** 0.5
    within(held["other_way"] / sum(held.values()), 0.75 - error, 0.75 + error, "the second way")
    deep = [names for names, _ in stacks if names[-2:] == ["deep", "spin"]]
    check(deep, "no stack of the recursion")
    for names in deep:
        equal(len([n for n in names if n != "(frames left out)"]), 128, "frames that are kept")
        equal(names.count("(frames left out)"), 1, "marks")
        equal(names[:2], ["<module>", "start"], "the outer end")


def test_a_page_has_the_functions_of_the_json():
    path = scratch("page.html")
    process, _, _ = stat_workload(debian(), "shares.py", 1, "long", options=OPTIONS + ("--html", path))
    g, page = gil_of(process), page_data(path)["gils"][0]
    for key in ("wait", "hold"):
        wanted = sum(row[key + "_ns"] for row in g["functions"])
        equal(sum(row[key] for row in page["functions"]), wanted, key + " of the functions")
        stacks = page["stacks"]
        equal(sum(stack[2 + (key == "hold")] for stack in stacks["list"]) +
              stacks["more_" + key], wanted, key + " of the stacks")


def test_rules_about_functions():
    """The evidence names the function that sleeps with the GIL; samples need not be asked for."""
    path, junit = scratch("check.json"), scratch("check.xml")
    done = gilscope("check", "--assert", 'blame.ratio{function~"sleepers.*"} < 10%',
                    "--assert", 'blame.ratio{file="pydll_sleep.py"} < 50%',
                    "--assert", 'blame.ratio{function="nobody"} < 90%',
                    "--json", "-o", path, "--junit", junit, "--",
                    "/usr/bin/python3", workload("pydll_sleep.py"), 3, 8, 20)
    equal(done.status, 1, "status (stderr: %s)" % done.err.strip()[-500:])
    with open(path) as f:
        report = json.load(f)
    check_schema(report)
    equal([r["verdict"] for r in report["rules"]], ["fail", "pass", "pass"], "verdicts")
    evidence = report["rules"][0]["evidence"][0]
    equal((evidence["function"].split(".")[-1], os.path.basename(evidence["file"])),
          ("body", "sleepers.py"), "evidence")
    with open(junit) as f:
        check("body (sleepers.py:" in f.read(), "no evidence in the JUnit XML")


def test_functions_that_keep_step_with_the_samples():
    """With ticks at equal distances one of the two would get nearly all: 0.2 % and 99.8 % were seen."""
    process, _, _ = stat_workload(debian(), "turns.py", 2, 997, options=("--blame", 997))
    held = {"f": 0, "g": 0}
    for row in functions(process):
        held[row["function"]] = held.get(row["function"], 0) + row["hold_ns"]
    within(held["f"] / (held["f"] + held["g"]), 0.25, 0.75, "f's share")


ARROW = " \u2192 "


def check_exports(path, samples):
    """Each sample has a line in ndjson, and most of the long holds say that it was body()."""
    done = gilscope("report", path, "--format", "ndjson")
    lines = [json.loads(line) for line in done.out.splitlines()]
    seen = [l for l in lines if l["kind"] in ("tick", "gap")]
    within(len(seen), samples - 1, samples, "samples in ndjson")  # without a gap that had not ended
    asleep = [l for l in seen if l["kind"] == "gap" and l.get("native") == "syscall:clock_nanosleep"]
    deep = [l["callers"] for l in asleep if l.get("callers")]
    check(deep and all(c[-1]["function"] for c in deep), "callers %s", deep[:1])
    holds = sum(l["kind"] == "hold" and l["blocked_ns"] > 10 * MS for l in lines)
    check(len(asleep) >= holds > 0, "%d gaps for %d long holds", len(asleep), holds)
    out = scratch("export")
    equal(gilscope("report", path, "--format", "perfetto", "-o", out).status, 0, "status")
    said = {"function": [], "stack": []}
    for a in (a for p in traces.decode(out) for e in p["track_event"] for a in e["debug_annotations"]):
        said.setdefault(traces.unquoted(a["name"]), []).append(traces.unquoted(a["string_value"]))
    named = sum(f.endswith("body") for f in said["function"])
    check(named >= 0.8 * holds, "%d of %d long holds have a function", named, holds)
    stacks = [s for s in said["stack"] if "body (" in s.split(ARROW)[-1]]
    check(len(stacks) >= named and all(ARROW in s for s in stacks), "stacks %s", said["stack"][:2])


def test_recordings():
    """A replay has the rows of the live run, of which the trace has a checksum; a trace of only the long
    holds, too."""
    path = traces.record_workload("pydll_sleep.py", 3, 8, 20, options=("--blame", 997))
    traces.verify(path)
    rows = functions(traces.report(path)["processes"][0])
    asleep = [r for r in rows if r["native"] == "syscall:clock_nanosleep"]
    equal({(r["function"] or "").split(".")[-1] for r in asleep}, {"body"}, "functions that sleep")
    check_exports(path, sum(r["samples"] for r in rows))
    part = functions(traces.report(path, "--from", "-0.3")["processes"][0])
    check(0 < sum(r["samples"] for r in part) < sum(r["samples"] for r in rows), "samples of a part")


def test_recordings_of_long_holds():
    path = traces.record_workload("pydll_sleep.py", 3, 8, 20,
                                  options=("--blame", 997, "--min-hold", "10ms"))
    rows = functions(traces.report(path)["processes"][0])
    check(rows and rows[0]["native"] == "syscall:clock_nanosleep", "rows %s", rows and rows[0])
    done = gilscope("check", "-i", path, "--assert", 'blame.ratio{function~"sleepers.*"} > 50%')
    equal(done.status, 0, "status of check (%s%s)" % (done.out, done.err.strip()))


def test_two_hundred_short_processes_in_a_recording():
    """Four at a time, each with a function of its own: the names in the file are those of the process."""
    script = ("def job_%d():\n  for i in range(300000): pass\njob_%d()")
    command = "for i in $(seq 200); do %s -S -E -c \"$(printf \"%s\" $i $i)\" & " \
        "[ $((i %% 4)) = 0 ] && wait; done; wait" % ("/usr/bin/python3", script)
    path = traces.record("--blame", HZ, command=["/bin/sh", "-c", command])
    traces.verify(path)
    names = []
    for process in traces.report(path)["processes"]:
        jobs = {r["function"] for r in functions(process) or []
                if (r["function"] or "").startswith("job_")}
        check(len(jobs) < 2, "one process has %s", jobs)
        names += jobs
    check(len(names) > 100, "only %d jobs were seen", len(names))
    equal(len(set(names)), len(names), "jobs, each in one process")


def test_without_samples_nothing_is_said():
    process, _, _ = stat_workload(interpreters()[0], "pydll_sleep.py", 1, 1, 1)
    equal(gil_of(process)["functions"], None, "functions")
