# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""turns.py SECS HZ: two functions take turns, each for half of a period of HZ a second, while another
thread wants the GIL now and then."""
import threading
import time

import truth


def f(end):
    while time.perf_counter() < end:
        pass


def g(end):
    while time.perf_counter() < end:
        pass


def main():
    secs, hz = float(truth.arguments()[0]), float(truth.arguments()[1])

    def work():
        at = time.perf_counter()
        stop = at + secs
        while at < stop:
            at += 0.5 / hz
            f(at)
            at += 0.5 / hz
            g(at)

    def wait():
        stop = time.monotonic() + secs
        while time.monotonic() < stop:
            time.sleep(0.0005)

    truth.ready()
    threads = [threading.Thread(target=body) for body in (work, wait)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    truth.tell()


main()
