# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Strict readers for the formats that `gilscope check` writes. Whatever they reject is an error."""
import re
import xml.etree.ElementTree

from lib import check, equal


# --- JUnit ---------------------------------------------------------------------------------------

def junit(path):
    root = xml.etree.ElementTree.parse(path).getroot()
    equal(root.tag, "testsuites", "the outermost element")
    suite = root.find("testsuite")
    for word in ("failure", "error", "skipped"):
        plural = word + ("s" if word != "skipped" else "")
        equal(int(suite.get(plural)), len(suite.findall("testcase/" + word)), "number of " + plural)
    equal(int(suite.get("tests")), len(suite.findall("testcase")), "number of tests")
    return suite


def outcome(case):
    found = [e.tag for e in case if e.tag in ("failure", "error", "skipped")]
    return found[0] if found else None


# --- GitHub's workflow commands ------------------------------------------------------------------

def unescape(text, prop):
    codes = [("%0D", "\r"), ("%0A", "\n")] + ([("%3A", ":"), ("%2C", ",")] if prop else [])
    for code, char in codes:
        text = text.replace(code, char)
    return text.replace("%25", "%")


def github(text):
    """Reads the annotations as GitHub's runner does. They are lines that begin with ::, perhaps
    after blanks. Lines between stop-commands and the word that ends it are not commands."""
    found, fence = [], None
    for line in text.splitlines():
        line = line.lstrip()
        if fence:
            fence = None if line == "::%s::" % fence else fence
            continue
        if not line.startswith("::"):
            continue
        m = re.match(r"::([a-z-]+)(?: ([^:]*))?::(.*)$", line)
        check(m, "not a workflow command: %r", line)
        if m.group(1) == "stop-commands":
            fence = m.group(3)
            check(len(fence) >= 16, "the word after stop-commands can be guessed: %s", fence)
            continue
        properties = dict(p.split("=", 1) for p in (m.group(2) or "").split(",") if p)
        annotation = {k: unescape(v, True) for k, v in properties.items()}
        annotation.update(level=m.group(1), message=unescape(m.group(3), False))
        check(m.group(1) in ("error", "warning", "notice"), "level %s", m.group(1))
        found.append(annotation)
    equal(fence, None, "the word of stop-commands that is not ended")
    return found


# --- TAP -----------------------------------------------------------------------------------------

def tap(text):
    lines = text.splitlines()
    equal(lines[0], "TAP version 14", "the first line")
    plan = re.fullmatch(r"1\.\.(\d+)", lines[1])
    check(plan, "not a plan: %r", lines[1])
    points, in_yaml = [], False
    for line in lines[2:]:
        if in_yaml:
            check(line == "  ..." or re.match(r'  ([a-z]+: ".*"$|[a-z]+: \|$|  )', line), "not YAML: %r", line)
            in_yaml = line != "  ..."
            points[-1]["evidence"] |= line == "  evidence: |"
            continue
        if line == "  ---":
            in_yaml = True
            continue
        m = re.fullmatch(r"(not )?ok (\d+) - ((?:[^#\\]|\\[#\\])*?)(?: # (SKIP|TODO)( .*)?)?", line)
        check(m, "not a test point: %r", line)
        equal(int(m.group(2)), len(points) + 1, "the test point's number")
        points.append({"ok": not m.group(1), "directive": m.group(4), "evidence": False})
    equal(len(points), int(plan.group(1)), "number of test points")
    return points


# --- OpenMetrics ---------------------------------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
NUMBER = r"NaN|[+-]?(?:Inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
SUFFIXES = {"counter": ["_total"], "gauge": [""],
            "histogram": ["_bucket", "_sum", "_count"]}


def labels(text):
    found = {}
    while text:
        m = re.match(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)', text)
        check(m, "not labels: %r", text)
        check(m.group(1) not in found, "label %s occurs twice", m.group(1))
        found[m.group(1)] = re.sub(r"\\(.)", lambda e: {"n": "\n"}.get(e.group(1), e.group(1)),
                                   m.group(2))
        text = text[m.end():]
    return found


def openmetrics(text):
    """{family: {type, unit, help, samples: [(name, labels, value)]}}"""
    check(text.endswith("\n# EOF\n"), "does not end in # EOF")
    families, name, seen = {}, None, set()
    for line in text.splitlines()[:-1]:
        m = re.fullmatch(r"# (TYPE|UNIT|HELP) (%s) (.*)" % NAME, line)
        if m:
            if m.group(1) == "TYPE":
                name = m.group(2)
                check(name not in families, "family %s occurs twice", name)
                check(m.group(3) in SUFFIXES, "type %s", m.group(3))
                families[name] = {"type": m.group(3), "unit": "", "samples": []}
            equal(m.group(2), name, "family of %r" % line)
            families[name][m.group(1).lower()] = m.group(3)
            check(not families[name]["samples"], "%s after samples", m.group(1))
            continue
        m = re.fullmatch(r"(%s)(?:\{(.*)\})? (%s)" % (NAME, NUMBER), line)
        check(m, "not a sample: %r", line)
        family = families[name]
        check(m.group(1) in [name + s for s in SUFFIXES[family["type"]]], "%s in family %s",
              m.group(1), name)
        sample = (m.group(1), labels(m.group(2) or ""), float(m.group(3)))
        key = (sample[0], tuple(sorted(sample[1].items())))
        check(key not in seen, "a sample occurs twice: %r", line)
        seen.add(key)
        family["samples"].append(sample)
    for name, family in families.items():
        unit = family["unit"]
        check(not unit or name.endswith("_" + unit), "the name %s lacks its unit", name)
        if family["type"] == "histogram":
            histogram(name, family["samples"])
        if family["type"] == "counter":
            check(all(s[2] >= 0 for s in family["samples"]), "%s: a negative counter", name)
    return families


def histogram(name, samples):
    """Checks that buckets are cumulative, and that the last one is +Inf and equals the count."""
    series = {}
    for sample, keys, value in samples:
        rest = tuple(sorted((k, v) for k, v in keys.items() if k != "le"))
        series.setdefault(rest, []).append((sample[len(name):], keys.get("le"), value))
    for rows in series.values():
        buckets = [(float(le.replace("+Inf", "inf")), v) for s, le, v in rows if s == "_bucket"]
        equal(buckets, sorted(buckets), "buckets of " + name)
        counts = [v for _, v in buckets]
        equal(counts, sorted(counts), "counts of " + name)
        equal(buckets[-1][0], float("inf"), "the last bucket of " + name)
        equal(buckets[-1][1], [v for s, _, v in rows if s == "_count"][0], "count of " + name)
