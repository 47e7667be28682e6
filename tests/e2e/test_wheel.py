# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The wheel: pip installs it, the module measures from inside a program, and pytest runs with it."""
import functools
import os
import re
import subprocess
import zipfile
from xml.etree import ElementTree

from lib import GILSCOPE, ROOT, Skip, cached, check, debian, each, equal, folder, pyenv_pythons, scratch, wheel, OLDEST

MEASURE = """
import threading, gilscope
def work():
    for _ in range(3): sum(range(1000000))
with gilscope.measure() as m:
    threads = [threading.Thread(target=work) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
assert m.process["pid"] == __import__("os").getpid()
assert m.contended == m.wait.count >= 1 and m.wait.sum >= m.wait.max > 0, m.wait
assert 0 < m.held_ratio <= 1 and 0 < m.hold.count <= m.acquisitions and m.verdict
try:
    m.nonsense
except AttributeError:
    print("MEASURED")
"""

TESTS = """
import threading, pytest
def busy():
    threads = [threading.Thread(target=lambda: sum(range(2000000))) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
def test_plain(): busy()
@pytest.mark.gil("wait.max < 1us")
def test_too_slow(): busy()
@pytest.mark.gil("hold.max < 1000s")
def test_good(): busy()
@pytest.mark.gil("hold.max < 1000s")
def test_own_failure(): assert 0
"""


@functools.lru_cache(None)
def environment():
    """A virtual environment with the wheel, and with the pytest of the system."""
    place = os.path.join(folder(), "venv")
    for argv in (["/usr/bin/python3", "-m", "venv", "--system-site-packages", place],
                 [os.path.join(place, "bin/pip"), "install", "-q", "--no-index", wheel()]):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=80, check=False)
        equal(done.returncode, 0, "status of %s (%s)" % (argv[0], done.stderr[-300:]))
    return os.path.join(place, "bin")


TYPED = """
import gilscope
with gilscope.measure("--blame", "200") as m:
    pass
longest = m.wait.max
seconds: float = 0.0 if longest is None else longest
wrong: int = m.verdict
"""


def test_types():
    """A type checker finds no mistake in the module, and knows what it gives: this program has one mistake, on purpose."""
    if not os.path.exists("/usr/bin/mypy"):
        raise Skip("no mypy")
    path = scratch("typed.py")
    with open(path, "w") as f:
        f.write(TYPED)
    # pytest of Debian 12 has no types for its decorators.
    done = subprocess.run(["/usr/bin/mypy", "--strict", "--allow-untyped-decorators", "--cache-dir=/dev/null", "gilscope", path], text=True,
                          capture_output=True, timeout=80, check=False, cwd=os.path.join(ROOT, "packaging", "wheel"))
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    check(len(errors) == 1 and "typed.py:7: error: Incompatible types" in errors[0], "%s", done.stdout + done.stderr)
    with zipfile.ZipFile(wheel()) as files:
        check("gilscope/py.typed" in files.namelist(), "the wheel has no py.typed")


def pytest(*options, before=()):
    path = os.path.join(folder(), "test_wheel_inside.py")
    with open(path, "w") as f:
        f.write(TESTS)
    return run_pytest(path, *options, before=before)


def run_pytest(path, *options, before=()):
    argv = list(before) + [os.path.join(environment(), "python"), "-m", "pytest", "-p", "no:cacheprovider", "-rsf"]
    # It uses the program that it was installed with.
    variables = {k: v for k, v in os.environ.items() if k != "GILSCOPE"}
    done = subprocess.run(argv + list(options) + [path], capture_output=True, text=True, timeout=80, check=False,
                          cwd=folder(), env=variables)
    if "No module named pytest" in done.stderr:
        raise Skip("no pytest")
    return done.stdout


# All that can become of a test. What it finds about its own process must be as without gilscope, too.
OUTCOMES = """
import asyncio, os, subprocess, sys, threading, warnings, pytest
@pytest.fixture
def broken(): raise OSError
@pytest.fixture
def broken_end():
    yield
    raise OSError
def test_pass(): pass
def test_fail(): assert 1 == 2
def test_error(broken): pass
def test_error_at_the_end(broken_end): pass
def test_raise(): raise KeyError("x")
def test_exit(): sys.exit(3)
def test_skip(): pytest.skip("because")
def test_pytest_fail(): pytest.fail("so")
@pytest.mark.skip
def test_marked_skip(): pass
@pytest.mark.xfail
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
@pytest.mark.xfail(strict=True)
def test_strict_xpass(): pass
@pytest.mark.parametrize("n", [1, 2, 3])
def test_parameters(n): assert n != 2
def test_process(): assert subprocess.run([sys.executable, "-c", "print(6 * 7)"], stdout=subprocess.PIPE).stdout == b"42\\n"
def test_fork():
    pid = os.fork()
    if not pid: os._exit(7)
    assert os.waitpid(pid, 0)[1] == 7 << 8
def test_no_children():
    with pytest.raises(ChildProcessError): os.waitpid(-1, os.WNOHANG)
def test_output(capfd):
    os.write(1, b"to 1"); os.write(2, b"to 2")
    assert tuple(capfd.readouterr()) == ("to 1", "to 2")
def test_threads():
    assert threading.active_count() == 1
    threads = [threading.Thread(target=sum, args=[range(100000)]) for _ in range(3)]
    [t.start() for t in threads]; [t.join() for t in threads]
def test_warning():
    with warnings.catch_warnings(): warnings.simplefilter("error"); test_pass()
@pytest.mark.asyncio
async def test_async(): await asyncio.sleep(0.001)
@pytest.mark.asyncio
async def test_async_fail(): assert await asyncio.sleep(0.001)
@pytest.mark.gil("hold.max < 1000s")
def test_marked(): pass
@pytest.mark.gil("hold.max < 1000s")
def test_marked_fail(): assert 0
@pytest.mark.gil("hold.max < 1000s")
@pytest.mark.xfail
def test_marked_xfail(): assert 0
class TestClass:
    def test_method(self): assert self
"""


def pytests():
    return ["12", "13"]


def of_pytest(version):
    """What is put in front of a command so that it finds the pytest of a Debian."""
    return [] if version == "12" else [cached("pytest-13")]


def results(junit):
    """What became of each test, and its message."""
    found = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        ends = sorted(e.tag + ": " + (e.get("message") or "none").splitlines()[0] for e in case if e.tag in ("failure", "error", "skipped"))
        found[case.get("name")] = ends
    return found


@each(pytests)
def test_pytest_changes_no_result(version):
    path, seen = scratch("test_outcomes.py"), []
    with open(path, "w") as f:
        f.write(OUTCOMES)
    for options in ("-p", "no:gilscope"), ("--gilscope",):
        seen.append(scratch("outcomes.xml"))
        run_pytest(path, "--junitxml", seen[-1], *options, before=of_pytest(version))
    without, observed = [results(s) for s in seen]
    check(len(without) >= 26 and sum(bool(ends) for ends in without.values()) > 10, "the outcomes are %s", without)
    equal(observed, without, "what became of the tests when they were observed")
    with open(seen[1]) as f:
        check(f.read().count('name="gil.held_ratio"') > 10, "the tests were not observed")


@each(lambda: ["-n1", "-n2"])
def test_xdist(workers):
    done = subprocess.run(["/usr/bin/python3", "-c", "import xdist"], capture_output=True, check=False)
    if done.returncode:
        raise Skip("there is no pytest-xdist (make deps)")
    out = pytest("--gilscope", workers)
    check("2 passed" in out and "2 failed" in out and "wait.max < 1us" in out, "the result is %s", out[-800:])
    check(re.search(r"%.*test_plain", out), "no figures in %s", out[-1500:])


def test_installed():
    done = subprocess.run([os.path.join(environment(), "gilscope"), "doctor"], capture_output=True, text=True, check=False,
                          timeout=60)
    check("can observe" in done.stdout, "doctor says %s", done.stdout)


@functools.lru_cache(None)
def unpacked():
    place = scratch("wheel")
    with zipfile.ZipFile(wheel()) as z:
        z.extractall(place)
    return place


def measurers():
    pyenv = [(p, v) for p, v in pyenv_pythons() if v >= OLDEST]
    return [debian().path] + [p for p, _ in (pyenv[:1] + pyenv[-1:])]


@each(measurers)
def test_measure(python):
    done = subprocess.run([python, "-c", MEASURE], capture_output=True, text=True, check=False, timeout=60,
                          env=dict(os.environ, PYTHONPATH=unpacked(), GILSCOPE=GILSCOPE))
    equal(done.stdout, "MEASURED\n", "output (%s)" % done.stderr[-500:])


@each(pytests)
def test_pytest(version):
    junit = scratch("junit.xml")
    out = pytest("--gilscope", "-W", "error", "--junitxml", junit, before=of_pytest(version))
    check("2 passed" in out and "2 failed" in out, "the result is %s", out[-500:])
    check("FAIL" in out and "wait.max < 1us" in out, "the rule that does not hold is not in %s", out)
    check(re.search(r"held +contended", out) and re.search(r"%.*test_plain", out), "no figures in %s", out[-1500:])
    with open(junit) as f:
        check('name="gil.held_ratio"' in f.read(), "no figures in the XML")


def test_pytest_without_privileges():
    drop = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs")
    out = pytest(before=drop)
    check("1 passed, 3 skipped" in out and "the GIL cannot be observed" in out, "the result is %s", out[-800:])
    out = pytest("--gilscope=require", "-k", "not plain", before=drop)
    check("3 failed" in out and "passed" not in out, "with =require, the result is %s", out[-800:])
