#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the end-to-end tests: every test_* function in tests/e2e/test_*.py.

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason`, and exits 1 if any test failed. The
environment variable GILSCOPE names the program to test (default: build/gilscope).
"""
import argparse
import glob
import importlib
import os
import signal
import sys
import time
import traceback

sys.dont_write_bytecode = True
import lib  # noqa: E402

TIMEOUT = 90
ATTEMPTS_AT_ONCE = 2


class Expired(Exception):
    pass


def expire(_signal, _frame):
    raise Expired()


def discover(one_each):
    """(name, function to call without arguments, its time limit) of each test. With `one_each`, a
    test runs only on Debian's interpreter or, if it does not run on that, on its first one. A group
    may have several files: test_GROUP.py and test_GROUP__PART.py."""
    for path in sorted(glob.glob(os.path.join(lib.HERE, "test_*.py"))):
        module = os.path.splitext(os.path.basename(path))[0]
        found = vars(importlib.import_module(module))
        for name, test in list(found.items()):
            if name.startswith("test_") and callable(test) and test.__module__ == module:
                group = module[len("test_"):].split("__")[0]
                yield from cases(group + "." + name[len("test_"):], test, one_each)


def interpreter_of(parameter):
    """The name of the interpreter in a test's parameter, or None."""
    for part in parameter if isinstance(parameter, (tuple, list)) else [parameter]:
        if isinstance(part, (lib.Interpreter, lib.Unbuilt)):
            return part.name
    return None


def of_one_interpreter(parameters):
    names = [interpreter_of(p) for p in parameters]
    chosen = "debian" if "debian" in names else names[0] if names else None
    return [p for p, name in zip(parameters, names) if name in (None, chosen)]


def cases(name, test, one_each):
    limit = getattr(test, "timeout", TIMEOUT)
    if not hasattr(test, "parameters"):
        yield name, test, limit
        return
    parameters = list(test.parameters())
    if one_each:
        parameters = of_one_interpreter(parameters)
    if not parameters:
        yield name, nothing_to_run, limit
    for p in parameters:
        yield "%s[%s]" % (name, p), lambda p=p: test(p), limit


def nothing_to_run():
    raise lib.Skip("nothing that it could run on is installed")


class Run:
    """A test and its attempts. These tests watch a machine on which other things run as well, so a
    test that fails is tried again at once, and as many times more after all other tests. If it then
    passes, its result still tells that attempts failed, and why the first one did."""
    def __init__(self, name, test, limit):
        self.name, self.test, self.limit = name, test, limit
        self.failures = []
        self.seconds = 0

    def attempt(self):
        """True if the test need not be tried again."""
        begin = time.monotonic()
        self.result, self.why = attempt(self.test, self.limit)
        self.seconds += time.monotonic() - begin
        if self.result == "not ok":
            self.failures.append(self.why)
        return self.result != "not ok"

    def attempts(self):
        """At which attempt it passed; 0 if it did not."""
        return len(self.failures) + 1 if self.result == "ok" else 0

    def report(self):
        """Prints the result; returns it."""
        why = self.why
        if self.result == "ok" and self.failures:
            why = "attempt %d; the first: %s" % (len(self.failures) + 1, self.failures[0])
            why += "; now: " + self.why if self.why else ""
        took = "" if self.result == "skip" else " [%.1f s]" % self.seconds
        print(self.result, self.name + (": " + why.replace("\n", " ") if why else "") + took,
              flush=True)
        return self.result


def attempt(test, limit):
    """Runs the test and cleans up after it. Returns ('ok', figures), ('skip', reason) or ('not ok',
    why); the figures are the text that the test returned, if any."""
    before = lib.bpf_objects()
    signal.alarm(limit)
    try:
        figures = test()
        result = ("ok", figures if isinstance(figures, str) else "")
    except lib.Skip as e:
        result = ("skip", str(e))
    except Expired:
        result = ("not ok", "not finished after %d s, %s" % (limit, where()))
    except AssertionError as e:
        result = ("not ok", "%s (%s)" % (e, where()))
    except Exception as e:
        result = ("not ok", "%s: %s (%s)" % (type(e).__name__, e, where()))
    finally:
        signal.alarm(0)
    lib.clean_up()
    if result[0] == "not ok":
        lib.end_families()
    return result if result[0] == "not ok" else left_behind(before) or result


def where():
    """The innermost lines of the test files that the current exception went through."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    places = ["%s:%d" % (os.path.basename(f.filename), f.lineno) for f in frames]
    return " > ".join([p for p in places if p.startswith("test_")] or places[-2:])


def left_behind(before):
    try:
        lib.check_nothing_left(before)
    except AssertionError as e:
        return ("not ok", str(e))
    return None


def set_dispositions():
    """A shell that starts this program in the background makes it ignore SIGINT and SIGQUIT, and
    nohup SIGHUP; CI systems ignore and block others. The tests' processes would inherit that."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP, signal.SIGCHLD:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def summary(counts, attempts, seconds):
    """The last lines. `attempts` has how many each test needed that passed."""
    lines = ["%d ok, %d not ok, %d skipped in %.0f s" % (
        counts["ok"], counts["not ok"], counts["skip"], seconds)]
    for n, word in (2, "second"), (3, "third"), (4, "fourth"):
        if attempts.count(n):
            lines.append("passed at the %s attempt: %d" % (word, attempts.count(n)))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="gilscope's end-to-end tests")
    parser.add_argument("-k", metavar="TEXT", action="append", default=[],
                        help="run only tests with TEXT in their name (or any TEXT, if repeated)")
    parser.add_argument("-a", metavar="TEXT", action="append", default=[],
                        help="of these, run only tests that also have this TEXT in their name")
    parser.add_argument("-1", "--one-each", action="store_true",
                        help="run each test on one interpreter: Debian's, or else its first")
    parser.add_argument("-l", "--list", action="store_true", help="list the tests; don't run them")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("run.py: the end-to-end tests load BPF programs, so run them as root")
    if not options.list and not os.access(lib.GILSCOPE, os.X_OK):
        sys.exit("run.py: %s does not exist; build it first, or set GILSCOPE" % lib.GILSCOPE)
    signal.signal(signal.SIGALRM, expire)
    set_dispositions()
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    again, attempts = [], []
    begin = time.monotonic()
    for name, test, limit in discover(options.one_each):
        if any(texts and not any(t in name for t in texts) for texts in (options.k, options.a)):
            continue
        if options.list:
            print(name)
            continue
        run = Run(name, test, limit)
        if any(run.attempt() for _ in range(ATTEMPTS_AT_ONCE)):
            counts[run.report()] += 1
            attempts.append(run.attempts())
        else:
            again.append(run)
    for run in again:
        any(run.attempt() for _ in range(ATTEMPTS_AT_ONCE))
        counts[run.report()] += 1
        attempts.append(run.attempts())
    if not options.list:
        print(summary(counts, attempts, time.monotonic() - begin))
    sys.exit(1 if counts["not ok"] else 0)


if __name__ == "__main__":
    main()
