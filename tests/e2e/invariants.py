# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Checks what docs/json.md says is always true of a report. Each function yields its complaints."""

TINY = 1e-6  # ratios are printed with a finite number of digits
TOP = 1 << 36  # the last slot of a histogram ends here; larger values are counted in it
PARTS = {"hold": ("oncpu", "preempted", "blocked"), "wait": ("blocked", "runnable", "oncpu")}
COUNTS = ("acquisitions", "contended", "requested_releases")
TOP_KEYS = ("schema", "version", "duration_ns", "lost_events", "exit_status", "probe_cost",
            "processes")
PROCESS_KEYS = ("pid", "comm", "python", "source", "free_threaded", "gils")
GIL_KEYS = ("address", "main", "switch_interval_us", "acquisitions", "contended", "releases",
            "requested_releases", "handoffs", "held_ratio", "contended_ratio", "wait_ratio", "hold",
            "hold_oncpu_ns", "hold_preempted_ns", "hold_blocked_ns", "wait", "wait_blocked_ns",
            "wait_runnable_ns", "wait_oncpu_ns", "handoff", "chain", "threads", "handoff_edges")
THREAD_KEYS = ("tid", "comm", "acquisitions", "contended", "requested_releases", "hold",
               "hold_oncpu_ns", "hold_preempted_ns", "hold_blocked_ns", "wait", "wait_blocked_ns",
               "wait_runnable_ns", "wait_oncpu_ns")


def check_invariants(report, expect_anomalies=False, expect_lost=False):
    """Raises an AssertionError that lists everything wrong with the report."""
    complaints = list(of_report(report, expect_lost))
    for p in report.get("processes", ()):
        place = "process %s" % p.get("pid")
        complaints += missing(p, PROCESS_KEYS, place)
        for g in p.get("gils", ()):
            where = "%s gil %s" % (place, g.get("address"))
            found = list(missing(g, GIL_KEYS, where))
            if p.get("source") == "futex":
                complaints += found or of_waits(g, report, where)
            elif found or not expect_lost:  # if edges were lost, the sums need not agree
                complaints += found or of_gil(g, report, where, expect_anomalies)
            else:
                complaints += of_distributions(g, where)
    if complaints:
        more = "" if len(complaints) <= 8 else " (and %d more)" % (len(complaints) - 8)
        raise AssertionError("invariants: " + "; ".join(complaints[:8]) + more)


def missing(part, keys, where):
    for k in keys:
        if k not in part:
            yield "%s: no key %s" % (where, k)


def of_report(report, expect_lost):
    yield from missing(report, TOP_KEYS, "report")
    if report.get("schema") != "gilscope/1":
        yield "schema is %r" % report.get("schema")
    if not expect_lost and report.get("lost_events"):
        yield "lost_events is %s: %s" % (report["lost_events"], report.get("lost"))
    lost = report.get("lost", {})
    if sum(lost.values()) != report.get("lost_events", 0):
        yield "lost %s does not sum to lost_events %s" % (lost, report.get("lost_events"))
    yield from negatives(report, "report")
    for u in report.get("unobserved", ()):
        if not u.get("why"):
            yield "unobserved process %s without a reason" % u.get("pid")


def negatives(value, where):
    if isinstance(value, dict):
        for k, v in value.items():
            yield from negatives(v, where + "." + k)
    elif isinstance(value, list):
        for i, v in enumerate(value):
            yield from negatives(v, "%s[%d]" % (where, i))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not value >= 0:  # this also finds NaN
            yield "%s is %s" % (where, value)


def of_gil(g, report, where, expect_anomalies):
    if not expect_anomalies and g.get("anomalies"):
        yield "%s: anomalies is %s" % (where, g["anomalies"])
    yield from of_figures(g, where)
    if g["acquisitions"] - g["releases"] not in (0, 1):
        yield "%s: %s acquisitions, %s releases" % (where, g["acquisitions"], g["releases"])
    if g["hold"]["count"] != g["releases"]:
        yield "%s: %s holds, %s releases" % (where, g["hold"]["count"], g["releases"])
    yield from of_handoffs(g, report, where)
    yield from of_ratios(g, report, where)
    yield from of_threads(g, where)
    if g.get("functions") is not None:
        yield from of_functions(g, where)


def of_waits(g, report, where):
    """The same for a GIL of which only waits are seen: what is not measured is null."""
    for row in [g] + g["threads"]:
        place = "%s %s" % (where, row.get("tid", ""))
        for k, v in row.items():
            if k.startswith(("hold", "open_hold", "held")) and k not in ("holder", "holder_call"):
                if v is not None:
                    yield "%s: %s is %s" % (place, k, v)
        for k in ("acquisitions", "releases"):
            if row[k] is not None:
                yield "%s: %s is %s" % (place, k, row[k])
        yield from of_waiting(row, place)
    for k in ("chain", "open_chain", "partial_holds", "holder"):
        if g[k] is not None:
            yield "%s: %s is %s" % (where, k, g[k])
    if g["anomalies"]:
        yield "%s: anomalies is %s" % (where, g["anomalies"])
    if g["handoff"]["count"] != g["handoffs"] or g["handoffs"] > g["contended"] + g["partial_waits"]:
        yield "%s: %s handoffs, %s latencies, %s waits" % (
            where, g["handoffs"], g["handoff"]["count"], g["contended"])
    if (g["wait_ratio"] or 0) < (g["contended_ratio"] or 0) - TINY:
        yield "%s: wait_ratio %s is below contended_ratio %s" % (
            where, g["wait_ratio"], g["contended_ratio"])
    if g["observed_ns"] and g["wait_ratio"] < g["wait"]["sum_ns"] / g["observed_ns"] - TINY:
        yield "%s: wait_ratio is %s, below the waits' %s ns" % (
            where, g["wait_ratio"], g["wait"]["sum_ns"])
    yield from of_edges(g, report, where)
    yield from of_sums(g, g["threads"], "wait", where)


def of_waiting(row, where):
    yield from of_distribution(row["wait"], where + " wait")
    parts = [row["wait_%s_ns" % part] for part in PARTS["wait"]]
    if row["wait"]["sum_ns"] != sum(parts) or row["wait"]["count"] != row["contended"]:
        yield "%s: waits %s, parts %s" % (where, row["wait"], parts)


def of_functions(g, where):
    """Checks that the rows of functions add up to the figures of the GIL."""
    rows = g["functions"]
    for r in rows:
        if (r["function"] is None) == (r.get("kind") is None):
            yield "%s: function %s of kind %s" % (where, r["function"], r.get("kind"))
        if r["hold_blocked_ns"] + r["hold_preempted_ns"] > r["hold_ns"]:
            yield "%s: a function's parts are more than its hold: %s" % (where, r)
    held = sum(r["hold_ns"] for r in rows)
    whole = g["hold"]["sum_ns"] + (
        sum(t["open_hold_ns"] for t in g["threads"]) or g["open_hold_ns"])
    if g["acquisitions"] and not g["partial_holds"]:
        if held != whole:
            yield "%s: functions held it for %s ns, and holds sum to %s" % (where, held, whole)
    elif g["held_ratio"] is not None and abs(
            held - g["held_ratio"] * g["observed_ns"]) > 2 * TINY * g["observed_ns"] + 2:
        yield "%s: functions held it for %s ns, not %s" % (
            where, held, g["held_ratio"] * g["observed_ns"])
    blocked = sum(r["hold_blocked_ns"] for r in rows)
    if not g["open_hold_ns"] and blocked != g["hold_blocked_ns"]:
        yield "%s: functions slept for %s ns, and holds for %s" % (
            where, blocked, g["hold_blocked_ns"])
    waited = sum(r["wait_ns"] for r in rows)
    if g["wait_ratio"] is not None and abs(
            waited - g["wait_ratio"] * g["observed_ns"]) > 2 * TINY * g["observed_ns"] + 2:
        yield "%s: functions let others wait for %s ns, not %s" % (
            where, waited, g["wait_ratio"] * g["observed_ns"])


def of_distributions(g, where):
    for name in ("hold", "wait", "handoff"):
        yield from of_distribution(g[name], "%s %s" % (where, name))


def of_figures(f, where):
    """Checks what is true of a thread's figures as well as of a GIL's."""
    for name in ("hold", "wait"):
        yield from of_distribution(f[name], "%s %s" % (where, name))
        parts = [f["%s_%s_ns" % (name, part)] for part in PARTS[name]]
        if f[name]["sum_ns"] != sum(parts):
            yield "%s: %s sums to %s ns, its parts %s to %s" % (
                where, name, f[name]["sum_ns"], parts, sum(parts))
    if f["wait"]["count"] != f["contended"]:
        yield "%s: %s waits, %s contended" % (where, f["wait"]["count"], f["contended"])
    if f["contended"] > f["acquisitions"]:
        yield "%s: %s contended, %s acquisitions" % (where, f["contended"], f["acquisitions"])
    if (f["requested_releases"] or 0) > f["hold"]["count"]:
        yield "%s: %s requested releases, %s holds" % (
            where, f["requested_releases"], f["hold"]["count"])


def of_distribution(d, where, unit="_ns"):
    count, total, most = d["count"], d["sum" + unit], d["max" + unit]
    buckets = [(b["lo" + unit], b["hi" + unit], b["count"]) for b in d["buckets"]]
    if sum(n for _, _, n in buckets) != count:
        yield "%s: buckets sum to %s, count is %s" % (
            where, sum(n for _, _, n in buckets), count)
    if any(n == 0 for _, _, n in buckets):
        yield "%s: an empty bucket" % where
    edges = [e for lo, hi, _ in buckets for e in (lo, hi)]
    if edges != sorted(edges) or any(lo >= hi for lo, hi, _ in buckets):
        yield "%s: buckets overlap or are out of order" % where
    if not count:
        if total or most or buckets:
            yield "%s: empty, but sum is %s and max is %s" % (where, total, most)
        return
    if not buckets:
        return
    lo, hi, _ = buckets[-1]
    if not (lo <= most < hi or hi >= TOP <= most):
        yield "%s: max %s is not in the last bucket [%s, %s)" % (where, most, lo, hi)
    yield from of_sum(buckets, total, most, where)
    if unit:
        yield from of_quantiles(d, where)


def of_sum(buckets, total, most, where):
    """Checks that the exact sum lies between the bounds that follow from the buckets."""
    least = sum(lo * n for lo, _, n in buckets)
    largest = sum(min(hi - 1, most) * n for _, hi, n in buckets[:-1]) + most * buckets[-1][2]
    if not least <= total <= largest:
        yield "%s: sum %s is not within [%s, %s]" % (where, total, least, largest)


def of_quantiles(d, where):
    q = [d[k] for k in ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns")]
    if None in q or q != sorted(q):
        yield "%s: percentiles out of order: %s" % (where, q)


def of_handoffs(g, report, where):
    yield from of_distribution(g["handoff"], where + " handoff")
    yield from of_distribution(g["chain"], where + " chain", unit="")
    if g["handoff"]["count"] != g["handoffs"]:
        yield "%s: %s handoffs, %s latencies" % (where, g["handoffs"], g["handoff"]["count"])
    if g["handoffs"] > g["contended"] + g.get("partial_waits", 0):
        yield "%s: %s handoffs, %s contended" % (where, g["handoffs"], g["contended"])
    in_chains = g["chain"]["sum"] + g.get("open_chain", 0)
    if "open_chain" in g and in_chains != g["handoffs"]:
        yield "%s: %s handoffs in chains, %s in all" % (where, in_chains, g["handoffs"])
    yield from of_edges(g, report, where)


def of_edges(g, report, where):
    if report.get("lost_events"):
        return
    edges = g["handoff_edges"]
    if sum(e["count"] for e in edges) != g["handoffs"]:
        yield "%s: handoff_edges sum to %s, handoffs are %s" % (
            where, sum(e["count"] for e in edges), g["handoffs"])
    if sum(e["wait_ns"] for e in edges) > g["wait"]["sum_ns"]:
        yield "%s: handoff_edges waited longer than all waits" % where
    if any(e["from"] == e["to"] and e["from"] for e in edges):
        yield "%s: a handoff from a thread to itself" % where
    if len({(e["from"], e["to"]) for e in edges}) != len(edges):
        yield "%s: a handoff edge occurs twice" % where


def of_ratios(g, report, where):
    for k in ("held_ratio", "contended_ratio"):
        if g[k] is not None and not 0 <= g[k] <= 1 + TINY:
            yield "%s: %s is %s" % (where, k, g[k])
    observed = g.get("observed_ns", report["duration_ns"])
    if observed > report["duration_ns"]:
        yield "%s: observed for %s ns of %s" % (where, observed, report["duration_ns"])
    if not observed:
        return
    # Ratios also count holds and waits that are unfinished at the end or were seen only in part. So
    # the sums of the distributions are lower bounds for them.
    for k, d in (("held_ratio", "hold"), ("wait_ratio", "wait")):
        if g[k] is not None and g[k] < g[d]["sum_ns"] / observed - TINY:
            yield "%s: %s is %s, below the %s of %s ns in %s ns" % (
                where, k, g[k], d, g[d]["sum_ns"], observed)
    if g["hold"]["sum_ns"] > observed:
        yield "%s: holds overlap: %s ns of holds in %s ns" % (
            where, g["hold"]["sum_ns"], observed)
    if (g["wait_ratio"] or 0) < (g["contended_ratio"] or 0) - TINY:
        yield "%s: wait_ratio %s is below contended_ratio %s" % (
            where, g["wait_ratio"], g["contended_ratio"])


def of_threads(g, where):
    threads = g["threads"]
    for t in threads:
        place = "%s thread %s" % (where, t.get("tid"))
        found = list(missing(t, THREAD_KEYS, place))
        yield from found or of_figures(t, place)
        if found:
            return
    tids = [t["tid"] for t in threads]
    if len(set(tids)) != len(tids):
        yield "%s: a thread occurs twice" % where
    for k in COUNTS:
        total = sum(t[k] or 0 for t in threads)
        if total != (g[k] or 0):
            yield "%s: %s is %s, the threads' sum to %s" % (where, k, g[k], total)
    held_now = [t["acquisitions"] - t["hold"]["count"] for t in threads]
    if any(h not in (0, 1) for h in held_now):
        yield "%s: a thread's acquisitions and holds differ by %s" % (where, held_now)
    for name in ("hold", "wait"):
        yield from of_sums(g, threads, name, where)


def of_sums(g, threads, name, where):
    keys = [part + "_ns" for part in PARTS[name]]
    for k in keys:
        k = name + "_" + k
        total = sum(t[k] for t in threads)
        if total != g[k]:
            yield "%s: %s is %s, the threads' sum to %s" % (where, k, g[k], total)
    for k in ("count", "sum_ns"):
        total = sum(t[name][k] for t in threads)
        if total != g[name][k]:
            yield "%s: %s %s is %s, the threads' sum to %s" % (where, name, k, g[name][k], total)
    most = max((t[name]["max_ns"] or 0 for t in threads), default=0)
    if most != (g[name]["max_ns"] or 0):
        yield "%s: %s max is %s, the threads' largest %s" % (
            where, name, g[name]["max_ns"], most)
    if by_bucket([g], name) != by_bucket(threads, name):
        yield "%s: %s buckets are not the sum of the threads'" % (where, name)


def by_bucket(rows, name):
    counts = {}
    for r in rows:
        for b in r[name]["buckets"]:
            counts[b["lo_ns"]] = counts.get(b["lo_ns"], 0) + b["count"]
    return counts
