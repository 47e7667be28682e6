# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""storm.py SECONDS MODEL...: runs in a guest. Six processes on one CPU hit probes all the time,
under each of these models of preemption (full, lazy) or, if the kernel cannot change its model,
under the one that it was built with. So the kernel often preempts a process in the middle of a BPF
program, and another process then runs the same program on the same CPU.

For each model, this compares gilscope's counts with those of the processes, counts the scheduler's
edges that were missed, and reads the kernel's log."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import lib  # noqa: E402
from invariants import check_invariants  # noqa: E402
from lib import (Interpreter, Workload, attach, check, debian, process_of,  # noqa: E402
                 thread)

PROCESSES = 6
MODEL = "/sys/kernel/debug/sched/preempt"
AS_BUILT = "as_built"
BAD = re.compile(r"BUG|Oops|WARNING|Call Trace|general protection|stall")


class Pinned(Interpreter):
    def argv(self, script, *args):
        return ["taskset", "-c", "0"] + super().argv(script, *args)


def models():
    """The kernel's models of preemption; [] if it cannot change them."""
    try:
        with open(MODEL) as f:
            return re.findall(r"\w+", f.read())
    except OSError:
        return []


def choose(model):
    if model == AS_BUILT:
        return
    with open(MODEL, "w") as f:
        f.write(model)
    with open(MODEL) as f:
        check("(%s)" % model in f.read(), "the kernel does not accept the model %s", model)


def can_turn_preemption_off():
    """True if a BPF program can turn preemption off while it runs, as from Linux 6.10 on."""
    with open("/proc/kallsyms") as f:
        return any(line.split()[2] == "bpf_preempt_disable" for line in f)


def bad_lines():
    log = subprocess.run(["dmesg"], capture_output=True, text=True).stdout
    return [line for line in log.splitlines() if BAD.search(line)]


def observed(seconds):
    """Runs the six processes under gilscope; returns (report, truths)."""
    pinned = Pinned("debian", debian().path, debian().version)
    storm = [Workload(pinned, "stat_for.py", seconds) for _ in range(PROCESSES)]
    g = attach(storm)
    for w in storm:
        w.go()
    truths = [w.line(seconds + 60) for w in storm]
    for w in storm:
        w.end()
    report = g.finish(expect_lost=True, expect_anomalies=True).report
    return report, [lib.json.loads(t) for t in truths]


def check_counts(report, truths):
    """Checks that each process has as many acquisitions as calls, except for edges that the report
    counts as lost."""
    calls = counted = 0
    for t in truths:
        w = t["threads"][0]
        row = thread(process_of(report, t["pid"]), w["tid"])
        lost = w["calls"] - row["acquisitions"]
        check(lost <= report["lost"]["edges"], "%d of %d calls of process %d are missing, but only "
              "%d edges are reported as lost", lost, w["calls"], t["pid"], report["lost"]["edges"])
        check(lost >= -20, "%d acquisitions for %d calls", row["acquisitions"], w["calls"])
        calls += w["calls"]
        counted += row["acquisitions"]
    if not report["lost_events"]:
        check_invariants(report)
    return "%d acquisitions of %d in %d processes; lost: %s" % (
        counted, calls, len(truths), {c: n for c, n in report["lost"].items() if n} or "nothing")


def check_switches(report):
    missed = report["lost"]["switches"]
    if can_turn_preemption_off():
        check(missed == 0, "%d scheduler edges met a record in an update", missed)
        return "no scheduler edge was missed"
    return "%d missed, as reported: programs cannot turn preemption off on this kernel" % missed


def tell(name, claim, *args):
    """Prints one test's line; returns whether it failed."""
    try:
        print("ok storm/%s: %s" % (name, claim(*args)), flush=True)
        return False
    except AssertionError as e:
        print("not ok storm/%s: %s" % (name, str(e).replace("\n", " ")), flush=True)
        return True


def check_log(before):
    new = [line for line in bad_lines() if line not in before]
    check(not new, "the kernel's log says: %s", " | ".join(new[:5]))
    return "nothing in the kernel's log"


def storm(model, seconds):
    before = bad_lines()
    try:
        choose(model)
        report, truths = observed(seconds)
    except Exception as e:  # whatever went wrong, the kernel's log may say why
        why = str(e).replace("\n", " ")
        print("not ok storm/%s: %s: %s" % (model, type(e).__name__, why), flush=True)
        tell(model + "-log", check_log, before)
        return True
    failed = tell(model, check_counts, report, truths)
    failed |= tell(model + "-switches", check_switches, report)
    return failed | tell(model + "-log", check_log, before)


def main():
    seconds, failed = float(sys.argv[1]), False
    for model in sys.argv[2:] if models() else [AS_BUILT]:
        if model not in models() and model != AS_BUILT:
            print("skip storm/%s: this kernel has %s" % (model, ", ".join(models())), flush=True)
            continue
        try:
            failed |= storm(model, seconds)
        finally:
            lib.clean_up()
    return failed


if __name__ == "__main__":
    sys.exit(main())
