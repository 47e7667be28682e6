# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""primes.py one|threads|procs [LIMIT]: counts the primes below LIMIT in one thread, in two threads,
or in two processes."""
import multiprocessing
import os
import sys

import truth


def in_processes(parts):
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    workers = [context.Process(target=count_and_put, args=(results,) + part) for part in parts]
    for w in workers:
        w.start()
    found = [results.get() for _ in workers]
    for w in workers:
        w.join()
    return found


def count_and_put(results, low, high):
    results.put({"pid": os.getpid(), "primes": truth.count_primes(low, high)})


def in_threads(parts):
    left = list(parts)

    def body():
        return {"primes": truth.count_primes(*left.pop())}

    return truth.in_threads(len(parts), body)


def main():
    args = truth.arguments()
    how, limit = args[0], int(args[1]) if len(args) > 1 else 300000
    middle = int(limit * 0.63)  # half of the work, which grows with the power of 1.5
    halves = [(0, middle), (middle, limit)]
    truth.ready()
    begin = truth.now()
    if how == "one":
        found = in_threads([(0, limit)])
    elif how == "threads":
        found = in_threads(halves)
    elif how == "procs":
        found = in_processes(halves)
    else:
        sys.exit("primes.py: one, threads or procs, not %s" % how)
    truth.tell(primes=sum(f["primes"] for f in found), parts=found, took_ns=truth.now() - begin)


main()
