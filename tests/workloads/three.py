# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""three.py: computes until its input ends, six parts in most(), three in some() and one in few(), which samples
of any tool can tell apart by name only."""
import select
import sys

import truth


def most(n):
    for _ in range(6 * n):
        pass


def some(n):
    for _ in range(3 * n):
        pass


def few(n):
    for _ in range(n):
        pass


truth.ready()
while not select.select([sys.stdin], [], [], 0)[0]:
    most(20000)
    some(20000)
    few(20000)
