# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the patterns of patterns.py are made of."""
import ctypes
import sys
import threading
import time

import truth

# Which threads have the GIL while others wait, and which ones lose by it.
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
    """As many numbers as are summed up in 40 ms, or more: the fastest of several attempts is the one that was not disturbed."""
    def took():
        begin = time.thread_time()
        sum(range(200000))
        return time.thread_time() - begin
    native.length = int(200000 * 0.04 / max(min(took() for _ in range(5)), 0.0005))


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
