# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the GIL does during each test.

    pytest --gilscope                 measures each test; the figures are in the summary and in JUnit XML

    @pytest.mark.gil("hold.max < 50ms", "wait.p99 < 10ms")
    def test_server(): ...            fails if a rule does not hold; `gilscope metrics` lists what rules can say

A marked test that cannot be measured, or that has too few samples for its rule, is skipped, with the reason. With
--gilscope=require, one that cannot be measured fails.
"""
from typing import Any, Callable, Generator, List, Optional, Set, Tuple, Union

import pytest

import gilscope

Figure = Union[int, float, None]
FIGURES = (  # in JUnit XML, and the columns of the summary
    ("gil.held_ratio", "held", lambda m: m.held_ratio, "%"),
    ("gil.contended_ratio", "contended", lambda m: m.contended_ratio, "%"),
    ("gil.waits", "waits", lambda m: m.wait.count, ""),
    ("gil.wait_p99_seconds", "wait p99", lambda m: m.wait.p99, "s"),
    ("gil.wait_max_seconds", "wait max", lambda m: m.wait.max, "s"),
    ("gil.hold_max_seconds", "hold max", lambda m: m.hold.max, "s"),
)  # type: Tuple[Tuple[str, str, Callable[[gilscope.Measurement], Any], str], ...]
REASON = "gil.not_measured"
INCONCLUSIVE = 3  # the exit status of gilscope check
SHOWN = 20  # tests in the summary, those that waited most


def pytest_addoption(parser: Any) -> None:
    # An option with an optional value would take the path after it for the value, so these are two.
    parser.addoption("--gilscope", action="store_const", const="yes", dest="gilscope", default=None,
                     help="measure what the GIL does during each test")
    parser.addoption("--gilscope=require", action="store_const", const="require", dest="gilscope",
                     help="the same, and tests that cannot be measured fail")


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "gil(*rules): the test fails if a rule of gilscope check does not hold during it, "
                                       "such as 'hold.max < 50ms'")


def rules_of(item: Any) -> List[str]:
    return [rule for mark in item.iter_markers("gil") for rule in mark.args]


def cannot(item: Any, rules: List[str], reason: str) -> None:
    """A test that cannot be measured."""
    if item.config.getoption("gilscope") == "require":
        pytest.fail("the GIL cannot be observed: %s" % reason, pytrace=False)
    if rules:
        pytest.skip("the GIL cannot be observed: %s" % reason)
    item.user_properties.append((REASON, reason.splitlines()[0]))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: Any) -> Generator[None, Any, None]:
    rules = rules_of(item)
    observer = None  # type: Optional[gilscope.Observer]
    measurement = None  # type: Optional[gilscope.measure]
    try:
        if rules:
            words = ["check"]
            for rule in rules:
                words += ["--assert", rule]
            observer = gilscope.Observer(*words)
        elif item.config.getoption("gilscope"):
            measurement = gilscope.measure()
            figures = measurement.__enter__()
    except gilscope.CannotObserve as e:
        observer = measurement = None
        cannot(item, rules, str(e))
    outcome = yield
    try:
        if observer:
            status, said = observer.end()
            if status == INCONCLUSIVE and not outcome.excinfo:
                pytest.skip("a rule of gil(...) is inconclusive:\n%s" % said)
            elif status and not outcome.excinfo:
                pytest.fail("a rule of gil(...) does not hold:\n%s" % (said or "".join(observer.said)), pytrace=False)
        elif measurement:
            measurement.__exit__(None, None, None)
            if figures.gil:
                item.user_properties += [(name, get(figures)) for name, _, get, _ in FIGURES]
    except gilscope.CannotObserve as e:
        if not outcome.excinfo:
            cannot(item, rules, str(e))


def shown(value: Figure, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "%":
        return "%.1f %%" % (100 * value)
    if unit == "s":
        return "%.3g ms" % (1000 * value)
    return str(value)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows = []  # type: List[Tuple[str, Any]]
    reasons = set()  # type: Set[str]
    for reports in terminalreporter.stats.values():
        for report in reports:
            properties = dict(getattr(report, "user_properties", ()))
            if getattr(report, "when", None) == "call" and FIGURES[0][0] in properties:
                rows.append((report.nodeid, properties))
            if REASON in properties:
                reasons.add(properties[REASON])
    if not rows and not reasons:
        return
    terminalreporter.section("GIL")
    for reason in sorted(reasons):
        terminalreporter.write_line("not measured: %s" % reason)
    rows.sort(key=lambda row: -(row[1]["gil.wait_max_seconds"] or 0))
    table = [[title for _, title, _, _ in FIGURES] + ["test"]] if rows else []
    table += [[shown(properties[name], unit) for name, _, _, unit in FIGURES] + [nodeid]
              for nodeid, properties in rows[:SHOWN]]
    for cells in table:
        terminalreporter.write_line("%9s  %9s  %7s  %10s  %10s  %10s  %s" % tuple(cells))
    if len(rows) > SHOWN:
        terminalreporter.write_line("and %d more tests; JUnit XML has all of them" % (len(rows) - SHOWN))
