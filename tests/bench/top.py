# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The share of one core that `gilscope top` takes at 4 Hz, with 1,000 threads in 10 processes: first with
one thread at work in each process and all others asleep, then with every thread at work twice a second.
It is CPU time divided by wall time of the same run, without its start and its end."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from common import GILSCOPE, PYTHON, figure

PROCESSES, THREADS = 10, 100

WORK = """
import os, sys, threading, time
busy, threads = int(sys.argv[1]), int(sys.argv[2])
threading.stack_size(256 * 1024)
stop = threading.Event()
def work(n):
    while not stop.is_set():
        if n >= busy:
            stop.wait()
        os.stat("/")
        time.sleep(0.5)
all = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(threads - 1)]
for t in all: t.start()
print("READY", flush=True)
sys.stdin.readline()
"""


def start(busy):
    processes = [subprocess.Popen([PYTHON, "-c", WORK, str(busy), str(THREADS)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                 for _ in range(PROCESSES)]
    for p in processes:
        assert p.stdout.readline() == "READY\n"
    return processes


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def on_terminal(argv, width, height):
    """Starts a program on a terminal of its own. Returns its pid and the terminal's other end, which must be
    read."""
    pid, fd = pty.fork()
    if not pid:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
        os.execv(argv[0], argv)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    return pid, fd


def read_for(fd, seconds):
    data, until = b"", time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            if select.select([fd], [], [], left)[0]:
                data += os.read(fd, 65536)
        except OSError:  # the program has ended
            break
    return data


def share(busy, seconds):
    targets = start(busy)
    pids = ",".join(str(p.pid) for p in targets)
    pid, fd = on_terminal([GILSCOPE, "top", "-p", pids], 120, 40)
    read_for(fd, 3)  # skips the start, with attaching and with the first edges of each thread
    begin, used = time.monotonic(), cpu_seconds(pid)
    shown = len(read_for(fd, seconds))
    result = (cpu_seconds(pid) - used) / (time.monotonic() - begin)
    os.kill(pid, signal.SIGTERM)
    read_for(fd, 0.2)
    os.waitpid(pid, 0)
    for p in targets:
        p.kill()
        p.wait()
    assert shown, "nothing was shown"
    return result


SECONDS = float(os.environ.get("SECONDS_TOP", "10"))
figure("top_cpu_share_idle_threads", share(1, SECONDS), 0.02)
figure("top_cpu_share_busy_threads", share(THREADS, SECONDS), 0.02)
