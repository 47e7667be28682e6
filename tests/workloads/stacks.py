# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""stacks.py SECONDS: calls the same function in two ways, a quarter and three quarters of the time, in an
order by chance, and, for half of the time, at the end of a recursion of 500 calls."""
import random
import sys
import time


def spin(n):
    x = 0
    for i in range(n):
        x += i * i
    return x


def middle():
    spin(2000)


def one_way():
    middle()


def other_way():
    middle()


def deep(n):
    if n:
        deep(n - 1)
    else:
        spin(2000)


def start():
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        random.choice((one_way, other_way, other_way, other_way))()
        deep(500)


sys.setrecursionlimit(2000)
start()
