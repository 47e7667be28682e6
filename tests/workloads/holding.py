# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""holding.py N [HOLD_MS]: a process to attach to at a bad moment. The main thread sleeps for
HOLD_MS with the GIL held, while N other threads return from os.stat and wait for the GIL; it prints
READY early in that hold, and RESTED after it. Then all threads rest until a line comes on stdin,
and after that each of the others releases and retakes the GIL 100 times."""
import ctypes
import os
import threading
import time

import truth

CALLS = 100


def main():
    args = truth.arguments()
    n, hold_ms = int(args[0]), int(args[1]) if len(args) > 1 else 1500
    libc = ctypes.PyDLL(None)
    usleep, write = libc.usleep, libc.write
    rested, go = threading.Event(), threading.Event()
    started, found = [], []

    def other():
        started.append(1)
        while not rested.is_set():
            os.stat("/")
        go.wait()
        truth.stat_calls(CALLS)
        found.append({"tid": truth.tid(), "calls": CALLS})

    threads = [threading.Thread(target=other) for _ in range(n)]
    for t in threads:
        t.start()
    while len(started) < n:
        time.sleep(0.001)
    begin = truth.now()
    usleep(10000)  # from here on, the GIL is held; all of this is one hold
    write(1, b"READY\n", 6)
    usleep(hold_ms * 1000)
    took = truth.now() - begin
    rested.set()
    truth.say("RESTED")
    truth.await_line()
    go.set()
    for t in threads:
        t.join()
    truth.tell(threads=found, held_ns=took)


main()
