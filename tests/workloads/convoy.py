# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""convoy.py OPS: one thread computes, and another does OPS short operations (sleeps of 0.2 ms, in
place of I/O). Each operation releases the GIL, the computing thread takes it, and the other thread
must then wait for its turn."""
import threading
import time

import truth


def main():
    ops = int(truth.arguments()[0])
    over, started = threading.Event(), threading.Event()
    truths = {}

    def compute():
        truths["cpu_tid"] = truth.tid()
        started.set()
        while not over.is_set():  # takes no lock and does not release the GIL
            sum(range(100))

    def io():
        truths["io_tid"] = truth.tid()
        started.wait()
        begin = truth.now()
        for _ in range(ops):
            time.sleep(0.0002)
        truths["io_ns"] = truth.now() - begin
        over.set()

    truth.ready()
    threads = [threading.Thread(target=f) for f in (compute, io)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    truth.tell(ops=ops, **truths)


main()
