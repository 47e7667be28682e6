# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""daemons.py N: ends while N daemon threads compute, so that some of them still wait for the GIL at
the end."""
import threading
import time

import truth


def compute(started):
    started.release()
    while True:
        sum(range(1000))


def main():
    n = int(truth.arguments()[0])
    started = threading.Semaphore(0)
    truth.ready()
    for _ in range(n):
        threading.Thread(target=compute, args=(started,), daemon=True).start()
    for _ in range(n):
        started.acquire()
    time.sleep(0.2)
    truth.tell(daemons=n)


main()
