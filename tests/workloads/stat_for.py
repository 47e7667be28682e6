# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""stat_for.py SECS: a thread, not the main one, releases and retakes the GIL for SECS seconds, and
counts how many times."""
import truth


def main():
    secs = float(truth.arguments()[0])

    def body():
        calls, over = 0, truth.now() + int(secs * 1e9)
        while truth.now() < over:
            truth.stat_calls(100)
            calls += 100
        return {"calls": calls}

    truth.ready()
    truth.tell(threads=truth.in_threads(1, body))


main()
