# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`gilscope check` on real programs: each kind of verdict, its exit status, and its reports."""
import glob
import json
import os
import re
import resource
import signal
import subprocess

import formats
from schema import check_schema
from lib import (GILSCOPE, ROOT, Workload, at_rest, by_perf_events, cached, check, debian, each,
                 equal, gilscope, is_observed, scratch, spawn, timeout, wait_until, workload)

FAILED, USAGE, INCONCLUSIVE, CANNOT_OBSERVE = 1, 2, 3, 4
EXAMPLES = os.path.join(ROOT, "examples")
PYTHON = "/usr/bin/python3"

QUIET = [PYTHON, "-c", "import time; time.sleep(0.3)"]
# One call of libc that takes a second, with the GIL held and with it released. On a busy machine a
# holder may lack a CPU for a while, so a hold of up to half a second proves nothing.
KEEPS = [PYTHON, workload("pydll_sleep.py"), 1, 1, 1000]
RELEASES = [PYTHON, workload("cdll_sleep.py"), 1, 1, 1000]


def until_interrupted(ready):
    """A command that creates a file, and ends with status 0 at Ctrl-C."""
    return [PYTHON, "-c", "import signal, time; end = []\n"
            "signal.signal(signal.SIGINT, lambda *a: end.append(1))\n"
            "open(%r, 'w').close()\n"
            "while not end: time.sleep(0.01)" % ready]


def run(*rules, command=None, options=(), **popen):
    """A run of `gilscope check` with these rules."""
    args = [a for rule in rules for a in ("--assert", rule)] + list(options)
    return gilscope("check", *args, *(["--"] + list(command) if command else []), seconds=80,
                    **popen)


def judged(*rules, command, status, options=(), **popen):
    """Like run(), with --json; checks the status and returns the JSON."""
    path = scratch("check.json")
    done = run(*rules, command=command, options=["--json", "-o", path] + list(options), **popen)
    equal(done.status, status, "status (stderr: %s)" % done.err.strip()[-500:])
    with open(path) as f:
        report = json.load(f)
    equal(report["schema"], "gilscope-check/1", "schema")
    check_schema(report)
    return report


def verdicts(report):
    return [r["verdict"] for r in report["rules"]]


# --- verdicts ------------------------------------------------------------------------------------

def test_a_call_that_releases_the_gil():
    report = judged("hold.max < 600ms", "hold_blocked < 600ms", command=RELEASES, status=0)
    equal(verdicts(report), ["pass", "pass"], "verdicts")


def test_a_call_that_keeps_the_gil():
    report = judged("hold.max < 600ms", "hold_blocked < 600ms", command=KEEPS, status=FAILED)
    equal(verdicts(report), ["fail", "fail"], "verdicts")
    rule = report["rules"][0]
    check(rule["measured"]["value"] >= 1e9, "measured %s", rule["measured"])
    equal(rule["measured"]["low"], rule["measured"]["high"], "a maximum is exact: its ends")
    equal(len(rule["evidence"]), 1, "number of guilty threads")
    check(rule["evidence"][0]["beyond"] == 1, "evidence %s", rule["evidence"])
    check(rule["moments"] and rule["moments"][-1]["longest"] >= 1e9, "moments %s",
          rule["moments"])


def test_the_report_for_people_shows_the_evidence():
    done = run("hold.max < 600ms", command=KEEPS)
    equal(done.status, FAILED, "status")
    for word in ("FAIL", "hold.max < 600ms", "limit", "beyond the limit", "between"):
        check(word in done.err, "no %r in the report: %s", word, done.err)


@timeout(120)
def test_a_convoy():
    """A thread that needs the GIL only for a moment waits a whole switch interval for it."""
    command = [PYTHON, workload("convoy.py"), 300]
    report = judged("wait.p50 < 1ms if wait.count >= 20", "warn wait.p50 < 1ms",
                    "requested_releases > 10", "wait.p99.9 < 1s", command=command, status=FAILED)
    equal(verdicts(report), ["fail", "warn", "pass", "inconclusive"], "verdicts")
    check("needs 1000" in report["rules"][3]["why"], "why: %s", report["rules"][3]["why"])
    low, high = (report["rules"][0]["measured"][k] for k in ("low", "high"))
    check(1e6 < low <= high <= low * 17 / 16, "the interval [%s, %s]", low, high)


def test_a_quiet_program():
    report = judged("wait.max < 1ms", "wait.count == 0", "contended == 0", "gil_enabled == 1",
                    command=QUIET, status=0)
    equal(set(verdicts(report)), {"pass"}, "verdicts")


def test_too_few_samples():
    for options, status in ([], INCONCLUSIVE), (["--inconclusive", "pass"], 0), (
            ["--inconclusive", "fail"], FAILED):
        report = judged("wait.p99 < 1s", command=QUIET, status=status, options=options)
        equal(verdicts(report), ["inconclusive"], "verdicts with %s" % options)
        equal(report["rules"][0]["measured"]["doubt"], "few_samples", "doubt")


def test_a_condition_that_does_not_hold():
    report = judged("wait.p99 < 1s if wait.count >= 100", command=QUIET, status=0)
    equal(verdicts(report), ["skipped"], "verdicts")


def test_a_warning_does_not_fail():
    report = judged("warn hold.max < 1ns", "acquisitions > 1", command=QUIET, status=0)
    equal(verdicts(report), ["warn", "pass"], "verdicts")


def test_a_scope():
    """Only the threads in the rule's scope count."""
    command = [PYTHON, workload("named.py"), "io", 1000]
    report = judged('hold.max{thread="io"} < 600ms', 'hold.max{thread~"py*"} < 600ms',
                    'hold.sum{process~"py*",thread="io"} > 600ms', command=command,
                    status=FAILED)
    equal(verdicts(report), ["fail", "pass", "pass"], "verdicts")


@each(lambda: [('hold.max{thread="wroker"} < 1s', '"worker"'),
               ('hold.max{thread~"work"} < 1s', '"worker"'),
               ('hold.max{process="pyhton3"} < 1s', '"python3"'),
               ('hold.max{python="2.7.18"} < 1s', "3.")])
def test_a_rule_that_matches_nothing(case):
    rule, suggestion = case
    for options in [], ["--inconclusive", "pass"]:
        done = run(rule, command=[PYTHON, workload("named.py"), "worker", 1], options=options)
        equal(done.status, USAGE, "status")
        check("^^^" in done.err and suggestion in done.err, "no caret or suggestion: %s", done.err)


@each(lambda: ["python3.13t", "python3.14t"])
def test_a_free_threaded_build_that_turns_the_gil_on(name):
    path = cached(name)
    for gil, status in ("0", 0), ("1", FAILED):
        env = dict(os.environ, PYTHON_GIL=gil)
        report = judged("gil_enabled == 0", command=[path, "-c", "import json"], status=status,
                        env=env)
        equal(verdicts(report), ["pass" if status == 0 else "fail"], "verdict, PYTHON_GIL=" + gil)


def test_a_process_that_runs():
    w = Workload(debian(), "pydll_sleep.py", 1, 2, 300)
    path = scratch("check.json")
    process = spawn([GILSCOPE, "check", "--assert", "hold.max < 100ms", "--json", "-o", path,
                     "-p", str(w.pid)], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: is_observed(w.pid) or process.poll() is not None, "probes")
    wait_until(lambda: at_rest(process), "gilscope to finish its set-up")
    w.go()
    process.communicate(timeout=60)
    equal(process.returncode, FAILED, "status")
    with open(path) as f:
        equal(verdicts(json.load(f)), ["fail"], "verdicts")


def test_who_was_not_observed():
    """No rule about all processes passes while there was no room for some."""
    report = judged("hold.max < 10s", command=debian().argv("mp.py", "fork", 30, 200),
                    status=INCONCLUSIVE, options=["--max-processes", "16"])
    check(report["unobserved"], "all were observed")
    reasons = {u["why"] for u in report["unobserved"]}
    if by_perf_events():  # while a perf event is being removed, none can be attached
        reasons.discard("it exited before probes could be attached")
    equal(reasons, {"the table of processes is full"}, "why")
    equal({u["run"] for u in report["unobserved"]}, {0}, "runs")


def test_nothing_to_observe():
    done = run("hold.max < 1s", command=["true"])
    equal(done.status, CANNOT_OBSERVE, "status")
    equal(done.out, "", "stdout")


# --- the command ---------------------------------------------------------------------------------

@each(lambda: [("hold.max < 10s", 0), ("hold.max < 1ns", FAILED)])
def test_the_commands_own_failure(case):
    """The command's status takes precedence over that of the rules; the report has both."""
    rule, alone = case
    code = "import time; time.sleep(0.2); raise SystemExit(7)"
    report = judged(rule, command=[PYTHON, "-c", code], status=7)
    equal(report["command_status"], 7, "the command's status")
    equal(report["status"], alone, "the status by the rules alone")


def test_repetitions():
    """--repeat and --warmup run the command that many times, and every run starts in the same
    state."""
    marks = scratch("marks")
    code = "import os; open(%r, 'a').write('%%d\\n' %% os.nice(0))" % marks
    report = judged("acquisitions > 1 over all", command=[PYTHON, "-c", code], status=0,
                    options=["--repeat", "3", "--warmup", "2"])
    equal((report["runs"], report["warmups"]), (3, 2), "runs and warm-ups")
    equal(len(report["rules"][0]["runs"]), 3, "figures")
    with open(marks) as f:
        nice = f.read().split()
    equal(nice, [str(os.nice(0))] * 5, "the runs' priorities")


def test_a_failing_warm_up_is_the_run():
    report = judged("hold.max < 10s", command=[PYTHON, "-c", "raise SystemExit(7)"], status=7,
                    options=["--warmup", 3, "--repeat", 2])
    equal((report["runs"], report["warmups"]), (1, 0), "runs and warm-ups")


def test_a_failing_command_is_not_repeated():
    marks = scratch("marks")
    code = "open(%r, 'a').write('x'); raise SystemExit(3)" % marks
    report = judged("acquisitions > 1", command=[PYTHON, "-c", code], status=3,
                    options=["--repeat", "5"])
    with open(marks) as f:
        equal(f.read(), "x", "the runs")
    equal(report["runs"], 1, "runs in the report")


def test_a_baseline():
    before = scratch("baseline.json")
    judged("acquisitions > 1", command=RELEASES, status=0,
           options=["--save-baseline", before, "--repeat", "2"])
    rules = ["hold.max < +50% and +300ms vs baseline", "acquisitions > -50% vs baseline"]
    good = judged(*rules, command=RELEASES, status=0, options=["--baseline", before])
    equal(verdicts(good), ["pass", "pass"], "verdicts")
    bad = judged(*rules, command=KEEPS, status=FAILED, options=["--baseline", before])
    equal(bad["rules"][0]["verdict"], "fail", "verdict")
    check(bad["rules"][0]["baseline"]["value"] < bad["rules"][0]["limit"] < 1e9, "limit %s",
          bad["rules"][0])


def test_stats_json_is_a_baseline():
    before = scratch("stat.json")
    equal(gilscope("stat", "--json", "-o", before, "--", *QUIET).status, 0, "status of stat")
    judged("acquisitions > -50% vs baseline", command=QUIET, status=0,
           options=["--baseline", before])


# --- recorded runs -------------------------------------------------------------------------------

def test_a_trace_is_judged_as_the_run():
    """check -i judges a trace like a run, with the same figures as the report of that trace."""
    path = scratch("run.gil")
    equal(gilscope("record", "-q", "-o", path, "--", *KEEPS).status, 0, "status of record")
    out = scratch("check.json")
    rules = ["--assert", "hold.max < 600ms", "--assert", "acquisitions > 1",
             "--assert", "hold_blocked > 600ms"]
    done = gilscope("check", "-i", path, *rules, "--json", "-o", out)
    equal(done.status, FAILED, "status (stderr: %s)" % done.err)
    with open(out) as f:
        report = json.load(f)
    equal(verdicts(report), ["fail", "pass", "pass"], "verdicts")
    moment = report["rules"][0]["moments"][0]
    check(moment["longest"] >= 1e9, "moment %s", moment)
    check(moment["to_ns"] - moment["from_ns"] < 800e6, "the moment is too long: %s", moment)
    run = json.loads(gilscope("report", path, "--json").out)
    hold = run["processes"][0]["gils"][0]["hold"]
    equal(report["rules"][0]["measured"]["value"], hold["max_ns"], "the longest hold")
    done = gilscope("check", "-i", path, "-i", path, "--assert", "hold.max < 600ms over all")
    equal(done.status, FAILED, "status of two traces")
    done = gilscope("check", *["-i", path] * 400, "--assert", "hold.max < 600ms")
    listed = " ".join(done.out.split("each run: ")[1].split("\n\n")[0].split())
    more = re.search(r"(.*) and (\d+) more$", listed)
    check(more, "the number of further runs is missing: %r", listed[-60:])
    equal(len(more.group(1).split(", ")) + int(more.group(2)), 400, "runs")
    done = gilscope("check", *["-i", path] * 1001, "--assert", "hold.max < 10s over worst")
    equal(done.status, USAGE, "status of more traces than are judged")
    for extra in ["-p", os.getpid()], ["--trace", "x"], ["--repeat", 2], ["--", "true"]:
        done = gilscope("check", *rules, "-i", path, *extra)
        equal(done.status, USAGE, "status with %s" % extra)


def test_the_trace_of_a_failing_run_is_kept():
    path = scratch("kept.gil")
    report = judged("hold.max < 600ms", command=RELEASES, status=0, options=["--trace", path])
    equal((report["trace"], glob.glob(path + "*")), (None, []), "traces of a good run")
    report = judged("hold.max < 600ms", command=KEEPS, status=FAILED,
                    options=["--trace", path, "--repeat", "2", "--warmup", "1"])
    equal((report["trace"], glob.glob(path + "*")), (path, [path]), "traces of a bad run")
    equal(gilscope("check", "-i", path, "--assert", "hold.max < 600ms").status, FAILED,
          "the verdict on the trace")


def test_without_a_command_none_succeeds():
    trace, xml, om, out = [scratch(n) for n in ("run.gil", "gil.xml", "gil.txt", "check.json")]
    done = gilscope("record", "-q", "-o", trace, "--", PYTHON, "-c", "import os; os._exit(7)")
    equal(done.status, 7, "status of record")
    rule = ["--assert", "hold.max < 10s"]
    done = gilscope("check", "-i", trace, *rule, "--json", "-o", out, "--junit", xml,
                    "--openmetrics", om)
    equal(done.status, 0, "status")
    with open(out) as f:
        equal(json.load(f)["command_status"], None, "the command's status")
    suite = formats.junit(xml)
    equal((suite.get("tests"), len(suite.findall("testcase"))), ("1", 1), "test cases")
    with open(om) as f:
        equal(formats.openmetrics(f.read())["gilscope_check_command_status"]["samples"], [],
              "the command's status")
    points = formats.tap(gilscope("check", "-i", trace, *rule, "--tap").out)
    equal(len(points), 1, "test points")


@each(lambda: [[], ["--trace"]])
def test_a_warm_up_that_is_interrupted(trace):
    """If there is no run to judge, no rule passes, not even a rule over all runs."""
    ready, path = scratch("ready"), scratch("kept.gil")
    p = spawn([GILSCOPE, "check", "--assert", "hold.max < 1ns over all", "--warmup", "2", "--repeat",
               "2"] + [a for o in trace for a in (o, path)] + ["--", *until_interrupted(ready)],
              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: os.path.exists(ready), "the first run")
    p.send_signal(signal.SIGINT)
    out, err = [s.decode() for s in p.communicate(timeout=30)]
    equal((p.returncode, out, glob.glob(path + "*")), (CANNOT_OBSERVE, "", []),
          "status, report and traces (stderr: %s)" % err)
    check("interrupted before the first run" in err, "stderr: %s", err)


def test_a_warm_up_that_fails_is_traced():
    path = scratch("kept.gil")
    done = run("hold.max < 1ns", options=["--trace", path, "--warmup", 1, "--repeat", 2],
               command=[PYTHON, "-c", "import sys; sys.exit(7)"])
    equal((done.status, glob.glob(path + "*")), (7, [path]), "status, traces (%s)" % done.err)


def test_traced_repetitions():
    """Every run starts in the same state. If a run ends without a Python, no trace is left. Ctrl-C
    ends all runs."""
    path, ignored, count, ready = [scratch(n) for n in ("kept.gil", "ignored", "count", "ready")]
    script = "%s -c 'import time; time.sleep(0.1)'; grep SigIgn /proc/self/status >> %s" % (
        PYTHON, ignored)
    done = run("hold.max < 10s", options=["--trace", path, "--repeat", 2],
               command=["sh", "-c", script])
    equal(done.status, 0, "status")
    with open(ignored) as f:
        lines = f.readlines()
    equal((len(lines), lines[0]), (2, lines[1]), "signals that are ignored")

    script = "echo >> %s; [ $(wc -l < %s) = 2 ] && exit 5; exec %s -c pass" % (count, count, PYTHON)
    done = run("hold.max < 1ns", options=["--trace", path, "--repeat", 3],
               command=["sh", "-c", script])
    equal((done.status, glob.glob(path + "*")), (5, []), "status and traces")

    p = spawn([GILSCOPE, "check", "--trace", path, "--repeat", "3", "--assert", "hold.max < 10s",
               "--", *until_interrupted(ready)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: os.path.exists(ready), "the first run")
    p.send_signal(signal.SIGINT)
    err = p.communicate(timeout=30)[1].decode()
    equal(p.returncode, 0, "status (stderr: %s)" % err)
    check("run 1 of 3" in err and "run 2" not in err, "stderr: %s", err)


def test_a_trace_that_cannot_be_written():
    """This is not a failure of the command, and the partial trace is not judged."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))

    done = run("hold.max < 100s", options=["--trace", scratch("kept.gil")], preexec_fn=limit,
               command=[PYTHON, "-c", "import os\nfor _ in range(100000): os.stat('/')"])
    equal(done.status, USAGE, "status")
    check("1 rule" not in done.err, "there is a report: %s", done.err)
    check("too large" in done.err and "the command ended" not in done.err, "stderr: %s", done.err)


def test_a_trace_that_is_not_whole():
    path = scratch("run.gil")
    equal(gilscope("record", "-q", "-o", path, "--min-hold", "0.1", "--", *KEEPS).status, 0,
          "status of record")
    done = gilscope("check", "-i", path, "--assert", "hold.max < 600ms", "--assert",
                    "acquisitions > 5")
    equal(done.status, FAILED, "status of a trace with some of the holds")
    check("1 pass, 1 fail" in done.out, "stdout: %s", done.out)
    os.truncate(path, os.path.getsize(path) - 20)
    done = gilscope("check", "-i", path, "--assert", "hold.max < 10s")
    equal(done.status, USAGE, "status of such a trace that is cut off")
    check("--min-hold" in done.err, "stderr: %s", done.err)
    path = scratch("cut.gil")
    equal(gilscope("record", "-q", "-o", path, "--", *QUIET).status, 0, "status of record")
    os.truncate(path, os.path.getsize(path) - 20)
    done = gilscope("check", "-i", path, "--assert", "acquisitions > 5")
    equal(done.status, INCONCLUSIVE, "status of a trace that is cut off")
    check("lost" in done.out and "cut off" in done.out, "stdout: %s", done.out)
    done = gilscope("check", "-i", workload("demo.py"), "--assert", "hold.max < 10s")
    equal(done.status, USAGE, "status of a file that is not a trace")


# --- mistakes are reported before anything runs --------------------------------------------------

def refused(*args, words=()):
    marks = scratch("marks")
    done = gilscope("check", *args, "--", "touch", marks)
    equal(done.status, USAGE, "status (stderr: %s)" % done.err.strip()[-300:])
    check(not os.path.exists(marks), "the command was run")
    equal(done.out, "", "stdout")
    for word in words:
        check(word in done.err, "the message does not say %r: %s", word, done.err.strip()[-400:])


@each(lambda: ["wiat.p99 < 10ms", "wait.p9x < 10ms", "wait.p99 < 10", "wait.p99 < 10 ms",
               "wait. p99 < 10ms", "wait.p99{tread=\"x\"} < 10ms", "wait.p99 < 10parsecs", "",
               "wait.p99 < +10% vs basline"])
def test_a_wrong_rule(rule):
    refused("--assert", rule, words=["--assert: ", "^", "gilscope metrics"])


def test_other_wrong_options():
    good = ["--assert", "hold.max < 1s"]
    refused(words=["no rule"])
    refused(*good, "--repeat", "0", words=["--repeat"])
    refused(*good, "--inconclusive", "maybe", words=["not one of pass|fail"])
    refused("--assert", "hold.max < +1% vs baseline", words=["--baseline"])
    refused(*good, "--github", "--json", words=["--command-output"])
    refused(*good, "--config", "/nowhere", words=["/nowhere"])
    refused(*good, "--baseline", "/nowhere", words=["/nowhere"])
    refused(*good, "--baseline", workload("demo.py"), words=["is not JSON"])
    refused(*good, "--junit", "/nowhere/x.xml", words=["/nowhere/x.xml"])
    done = gilscope("check", *good, "--repeat", 2, "-p", os.getpid())
    equal(done.status, USAGE, "status of --repeat with -p")


def test_a_wrong_file_of_rules():
    path = scratch("gil.rules")
    with open(path, "w") as f:
        f.write("# fine\nhold.max < 1s\n\nhold.mux < 1s  # not\n")
    refused("--config", path, words=[path + ":4: ", "     ^^^", "did you mean max?"])
