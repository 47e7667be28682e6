# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""deadlock.py: thread A has a mutex and wants the GIL; thread B has the GIL and waits for the mutex,
without letting the GIL go. It prints READY, and then B's number when that is about to be so."""
import ctypes
import threading
import time

import truth


def main():
    keeps, lets_go = ctypes.PyDLL(None), ctypes.CDLL(None)
    mutex = ctypes.create_string_buffer(64)
    keeps.pthread_mutex_init(mutex, None)
    locked = threading.Event()

    def a():
        lets_go.pthread_mutex_lock(mutex)
        locked.set()
        while True:
            time.sleep(0.001)

    def b():
        locked.wait()
        truth.say(str(truth.tid()))
        keeps.pthread_mutex_lock(mutex)

    truth.ready()
    for target in (a, b):
        threading.Thread(target=target, daemon=True).start()
    time.sleep(3600)


main()
