# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Measure what the Global Interpreter Lock does to this program, from a process of its own.

    import gilscope

    with gilscope.measure() as m:
        work()
    assert m.wait.p99 < 0.01        # seconds
    print(m.verdict)

This package carries the program `gilscope`, for the command line. Measuring needs root, or the
capabilities that `gilscope doctor` names; without them measure() raises CannotObserve, whose text
says what is missing.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from types import TracebackType
from typing import Any, Dict, List, Optional, Tuple, Type

__all__ = ["measure", "command", "CannotObserve", "Measurement", "Distribution"]
__version__ = "@VERSION@"

SECOND = 1e9


class CannotObserve(RuntimeError):
    """The GIL cannot be observed here; the text is gilscope's own message."""


def command() -> List[str]:
    """The words with which the program is called: $GILSCOPE, or the program of this package, or the
    one in $PATH."""
    if os.environ.get("GILSCOPE"):
        return shlex.split(os.environ["GILSCOPE"])
    own = os.path.join(sysconfig.get_path("scripts"), "gilscope")
    if os.access(own, os.X_OK):
        return [own]
    found = shutil.which("gilscope")
    if found:
        return [found]
    raise CannotObserve("there is no program gilscope, neither in %s nor in $PATH" % os.path.dirname(own))


class Distribution:
    """How long the waits, the holds or the handoffs were. Times are in seconds; what was not measured is None."""

    max = None  # type: Optional[float]
    p50 = None  # type: Optional[float]
    p90 = None  # type: Optional[float]
    p99 = None  # type: Optional[float]
    p999 = None  # type: Optional[float]

    def __init__(self, json_form: Dict[str, Any]) -> None:
        self.count = json_form["count"]  # type: int
        self.sum = json_form["sum_ns"] / SECOND  # type: float
        for name in "max", "p50", "p90", "p99", "p999":
            value = json_form[name + "_ns"]
            setattr(self, name, None if value is None else value / SECOND)
        self.mean = self.sum / self.count if self.count else None

    def __repr__(self) -> str:
        return "<%d, p99 %s s, max %s s>" % (self.count, self.p99, self.max)


class Measurement:
    """What was measured. Until the with block has ended, there is nothing.

    report       the whole report, as gilscope stat --json prints it (docs/json.md)
    process      this process's part of it
    gil          the part of the main interpreter's GIL
    verdict      the report's first sentences
    wait, hold, handoff
                 Distribution of each
    acquisitions, contended, held_ratio, contended_ratio, wait_ratio, and every other figure of the GIL by its
    name in the JSON
    """

    report = None  # type: Optional[Dict[str, Any]]
    process = None  # type: Optional[Dict[str, Any]]
    gil = None  # type: Optional[Dict[str, Any]]

    def fill(self, report: Dict[str, Any]) -> None:
        mine = [p for p in report["processes"] if p["pid"] == os.getpid()]
        if not mine:
            raise CannotObserve("this process is not in the report")
        self.report = report
        self.process = mine[0]
        gils = mine[0]["gils"] or []
        self.gil = ([g for g in gils if g["main"]] or gils or [None])[0]

    @property
    def verdict(self) -> str:
        if self.report is None:
            raise AttributeError("there is no verdict until the with block has ended")
        return str(self.report["verdict"]["text"])

    def distribution(self, name: str) -> Distribution:
        if self.gil is None:
            raise AttributeError("there is no %s: the with block has not ended, or no GIL was seen" % name)
        return Distribution(self.gil[name])

    @property
    def wait(self) -> Distribution:
        return self.distribution("wait")

    @property
    def hold(self) -> Distribution:
        return self.distribution("hold")

    @property
    def handoff(self) -> Distribution:
        return self.distribution("handoff")

    def __getattr__(self, name: str) -> Any:
        gil = self.__dict__.get("gil")
        if gil is None or name not in gil:
            raise AttributeError(name)
        return gil[name]


class measure:
    """A context manager: observes this process, all of its threads, from the beginning to the end of the block."""

    def __init__(self, *options: str) -> None:
        """options: further options of gilscope stat."""
        self.options = options

    def __enter__(self) -> Measurement:
        self.folder = tempfile.mkdtemp(prefix="gilscope-")
        try:
            self.observer = Observer("stat", "--no-config", "--json", "-o", os.path.join(self.folder, "report.json"), *self.options)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.measurement = Measurement()
        return self.measurement

    def __exit__(self, kind: Optional[Type[BaseException]], exception: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        try:
            self.observer.end()
            with open(os.path.join(self.folder, "report.json")) as report:
                self.measurement.fill(json.load(report))
        except (CannotObserve, OSError, ValueError) as e:
            # The block's own exception says more.
            if exception is None:
                raise CannotObserve(str(e)) from None
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


# Runs gilscope, but not as a child of the process that is observed: that may wait for any child, or count its children. When it is told to,
# or when the observed process has ended, it ends the observation, and writes the exit status to a pipe.
KEEPER = """
import os, signal, subprocess, sys
if os.fork():
    os._exit(0)
observer = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
os.close(1)
os.close(2)
os.read(0, 1)
if observer.poll() is None:
    observer.send_signal(signal.SIGINT)
os.write(int(sys.argv[1]), b"%d" % observer.wait())
"""


class Observer:
    """A gilscope that observes this process; it exists once it does so."""

    def __init__(self, *words: str) -> None:
        argv = command() + list(words) + ["-p", str(os.getpid())]
        self.status, status = os.pipe()
        try:
            self.process = subprocess.Popen([sys.executable, "-I", "-S", "-c", KEEPER, str(status)] + argv, bufsize=0,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                            pass_fds=[status], start_new_session=True)
        except BaseException:
            os.close(self.status)
            raise
        finally:
            os.close(status)
        self.process.wait()
        self.said = []  # type: List[str]
        for line in self.process.stderr or ():
            self.said.append(line.decode("utf-8", "replace"))
            if b"observing process" in line:
                return
        returncode, _ = self.close()
        raise CannotObserve("".join(self.said).strip() or "gilscope ended with status %s" % returncode)

    def close(self) -> Tuple[int, str]:
        """Returns the exit status and what was printed."""
        try:
            # A child that a test has left running has the other end of this pipe too, so closing it would not be enough.
            if self.process.stdin:
                self.process.stdin.write(b"e")
        except BrokenPipeError:
            pass
        out, err = self.process.communicate()
        self.said.append(err.decode("utf-8", "replace"))
        said = os.read(self.status, 16)
        os.close(self.status)
        return int(said or b"4"), out.decode("utf-8", "replace")

    def end(self) -> Tuple[int, str]:
        """Ends the observation. Returns the exit status and what was printed."""
        status, out = self.close()
        if status == 4:
            raise CannotObserve("".join(self.said).strip())
        return status, out
