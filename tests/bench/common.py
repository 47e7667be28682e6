# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the benchmarks share: running gilscope on a process, and printing a figure."""

import os
import signal
import subprocess

GILSCOPE = os.environ.get("GILSCOPE", "build/gilscope")
PYTHON = "/usr/bin/python3"


def observe(pid, *options):
    """Starts gilscope stat on a running process; returns when its edges count."""
    probe = subprocess.Popen([GILSCOPE, "stat", "--json", "-p", str(pid), *options], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    assert probe.stderr.readline().startswith("observing"), "gilscope did not start"
    return probe


def finish(probe):
    probe.send_signal(signal.SIGINT)
    probe.communicate()


def figure(name, value, limit):
    print(f"bench {name} {value:.3f} {limit} {'pass' if value <= limit else 'miss'}", flush=True)
