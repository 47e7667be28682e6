# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A few tests with threads, for `gilscope check --config gil.rules -- pytest test_threads.py`."""
import hashlib
import threading
import time
import zlib

DATA = bytes(range(256)) * 4096  # 1 MiB


def in_threads(n, work):
    """Runs work(i) in n threads; returns their results, in order."""
    results = [None] * n

    def run(i):
        results[i] = work(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def test_hashes_release_the_gil():
    digests = in_threads(4, lambda i: [hashlib.sha256(DATA).hexdigest() for _ in range(20)])
    assert len({d for row in digests for d in row}) == 1


def test_compression_releases_the_gil():
    sizes = in_threads(2, lambda i: len(zlib.compress(DATA)))
    assert sizes[0] == sizes[1] < len(DATA)


def test_sleepers_do_not_wait_for_each_other():
    begin = time.monotonic()
    in_threads(20, lambda i: time.sleep(0.2))
    assert time.monotonic() - begin < 2
