# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""compiled.py [LINK]: two threads that run code that this program has made, as a just-in-time compiler does,
and that keeps the GIL. A perf map names it; with LINK, the map is a symbolic link, which nobody should follow."""
import ctypes
import mmap
import os
import platform

import truth

LOOP = {"x86_64": "48ffcf75fbc3", "aarch64": "000400f1e1ffff54c0035fd6"}  # counts down to zero


def main():
    memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory[64:64 + len(LOOP[platform.machine()]) // 2] = bytes.fromhex(LOOP[platform.machine()])
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + 64
    name = "/tmp/perf-%d.map" % os.getpid()
    path = name + ".elsewhere" if truth.arguments() else name
    with open(path, "w") as f:
        f.write("%x 10 old_kernel\n%x 10 fast::kernel(int)\n" % (address, address))
    if truth.arguments():
        os.symlink(path, name)
    kernel = ctypes.PYFUNCTYPE(None, ctypes.c_long)(address)

    def body():
        for _ in range(20):
            kernel(20000000)
        return {}

    truth.ready()
    truth.in_threads(2, body)
    os.unlink(name)
    if path != name:
        os.unlink(path)
    truth.tell()


main()
