# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""many_threads.py N CALLS: N threads that are all alive at once; each releases and retakes the GIL
CALLS times."""
import threading

import truth


def main():
    n, calls = (int(a) for a in truth.arguments()[:2])
    threading.stack_size(256 * 1024)

    def body():
        truth.stat_calls(calls)
        gate.wait()  # no thread ends before all have begun
        return {"calls": calls}

    gate = threading.Barrier(n)
    truth.ready()
    threads = truth.in_threads(n, body)
    truth.tell(threads=threads, calls=n * calls)


main()
