# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The formats of `gilscope check`, the list of metrics, and the examples for CI."""
import os
import re
import shlex
import shutil
import subprocess
import sys

import formats
from lib import (GILSCOPE, ROOT, Skip, check, each, equal, folder, gilscope, interpreters, scratch,
                 spawn, timeout, within, workload)
from test_check import run, FAILED, USAGE, EXAMPLES, PYTHON, QUIET

# --- reports -------------------------------------------------------------------------------------

HOSTILE = "a%\\n::b,c:<&"  # an escape sequence for Python; the name has 11 bytes
MESSY = ['hold.max < 1ns', 'hold.max{thread~"a%*::b,c:<&"} < 100ms', "wait.p99.9 < 1s",
         "warn hold.max < 1ns", "acquisitions > 1", "wait.p99 < 1s if wait.count > 1000000",
         'hold.max{thread="]]>"} < 1s']


def messy(*options, **popen):
    """A run with every verdict, and with a thread whose name has characters that are special in
    each format."""
    done = run(*MESSY, command=[PYTHON, workload("named.py"), HOSTILE, 200], options=options,
               **popen)
    equal(done.status, FAILED, "status (stderr: %s)" % done.err.strip()[-300:])
    return done


def test_junit():
    path = scratch("gil.xml")
    messy("--junit", path)
    if not shutil.which("xmllint"):
        raise Skip("no xmllint")
    done = subprocess.run(["xmllint", "--noout", "--schema",
                           os.path.join(ROOT, "tests", "e2e", "junit.xsd"), path],
                          capture_output=True, text=True)
    equal(done.returncode, 0, "xmllint's status: " + done.stderr)
    suite = formats.junit(path)
    equal([suite.get(k) for k in ("tests", "failures", "errors", "skipped")],
          ["8", "2", "2", "1"], "counts")
    equal([formats.outcome(case) for case in suite.findall("testcase")],
          ["failure", "failure", "error", None, None, "skipped", "error", None], "outcomes")
    equal(suite.findall("testcase")[1].get("name"), MESSY[1], "a rule's name")
    text = suite.find("testcase/failure").text
    for words in "limit", "beyond the limit, the longest", "between", "thread":
        check(words in text, "no %r in the failure: %s", words, text)
    times = {float(case.get("time")) for case in suite.findall("testcase")}
    equal(times, {float(suite.get("time"))}, "times")
    check(min(times) > 0, "no time")


def test_github_annotations():
    summary = scratch("summary.md")
    with open(summary, "w") as f:
        f.write("what was there\n")
    done = messy("--github", env=dict(os.environ, GITHUB_STEP_SUMMARY=summary))
    found = formats.github(done.err)
    equal([a["level"] for a in found], ["error", "error", "error", "warning", "error"], "levels")
    equal(found[1]["title"], "fail: " + MESSY[1], "the title, unescaped")
    check("a%?::b,c:<&" in found[1]["message"], "the thread's name is not in %r",
          found[1]["message"])
    with open(summary) as f:
        text = f.read()
    check(text.startswith("what was there\n"), "the summary was overwritten")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    equal(len(rows), len(MESSY), "rows of the summary")
    for row in rows:
        equal(row.count("|"), 5, "bars in %r" % row)
        check(not re.search(r"[<>](?!/?code>)", re.sub(r"</?code>", "", row)), "HTML in %r", row)


def test_github_annotations_are_of_lines():
    path = scratch("a,b:c%.rules")
    with open(path, "w") as f:
        f.write("\nhold.max < 1ns\n")
    done = gilscope("check", "--config", path, "--github", "--", *QUIET)
    found = formats.github(done.err)
    equal([(a["file"], a["line"]) for a in found], [(path, "2")], "files and lines")


def test_moments_that_never_end_are_a_state():
    """Forty holds of 5 ms, each a moment of its own, are one line and an example."""
    code = ("import ctypes, time\nlibc = ctypes.PyDLL(None)\n"
            "for _ in range(40): libc.usleep(5000); time.sleep(0.02)\n")
    path = scratch("run.gil")
    equal(gilscope("record", "-q", "-o", path, "--", PYTHON, "-c", code).status, 0, "status of record")
    done = gilscope("check", "-i", path, "--assert", "hold.max < 4ms")
    equal(done.status, FAILED, "status (stderr: %s)" % done.err)
    said = " ".join(done.out.split())
    found = re.search(r"(throughout,|again and again) between \S+ \S+ and \S+ \S+, at (\d+) moments; for example: between",
                      said)
    check(found and int(found.group(2)) > 20, "it says: %s", done.out)
    equal(done.out.count("                between "), 1, "examples")


def test_tap():
    done = messy("--tap", "-o", scratch("gil.tap"))
    equal(done.status, FAILED, "status")
    path = scratch("gil.tap")
    messy("--tap", "-o", path)
    with open(path) as f:
        points = formats.tap(f.read())
    equal([(p["ok"], p["directive"]) for p in points],
          [(False, None), (False, None), (False, None), (False, "TODO"), (True, None),
           (True, "SKIP"), (False, None), (True, None)], "test points")
    equal([p["evidence"] for p in points], [True, True, False, True, False, False, False, False], "evidence")


def test_openmetrics():
    path = scratch("gil.txt")
    messy("--openmetrics", path)
    with open(path) as f:
        families = formats.openmetrics(f.read())
    states = [s for s in families["gilscope_check"]["samples"] if s[2] == 1]
    equal([s[1]["verdict"] for s in states],
          ["fail", "fail", "inconclusive", "warn", "pass", "skipped", "error"], "states")
    equal(states[1][1]["rule"], MESSY[1], "a rule, unescaped")
    hold = families["python_gil_hold_seconds"]
    equal(hold["type"], "histogram", "type")
    equal(hold["unit"], "seconds", "unit")
    longest = [s for s in hold["samples"] if s[0].endswith("_bucket")
               and float(s[1]["le"]) < 0.1][-1][2]
    total = [s for s in hold["samples"] if s[0].endswith("_count")][0][2]
    check(total - longest >= 1, "no hold is longer than 0.1 s")
    equal(families["python_gil_acquisitions"]["type"], "counter", "type")
    equal(families["python_gil_enabled"]["samples"][0][2], 1, "python_gil_enabled")


def test_metrics_for_node_exporter():
    """A file that ends in .prom is in the format of Prometheus, which has no statesets, and names counters
    with their suffix."""
    path = scratch("gil") + ".prom"
    messy("--openmetrics", path)
    with open(path) as f:
        text = f.read()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    equal(set(types.values()), {"counter", "gauge", "histogram"}, "types")
    equal(set(re.findall(r"^# (\w+)", text, re.M)), {"TYPE", "HELP"}, "comments")
    for name in re.findall(r"^([a-zA-Z_:]+)(?:\{.*\})? ", text, re.M):
        name = name if name in types else re.sub("_(bucket|sum|count)$", "", name)
        check(name in types, "%s has no type", name)
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        equal((done.returncode, done.stdout + done.stderr), (0, ""), "what promtool says")


@each(lambda: [i for i in interpreters() if i.version[:2] >= (3, 12) and i.name != "embed"][:1])
def test_openmetrics_of_subinterpreters(interpreter):
    """One interpreter runs after the other, with GILs at the same address. No sample may occur
    twice."""
    path = scratch("gil.txt")
    done = run("hold.max < 10s", options=["--openmetrics", path], env=interpreter.environment(),
               command=interpreter.argv("subinterpreters.py", "sequence", 4, 50))
    equal(done.status, 0, "status")
    with open(path) as f:
        families = formats.openmetrics(f.read())
    equal(len(families["python_gil_acquisitions"]["samples"]), 5, "GILs")


def test_several_reports_at_once():
    paths = [scratch(n) for n in ("a.json", "b.xml", "c.txt")]
    done = run("hold.max < 10s", command=QUIET, options=[
        "--json", "-o", paths[0], "--junit", paths[1], "--openmetrics", paths[2]])
    equal(done.status, 0, "status")
    equal(done.out, "", "stdout")
    for path in paths:
        check(os.path.getsize(path) > 100, "%s is empty", path)


def test_a_full_disk():
    done = run("hold.max < 10s", command=QUIET, options=["-o", "/dev/full"])
    equal(done.status, USAGE, "status")
    check("/dev/full" in done.err, "stderr: %s", done.err)


# --- gilscope metrics and its documentation ------------------------------------------------------

def test_metrics_documentation():
    """docs/metrics.md is generated; the man page has a paragraph for each row."""
    done = gilscope("metrics", "--markdown")
    equal(done.status, 0, "status")
    with open(os.path.join(ROOT, "docs", "metrics.md")) as f:
        check(f.read() == done.out, "docs/metrics.md is not what gilscope metrics --markdown "
              "prints")
    with open(os.path.join(ROOT, "docs", "gilscope-metrics.1")) as f:
        page = f.read()
    for name, meaning in re.findall(r"^\| `(\S+)` \|.*\| ([^|]+) \|$", done.out, re.M):
        meaning = meaning.replace(" (not for single threads)", "").replace("%", "%").strip()
        check("\n.B %s\n%s" % (name, meaning) in page.replace("\\-", "-"),
              "the man page does not say that %s is: %s", name, meaning)


def test_metrics_are_listed():
    done = gilscope("metrics")
    equal(done.status, 0, "status")
    for name in ("wait", "hold_blocked", "gil_enabled", "requested_releases", "STATISTICS"):
        check(name in done.out, "%s is not listed", name)
    equal(gilscope("metrics", "wait").status, USAGE, "status with an argument")


# --- the examples --------------------------------------------------------------------------------

def under_load():
    """Starts as many busy processes as there are CPUs."""
    for _ in range(os.cpu_count()):
        spawn([sys.executable, "-c", "while True: pass"])


def example_environment():
    place = os.path.join(folder(), "bin")
    if not os.path.exists(place):
        os.mkdir(place)
        os.symlink(GILSCOPE, os.path.join(place, "gilscope"))
    return dict(os.environ, PATH=place + ":/usr/bin:/bin", GILSCOPE=GILSCOPE,
                PYTHONDONTWRITEBYTECODE="1")


@each(lambda: [("check", 0), ("check-bad", FAILED)])
@timeout(180)
def test_the_extension(case):
    """Ten runs on a busy machine give the same verdict."""
    target, status = case
    place = scratch("extension")
    shutil.copytree(os.path.join(EXAMPLES, "extension"), place)
    built = subprocess.run(["make", "spin.so"], cwd=place, capture_output=True, text=True)
    if built.returncode:
        raise Skip("cannot be built: " + built.stderr.strip()[-200:])
    rule = re.search(r"^RULE := (.*)$", open(os.path.join(place, "Makefile")).read(), re.M)
    how = {"check": "releases", "check-bad": "keeps"}[target]
    under_load()
    for i in range(10):
        done = run(rule.group(1), command=[PYTHON, os.path.join(place, "call.py"), how])
        equal(done.status, status, "status of run %d: %s" % (i, done.err[:300]))
    done = subprocess.run(["make", "-s", target], cwd=place, env=example_environment(),
                          capture_output=True, text=True)
    equal(done.returncode != 0, status != 0, "make's failure: " + done.stderr[-300:])


def commands_of(example):
    """The lines of a workflow or job that call gilscope."""
    yaml = import_yaml()
    with open(os.path.join(EXAMPLES, example)) as f:
        job = yaml.safe_load(f)["jobs" if example == "github.yml" else "gil"]
    lines = job["script"] if "script" in job else [
        s["run"] for s in job["gil"]["steps"] if "run" in s]
    return [line for line in lines if "gilscope check" in line]


def import_yaml():
    try:
        import yaml
    except ImportError:
        raise Skip("no python3-yaml") from None
    return yaml


@each(lambda: ["github.yml", "gitlab.yml"])
@timeout(240)
def test_the_examples_for_ci(example):
    """Runs the example's own command, without sudo, ten times on a busy machine."""
    if subprocess.run([PYTHON, "-m", "pytest", "--version"], capture_output=True).returncode:
        raise Skip("no python3-pytest")
    lines = commands_of(example)
    equal(len(lines), 1, "calls of gilscope check")
    argv = shlex.split(lines[0].replace('sudo -E env "PATH=$PATH" ', ""))
    argv[argv.index("pytest"):][:1] = ["pytest"]
    at = argv.index("pytest")
    argv[at:at + 1] = [PYTHON, "-m", "pytest", "-p", "no:cacheprovider"]
    argv[argv.index("gil.xml")] = scratch("gil.xml")
    under_load()
    for i in range(10):
        done = subprocess.run(argv, cwd=EXAMPLES, env=example_environment(), capture_output=True,
                              text=True)
        equal(done.returncode, 0, "status of run %d: %s %s" % (
            i, done.stdout[-300:], done.stderr[-700:]))
        within(len(re.findall(r"^(pass|skipped|warn) ", done.stderr, re.M)), 4, 4, "rules reported")
