# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The time from `-p` until edges count, for a process with 1,000 threads and 500 mappings. It is measured from the start of
gilscope to its message that it observes. The time that it waited for a CPU is left out; on an idle machine that is 0."""

import os
import statistics
import subprocess
import time

from common import PYTHON, figure, finish, observe

TARGET = """
import mmap, sys, threading
threading.stack_size(64 << 10)
stop = threading.Event()
threads = [threading.Thread(target=stop.wait, daemon=True) for _ in range(1000)]
for t in threads: t.start()
room = [mmap.mmap(-1, 4096, prot=mmap.PROT_READ if i % 2 else mmap.PROT_READ | mmap.PROT_WRITE) for i in range(500)]
print("READY", flush=True)
sys.stdin.readline()
"""


def waited_for_a_cpu(pid):
    """The time that the main thread waited for a CPU, in seconds."""
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[1]) / 1e9


def main():
    target = subprocess.Popen([PYTHON, "-c", TARGET], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    assert target.stdout.readline() == "READY\n"
    with open(f"/proc/{target.pid}/maps") as f:
        mappings = sum(1 for _ in f)
    threads = len(os.listdir(f"/proc/{target.pid}/task"))
    assert threads > 1000 and mappings > 500, f"{threads} threads, {mappings} mappings"
    took = []
    for _ in range(int(os.environ.get("ROUNDS", "15"))):
        begin = time.monotonic()
        probe = observe(target.pid)
        took.append(time.monotonic() - begin - waited_for_a_cpu(probe.pid))
        finish(probe)
    target.kill()
    target.wait()
    figure("attach_ms_1000_threads_500_mappings", statistics.median(took) * 1000, 100)


main()
