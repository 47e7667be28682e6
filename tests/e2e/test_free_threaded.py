# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Free-threaded builds with the GIL off, with the GIL on, and with the GIL turned on later."""
import os

from lib import (Interpreter, Skip, Workload, attach, built, cached, check, each, equal, gil_of,
                 process_of, scratch, stat_workload, thread, total, version_of, within,
                 workers)


def builds():
    return ["python3.13t", "python3.14t"]


def build(name, **env):
    path = cached(name)
    return Interpreter(name, path, version_of(path), dict(env, PYTHONWARNINGS="ignore"))


@each(builds)
def test_off(name):
    process, truth, run = stat_workload(build(name), "stat_loop.py", 2000)
    equal(process["free_threaded_build"], True, "free_threaded_build")
    equal(process["free_threaded"], True, "free_threaded")
    equal(process["gil_turned_on"], False, "gil_turned_on")
    # The GIL is on only while the interpreter starts and while it imports, so the 2,000 calls are
    # not counted.
    counted = sum(g["acquisitions"] for g in process["gils"])
    check(counted < 1000, "%s acquisitions of a GIL that is off", counted)
    equal(run.report["verdict"]["gil_bound"], "no", "gil_bound")
    check("without a GIL" in run.report["verdict"]["text"], "verdict: %s", run.report["verdict"])


@each(builds)
def test_off_and_attached(name):
    """No GIL was seen, so the report has no figures, and does not say that nobody waits."""
    w = Workload(build(name), "cpu_threads.py", 2, 0.3)
    g = attach(w)
    w.go()
    w.truth()
    w.end()
    run = g.finish()
    process = process_of(run.report, w.pid)
    equal(process["free_threaded"], True, "free_threaded")
    equal(process["gils"], [], "gils")


@each(builds)
def test_on_and_off_and_on(name):
    """A wait that is under way when the GIL is turned off ends; it does not go on forever."""
    process, truth, _ = stat_workload(build(name), "flip.py", 4, 0.5)
    equal(truth["enabled"], False, "sys._is_gil_enabled()")
    gil = gil_of(process)
    check(truth["imports"] > 0 and gil["acquisitions"] > truth["imports"], "%s acquisitions in %s "
          "imports", gil["acquisitions"], truth["imports"])
    equal(gil["anomalies"], 0, "anomalies")
    # On a busy machine a thread may never run while the GIL is on; it has no row then.
    rows = {row["tid"]: row for row in gil["threads"]}
    seen = [t for t in truth["threads"] if t["tid"] in rows]
    check(seen, "no thread of %s has a row", len(truth["threads"]))
    for t in seen:
        within(rows[t["tid"]]["wait"]["sum_ns"], 0, 1.01 * (t["end"] - t["begin"]), "wait of a thread")


def turned_on_cases():
    return ["%s, %s" % (name, how) for name in builds() for how in ("PYTHON_GIL=1", "-X gil=1")]


class WithOption(Interpreter):
    def argv(self, script, *args):
        words = super().argv(script, *args)
        return words[:1] + ["-X", "gil=1"] + words[1:]


def with_gil(case):
    name, how = case.split(", ")
    if how == "PYTHON_GIL=1":
        return build(name, PYTHON_GIL="1")
    i = build(name)
    return WithOption(i.name, i.path, i.version, i.env)


@each(turned_on_cases)
def test_on(case):
    process, truth, _ = stat_workload(with_gil(case), "stat_loop.py", 20000)
    equal(process["free_threaded_build"], True, "free_threaded_build")
    equal(process["free_threaded"], False, "free_threaded")
    w = truth["threads"][0]
    row = thread(process, w["tid"])
    within(row["acquisitions"], w["calls"], w["calls"] * 1.005, "acquisitions")


@each(turned_on_cases)
def test_on_and_contended(case):
    process, truth, _ = stat_workload(with_gil(case), "cpu_threads.py", 2, 0.5, 0.005)
    requested = total(workers(process), "requested_releases")
    # As in truth.requested_releases, a thread may lose its turn before it has counted it.
    within(requested, truth["turns"] * 0.9 - 4, truth["turns"] * 1.1 + 4, "requested releases")


@each(builds)
def test_turned_on_by_a_module(name):
    interpreter = build(name)
    place = scratch("modules")
    os.mkdir(place)
    source = os.path.dirname(os.path.realpath(interpreter_file(interpreter)))
    library = built("noslot.c", "-shared", "-fPIC", "-I", os.path.join(source, "Include"),
                    "-I", source)
    os.symlink(library, os.path.join(place, "noslot.so"))
    w = Workload(interpreter, "turned_on.py", place)
    g = attach(w)
    w.go()
    w.expect("ON")
    w.go()
    truth = w.truth()
    equal(truth["enabled"], True, "sys._is_gil_enabled()")
    run = g.interrupt()
    w.go()
    w.end()
    process = process_of(run.report, w.pid)
    equal(process["gil_turned_on"], True, "gil_turned_on")
    equal(process["free_threaded"], False, "free_threaded")
    gil = gil_of(process)
    rows = [thread(process, t["tid"]) for t in truth["threads"]]
    lives = sum(t["end"] - t["begin"] for t in truth["threads"])
    held = sum(r["hold"]["sum_ns"] for r in rows)
    within(held, 0.3 * lives, 0.6 * lives, "holds of two threads that share a GIL")
    check(gil["handoffs"] > 10, "%s handoffs", gil["handoffs"])
    equal(run.report["verdict"]["gil_bound"] in ("yes", "partly"), True, "gil_bound")
    check("by the import of a module" in run.report["verdict"]["text"], "%s",
          run.report["verdict"]["text"])


def interpreter_file(interpreter):
    with open(interpreter.path) as f:
        for word in f.read().split("'"):
            if word.startswith("/") and os.access(word, os.X_OK):
                return word
    raise Skip("%s does not name its interpreter" % interpreter.path)
