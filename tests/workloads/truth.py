# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What all workloads share. It runs on CPython 3.7 and later, with only the standard library.

A workload prints `READY` when it is set up, and waits for a line on stdin if it was started with
`--wait`. At its end it prints one line of JSON, the truth about itself as it has measured it.
"""
import json
import os
import sys
import threading
import time

now = time.monotonic_ns


def arguments():
    """The command line without the program's name and `--wait`."""
    return [a for a in sys.argv[1:] if a != "--wait"]


def say(word):
    """Prints a line in one write, so that the lines of several processes do not mix."""
    os.write(1, (word + "\n").encode())


def ready():
    say("READY")
    if "--wait" in sys.argv:
        await_line()


def await_line():
    """Blocks, with the GIL released, until a line comes on stdin, or stdin ends."""
    while os.read(0, 1) not in (b"\n", b""):
        pass


def tell(**facts):
    facts.setdefault("pid", os.getpid())
    facts["python"] = "%d.%d.%d" % sys.version_info[:3]
    say(json.dumps(facts))


def tid():
    if hasattr(threading, "get_native_id"):
        return threading.get_native_id()
    import ctypes  # 3.7
    return ctypes.CDLL(None).gettid()


def in_threads(n, body):
    """Runs body() in n threads that start together. Returns what each returned, with its tid and
    the times when it entered and left body()."""
    results = []
    gate = threading.Barrier(n)

    def run():
        gate.wait()
        begin = now()
        facts = body()
        facts.update(begin=begin, end=now(), tid=tid())
        results.append(facts)

    threads = [threading.Thread(target=run) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def stat_calls(n):
    """Makes n calls, each of which releases the GIL and takes it back exactly once."""
    stat = os.stat
    for _ in range(n):
        stat("/")


def count_primes(low, high):
    """Counts the primes in [low, high) slowly, in bytecode alone."""
    found = 0
    for n in range(max(low, 2), high):
        d = 2
        while d * d <= n and n % d:
            d += 1
        found += d * d > n
    return found
