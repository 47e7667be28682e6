# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""execs.py N CALLS: a process that replaces itself N times by the same program. Each generation
prints READY, sleeps 100 ms, and then releases and retakes the GIL CALLS times, in a thread of its
own. The last one prints the truth."""
import os
import sys
import time

import truth


def main():
    n, calls = (int(a) for a in truth.arguments()[:2])

    def body():
        time.sleep(0.1)
        truth.stat_calls(calls)
        return {"calls": calls}

    truth.ready()
    threads = truth.in_threads(1, body)
    if n:
        os.execv(sys.executable, [sys.executable, __file__, str(n - 1), str(calls)])
    truth.tell(threads=threads)


main()
