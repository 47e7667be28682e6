#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Draws a picture of `gilscope top` from what it shows on a terminal.

This runs `gilscope top` in a terminal of tmux for some seconds, and draws the cells with their
colours. It needs root, tmux and a built gilscope:

    docs/picture.py 20 build/gilscope nice -n -15 python3 tests/workloads/demo.py 60 > docs/top.svg

With that priority, what else runs on the machine does not get into the picture.
"""
import html
import os
import re
import subprocess
import sys
import tempfile
import time
import unicodedata

WIDTH, HEIGHT = 104, 32
CELL_WIDTH, CELL_HEIGHT = 8.4, 17
INK, PAPER = "#d8dee9", "#1b1f27"
BASIC = ["#3b4252", "#d9534f", "#7fb069", "#e0b13c", "#4f8fd0", "#b48ead", "#5bb5c9", "#d8dee9"]


def tmux(socket, *args):
    return subprocess.run(["tmux", "-u", "-S", socket] + list(args), capture_output=True, text=True,
                          check=True).stdout


def capture(seconds, argv):
    """The screen, with its colour codes."""
    with tempfile.TemporaryDirectory() as place:
        socket = os.path.join(place, "socket")
        command = ["env", "LC_ALL=C.UTF-8", "TERM=tmux-256color", argv[0], "top", "--"] + argv[1:]
        tmux(socket, "-f", "/dev/null", "new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT),
             *command)
        time.sleep(seconds)
        screen = tmux(socket, "capture-pane", "-p", "-e")
        tmux(socket, "kill-server")
        return screen


def colour(n):
    """Of the 256."""
    if n < 8:
        return BASIC[n]
    if n >= 232:
        return "#%02x%02x%02x" % ((8 + 10 * (n - 232),) * 3)
    n -= 16
    return "#%02x%02x%02x" % tuple(0 if not v else 55 + 40 * v for v in (n // 36, n // 6 % 6, n % 6))


class Look:
    def __init__(self):
        self.ink, self.bold, self.dim, self.reverse, self.underline = None, False, False, False, False

    def apply(self, codes):
        codes = [int(c or 0) for c in codes.split(";")]
        while codes:
            c = codes.pop(0)
            if c == 0:
                self.__init__()
            elif c in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "underline", 7: "reverse"}[c], True)
            elif c == 22:
                self.bold = self.dim = False
            elif c == 24:
                self.underline = False
            elif c == 27:
                self.reverse = False
            elif 30 <= c < 38:
                self.ink = BASIC[c - 30]
            elif c == 38:
                codes.pop(0)
                self.ink = colour(codes.pop(0))
            elif c == 39:
                self.ink = None

    def attributes(self):
        ink = PAPER if self.reverse else self.ink or INK
        found = 'fill="%s"' % ink
        if self.bold:
            found += ' font-weight="bold"'
        if self.dim and not self.reverse:
            found += ' opacity="0.6"'
        if self.underline:
            found += ' text-decoration="underline"'
        return found


def runs(line, look):
    """(column, columns, text, attributes, reverse) of what looks the same."""
    column = 0
    for codes, text in re.findall(r"(?:\x1b\[([\d;]*)m)|([^\x1b]+)", line):
        if not text:
            look.apply(codes)
            continue
        columns = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
        yield column, columns, text, look.attributes(), look.reverse
        column += columns


def draw(screen):
    print('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="monospace" '
          'font-size="14">' % (WIDTH * CELL_WIDTH + 20, HEIGHT * CELL_HEIGHT + 20))
    print('<rect width="100%%" height="100%%" rx="6" fill="%s"/>' % PAPER)
    look = Look()
    for row, line in enumerate(screen.split("\n")[:HEIGHT]):
        y = 10 + row * CELL_HEIGHT
        for column, columns, text, attributes, reverse in runs(line, look):
            x = 10 + column * CELL_WIDTH
            if reverse:
                print('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>' % (
                    x, y, columns * CELL_WIDTH, CELL_HEIGHT, INK))
            if text.strip():
                print('<text x="%.1f" y="%.1f" textLength="%.1f" '
                      'lengthAdjust="spacingAndGlyphs" xml:space="preserve" %s>%s</text>' % (
                    x, y + 13, columns * CELL_WIDTH, attributes, html.escape(text)))
    print("</svg>")


draw(capture(float(sys.argv[1]), sys.argv[2:]))
