"""demo.py [SECONDS]: a small convoy. One thread computes, and the other serves short requests.

The second thread needs the GIL only for some microseconds, but before each turn it waits until the
switch interval of the computing thread has run out."""

import ctypes
import os
import sys
import threading
import time

PR_SET_NAME = 15


def set_name(name):
    """Names the calling thread for the kernel; CPython does that itself from 3.14 on."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, name)


def compute(stop):
    set_name(b"compute")
    n = 0
    while not stop.is_set():
        n += sum(range(1000))


def serve(stop):
    set_name(b"serve")
    reader, writer = os.pipe()
    while not stop.is_set():
        os.write(writer, b"request")
        os.read(reader, 7)
        time.sleep(0.001)


def main():
    stop = threading.Event()
    threads = [threading.Thread(target=compute, args=(stop,), name="compute")]
    threads.append(threading.Thread(target=serve, args=(stop,), name="serve"))
    for thread in threads:
        thread.start()
    time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 2)
    stop.set()
    for thread in threads:
        thread.join()


main()
