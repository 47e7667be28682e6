# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""forks.py N [quick]: forks N children, 25 at a time. Each child sleeps 100 ms, releases and
retakes the GIL CALLS times, and ends; with `quick` it ends at once. Prints DONE when the last child
has ended, and with `--wait` waits for another line before it ends."""
import os
import sys
import time

import truth

CALLS = 200
BATCH = 25
REST = 0.1


def child(quick):
    if not quick:
        time.sleep(REST)
        truth.stat_calls(CALLS)
    os._exit(0)


def main():
    args = truth.arguments()
    left, quick = int(args[0]), "quick" in args
    pids, failed = [], 0
    truth.ready()
    while left:
        batch = []
        for _ in range(min(BATCH, left)):
            pid = os.fork()
            if pid == 0:
                child(quick)
            batch.append(pid)
        for pid in batch:
            failed += os.waitpid(pid, 0)[1] != 0
        pids += batch
        left -= len(batch)
    truth.say("DONE")
    if "--wait" in sys.argv:
        truth.await_line()
    truth.tell(children=pids, failed=failed, calls=CALLS, rest_ns=int(REST * 1e9))


main()
