# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What observing without probes costs: a loop that releases and retakes the GIL, two threads that compute, a
convoy, and, for each context switch of the machine, processes that are not observed."""

import os
import re
import signal
import subprocess
import sys
import time

from common import PYTHON, figure, finish, observe

PROGRAM = """
import os, sys, threading, time
def stat(n):
    for _ in range(n):
        os.stat("/")
def compute(n):
    for _ in range(n):
        sum(range(1000))
def nap(n):
    for _ in range(n):
        time.sleep(0.0002)
kinds = {"stat": [(stat, 1)], "two_threads": [(compute, 1), (compute, 1)], "convoy": [(compute, 1), (nap, 0.002)]}
for line in sys.stdin:
    kind, amount = line.split()
    threads = [threading.Thread(target=f, args=(int(int(amount) * part),)) for f, part in kinds[kind]]
    begin = time.process_time_ns()
    for t in threads: t.start()
    for t in threads: t.join()
    print(time.process_time_ns() - begin, flush=True)
"""
SWITCHES = 20000  # a second


def run(process, kind, amount):
    process.stdin.write(f"{kind} {amount}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def over_untraced(kind, limit, rounds):
    """The CPU time of the cheapest traced run over that of the cheapest other one. They take turns, because
    disturbances only make a run dearer. The programs run in the target's own time, so it has all that they
    cost."""
    target = subprocess.Popen([PYTHON, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    amount = int(20_000 * 2e8 / run(target, kind, 20_000))
    traced, others = [], []
    for _ in range(rounds):
        others += [run(target, kind, amount) for _ in range(3)]
        probe = observe(target.pid, "--source", "futex")
        traced += [run(target, kind, amount) for _ in range(3)]
        finish(probe)
    target.stdin.close()
    target.wait()
    figure(f"futex_{kind}_over_untraced", min(traced) / min(others), limit)


def bpf_ns(pid):
    """For how long gilscope's programs have run."""
    ns = 0
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        found = re.search(r"^run_time_ns:\s+(\d+)", open(f"/proc/{pid}/fdinfo/{fd}").read(), re.M)
        ns += int(found.group(1)) if found else 0
    return ns


def switches():
    return int(re.search(r"^ctxt (\d+)", open("/proc/stat").read(), re.M).group(1))


def per_switch():
    """The share of a core that 20,000 switches a second of other processes take, in percent."""
    knob = "/proc/sys/kernel/bpf_stats_enabled"
    before = open(knob).read()
    target = subprocess.Popen([PYTHON, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    time.sleep(0.5)  # until it has a GIL
    probe = observe(target.pid, "--source", "futex")
    others = subprocess.Popen("yes | cat > /dev/null", shell=True, start_new_session=True)
    try:
        open(knob, "w").write("1")
        ns, n = bpf_ns(probe.pid), switches()
        time.sleep(2)
        ns, n = bpf_ns(probe.pid) - ns, switches() - n
    finally:
        open(knob, "w").write(before)
        os.killpg(others.pid, signal.SIGKILL)
        others.wait()
    finish(probe)
    target.stdin.close()
    target.wait()
    print(f"# {n / 2:.0f} switches a second, {ns / n:.0f} ns each", file=sys.stderr)
    figure("futex_percent_of_a_core_20000_switches", ns / n * SWITCHES / 1e9 * 100, 0.5)


ROUNDS = int(os.environ.get("ROUNDS", "15"))
per_switch()
over_untraced("stat", 1.005, ROUNDS)
over_untraced("two_threads", 1.01, ROUNDS)
over_untraced("convoy", 1.01, ROUNDS)
