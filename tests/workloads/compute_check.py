# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""compute_check.py [SECS]: three threads compute, share the GIL and check each of their results,
for SECS seconds or, by default, until a line comes on stdin or stdin ends. `wrong` must be 0, and
`sum` must be `rounds` times `sum_of_a_round`."""
import hashlib
import os
import threading

import truth

PRIMES_BELOW_3000 = 430
DIGEST = "4aabe0e708da32bbdf508c44c703803d50cb65e8b60397b711b9ac0aa2292916"


def digest():
    """Hashes 4 KiB 20 times. hashlib releases the GIL for more than 2 KiB."""
    h = b"gilscope"
    for _ in range(20):
        h = hashlib.sha256(h * 128).digest()
        os.stat("/")
    return hashlib.sha256(h).hexdigest()


def main():
    args = truth.arguments()
    over = threading.Event()
    deadline = truth.now() + int(float(args[0]) * 1e9) if args else None

    def body():
        rounds = wrong = total = 0
        while not over.is_set() and (deadline is None or truth.now() < deadline):
            primes = truth.count_primes(0, 3000)
            wrong += primes != PRIMES_BELOW_3000 or digest() != DIGEST
            total += primes
            rounds += 1
        return {"rounds": rounds, "wrong": wrong, "sum": total}

    def wait():
        truth.await_line()
        over.set()

    truth.ready()
    if deadline is None:
        threading.Thread(target=wait, daemon=True).start()
    found = truth.in_threads(3, body)
    total = {k: sum(f[k] for f in found) for k in ("rounds", "wrong", "sum")}
    truth.tell(sum_of_a_round=PRIMES_BELOW_3000, **total)


main()
