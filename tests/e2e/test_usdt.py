# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The source `usdt`, which reads GIL probes in the interpreter: by itself, at the same time as
`uprobe`, and with probes that were tampered with."""
import functools
import json
import os
import struct

from invariants import check_invariants
from lib import (GILSCOPE, Gilscope, Skip, Workload, attached_by, check, debian, each,
                 equal, gil_of, gilscope, process_of, scratch, stat, stat_workload, thread,
                 usdt_pythons, wait_until, within)
from notes import Elf, one_byte_nops, tampered

K = 5000
SLACK = 20


def one():
    """The first interpreter with GIL probes; most tests need only one."""
    return usdt_pythons()[0]


@functools.lru_cache(None)
def fork_is_safe():
    """False if probes on 5-byte nops crash children made by fork, as they do on Linux 6.18.
    gilscope finds that out, and then uses such probes only if told to."""
    process, _, _ = stat_workload(one(), "short.py")
    return process["source"] == "usdt"


def check_source(process, wanted, why):
    equal(process["source"], wanted, "source")
    check(why in process["source_reason"], "the reason is %r", process["source_reason"])


# --- the source by itself ------------------------------------------------------------------------

def usdt_workload(interpreter, script, *args):
    process, truth, run = stat_workload(interpreter, script, *args, options=["--source", "usdt"])
    check_source(process, "usdt", "the interpreter")
    return process, truth, run


@each(usdt_pythons)
def test_asked_for(interpreter):
    process, truth, _ = usdt_workload(interpreter, "stat_loop.py", K)
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K + SLACK, "acquisitions")


@each(usdt_pythons)
def test_chosen_by_itself(interpreter):
    """By default, gilscope uses probes on 1-byte nops, which no kernel rewrites, and on 5-byte nops
    if that is safe."""
    process, _, _ = stat_workload(tampered(interpreter, one_byte_nops), "stat_loop.py", K)
    check_source(process, "usdt", "carries GIL probes")
    process, truth, _ = stat_workload(interpreter, "stat_loop.py", K)
    if fork_is_safe():
        check_source(process, "usdt", "carries GIL probes")
    else:
        check_source(process, "uprobe", "crash children made by fork")
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K + SLACK, "acquisitions")


def test_source_uprobe_can_be_asked_for():
    process, truth, _ = stat_workload(one(), "stat_loop.py", K, options=["--source", "uprobe"])
    check_source(process, "uprobe", "--source uprobe")
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K + SLACK, "acquisitions")


def test_asked_for_where_there_are_none():
    run = gilscope("stat", "--source", "usdt", "--", *debian().argv("short.py"))
    check("carries no GIL probes" in run.err, "stderr: %s", run.err)
    equal(run.status, 4, "status")
    w = Workload(debian(), "stat_loop.py", K)
    run = gilscope("stat", "--source", "usdt", "-p", w.pid)
    check("carries no GIL probes" in run.err and "try:" in run.err, "stderr: %s", run.err)
    equal(run.status, 4, "status")


def test_no_such_source():
    run = gilscope("stat", "--source", "magic", "--", "true")
    check("auto|usdt|uprobe" in run.err, "stderr: %s", run.err)
    equal(run.status, 2, "status")


@each(usdt_pythons)
def test_requested_releases(interpreter):
    process, truth, _ = usdt_workload(interpreter, "cpu_threads.py", 2, 1.5, 0.005)
    gil = gil_of(process)
    check(gil["requested_releases"] >= 0.8 * truth["turns"], "%s requested releases in %s turns",
          gil["requested_releases"], truth["turns"])


@each(lambda: ["fork", "spawn", "forkserver"])
def test_children(method):
    interpreter = tampered(one(), one_byte_nops)
    process, truth, run = usdt_workload(interpreter, "mp.py", method, 3, 2000)
    equal(truth["failed"], 0, "children that failed")
    for child in truth["children"]:
        process = process_of(run.report, child["pid"])
        check_source(process, "usdt", "the interpreter")
        w = child["threads"][0]
        count = thread(process, w["tid"])["acquisitions"]
        late = process["late_ns"] >= truth["rest_ns"]
        within(count, 0 if late else w["calls"], w["calls"] + SLACK, "a child's acquisitions")


@each(lambda: ["multi", "perf events"])
def test_children_of_a_fork_survive(how):
    """Whatever the kernel does with the nops, gilscope's default is safe."""
    run = stat(command=one().argv("fork_hits.py", 20), env=attached_by(how))
    equal(run.truth()["failed"], 0, "children that crashed")


def test_the_danger_is_real():
    """If gilscope avoids the probes by default, then using them does crash children."""
    if fork_is_safe():
        raise Skip("this kernel keeps children made by fork safe")
    # Without --no-follow, gilscope puts probes into the child as it starts, which repairs the code
    # if it happens in time.
    run = stat("--source", "usdt", "--no-follow", command=one().argv("fork_hits.py", 20),
               env=one().environment())
    check(run.truth()["failed"] > 0, "no child crashed")


# --- attaching, and what is left behind ----------------------------------------------------------

def places(pid, path, notes, elf):
    """[(the probe's address in the process, its semaphore's address)]"""
    found = []
    with open("/proc/%d/maps" % pid) as f:
        lines = [line.split(None, 5) for line in f]
    base = min(int(fields[0].split("-")[0], 16) for fields in lines
               if len(fields) == 6 and fields[5].strip() == path)
    bias = base if elf.data[16] == 3 else 0  # ET_DYN
    for n in notes:
        found.append((bias + n.pc, bias + n.semaphore))
    return found


def memory(pid, address, size):
    with open("/proc/%d/mem" % pid, "rb", 0) as f:
        f.seek(address)
        return f.read(size)


class Observed:
    """A workload in an interpreter with GIL probes, and gilscope attached to it."""

    def __init__(self, interpreter, script, *args, options=()):
        self.workload = Workload(interpreter, script, *args)
        self.pid = self.workload.pid
        path = os.readlink("/proc/%d/exe" % self.pid)
        elf = Elf(path)
        self.places = places(self.pid, path, elf.gil_notes(), elf)
        self.before = self.code()
        self.gilscope = Gilscope("-p", str(self.pid), "--source", "usdt", *options)
        wait_until(lambda: self.semaphores_are(1), "probes in process %d" % self.pid)
        wait_until(lambda: all(a != b for a, b in zip(self.code(), self.before)),
                   "probes in process %d" % self.pid)

    def code(self):
        return [memory(self.pid, pc, 5) for pc, _ in self.places]

    def semaphores_are(self, least):
        values = [struct.unpack("<H", memory(self.pid, s, 2))[0] for _, s in self.places]
        return all(v >= least for v in values) if least else not any(values)

    def check_untouched(self):
        wait_until(lambda: self.code() == self.before and self.semaphores_are(0),
                   "probes to be gone from process %d" % self.pid)


@each(usdt_pythons)
def test_attach(interpreter):
    o = Observed(interpreter, "stat_loop.py", K)
    o.workload.go()
    truth = o.workload.truth()
    o.workload.end()
    run = o.gilscope.finish()
    process = process_of(run.report, o.pid)
    check_source(process, "usdt", "the interpreter")
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K + SLACK, "acquisitions")


def test_nothing_is_left_behind():
    o = Observed(one(), "stat_loop.py", K)
    o.gilscope.interrupt()
    o.check_untouched()
    o = Observed(one(), "stat_loop.py", K)
    o.gilscope.process.kill()
    o.gilscope.process.wait()
    o.check_untouched()
    o.workload.go()
    o.workload.truth()
    o.workload.end()


def kernel_rewrites():
    """Linux 6.18 turns a probe on a 5-byte nop into a call."""
    release = [int(n) for n in os.uname().release.split(".")[:2]]
    if os.uname().machine != "x86_64" or release < [6, 18]:
        raise Skip("only Linux 6.18 and later on x86-64 rewrite the nop; this is %s on %s" % (
            os.uname().release, os.uname().machine))


def test_the_nop_becomes_a_call():
    kernel_rewrites()
    o = Observed(one(), "cpu_threads.py", 2, 1.5, 0.001)
    check(all(code[0] == 0xcc for code in o.code()), "no breakpoints: %s", o.code())
    o.workload.go()
    # A probe's first hit is a trap, which rewrites the place. Not every copy of a probe is hit, but
    # at least one of acquire and one of release are.
    wait_until(lambda: sum(code[0] == 0xe8 for code in o.code()) >= 2, "calls in the code")
    with open("/proc/%d/maps" % o.pid) as f:
        check("[uprobes-trampoline]" in f.read(), "the calls' target is not mapped")
    o.workload.truth()
    o.workload.end()
    o.gilscope.finish()


# --- two sources at the same time ----------------------------------------------------------------

def both(interpreter, script, *args):
    """Observes one run by both sources: a gilscope that uses one source launches another gilscope
    that uses the other. Returns (GIL by usdt, GIL by uprobe, truth)."""
    inner = scratch("inner.json")
    argv = [GILSCOPE, "stat", "--source", "uprobe", "--json", "-o", inner, "--"]
    run = stat("--source", "usdt", command=argv + interpreter.argv(script, *args),
               env=interpreter.environment())
    truth = run.truth()
    with open(inner) as f:
        report = json.load(f)
    check_invariants(report)
    usdt, uprobe = process_of(run.report, truth["pid"]), process_of(report, truth["pid"])
    equal((usdt["source"], uprobe["source"]), ("usdt", "uprobe"), "sources")
    equal((usdt["late_ns"], uprobe["late_ns"]), (0, 0), "late_ns")
    return gil_of(usdt), gil_of(uprobe), truth


def edges(gil):
    return {(e["from"], e["to"]): e["count"] for e in gil["handoff_edges"]}


def check_same(a, b):
    for name in ("acquisitions", "releases", "contended", "requested_releases", "handoffs"):
        equal(a[name], b[name], "%s by usdt and by uprobe" % name)
    equal(edges(a), edges(b), "handoffs from -> to")


def check_same_times(a, b):
    """Checks that times agree within 1 %, or 1 us an event. The two sources see an edge at times
    that differ by what the kernel needs for the probes. On a busy machine the thread may also lose
    its CPU between these two moments, so the time that it lost in all is added."""
    lost = a["hold_preempted_ns"] + a["wait_runnable_ns"]
    for name in ("hold", "wait"):
        apart = abs(a[name]["sum_ns"] - b[name]["sum_ns"])
        most = max(0.01 * b[name]["sum_ns"], 1000 * b[name]["count"]) + lost
        check(apart <= most, "%s: %s ns by usdt, %s ns by uprobe", name, a[name]["sum_ns"],
              b[name]["sum_ns"])


CASES = {
    "cpu_threads": ("cpu_threads.py", 2, 1.5, 0.005),
    "three threads": ("cpu_threads.py", 3, 1.0, 0.001),
    "convoy": ("convoy.py", 60),
    "pydll_sleep": ("pydll_sleep.py", 3, 20, 2),
}


@each(lambda: ["%s, %s" % (i, c) for i in usdt_pythons() for c in CASES])
def test_both_at_the_same_time(case):
    name, script = case.split(", ", 1)
    interpreter = [i for i in usdt_pythons() if i.name == name][0]
    a, b, _ = both(interpreter, *CASES[script])
    check_same(a, b)
    check_same_times(a, b)


@each(usdt_pythons)
def test_both_count_every_release(interpreter):
    a, b, truth = both(interpreter, "stat_loop.py", K)
    check_same(a, b)
    check(a["acquisitions"] > K, "only %s acquisitions", a["acquisitions"])


# --- tampered probes -----------------------------------------------------------------------------

def rename(elf):
    for n in elf.gil_notes():
        if n.name == "gil__release":
            at = elf.data.index(b"gil__release", n.at)
            elf.data[at:at + 12] = b"gil__relaese"


def move(elf):
    n = elf.gil_notes()[0]
    struct.pack_into("<Q", elf.data, n.at, n.pc + 1)


def garble(elf):
    n = elf.gil_notes()[0]
    at = elf.data.index(n.arguments.encode(), n.at)
    elf.data[at:at + 3] = b"8@?"


TAMPERED = {
    "one probe missing": (rename, "gil__release is missing"),
    "wrong address": (move, "wrong address"),
    "unknown argument": (garble, "argument that is not understood"),
}


@each(lambda: list(TAMPERED))
def test_refused_by_name(case):
    change, why = TAMPERED[case]
    interpreter = tampered(one(), change)
    process, truth, run = stat_workload(interpreter, "stat_loop.py", K)
    check_source(process, "uprobe", why)
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K + SLACK, "acquisitions")
    run = Gilscope("--source", "usdt", command=interpreter.argv("stat_loop.py", K)).finish(status=4)
    check(why in run.err, "stderr: %s", run.err)
    text = gilscope("stat", "--", *interpreter.argv("short.py"))
    check("uprobe source" in text.err, "the text does not name the source: %s", text.err[-500:])


def test_one_byte_nops():
    if os.uname().machine != "x86_64":
        raise Skip("only x86-64 has 1-byte nops")
    interpreter = tampered(one(), one_byte_nops)
    a, b, _ = both(interpreter, *CASES["cpu_threads"])
    check_same(a, b)
    check_same_times(a, b)
