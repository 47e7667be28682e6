# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""cpu_threads.py N SECS [INTERVAL]: N threads compute in bytecode for SECS seconds, with a switch
interval of INTERVAL seconds. Each thread counts how many times it finds that another one ran before
it. The sum is the true number of times that the GIL changed hands among them."""
import sys

import truth


def main():
    args = truth.arguments()
    n, secs = int(args[0]), float(args[1])
    if len(args) > 2:
        sys.setswitchinterval(float(args[2]))
    owner = [None]
    now = truth.now

    def body():
        me, turns = object(), 0
        deadline = now() + int(secs * 1e9)
        while now() < deadline:
            if owner[0] is not me:
                owner[0] = me
                turns += 1
        return {"turns": turns}

    truth.ready()
    threads = truth.in_threads(n, body)
    truth.tell(threads=threads, turns=sum(t["turns"] for t in threads),
               interval_ns=int(sys.getswitchinterval() * 1e9))


main()
