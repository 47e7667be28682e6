# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""fork_hits.py N: forks N children, one after the other, which use the GIL. Prints how many of them
died."""
import os

import truth


def main():
    n = int(truth.arguments()[0])
    failed = 0
    truth.ready()
    for _ in range(n):
        truth.stat_calls(2000)
        pid = os.fork()
        if pid == 0:
            truth.stat_calls(200)
            os._exit(0)
        failed += os.waitpid(pid, 0)[1] != 0
    truth.tell(children=n, failed=failed)


main()
