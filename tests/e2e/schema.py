# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Checks JSON against the schemas in docs/: with the few words of JSON Schema that these use, which takes
milliseconds. A key that the schema lacks is wrong here, though readers have to ignore it: it would be
undocumented."""
import functools
import json
import os

DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs")
FILES = {"gilscope/1": "gilscope-1.schema.json", "gilscope-check/1": "gilscope-check-1.schema.json",
         "gilscope-doctor/1": "gilscope-doctor-1.schema.json", "gilscope-interval/1": "gilscope-interval-1.schema.json",
         "gilscope-repeat/1": "gilscope-repeat-1.schema.json"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
         "null": type(None)}
WORDS = {"$schema", "$defs", "$ref", "title", "description", "type", "enum", "const", "minimum", "items",
         "properties", "required"}


@functools.lru_cache(None)
def schema(name):
    with open(os.path.join(DOCS, FILES[name])) as f:
        return json.load(f)


def is_type(value, name):
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def complaints(value, rule, root, where):
    if "$ref" in rule:
        rule = root["$defs"][rule["$ref"].rsplit("/", 1)[1]]
    assert WORDS.issuperset(rule), "the schema uses a word that is not checked: %s" % (set(rule) - WORDS)
    types = rule.get("type", [])
    if types and not any(is_type(value, t) for t in ([types] if isinstance(types, str) else types)):
        yield "%s is %.60r, not %s" % (where, value, types)
    elif "const" in rule and value != rule["const"] or "enum" in rule and value not in rule["enum"]:
        yield "%s is %r" % (where, value)
    elif value is None:
        return
    elif "minimum" in rule and value < rule["minimum"]:
        yield "%s is %r" % (where, value)
    elif isinstance(value, list) and "items" in rule:
        for i, item in enumerate(value):
            yield from complaints(item, rule["items"], root, "%s[%d]" % (where, i))
    elif isinstance(value, dict) and "properties" in rule:
        for k in rule.get("required", ()):
            if k not in value:
                yield "%s has no %s" % (where, k)
        for k, v in value.items():
            if k in rule["properties"]:
                yield from complaints(v, rule["properties"][k], root, "%s.%s" % (where, k))
            else:
                yield "%s.%s is not documented" % (where, k)


def check_schema(report):
    """Raises an AssertionError if a report contradicts its schema. Others are left alone."""
    name = report.get("schema")
    if name in FILES:
        found = list(complaints(report, schema(name), schema(name), name))
        assert not found, "schema: " + "; ".join(found[:8])
