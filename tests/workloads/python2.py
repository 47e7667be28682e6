# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""python2.py HOW ...: what Python 2.7 does with its GIL. It runs only on Python 2.7.

  asleep N M T_MS   N threads that each sleep M times for T ms with the GIL held
  calls K           one thread that releases the GIL K times, and at no other time
  compute N SECS    N threads that compute for SECS seconds
  fork K            a child of a process with threads; the child does what `calls` does
  alone             no thread, so there is no GIL
"""
import ctypes
import json
import os
import sys
import threading
import time

libc = ctypes.CDLL(None)
BIG = 1 << 30  # bytecodes between two releases; no run has so many


class Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]


def now():
    t = Timespec()
    libc.clock_gettime(1, ctypes.byref(t))  # CLOCK_MONOTONIC
    return t.sec * 10 ** 9 + t.nsec


def say(line):
    os.write(1, line + "\n")


def ready():
    say("READY")
    if "--wait" in sys.argv:
        while os.read(0, 1) not in ("\n", ""):
            pass


def in_threads(n, body):
    results = []

    def run():
        begin = now()
        facts = body()
        facts.update(begin=begin, end=now(), tid=libc.gettid())
        results.append(facts)

    threads = [threading.Thread(target=run) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def asleep(m, ms):
    usleep = ctypes.PyDLL(None).usleep
    for _ in range(m):
        usleep(1000 * ms)
        os.stat("/")
    return {}


def calls(k):
    for _ in xrange(k):  # noqa: F821
        os.stat("/")
    return {"calls": k}


def compute(secs):
    end = now() + int(secs * 1e9)
    n = 0
    while now() < end:
        for _ in xrange(10000):  # noqa: F821
            n += 1
    return {}


def forked(k):
    """Forks while another thread exists. The child, which has a GIL of its own, prints the
    truth."""
    gate = threading.Event()
    other = threading.Thread(target=gate.wait)
    other.start()
    pid = os.fork()
    if not pid:
        time.sleep(0.3)  # leaves time to observe the child
        say(json.dumps({"pid": os.getpid(), "threads": in_threads(1, lambda: calls(k))}))
        os._exit(0)
    os.waitpid(pid, 0)
    gate.set()
    other.join()


def main():
    args = [a for a in sys.argv[1:] if a != "--wait"]
    how, rest = args[0], [float(a) for a in args[1:]]
    if how in ("calls", "fork"):
        sys.setcheckinterval(BIG)
    ready()
    threads = []
    if how == "asleep":
        threads = in_threads(int(rest[0]), lambda: asleep(int(rest[1]), int(rest[2])))
    elif how == "calls":
        threads = in_threads(1, lambda: calls(int(rest[0])))
    elif how == "compute":
        threads = in_threads(int(rest[0]), lambda: compute(rest[1]))
    elif how == "fork":
        return forked(int(rest[0]))
    say(json.dumps({"pid": os.getpid(), "threads": threads}))


main()
