# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Functions that have the GIL for known shares of the time, while other threads wait.

  shares.py SECONDS long|short

long: one thread computes in f, g and h, 50, 30 and 20 % of its calls, while two others want the GIL all the time. short: two
threads compute for some 20 µs in f or in g, and then release the GIL in a system call, again and again. Tells for each function the
CPU time that was spent in it, by the threads' own clocks, and its lines."""
import itertools
import os
import random
import threading
import time

import truth

SHARES = {"f": 0.5, "g": 0.3, "h": 0.2}


def f(n):
    x = 0
    for i in range(n):
        x += i * i
    return x


def g(n):
    x = 1
    while n:
        x = (x * 33) ^ n
        x &= 0xffffff
        n -= 1
    return x


def h(n):
    return sum([i ^ 5 for i in range(n)])


def other(stop):
    x = 0
    while not stop.is_set():
        for i in range(1000):
            x += i


def calls(functions, least):
    """Functions by their shares and numbers of rounds, by chance: what repeats itself could keep step with the samples."""
    names, weights = list(functions), [SHARES[name] for name in functions]
    chance = random.Random(1)
    return [(name, functions[name], chance.randrange(least, 2 * least)) for name in chance.choices(names, weights, k=5000)]


def long_holds(seconds, spent):
    end = time.monotonic() + seconds
    for name, function, n in itertools.cycle(calls({"f": f, "g": g, "h": h}, 1000)):
        before = time.thread_time_ns()
        function(n)
        spent[name] += time.thread_time_ns() - before
        if time.monotonic() > end:
            break


def short_holds(seconds, spent):
    r, w = os.pipe()
    end = time.monotonic() + seconds
    for name, function, n in itertools.cycle(calls({"f": f, "g": g}, 200)):
        before = time.thread_time_ns()
        function(n)
        spent[name] += time.thread_time_ns() - before
        os.write(w, b"x")
        os.read(r, 1)
        if time.monotonic() > end:
            break


def main():
    seconds, kind = float(truth.arguments()[0]), truth.arguments()[1]
    truth.ready()
    stop = threading.Event()
    spent = [{"f": 0, "g": 0, "h": 0} for _ in range(2)]
    if kind == "long":
        others = [threading.Thread(target=other, args=(stop,)) for _ in range(2)]
        workers = [threading.Thread(target=long_holds, args=(seconds, spent[0]))]
    else:
        others = []
        workers = [threading.Thread(target=short_holds, args=(seconds, s)) for s in spent]
    for t in others + workers:
        t.start()
    for t in workers:
        t.join()
    stop.set()
    for t in others:
        t.join()
    firsts = sorted(x.__code__.co_firstlineno for x in (f, g, h, other))
    lines = {x.__name__: [x.__code__.co_firstlineno,
                          firsts[firsts.index(x.__code__.co_firstlineno) + 1] - 1]
             for x in (f, g, h)}
    truth.tell(spent={k: spent[0][k] + spent[1][k] for k in "fgh"}, lines=lines)


main()
