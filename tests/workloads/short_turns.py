# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""short_turns.py N SECS: N threads, each of which again and again computes for a moment and sleeps for
1 ms."""
import time

import truth


def main():
    n, secs = (float(a) for a in truth.arguments()[:2])

    def body():
        turns, deadline = 0, truth.now() + int(secs * 1e9)
        while truth.now() < deadline:
            sum(range(3000))
            time.sleep(0.001)
            turns += 1
        return {"turns": turns}

    truth.ready()
    truth.tell(threads=truth.in_threads(int(n), body))


main()
