# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The program of `make static` in root directories that have none of its libraries: Debian 12, 13 and unstable, and musl's only
library. It is all that is added to them; each command is run there on the root's own Python."""
import functools
import glob
import json
import os
import pty
import shutil
import subprocess

from lib import GILSCOPE, Skip, cached, check, each, equal, folder, scratch, spawn, within

STATIC = GILSCOPE + ".static"
BUSY = "import threading, os\nfor _ in range(2): threading.Thread(target=lambda: sum(range(3000000))).start()"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "LANG": "C.UTF-8", "TERM": "xterm-256color"}


def cache(*parts):
    return os.path.join(os.path.dirname(os.path.dirname(cached("python3.13"))), *parts)


def debian_root(name, where, python):
    path = cache(*where)
    if not os.path.exists(os.path.join(path, python[1:])):
        raise Skip("there is no root directory of %s" % name)
    return path, python


def musl_root():
    """musl and a Python that was built with it, and nothing else."""
    place = glob.glob(cache("musl-python", "*", "source"))
    loader = glob.glob("/lib/ld-musl-*.so.1") or glob.glob("/usr/lib/*-linux-musl/libc.so")
    if not place or not loader:
        raise Skip("tests/musl-python has built none here")
    root = scratch("musl-root")
    os.makedirs(os.path.join(root, "lib"))
    os.makedirs(os.path.join(root, "usr/local/lib"))
    shutil.copy(os.path.join(place[0], "python"), root)
    shutil.copy(loader[0], os.path.join(root, "lib", "ld-musl-x86_64.so.1"))
    shutil.copytree(os.path.join(place[0], "Lib"), os.path.join(root, "usr/local/lib/python3.13"), symlinks=True,
                    ignore=lambda folder, names: [n for n in names if n in ("test", "idlelib", "__pycache__")])
    return root, "/python"


ROOTS = {
    "debian-12": lambda: debian_root("Debian 12", ("kernels", "root-amd64"), "/usr/bin/python3"),
    "debian-13": lambda: debian_root("Debian 13", ("trixie",), "/usr/bin/python3.13"),
    "unstable": lambda: debian_root("Debian unstable", ("unstable",), "/usr/bin/python3.14"),
    "musl": musl_root,
}


@functools.lru_cache(None)
def program():
    if not os.path.exists(STATIC):
        raise Skip("make static has not built it")
    return STATIC


class Root:
    """A root directory, over which a scratch folder lies, so that nothing in it is changed."""

    def __init__(self, name):
        self.lower, self.python = ROOTS[name]()
        self.top = scratch("root")
        os.mkdir(self.top)
        for part in "upper", "work", "root":
            os.mkdir(os.path.join(self.top, part))
        upper = os.path.join(self.top, "upper")
        shutil.copy(program(), os.path.join(upper, "gilscope"))
        for part in "proc", "sys", "tmp", "dev":
            os.mkdir(os.path.join(upper, part))

    def argv(self, *words):
        script = ("mount -t tmpfs none $0/work && mkdir $0/work/u $0/work/w && cp -a $0/upper/. $0/work/u/ && "
                  "mount -t overlay overlay -o lowerdir=$1,upperdir=$0/work/u,workdir=$0/work/w $0/root && "
                  "mount --rbind /proc $0/root/proc && mount --rbind /sys $0/root/sys && "
                  "mount --rbind /dev $0/root/dev && mount --bind $0/upper/tmp $0/root/tmp || exit 125\n"
                  "root=$0/root; shift; exec chroot $root \"$@\"")
        return ["unshare", "-m", "sh", "-c", script, self.top, self.lower] + list(words)

    def run(self, *words):
        done = subprocess.run(self.argv("/gilscope", *words), capture_output=True, text=True, timeout=80, env=ENVIRONMENT,
                              check=False)
        if done.returncode == 125 and "mount" in done.stderr:
            raise Skip("no overlay can be mounted: %s" % done.stderr.strip())
        return done

    def good(self, *words):
        done = self.run(*words)
        equal(done.returncode, 0, "status of %s (stderr: %s)" % (words[:3], done.stderr.strip()[-300:]))
        return done


def test_needs_no_library():
    done = subprocess.run(["ldd", program()], capture_output=True, text=True, check=False)
    check("not a dynamic executable" in done.stdout + done.stderr, "ldd says %s", done.stdout)
    within(os.path.getsize(program()), 1, 8 << 20, "its size")


@each(lambda: list(ROOTS))
def test_commands(name):
    root = Root(name)
    command = ("--", root.python, "-c", BUSY)
    check("gilscope" in root.good("--version").stdout, "no version")
    check("can observe" in root.good("doctor").stdout, "doctor")
    root.good("stat", "--json", "-o", "/tmp/stat.json", *command)
    with open(os.path.join(root.top, "upper/tmp/stat.json")) as f:
        process, = json.load(f)["processes"]
    check(process["gils"][0]["contended"] > 0, "two threads that compute never waited")
    root.good("record", "-o", "/tmp/trace.gil", *command)
    check("GIL" in root.good("report", "/tmp/trace.gil").stdout, "report")
    root.good("report", "--format", "perfetto", "-o", "/tmp/trace.pftrace", "/tmp/trace.gil")
    root.good("check", "--assert", "acquisitions > 0", "-i", "/tmp/trace.gil")
    check("wait" in root.good("metrics").stdout and "complete" in root.good("completion", "bash").stdout, "lists")
    check("held" in root.good("top", "-b", "-n", "1", "--ascii", *command).stdout, "top -b")


def test_a_terminal_without_a_database():
    root = Root("musl")
    parent, child = pty.openpty()
    process = spawn(root.argv("/gilscope", "top", "--", root.python, "-c", "input()"), stdin=child, stdout=child, stderr=child,
                    env=ENVIRONMENT)
    os.close(child)
    read = b""
    while b"GIL" not in read:
        try:
            read += os.read(parent, 65536)
        except OSError:
            break
    check(b"\x1b[" in read and b"unknown terminal" not in read, "the screen is %r", read[-300:])
    os.write(parent, b"q")
    process.wait(20)
