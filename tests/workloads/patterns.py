# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""patterns.py PATTERN THREADS SECONDS: one of the ways in which programs use the GIL, for about
that long. Tells which threads have the GIL while others wait (`front`), and which ones lose by it
(`waiting`)."""
import subprocess
import sys
import threading
import time

import patterns_seen
import truth
from pattern_parts import (compute, compute_and_wait, front, native, run, serve, set_native_length,
                           sleep_with_the_gil, waiting)


def shared(n, end):
    run(*[(compute_and_wait, end)] * n)


def small_calls(n, end):
    """Calls that release the GIL for a microsecond each."""
    def call(end):
        waiting.append(truth.tid())
        while time.monotonic() < end:
            truth.stat_calls(100)
    run(*[(call, end)] * n)


def convoy(n, end):
    run((compute, end), *[(serve, end)] * (n - 1))


def late_convoy(n, end):
    """The program takes long to start, but then nobody waits yet."""
    seconds = end - time.monotonic()
    sum(range(native.length * 5))
    convoy(n, time.monotonic() + seconds)


def requests(n, end):
    """A new thread for each request, while another one computes."""
    def start_them():
        while time.monotonic() < end:
            t = threading.Thread(target=serve, args=(0,))
            t.start()
            t.join()
            time.sleep(0.002)
    run((compute, end), *[(start_them,)] * (n - 1))


def server(n, end):
    """All but one thread compute; the last one accepts connections."""
    def accept():
        while time.monotonic() < end:
            time.sleep(0.005)
    run(*[(compute_and_wait, end)] * (n - 1), (accept,))


def native_code(n, end):
    run((native, end), *[(serve, end)] * (n - 1))


def all_native(n, end):
    run(*[(native, end)] * n)


def asleep(n, end):
    run((sleep_with_the_gil, end), *[(serve, end)] * (n - 1))


def all_asleep(n, end):
    run(*[(sleep_with_the_gil, end)] * n)


def long_interval(n, end):
    sys.setswitchinterval(100)
    convoy(n, end)


def short_interval(n, end):
    sys.setswitchinterval(1e-6)
    shared(n, end)


def idle(n, end):
    run(*[(serve, end, 0.05)] * n)


def alone(n, end):
    compute(end)


def compute_in_process(seconds):
    code = ("import time\nend = time.monotonic() + %r\n"
            "while time.monotonic() < end:\n for i in range(1000): pass" % seconds)
    return subprocess.Popen([sys.executable, "-c", code])


def processes(n, end):
    for p in [compute_in_process(end - time.monotonic()) for _ in range(n)]:
        p.wait()


def one_after_another(n, end):
    """Each computes for much longer than Python takes to start."""
    for _ in range(3):
        compute_in_process((end - time.monotonic()) / 3 + 0.5).wait()


def main():
    pattern, n, seconds = truth.arguments()
    set_native_length()
    truth.ready()
    body = globals().get(pattern) or getattr(patterns_seen, pattern)
    body(int(n), time.monotonic() + float(seconds))
    truth.tell(front=front, waiting=waiting)


main()
