# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""mp.py fork|spawn|forkserver N CALLS: N children of multiprocessing. In each, a thread sleeps 100
ms and then releases and retakes the GIL CALLS times."""
import multiprocessing
import os
import time

import truth

REST = 0.1


def child(results, calls):
    def body():
        time.sleep(REST)
        truth.stat_calls(calls)
        return {"calls": calls}

    results.put({"pid": os.getpid(), "parent": os.getppid(), "threads": truth.in_threads(1, body)})


def main():
    method, n, calls = truth.arguments()[:3]
    context = multiprocessing.get_context(method)
    results = context.SimpleQueue()
    truth.ready()
    workers = [context.Process(target=child, args=(results, int(calls))) for _ in range(int(n))]
    for w in workers:
        w.start()
    found = [results.get() for _ in workers]
    for w in workers:
        w.join()
    truth.tell(children=found, failed=sum(w.exitcode != 0 for w in workers),
               rest_ns=int(REST * 1e9))


if __name__ == "__main__":
    main()
