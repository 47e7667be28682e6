# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The USDT notes of an ELF file (64 bits, little endian), for reading and for tampering."""
import os
import shutil
import struct

from lib import Interpreter, equal, scratch

NOP5 = b"\x0f\x1f\x44\x00\x00"


class Note:
    def __init__(self, at, pc, base, semaphore, provider, name, arguments):
        self.at = at  # file offset of pc, base, semaphore and the three strings
        self.pc, self.base, self.semaphore = pc, base, semaphore
        self.provider, self.name, self.arguments = provider, name, arguments


class Elf:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = bytearray(f.read())
        phoff, shoff = struct.unpack_from("<QQ", self.data, 32)
        phnum, _, shnum, names = struct.unpack_from("<HHHH", self.data, 56)
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.data, phoff + 56 * i)
                         for i in range(phnum)]
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + 64 * i)
                   for i in range(shnum)]
        self.sections = {self.string(headers[names][4] + h[0]): h for h in headers}

    def string(self, at):
        return self.data[at:self.data.index(0, at)].decode()

    def offset(self, address):
        """The file offset of what is loaded at this address."""
        for kind, _, offset, vaddr, _, filesz, _, _ in self.segments:
            if kind == 1 and vaddr <= address < vaddr + filesz:
                return address - vaddr + offset
        raise ValueError("nothing is loaded at 0x%x" % address)

    def notes(self, provider="python"):
        header = self.sections.get(".note.stapsdt")
        at, end = (header[4], header[4] + header[5]) if header else (0, 0)
        found = []
        while at < end:
            name, size, _ = struct.unpack_from("<III", self.data, at)
            text = at + 12 + (name + 3 & ~3)
            strings = bytes(self.data[text + 24:text + size]).split(b"\0")
            found.append(Note(text, *struct.unpack_from("<QQQ", self.data, text),
                              *[s.decode() for s in strings[:3]]))
            at = text + (size + 3 & ~3)
        return [n for n in found if n.provider == provider]

    def gil_notes(self):
        return [n for n in self.notes() if n.name.startswith("gil__")]

    def write(self, path):
        with open(path, "wb") as f:
            f.write(self.data)


def tampered(interpreter, change):
    """A copy of the interpreter, changed in its file, in a folder that looks like its own."""
    home = os.path.dirname(interpreter.path)
    place = scratch("tampered")
    os.mkdir(place)
    for name in os.listdir(home):
        if name != os.path.basename(interpreter.path):
            os.symlink(os.path.join(home, name), os.path.join(place, name))
    elf = Elf(interpreter.path)
    change(elf)
    path = os.path.join(place, os.path.basename(interpreter.path))
    elf.write(path)
    shutil.copymode(interpreter.path, path)
    return Interpreter("tampered", path, interpreter.version, interpreter.env)


def one_byte_nops(elf):
    for n in elf.gil_notes():
        at = elf.offset(n.pc)
        equal(bytes(elf.data[at:at + 5]), NOP5, "the code at the probe")
        elf.data[at:at + 5] = b"\x90\x0f\x1f\x40\x00"
