# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the kernel shows of probes: breakpoints in a target's memory, and BPF objects."""
import ctypes
import glob
import os
import re
import struct
import subprocess

from basics import Skip, started, wait_until

# The numbers of system calls, which differ between architectures.
SYSCALL = {"x86_64": {"bpf": 321, "exit": 60, "futex": 202},
           "aarch64": {"bpf": 280, "exit": 93, "futex": 98}}[os.uname().machine]

# --- probes, as seen in the target's memory ------------------------------------------------------

PROBED = ("pthread_cond_signal", "pthread_cond_timedwait")


def mapped(pid, condition):
    """(start, end, file offset, inode, path) of the first executable mapping that meets the
    condition on (inode, name); None if there is none."""
    with open("/proc/%s/maps" % pid) as f:
        for line in f:
            fields = line.split(None, 5)
            low, high = (int(a, 16) for a in fields[0].split("-"))
            path = fields[5].strip() if len(fields) > 5 else ""
            if "x" in fields[1] and condition(int(fields[4]), os.path.basename(path)):
                return low, high, int(fields[2], 16), int(fields[4]), path
    return None


PROBED_FILES = {}


def probed_bytes(pid):
    """(inode, [(file offset, first bytes)]) of the probed functions in the C library of a process.
    If a symbol has several versions, the default one counts."""
    place = mapped(pid, lambda inode, name: name.startswith(("libc.so", "libc-")))
    if not place:
        raise Skip("process %d has no C library" % pid)
    low, high, _, inode, _ = place
    if inode not in PROBED_FILES:
        PROBED_FILES[inode] = functions_in("/proc/%d/map_files/%x-%x" % (pid, low, high))
    return inode, PROBED_FILES[inode]


def functions_in(path):
    """[(file offset, first bytes)] of the probed functions in a library. There are many bytes of
    each, because a probe may be some instructions behind the start."""
    text = subprocess.run(["readelf", "-W", "--segments", "--dyn-syms", path], check=True,
                          capture_output=True, text=True).stdout
    segments = [[int(n, 16) for n in found] for found in re.findall(
        r"^ +LOAD +(0x\w+) +(0x\w+) +0x\w+ +(0x\w+)", text, re.M)]
    found = []
    for name in PROBED:
        address = int(re.search(r": (\w+) .* %s(?:@@|\n)" % name, text).group(1), 16)
        offset = [address - v + o for o, v, size in segments if v <= address < v + size][0]
        with open(path, "rb") as f:
            f.seek(offset)
            found.append((offset, f.read(64)))
    return found


def breakpoints(pid):
    """For each probed function: True if there is a breakpoint in it in process pid."""
    inode, functions = probed_bytes(pid)
    found = []
    with open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for offset, original in functions:
            low, _, first, _, _ = mapped(pid, lambda i, _: i == inode)
            memory.seek(low + offset - first)
            found.append(memory.read(64) != original)
    return found


def is_observed(pid):
    return all(breakpoints(pid))


def check_untouched(pid):
    """Checks that no probe is left in the process's memory, for which the kernel may need a
    moment."""
    wait_until(lambda: not any(breakpoints(pid)), "probes to be gone from process %d" % pid)


# --- BPF objects, as the kernel lists them -------------------------------------------------------

NEXT_ID = {"prog": 11, "map": 12, "link": 31}  # commands BPF_*_GET_NEXT_ID


def bpf_objects():
    """{(kind, id)} of all BPF programs, maps and links on the machine."""
    return {(kind, i) for kind, command in NEXT_ID.items() for i in bpf_ids(command)}


def bpf_ids(command):
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    attributes = ctypes.create_string_buffer(64)
    last = 0
    while True:
        struct.pack_into("II", attributes, 0, last, 0)
        if syscall(SYSCALL["bpf"], command, attributes, 12) != 0:
            return
        last = struct.unpack_from("II", attributes)[1]
        yield last


def held_by_others():
    """{(kind, id)} that other processes hold, because other tests may run at the same time."""
    mine = {p.pid for p in started}
    found = set()
    for path in glob.glob("/proc/[0-9]*/fdinfo/*"):
        if int(path.split("/")[2]) in mine:
            continue
        try:
            with open(path) as f:
                text = f.read()
        except OSError:
            continue
        for kind in NEXT_ID:
            found.update((kind, int(i)) for i in re.findall(r"\n%s_id:\s*(\d+)" % kind, text))
    return found


def check_nothing_left(before):
    """Checks that this test has left no BPF object behind. The kernel frees objects a moment after
    their last user is gone, and runs of others come and go, so this waits for a while."""
    def is_clean():
        new = bpf_objects() - before
        check_nothing_left.new = new - held_by_others() if new else new
        return not check_nothing_left.new
    try:
        wait_until(is_clean, "BPF objects to be gone", seconds=8)
    except AssertionError:
        raise AssertionError("left behind: %s" % sorted(check_nothing_left.new)) from None
