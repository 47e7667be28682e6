# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""patterns.py PATTERN THREADS SECONDS: one of the ways in which programs use the GIL, for about
that long. Tells which threads have the GIL while others wait (`front`), and which ones lose by it
(`waiting`)."""
import ctypes
import subprocess
import sys
import threading
import time

import truth

front, waiting = [], []


def compute(end):
    """Python code, which lets go when it is asked."""
    front.append(truth.tid())
    while time.monotonic() < end:
        for _ in range(1000):
            pass


def compute_and_wait(end):
    waiting.append(truth.tid())
    compute(end)


def serve(end, pause=0.002):
    """Short bits of Python, with something else between them."""
    waiting.append(truth.tid())
    while time.monotonic() < end:
        time.sleep(pause)


def native(end, pause=0.01):
    """One call that keeps the GIL for some 40 ms, again and again."""
    front.append(truth.tid())
    while time.monotonic() < end:
        sum(range(native.length))
        time.sleep(pause)


def set_native_length():
    begin = time.thread_time()
    sum(range(200000))
    native.length = int(200000 * 0.04 / max(time.thread_time() - begin, 0.0005))


def sleep_with_the_gil(end):
    front.append(truth.tid())
    usleep = ctypes.PyDLL(None).usleep
    while time.monotonic() < end:
        usleep(40000)
        time.sleep(0.005)


def run(*bodies):
    threads = [threading.Thread(target=body, args=arguments) for body, *arguments in bodies]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


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
    globals()[pattern](int(n), time.monotonic() + float(seconds))
    truth.tell(front=front, waiting=waiting)


main()
