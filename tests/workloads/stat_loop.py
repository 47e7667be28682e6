# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""stat_loop.py K: a thread, not the main one, releases and retakes the GIL K times."""
import truth


def main():
    k = int(truth.arguments()[0])

    def body():
        truth.stat_calls(k)
        return {"calls": k}

    truth.ready()
    truth.tell(threads=truth.in_threads(1, body))


main()
