# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The program of `make static`, and the wheel, in root directories that have none of its libraries and no compiler: Debian 11 (whose C
library is Ubuntu 20.04's), 12, 13 and unstable, and musl. Each command is run there on the root's own Python.

Where nothing else is said, Debian's roots are unpacked packages, musl's has nothing but musl and a Python without modules, and this
machine's pip installs the wheel. With GILSCOPE_ROOTS (make check-everywhere) they are those that tests/roots has made there, and the
root's own pip installs it."""
import functools
import glob
import json
import os
import pty
import shutil
import subprocess

from lib import GILSCOPE, ROOT, Skip, cached, check, each, equal, folder, scratch, spawn, wheel, within
from smoke import Smoke

STATIC = GILSCOPE + ".static"
FRESH = os.environ.get("GILSCOPE_ROOTS")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/wheel/bin", "HOME": "/", "LANG": "C.UTF-8", "TERM": "xterm-256color",
               "PYTHONDONTWRITEBYTECODE": "1"}
# A program that measures itself, and says what is true.
MEASURE = """
import os, sys, threading
sys.path.append("/wheel")
import gilscope
with gilscope.measure() as m:
    threads = [threading.Thread(target=lambda: sum(range(2000000))) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
assert m.process["pid"] == os.getpid() and m.contended == m.wait.count and m.acquisitions > 0 and m.verdict, m.wait
"""


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
    "debian-11": lambda: debian_root("Debian 11", ("bullseye",), "/usr/bin/python3.9"),
    "debian-12": lambda: debian_root("Debian 12", ("kernels", "root-amd64"), "/usr/bin/python3"),
    "debian-13": lambda: debian_root("Debian 13", ("trixie",), "/usr/bin/python3.13"),
    "unstable": lambda: debian_root("Debian unstable", ("unstable",), "/usr/bin/python3.14"),
    "musl": musl_root,
}


def names():
    return list(ROOTS) if not FRESH else [os.path.basename(p)[:-len(".complete")] for p in sorted(glob.glob(FRESH + "/*.complete"))]


def root_of(name):
    if FRESH:
        return os.path.join(FRESH, name), "/usr/local/bin/python3" if name == "musl" else "/usr/bin/python3"
    return ROOTS[name]()


@functools.lru_cache(None)
def program():
    if not os.path.exists(STATIC):
        raise Skip("make static has not built it")
    return STATIC


class Root:
    """A root directory, over which a scratch folder lies, so that nothing in it is changed."""

    def __init__(self, name):
        self.musl = name == "musl"
        self.lower, self.python = root_of(name)
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
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=80, env=ENVIRONMENT, check=False)
        if done.returncode == 125 and "mount" in done.stderr:
            raise Skip("no overlay can be mounted: %s" % done.stderr.strip())
        return done

    def smoke(self, program):
        Smoke(lambda *words: self.run(program, *words), self.python, "/tmp").everything()

    def install_wheel(self):
        """Returns the Python with which the wheel can be imported."""
        if not FRESH:
            shutil.copytree(installed_wheel("musllinux_1_1" if self.musl else "manylinux2014"), os.path.join(self.top, "upper/wheel"))
            return self.python
        # What is installed must last, so it goes to /tmp, which is kept between two commands.
        shutil.copy(wheel(), os.path.join(self.top, "upper/tmp"))
        self.good(self.python, "-m", "venv", "/tmp/venv")
        self.good("/tmp/venv/bin/pip", "install", "-q", "--no-index", "/tmp/" + os.path.basename(wheel()))
        return "/tmp/venv/bin/python"

    def good(self, *words):
        done = self.run(*words)
        equal(done.returncode, 0, "status of %s (stderr: %s)" % (words[:3], done.stderr.strip()[-300:]))
        return done


@functools.lru_cache(None)
def installed_wheel(platform):
    """A folder with the wheel as pip installs it for a platform."""
    pip = glob.glob("/usr/share/python-wheels/pip-*.whl")
    if not pip:
        raise Skip("there is no pip (make deps)")
    place = scratch("installed")
    done = subprocess.run(["/usr/bin/python3", "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile",
                           "--only-binary=:all:", "--platform", platform + "_x86_64", "--target", place, wheel()],
                          env=dict(os.environ, PYTHONPATH=pip[0]), capture_output=True, text=True, timeout=80, check=False)
    equal(done.returncode, 0, "status of pip (%s)" % done.stderr.strip()[-300:])
    return place


def test_needs_no_library():
    done = subprocess.run(["ldd", program()], capture_output=True, text=True, check=False)
    check("not a dynamic executable" in done.stdout + done.stderr, "ldd says %s", done.stdout)
    within(os.path.getsize(program()), 1, 8 << 20, "its size")


@each(names)
def test_commands(name):
    Root(name).smoke("/gilscope")


@each(names)
def test_wheel(name):
    root = Root(name)
    python = root.install_wheel()
    if FRESH:
        root.smoke("/tmp/venv/bin/gilscope")
    else:
        # It is the same program, and test_commands has run all of its commands.
        with open(program(), "rb") as a, open(os.path.join(root.top, "upper/wheel/bin/gilscope"), "rb") as b:
            check(a.read() == b.read(), "the wheel has another program")
        root.good("/wheel/bin/gilscope", "stat", "--", python, "-c", "import threading")
    if FRESH or not root.musl:  # this Python cannot start a process
        root.good(python, "-c", MEASURE)


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


def test_the_list_of_what_is_linked():
    """The SBOM has each library that the linker took something from, with a licence, and a library of which the licence is not known is an error."""
    linked = os.path.join(os.path.dirname(STATIC), "static", "gilscope.map")
    if not os.path.exists(linked):
        raise Skip("there is no static program here: make static")
    argv = [os.path.join(ROOT, "packaging", "sbom"), "1.0", "0" * 64, "2026-01-01T00:00:00Z"]
    sbom = json.loads(subprocess.run(argv + [linked], check=True, capture_output=True, text=True).stdout)
    packages = {p["SPDXID"]: p for p in sbom["packages"]}
    links = [r["relatedSpdxElement"] for r in sbom["relationships"] if r["relationshipType"] == "STATIC_LINK"]
    equal(sorted(links + ["SPDXRef-gilscope"]), sorted(packages), "packages and what is linked")
    names = {p["name"].split("-")[0] for p in sbom["packages"]}
    equal(names, {"gilscope", "elfutils", "gcc", "glibc", "jansson", "libbpf", "ncurses", "zlib"}, "what is in it")
    for package in packages.values():
        check(package["versionInfo"] and package["licenseConcluded"], "%s", package)
    other = scratch("other.map")
    with open(other, "w", encoding="utf-8") as f:
        f.write("%s(perlmain.o)\n" % glob.glob("/usr/lib/python3.11/config-3.11-*/libpython3.11.a")[0])
    done = subprocess.run(argv + [other], capture_output=True, text=True)
    check(done.returncode == 1 and "the licence of python3.11 is not known" in done.stderr, "%s", done)
