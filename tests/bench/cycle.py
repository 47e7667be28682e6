# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What observing costs a thread that releases and retakes the GIL.

One process calls os.stat in a loop; each call is one release and one acquisition. The variants take turns, round by
round, so that they all suffer if the machine's speed drifts. For each variant, the fastest run of all rounds counts,
because disturbances only make a run slower. The cost of a variant is the difference to the fastest untraced run.

    a  gilscope's probes with an empty program: the floor
    b  gilscope stat
    c  the usual bpftrace script; needs an interpreter with symbols

On an interpreter with GIL probes of its own, the same is done with the floor for those probes, and with both sources.
"""

import glob
import os
import re
import subprocess

from common import PYTHON, figure, finish, observe

EMPTY = os.environ.get("BENCH_EMPTY", "build/bench-empty")
CALLS = 100_000

WORKLOAD = """
import os, sys, time
stat = os.stat
for line in sys.stdin:
    n = int(line)
    begin = time.perf_counter_ns()
    for _ in range(n):
        stat("/")
    print(time.perf_counter_ns() - begin, flush=True)
"""

BPFTRACE = """
uprobe:{lib}:take_gil {{ @start[tid] = nsecs; }}
uretprobe:{lib}:take_gil /@start[tid]/ {{
    @wait = hist(nsecs - @start[tid]); delete(@start[tid]); @held[tid] = nsecs; }}
uprobe:{lib}:drop_gil /@held[tid]/ {{ @hold = hist(nsecs - @held[tid]); delete(@held[tid]); }}
BEGIN {{ printf("READY\\n"); }}
"""


def with_symbols():
    """(Python, its library) with symbols by which bpftrace finds take_gil and drop_gil, or None."""
    versions = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions")
    libs = glob.glob(f"{versions}/3.*/lib/libpython3.[0-9]*.so.1.0")
    for lib in sorted(libs, key=lambda name: [int(n) for n in re.findall(r"\d+", name)], reverse=True):
        names = subprocess.run(["nm", lib], capture_output=True, text=True).stdout.split()
        python = os.path.join(os.path.dirname(lib), "..", "bin", "python3")
        if "take_gil" in names and "drop_gil" in names and os.path.exists(python):
            return python, lib
    return None


class Target:
    def __init__(self, python):
        self.process = subprocess.Popen([python, "-c", WORKLOAD], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.run(1000)

    def run(self, calls):
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()) / calls

    def best(self):
        """ns per call, in the fastest of three runs."""
        return min(self.run(CALLS) for _ in range(3))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def with_empty(target, *which):
    probe = subprocess.Popen([EMPTY, str(target.process.pid), *which], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    assert probe.stdout.readline() == "READY\n"
    value = target.best()
    probe.stdin.close()
    probe.wait()
    return value


def with_gilscope(target, *options):
    probe = observe(target.process.pid, *options)
    value = target.best()
    finish(probe)
    return value


def with_bpftrace(target, lib):
    probe = subprocess.Popen(["bpftrace", "-p", str(target.process.pid), "-e", BPFTRACE.format(lib=lib)],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while (line := probe.stdout.readline()) and line != "READY\n":
        pass
    value = target.best()
    finish(probe)
    return value


def costs(python, rounds, *variants):
    """For each variant, the ns per call that it adds to the untraced loop. A variant is a function that
    measures a target."""
    target = Target(python)
    measured = [[run(target) for run in (Target.best, *variants)] for _ in range(rounds)]
    target.close()
    plain, *fastest = [min(column) for column in zip(*measured)]
    return [ns - plain for ns in fastest]


def against_floor(python, rounds):
    floor, cost = costs(python, rounds, with_empty, with_gilscope)
    figure("cycle_over_empty_probes", cost / floor, 1.15)


def against_bpftrace(python, lib, rounds):
    script, cost = costs(python, rounds, lambda t: with_bpftrace(t, lib), with_gilscope)
    figure("cycle_over_bpftrace", cost / script, 0.70)


def usdt_python():
    """The interpreter with GIL probes that `make usdt-python` has built, or None."""
    found = subprocess.run(["tests/usdt-python", "--list"], capture_output=True, text=True).stdout.split()
    return found[-1] if found else None


def of_usdt(python, rounds):
    floor, usdt, uprobe = costs(python, rounds,
                                lambda t: with_empty(t, "usdt"),
                                lambda t: with_gilscope(t, "--source", "usdt"),
                                lambda t: with_gilscope(t, "--source", "uprobe"))
    figure("usdt_cycle_over_empty_probes", usdt / floor, 1.2)
    figure("usdt_cycle_over_uprobe_cycle", usdt / uprobe, 0.75)


def main():
    rounds = int(os.environ.get("ROUNDS", "15"))
    against_floor(PYTHON, rounds)
    found = with_symbols()
    if found:
        against_bpftrace(*found, rounds)
    else:
        print("skip cycle_over_bpftrace: no interpreter whose take_gil and drop_gil have symbols")
    python = usdt_python()
    if python:
        of_usdt(python, rounds)
    else:
        print("skip usdt_cycle: no interpreter with GIL probes; make usdt-python builds one")


if __name__ == "__main__":
    main()
