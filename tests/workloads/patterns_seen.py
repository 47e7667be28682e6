# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""More patterns for patterns.py, as they are seen in programs: pools and servers, event loops, the
garbage collector, processes. Modules that take long to import are imported where they are used."""
import ctypes
import gc
import os
import queue
import re
import subprocess
import sys
import threading
import time
import zlib

import truth
from pattern_parts import (compute, compute_and_wait, front, native, run, serve,
                           sleep_with_the_gil, waiting)


def garbage(n, end):
    """Full garbage collections of many objects, some 40 ms each."""
    def collect(end):
        front.append(truth.tid())
        while time.monotonic() < end:
            gc.collect()
            time.sleep(0.01)
    seconds = end - time.monotonic()
    kept = [[] for _ in range(200000)]
    begin = time.thread_time()
    gc.collect()
    kept += [[] for _ in range(int(200000 * 0.04 / (time.thread_time() - begin)))]
    end = time.monotonic() + seconds
    run((collect, end), *[(serve, end)] * (n - 1))


def matching(n, end):
    """A regular expression that goes back and back."""
    def match(end):
        front.append(truth.tid())
        while time.monotonic() < end:
            pattern.match(text)
            time.sleep(0.01)
    pattern, text, took = re.compile("(a|a)*b"), "a" * 12, 0
    while took < 0.03:
        text += "a"
        begin = time.thread_time()
        pattern.match(text)
        took = time.thread_time() - begin
    run((match, end), *[(serve, end)] * (n - 1))


def long_calls(n, end):
    """One call of 20 ms after another, each of which keeps the GIL."""
    def call(end):
        front.append(truth.tid())
        while time.monotonic() < end:
            sum(range(native.length // 2))
    run((call, end), *[(serve, end)] * (n - 1))


def native_before_main(n, end):
    """main waits behind one thread's native code. Its own, at the start, has disturbed nobody."""
    seconds = end - time.monotonic()
    sum(range(native.length * 8))
    end = time.monotonic() + seconds
    t = threading.Thread(target=native, args=(end,))
    t.start()
    serve(end)
    t.join()


def native_unheeded(n, end):
    """Native code, but nobody waits."""
    over = threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(n - 1)]
    for t in threads:
        t.start()
    native(end, 0.001)
    over.set()
    for t in threads:
        t.join()


def asleep_unheeded(n, end):
    sleep_with_the_gil(end)


def long_interval_for_all(n, end):
    sys.setswitchinterval(100)
    run(*[(compute_and_wait, end)] * n)


def rather_long_interval(n, end):
    sys.setswitchinterval(0.2)
    run((compute, end), *[(serve, end)] * (n - 1))


def rather_short_interval(n, end):
    sys.setswitchinterval(1e-5)
    run(*[(compute_and_wait, end)] * n)


def short_interval_of_use(n, end):
    """Without it, this would be a convoy."""
    sys.setswitchinterval(1e-5)
    run((compute, end), (serve, end))


def busy_and_io(n, end):
    """Threads that compute, and others with little to do."""
    run(*[(compute_and_wait, end)] * 4, *[(serve, end, 0.01)] * n)


def mostly_idle(n, end):
    run(*[(serve, end, 0.3)] * (10 * n))


def half_of_the_time(n, end):
    """Threads compute, but only in the first half of the time."""
    half = (end - time.monotonic()) / 2
    run(*[(compute_and_wait, end - half)] * n)
    time.sleep(half)


def compress(n, end):
    """Native code that releases the GIL."""
    data = os.urandom(300000)

    def body():
        while time.monotonic() < end:
            zlib.compress(data)
    run(*[(body,)] * n)


def spin(n, end):
    """main waits for others, and computes meanwhile."""
    threads = [threading.Thread(target=serve, args=(end,)) for _ in range(n - 1)]
    front.append(truth.tid())
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        pass


def main_among_many(n, end):
    """main computes, and starts many small threads, one after another."""
    front.append(truth.tid())
    while time.monotonic() < end:
        t = threading.Thread(target=int)
        t.start()
        for _ in range(500000):
            pass
        t.join()


def callbacks(n, end):
    """Threads made by C, one for each callback, while main computes."""
    callback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda a: len(waiting))
    libc = ctypes.CDLL(None)

    def starter():
        waiting.append(truth.tid())
        while time.monotonic() < end:
            t = ctypes.c_ulong()
            libc.pthread_create(ctypes.byref(t), None, callback, None)
            libc.pthread_join(t, None)
            time.sleep(0.002)
    threads = [threading.Thread(target=starter) for _ in range(n - 1)]
    for t in threads:
        t.start()
    compute(end)
    for t in threads:
        t.join()


def timers(n, end):
    """A thread for each of few small tasks."""
    while time.monotonic() < end:
        threads = [threading.Timer(0.05, sum, [range(1000)]) for _ in range(n)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def pool(n, end):
    from concurrent.futures import ThreadPoolExecutor

    def job(_):
        waiting.append(truth.tid())
        for _ in range(300000):
            pass
    with ThreadPoolExecutor(n) as executor:
        while time.monotonic() < end:
            list(executor.map(job, range(2 * n)))


def produce_and_consume(n, end):
    q = queue.Queue(10)

    def work():
        for _ in range(120000):
            pass

    def produce():
        waiting.append(truth.tid())
        while time.monotonic() < end:
            work()
            q.put(1)
        for _ in range(n - 1):
            q.put(None)

    def consume():
        waiting.append(truth.tid())
        while q.get():
            work()
    run((produce,), *[(consume,)] * (n - 1))


def executor(n, end):
    """An event loop, with a long computation in a thread beside it."""
    import asyncio

    async def tick():
        while time.monotonic() < end:
            await asyncio.sleep(0.002)

    async def loop():
        waiting.append(truth.tid())
        await asyncio.gather(asyncio.get_event_loop().run_in_executor(None, compute, end),
                             *[tick() for _ in range(n - 1)])
    asyncio.run(loop())


def coroutines(n, end):
    """They all run in one thread."""
    import asyncio

    async def step():
        while time.monotonic() < end:
            for _ in range(10000):
                pass
            await asyncio.sleep(0)

    async def loop():
        front.append(truth.tid())
        await asyncio.gather(*[step() for _ in range(n)])
    asyncio.run(loop())


def http(n, end):
    """A server with a thread for each request, which computes for some 15 ms."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            waiting.append(truth.tid())
            for _ in range(400000):
                pass
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass
    end = max(end, time.monotonic() + 2)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # The clients are no Python.
    client = ("exec 3<>/dev/tcp/127.0.0.1/%d; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3" %
              server.server_port)
    loop = "end=$((SECONDS + %d)); while [ $SECONDS -lt $end ]; do (%s) > /dev/null; done" % (
        max(1, end - time.monotonic()), client)
    clients = [subprocess.Popen(["bash", "-c", loop]) for _ in range(n + 1)]
    for c in clients:
        c.wait()


def exec_chain(n, end):
    """One process becomes another Python three times."""
    code = ("import sys, os, time\nleft, seconds = int(sys.argv[1]), float(sys.argv[2])\n"
            "end = time.monotonic() + seconds\n"
            "while time.monotonic() < end:\n for i in range(1000): pass\n"
            "if left: os.execv(sys.executable, [sys.executable, '-c', sys.argv[3], str(left - 1)]"
            " + sys.argv[2:])\n")
    subprocess.call([sys.executable, "-c", code, "3", "%r" % ((end - time.monotonic()) / 3 + 0.2),
                     code])


def two_shared(n, end):
    """Two processes, in each of which threads share the GIL."""
    seconds = repr(end - time.monotonic())
    both = [subprocess.Popen([sys.executable, sys.argv[0], "shared", str(n), seconds],
                             stdout=subprocess.DEVNULL) for _ in range(2)]
    for p in both:
        p.wait()
