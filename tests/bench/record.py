# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What recording costs the target, gilscope and the disk, and how fast a trace is read.

One process releases its GIL and takes it back, in C. Times of the target are the CPU time of its thread, the best of
several runs, because whatever else runs on the machine only makes them longer. The rate is a million edges a second for
ten seconds."""

import os
import re
import subprocess
import tempfile
import time

from common import GILSCOPE, PYTHON, figure

RATE = 1_000_000  # edges a second; a cycle has two edges
SECONDS = float(os.environ.get("BENCH_RECORD_SECONDS", "10"))
CYCLES = 200_000
ROUNDS = 5

WORKLOAD = """
import sys
sys.path.insert(0, sys.argv[1])
import gil_cycles
for line in sys.stdin:
    n, ns = map(int, line.split())
    print(gil_cycles.run(n, ns), flush=True)
"""


def build(folder):
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "workloads", "gil_cycles.c")
    include = subprocess.run([PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('include'))"],
                             capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-I" + include, source, "-o",
                    os.path.join(folder, "gil_cycles.so")], check=True)


class Target:
    def __init__(self, folder):
        self.process = subprocess.Popen([PYTHON, "-c", WORKLOAD, folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.run(1000, 0)

    def run(self, cycles, ns):
        self.process.stdin.write(f"{cycles} {ns}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Observer:
    """gilscope on the target, whose edges count once it is made. After end(), `cpu` and `said` are what it used and
    what it printed."""

    def __init__(self, target, *command):
        self.process = subprocess.Popen([GILSCOPE, *command, "-p", str(target.process.pid)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr.readline().startswith("observing"), "gilscope did not start"
        self.begin = self.used()

    def used(self):
        """Its CPU time so far, in seconds."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.cpu = self.used() - self.begin
        self.process.send_signal(2)
        self.said = self.process.communicate()[1]


def cycle_over_stat(target, folder):
    """The variants take turns, so that all of them suffer if the machine's speed drifts."""
    plain, stat, record = [], [], []
    for i in range(ROUNDS):
        plain.append(target.run(CYCLES, 0))
        for times, command in ((stat, ["stat"]),
                               (record, ["record", "-o", os.path.join(folder, f"cycle-{i}.gil")])):
            observer = Observer(target, *command)
            times.append(min(target.run(CYCLES, 0) for _ in range(3)))
            observer.end()
    plain, stat, record = (min(times) / CYCLES for times in (plain, stat, record))
    print(f"note a cycle takes {plain:.0f} ns by itself, {stat:.0f} ns under stat, {record:.0f} ns under record")
    figure("record_cycle_over_stat", record / stat, 1.3)


def at_full_rate(target, path):
    """Records a million edges a second, or as many as the machine manages."""
    cycles = int(RATE / 2 * SECONDS)
    observer = Observer(target, "record", "-o", path)
    begin = time.monotonic()
    used = target.run(cycles, int(2e9 / RATE))
    seconds = time.monotonic() - begin
    observer.end()
    edges = int(re.search(r"recorded ([\d,]+) edges", observer.said).group(1).replace(",", ""))
    lost = re.search(r", ([\d,]+|none) lost", observer.said).group(1).replace(",", "")
    print(f"note {2 * cycles / seconds:,.0f} edges a second for {seconds:.1f} s; the target took {used / 1e9 / seconds:.2f} "
          f"of a core, gilscope {observer.cpu / seconds:.2f}")
    figure("record_us_between_edges", seconds * 1e6 / (2 * cycles), 1.05)
    figure("record_lost_edges", 0 if lost == "none" else int(lost), 0)
    figure("record_bytes_per_edge", os.path.getsize(path) / edges, 6)
    return edges


def bytes_per_edge(folder):
    """Measures a convoy, in which there are more kinds of edges, and other times between them."""
    path = os.path.join(folder, "convoy.gil")
    workload = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "workloads", "convoy.py")
    done = subprocess.run([GILSCOPE, "record", "-o", path, "--", PYTHON, workload, "1000"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=True)
    edges = int(re.search(r"recorded ([\d,]+) edges", done.stderr).group(1).replace(",", ""))
    figure("record_bytes_per_edge_convoy", os.path.getsize(path) / edges, 6)


def reading(path, edges, short):
    """Measures the report of a long trace, and compares its memory with that of a short trace's report."""
    def report(of):
        pid = os.posix_spawn(GILSCOPE, [GILSCOPE, "report", of], os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        usage = os.wait4(pid, 0)[2]
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss
    runs = [report(path) for _ in range(ROUNDS)]
    figure("report_ns_per_edge", min(r[0] for r in runs) * 1e9 / edges, 100)
    figure("report_memory_long_over_short", min(r[1] for r in runs) / report(short)[1], 1.1)


def main():
    with tempfile.TemporaryDirectory() as folder:
        build(folder)
        target = Target(folder)
        cycle_over_stat(target, folder)
        path = os.path.join(folder, "rate.gil")
        edges = at_full_rate(target, path)
        target.close()
        bytes_per_edge(folder)
        reading(path, edges, os.path.join(folder, "cycle-0.gil"))


main()
