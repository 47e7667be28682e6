# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""USDT probes as readelf sees them in a file, and in the memory of a process."""
import collections
import os
import platform
import re
import shutil
import subprocess

from lib import Interpreter, Skip, mapped, scratch

NOP = bytes.fromhex({"x86_64": "0f1f440000", "aarch64": "1f2003d5"}.get(platform.machine(), "90"))

# offset: of the nop in the file
Note = collections.namedtuple("Note", "provider name address semaphore arguments offset")


def readelf(option, path):
    if not shutil.which("readelf"):
        raise Skip("no readelf")
    return subprocess.run(["readelf", "-W", option, path], capture_output=True, text=True,
                          env=dict(os.environ, LC_ALL="C")).stdout


def notes(path, name=r"gil__\w+"):
    """The notes of the probes with such a name."""
    hexadecimal = r"0x([0-9a-f]+)"
    segments = [[int(n, 16) for n in s] for s in re.findall(
        r"^ +LOAD +%s %s %s %s" % ((hexadecimal,) * 4), readelf("-l", path), re.M)]
    found = []
    for provider, probe, address, semaphore, arguments in re.findall(
            r"Provider: (\S+)\s+Name: (\S+)\s+Location: %s, Base: \S+ Semaphore: %s\s+Arguments:(.*)" %
            (hexadecimal, hexadecimal), readelf("-n", path)):
        address = int(address, 16)
        offsets = [address - virtual + offset for offset, virtual, _physical, size in segments
                   if virtual <= address < virtual + size]
        if re.fullmatch(name, probe):
            found.append(Note(provider, probe, address, int(semaphore, 16), arguments.split(),
                              offsets[0]))
    return found


def bytes_at(path, offset, n):
    with open(path, "rb") as f:
        f.seek(offset)
        return f.read(n)


def is_traced(pid, path):
    """True if no nop of the file's GIL probes is as it was in the memory of the process."""
    place = mapped(pid, inode=os.stat(path).st_ino)
    with open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for note in notes(path):
            memory.seek(place[0] + note.offset - place[1])
            if memory.read(len(NOP)) == bytes_at(path, note.offset, len(NOP)):
                return False
    return True


def with_short_nops(interpreter):
    """A copy of an interpreter whose probes have the nop of 1 byte, and one of 4 to fill up: what
    <sys/sdt.h> has, and what no kernel turns into a call."""
    if platform.machine() != "x86_64":
        raise Skip("nops differ in length on x86-64 alone")
    home = os.path.dirname(interpreter.path)
    place = scratch("short-nops")
    os.mkdir(place)
    for name in os.listdir(home):
        os.symlink(os.path.join(home, name), os.path.join(place, name))
    copy = os.path.join(place, os.path.basename(interpreter.path))
    os.unlink(copy)
    shutil.copy(interpreter.path, copy)
    with open(copy, "r+b") as f:
        for note in notes(copy):
            f.seek(note.offset)
            f.write(bytes.fromhex("900f1f4000"))
    return Interpreter(interpreter.name + "-short-nops", copy, interpreter.version)
