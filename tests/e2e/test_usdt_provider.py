# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The USDT provider: the probes of usdt/gil_probes.h and of the patched CPythons are where their
notes say, and fire with the right arguments. Other tools (bpftrace, readelf) judge that."""
import json
import os
import re
import shutil
import signal
import subprocess

from lib import (Skip, Workload, at_rest, check, each, equal, mapped, scratch, spawn, timeout,
                 usdt_pythons, wait_until, within, workload)
from notes import Elf, one_byte_nops, tampered
from test_usdt import fork_is_safe

NOP = bytes.fromhex({"x86_64": "0f1f440000", "aarch64": "1f2003d5"}[os.uname().machine])
ARGUMENTS = {"gil__wait": 2, "gil__acquire": 2, "gil__release": 3}
# Registers, constants and memory at a register, as x86-64 and arm64 write them.
OPERAND = re.compile(r"(8|-4)@(%\w+|-?\d*\(%\w+\)|\$-?\d+|\w+|-?\d+|\[\w+(, ?#?-?\d+)?\])")


def check_notes(path, operand=OPERAND, nop=NOP):
    elf = Elf(path)
    found = elf.gil_notes()
    equal({n.name for n in found}, set(ARGUMENTS), "probes in " + path)
    low, size = elf.sections[".probes"][3], elf.sections[".probes"][5]
    for n in found:
        arguments = n.arguments.split()
        equal(len(arguments), ARGUMENTS[n.name], "number of arguments of " + n.name)
        for a in arguments:
            check(operand.fullmatch(a), "%s has the argument %s", n.name, a)
        at = elf.offset(n.pc)
        equal(bytes(elf.data[at:at + len(nop)]), nop, "the code of " + n.name)
        within(n.semaphore, low, low + size - 2, "semaphore of " + n.name)
    equal(len({(n.name, n.semaphore) for n in found}), 3, "number of semaphores")


def is_traced(pid, path):
    """True if every nop of the file's GIL probes has been replaced in the memory of the process."""
    elf = Elf(path)
    wanted = os.stat(path).st_ino
    low, _, offset, _, _ = mapped(pid, lambda inode, _: inode == wanted)
    with open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for n in elf.gil_notes():
            memory.seek(low - offset + elf.offset(n.pc))
            if memory.read(len(NOP)) == NOP:
                return False
    return True


class Bpftrace:
    """bpftrace on the GIL probes of some files, in process `pid` or, if that is None, in all
    processes. Process `canary` runs the first file, and its memory shows when the probes are in
    place."""

    def __init__(self, paths, canary, pid=None):
        if not shutil.which("bpftrace"):
            raise Skip("no bpftrace")
        script = scratch("probes.bt")
        with open(script, "w") as f:
            for path in paths:
                for probe, more in (("wait", ""), ("acquire", ""),
                                    ("release", " @requested[arg2] = count();")):
                    f.write("usdt:%s:python:gil__%s { @%s = count(); @gils[arg0] = count(); "
                            "@tstates[arg1 != 0] = count();%s }\n" % (path, probe, probe, more))
        self.process = spawn(["bpftrace", "-f", "json", script] +
                             (["-p", str(pid)] if pid else []), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        wait_until(lambda: self.process.poll() is not None or is_traced(canary, paths[0]),
                   "bpftrace's probes in process %d" % canary, 30)
        # The kernel writes a breakpoint a moment before it attaches the program.
        wait_until(lambda: at_rest(self.process), "bpftrace to finish its set-up", 30)
        if self.process.poll() is not None:
            errors = self.process.communicate()[1]
            raise AssertionError("bpftrace ended: %s" % errors.strip()[-400:])

    def maps(self, stop=True):
        """Stops bpftrace, unless it ends by itself; returns the maps that it prints:
        {"@wait": n, ..., "@gils": {address: n}, "@requested": {0: n}}."""
        if stop:
            self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        found = {"@wait": 0, "@gils": {}, "@tstates": {}, "@requested": {}}
        for line in out.splitlines():
            if line.startswith('{"type": "map"'):
                for name, value in json.loads(line)["data"].items():
                    found[name] = ({int(k): n for k, n in value.items()}
                                   if isinstance(value, dict) else value)
        check("@acquire" in found, "bpftrace read nothing: %s", err.strip()[-400:])
        return found


# --- the header ----------------------------------------------------------------------------------

BUILDS = {
    "gcc": ["gcc"], "clang": ["clang"],
    "g++": ["g++", "-x", "c++"], "clang++": ["clang++", "-x", "c++"],
    "gcc-O0": ["gcc", "-O0"], "gcc-no-pie": ["gcc", "-fno-pie", "-no-pie"],
    "gcc-lto": ["gcc", "-flto", "-flto-partition=max"], "clang-lto": ["clang", "-flto"],
    "gcc-c99": ["gcc", "-std=c99", "-pedantic", "-D_GNU_SOURCE"],
}
SHARED = {"gcc-shared": ["gcc"], "clang-shared": ["clang"]}


def compiled(name):
    """(program, file with the probes) of usdt_target."""
    argv = dict(BUILDS, **SHARED)[name]
    if not shutil.which(argv[0]):
        raise Skip("no " + argv[0])
    program = scratch("usdt_target")  # a path that is valid in bpftrace's grammar
    sources = [workload("usdt_target.c")]
    carrier = program
    if name in SHARED:
        carrier = program + ".so"
        build(argv + ["-DONLY_LOCK", "-shared", "-fPIC", "-o", carrier] + sources)
        argv, sources = argv + ["-DONLY_MAIN"], sources + ["-x", "none", carrier]
    build(argv + ["-o", program] + sources + ["-lpthread"])
    return program, carrier


def build(argv):
    done = subprocess.run(argv[:1] + ["-O2", "-Wall", "-Wextra", "-Werror"] + argv[1:],
                          capture_output=True, text=True)
    check(done.returncode == 0, "%s: %s", " ".join(argv), done.stderr.strip()[-400:])


# The header promises registers and constants, so memory operands are not allowed.
PLAIN = re.compile(r"(8|-4)@(%\w+|\$-?\d+|\w+|-?\d+)")


def test_header_has_a_short_nop():
    if os.uname().machine != "x86_64":
        raise Skip("nops differ in length only on x86-64")
    program = scratch("usdt_target")
    build(["gcc", "-DGIL_PROBES_SHORT_NOP", "-o", program, workload("usdt_target.c"), "-lpthread"])
    check_notes(program, PLAIN, b"\x90")


@each(lambda: list(BUILDS) + list(SHARED))
def test_header_makes_notes(name):
    program, carrier = compiled(name)
    check_notes(carrier, PLAIN)
    done = subprocess.run([program, "10", "2", "3"], capture_output=True, text=True)
    equal(json.loads(done.stdout)["acquires"], 10 + 2 * 4, "acquires")


class Target(Workload):
    """A running usdt_target, which is a program of its own and not a Python script."""

    def __init__(self, program, *args):
        class Interpreter:
            argv = staticmethod(lambda _script, *arguments: [program] + [str(a) for a in arguments])
            environment = staticmethod(lambda: dict(os.environ))
        super().__init__(Interpreter, None, *args)


@each(lambda: ["gcc", "clang++", "gcc-lto", "gcc-shared"])
def test_header_fires(name):
    program, carrier = compiled(name)
    target = Target(program, 1000, 20, 3)
    bpftrace = Bpftrace([carrier], target.pid, pid=target.pid)
    target.go()
    truth = target.truth()
    target.end()
    read = bpftrace.maps()
    acquires = truth["acquires"]
    equal(read["@wait"], truth["waits"], "waits")
    equal(read["@acquire"], acquires, "acquires")
    equal(read["@requested"], {0: acquires - truth["requested"], 1: truth["requested"]}, "releases")
    equal(list(read["@gils"]), [truth["gil"]], "addresses")
    equal(list(read["@tstates"]), [1], "thread states")


# --- the patched CPythons ------------------------------------------------------------------------

@each(usdt_pythons)
def test_python_has_notes(interpreter):
    check_notes(interpreter.path)


@each(usdt_pythons)
def test_readelf_shows(interpreter):
    if not shutil.which("readelf"):
        raise Skip("no readelf")
    done = subprocess.run(["readelf", "-n", "--wide", interpreter.path], capture_output=True,
                          text=True, env=dict(os.environ, LC_ALL="C"))
    shown = re.findall(r"Provider: python\s+Name: (gil__\w+)\s+Location: 0x0*[1-9a-f].*"
                       r"Semaphore: 0x0*[1-9a-f].*\s+Arguments: (.*)", done.stdout)
    elf = Elf(interpreter.path)
    equal(sorted((name, a.strip()) for name, a in shown),
          sorted((n.name, n.arguments) for n in elf.gil_notes()), "probes")


@each(usdt_pythons)
def test_bpftrace_lists(interpreter):
    if not shutil.which("bpftrace"):
        raise Skip("no bpftrace")
    done = subprocess.run(["bpftrace", "-l", "usdt:%s:*" % interpreter.path], capture_output=True,
                          text=True)
    listed = {line.rsplit(":", 2)[-1] for line in done.stdout.splitlines() if ":python:" in line}
    equal(set(ARGUMENTS) - listed, set(), "probes that bpftrace does not list")


def traced(interpreter, script, *args):
    """Runs a workload under bpftrace; returns (bpftrace's maps, truth)."""
    running = Workload(interpreter, script, *args)
    bpftrace = Bpftrace([interpreter.path], running.pid, pid=running.pid)
    running.go()
    truth = running.truth()
    running.end()
    read = bpftrace.maps()
    equal(len(read["@gils"]), 1, "number of GILs")
    within(read["@acquire"] - sum(read["@requested"].values()), -1, 1, "acquires - releases")
    check(set(read["@requested"]) <= {0, 1}, "requested is one of %s", read["@requested"])
    # Only the last release of a thread that must exit may lack a thread state, and no thread must
    # exit here.
    equal(list(read["@tstates"]), [1], "thread states")
    return read, truth


@each(usdt_pythons)
def test_every_cycle_fires(interpreter):
    n = 20000
    read, _ = traced(interpreter, "stat_loop.py", n)
    # The thread and the interpreter take the GIL a few more times when they start and end.
    within(read["@acquire"], n, n + 200, "acquires")
    within(read["@wait"], 0, 100, "waits")


@each(usdt_pythons)
def test_waits_and_requests_fire(interpreter):
    read, truth = traced(interpreter, "cpu_threads.py", 2, 1)
    # Each turn begins with a wait, and most turns end by request. The GIL may change hands a few
    # more times than the threads count turns.
    check(truth["turns"] > 10, "only %s turns", truth["turns"])
    waits, requested = read["@wait"], read["@requested"].get(1, 0)
    check(waits >= 0.9 * truth["turns"], "%s waits in %s turns", waits, truth["turns"])
    check(requested >= 0.5 * truth["turns"], "%s requested in %s turns", requested, truth["turns"])
    check(read["@acquire"] >= waits, "%s acquires, %s waits", read["@acquire"], waits)


# The parts of CPython's test suite that take and drop the GIL most and do not take long.
SUITE = ["test_threading", "test_thread", "test_gc", "test_embed", "test_threadedtempfile",
         "test_threading_local"]
# These are left out, because they can hang by themselves, traced or not:
#
#   test_print_exception_gh_102056: its child interrupts a main thread that recurses without end. If
#     the interrupt arrives at the recursion limit, the RecursionError swallows it, and the child
#     spins for ever (seen with 3.13.5).
LEFT_OUT = ["test_print_exception_gh_102056"]
# A part of the suite that takes longer than this has hung; its worker is killed.
PATIENT_SECONDS = 240


@timeout(600)
@each(usdt_pythons)
def test_own_suite_passes_while_traced(interpreter):
    if not fork_is_safe():  # some of the tests fork
        interpreter = tampered(interpreter, one_byte_nops)
    canary = Workload(interpreter, "stat_loop.py", 1)
    embedding = os.path.join(os.path.dirname(interpreter.path), "Programs", "_testembed")
    bpftrace = Bpftrace([interpreter.path, embedding], canary.pid)
    folder = scratch("suite")
    os.mkdir(folder)
    options = ["-w", "-j2", "--timeout", str(PATIENT_SECONDS)]
    for name in LEFT_OUT:
        options += ["-i", "*." + name]
    # A test may fail because a busy machine makes it late; -w runs it again.
    suite = subprocess.run([interpreter.path, "-m", "test"] + options + SUITE, cwd=folder,
                           capture_output=True, text=True, env=interpreter.environment())
    check(suite.returncode == 0, "status %s: %s", suite.returncode, suite.stdout.strip()[-600:])
    read = bpftrace.maps()
    check(read["@acquire"] > 10000 and read["@wait"] > 100, "the suite was hardly traced: %s", {
        k: read[k] for k in ("@acquire", "@wait", "@requested")})
