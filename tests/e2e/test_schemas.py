# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The JSON Schemas in docs/. Every JSON that a test makes gilscope write is checked against them in lib.py."""
import copy
import glob
import json
import os
import re

from lib import HERE, Skip, check, equal
from schema import DOCS, FILES, complaints, schema


def golden(name):
    with open(os.path.join(HERE, os.pardir, "golden", name)) as f:
        return json.load(f)


def test_golden_reports():
    for path in glob.glob(os.path.join(HERE, os.pardir, "golden", "*.json")):
        report = golden(os.path.basename(path))
        if report.get("schema") in FILES:
            rule = schema(report["schema"])
            equal(list(complaints(report, rule, rule, "report")), [], os.path.basename(path))


def test_what_is_wrong_is_found():
    good, rule = golden("convoy.json"), schema("gilscope/1")

    def found(change):
        bad = copy.deepcopy(good)
        change(bad)
        return list(complaints(bad, rule, rule, "report"))

    gil = lambda r: r["processes"][0]["gils"][0]
    for change in (lambda r: r.pop("lost"), lambda r: r.update(news=1), lambda r: r.update(duration_ns=-1),
                   lambda r: r.update(exit_status="0"), lambda r: r["verdict"].update(kind="other"),
                   lambda r: gil(r)["chain"]["buckets"].append({"lo": 1, "hi": 2}),
                   lambda r: gil(r).update(main=1), lambda r: gil(r)["threads"][0].update(tid=None),
                   lambda r: gil(r)["hold"].pop("p50_ns")):
        equal(len(found(change)), 1, "number of complaints")


def keys(rule):
    for key, value in rule.get("properties", {}).items():
        yield key
        yield from keys(value)
    for part in [rule.get("items")] + list(rule.get("$defs", {}).values()):
        if part:
            yield from keys(part)


def test_each_key_is_described():
    """In docs/json.md, each in its own schema's part, or in the table of metrics."""
    with open(os.path.join(DOCS, "json.md")) as f:
        parts = re.split(r"(?m)^# .*`(gilscope[^`]*)`$", f.read())
    with open(os.path.join(DOCS, "metrics.md")) as f:
        metrics = f.read()
    found = dict(zip(parts[1::2], parts[2::2]))
    equal(sorted(found), sorted(FILES), "schemas described")
    for name, text in found.items():
        words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]*`", text + metrics))))
        for key in set(keys(schema(name))):
            # Besides the names of metrics, there are their times, such as hold_oncpu_ns.
            check(key in words or key[:-3] in words and key.endswith("_ns"), "%s: %r is not described", name, key)


def test_they_are_schemas():
    try:
        import jsonschema
    except ImportError:
        raise Skip("no python3-jsonschema") from None
    for name in FILES:
        jsonschema.Draft202012Validator.check_schema(schema(name))
    checker = jsonschema.Draft202012Validator(schema("gilscope/1"))
    check(not list(checker.iter_errors(golden("convoy.json"))), "jsonschema finds errors")
