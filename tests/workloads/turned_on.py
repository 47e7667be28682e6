# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""turned_on.py FOLDER: on a free-threaded build, loads the module `noslot` from FOLDER, which turns
the GIL on, and prints ON. After a line on stdin, two threads compute; after another line, it
ends."""
import sys

import truth


def body():
    deadline = truth.now() + 400000000
    turns = 0
    while truth.now() < deadline:
        turns += 1
    return {"turns": turns}


def main():
    truth.ready()
    sys.path.insert(0, truth.arguments()[0])
    import noslot  # noqa: F401
    truth.say("ON")
    truth.await_line()
    truth.tell(threads=truth.in_threads(2, body), enabled=sys._is_gil_enabled())
    truth.await_line()


main()
