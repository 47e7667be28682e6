# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What observing costs two threads that only compute, and how much memory gilscope needs for 1,000 threads."""

import os
import re
import statistics
import subprocess

from common import GILSCOPE, PYTHON, figure, finish, observe

# Both threads do a fixed amount of work, so that the wall times of runs can be compared.
COMPUTE = """
import sys, threading, time
def work(n):
    for _ in range(n):
        sum(range(1000))
for line in sys.stdin:
    threads = [threading.Thread(target=work, args=(int(line),)) for _ in range(2)]
    begin = time.perf_counter_ns()
    for t in threads: t.start()
    for t in threads: t.join()
    print(time.perf_counter_ns() - begin, flush=True)
"""

MANY = """
import sys, threading
stop = threading.Event()
threads = [threading.Thread(target=stop.wait) for _ in range(1000)]
for t in threads: t.start()
print("READY", flush=True)
sys.stdin.readline()
stop.set()
"""


def start(program):
    return subprocess.Popen([PYTHON, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True)


def run(process, amount):
    process.stdin.write(f"{amount}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def two_threads(rounds):
    target = start(COMPUTE)
    amount = int(20_000 * 5e8 / run(target, 20_000))  # about half a second
    ratios = []
    for _ in range(rounds):
        before = run(target, amount)
        probe = observe(target.pid)
        traced = run(target, amount)
        finish(probe)
        after = run(target, amount)
        ratios.append(traced / ((before + after) / 2))
    target.stdin.close()
    target.wait()
    figure("two_threads_over_untraced", statistics.median(ratios), 1.01)


def kib(text, name):
    match = re.search(rf"^{name}:\s+(\d+)", text, re.M)
    return int(match.group(1)) if match else 0


def memory():
    """Measures gilscope's memory with the mapped tables, plus that of the BPF maps that are not mapped."""
    command = [GILSCOPE, "stat", "--", PYTHON, "-c", MANY]
    probe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True)
    assert probe.stdout.readline() == "READY\n"
    status = open(f"/proc/{probe.pid}/status").read()
    unmapped = 0
    for fd in os.listdir(f"/proc/{probe.pid}/fdinfo"):
        info = open(f"/proc/{probe.pid}/fdinfo/{fd}").read()
        flags = re.search(r"^map_flags:\s+(\w+)", info, re.M)
        if flags and not int(flags.group(1), 16) & 0x400:
            unmapped += kib(info, "memlock") // 1024
    probe.stdin.write("\n")
    probe.communicate()
    figure("memory_mib_1000_threads", (kib(status, "VmHWM") + unmapped) / 1024, 64)


two_threads(int(os.environ.get("ROUNDS", "15")))
memory()
