# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the GIL's USDT probes cost an interpreter that nobody traces: `make usdt-cost`.

    usdt_untraced.py PLAIN PATCHED

Both are built from the same source in the same configuration, --with-dtrace; PATCHED also has the patch. This prints two
figures, which have no limits:

  - The instructions per release and acquisition, counted by callgrind. They are computed from two loops of os.stat that
    differ only in length, so that the start and the end of the interpreter cancel out. They are exact and repeatable.
  - CPU time with threads that contend for the lock: the median of the ratios of pairs of runs, and their quartiles. The
    order within a pair alternates. Comparing PLAIN with itself shows the noise. (On an idle machine, wall time would show
    the same; on a busy one, it shows nothing.)
"""

import os
import re
import statistics
import subprocess
import sys

SHORT, LONG = 2_000, 12_000
ROUNDS = int(os.environ.get("ROUNDS", "15"))

STAT = "import os, sys\nstat = os.stat\nfor _ in range(int(sys.argv[1])):\n    stat('/')\n"

THREADS = """
import os, sys, threading, time
kinds, n = sys.argv[1], int(sys.argv[2])
gate = threading.Barrier(len(kinds) + 1)
def io():
    gate.wait()
    for _ in range(n):
        os.stat("/")
def cpu():
    gate.wait()
    x = 0
    for i in range(20 * n):
        x += i
threads = [threading.Thread(target={"i": io, "c": cpu}[k]) for k in kinds]
for t in threads:
    t.start()
gate.wait()
begin = time.process_time_ns()
for t in threads:
    t.join()
print(time.process_time_ns() - begin)
"""

WORKLOADS = (("one thread in os.stat", "i", 200_000), ("two threads in os.stat", "ii", 60_000),
             ("two threads that compute", "cc", 200_000))


def run(argv):
    done = subprocess.run(argv, capture_output=True, text=True, env=dict(os.environ, PYTHONHASHSEED="0"))
    assert done.returncode == 0, done.stderr[-400:]
    return done


def instructions(python, cycles):
    done = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", python, "-S", "-c", STAT, str(cycles)])
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def per_cycle(python):
    return (instructions(python, LONG) - instructions(python, SHORT)) / (LONG - SHORT)


def cpu_time(python, kinds, n):
    return int(run([python, "-S", "-c", THREADS, kinds, str(n)]).stdout)


def ratios(first, second, *workload):
    found = []
    for i in range(ROUNDS):
        pair = [first, second] if i % 2 else [second, first]
        times = {position: cpu_time(python, *workload) for position, python in enumerate(pair)}
        found.append(times[0] / times[1] if i % 2 else times[1] / times[0])
    return statistics.quantiles(found, n=4)


def main():
    plain, patched = sys.argv[1:3]
    before, after = per_cycle(plain), per_cycle(patched)
    print(f"instructions per release and acquisition: {before:.2f} plain, {after:.2f} patched, {after - before:+.2f}")
    for name, *workload in WORKLOADS:
        low, middle, high = ratios(plain, patched, *workload)
        print(f"{name}: patched/plain {middle:.3f} ({low:.3f} to {high:.3f})", end=", ", flush=True)
        low, middle, high = ratios(plain, plain, *workload)
        print(f"plain/plain {middle:.3f} ({low:.3f} to {high:.3f})", flush=True)


main()
