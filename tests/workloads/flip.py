# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""flip.py N SECS: on a free-threaded build, N threads call os.stat for SECS seconds, while another
one keeps importing built-in modules. Each import turns the GIL on and off."""
import _imp
import importlib.machinery
import os
import sys
import threading

import truth

KEPT = ("builtins", "sys", "_imp", "posix", "time", "_thread", "faulthandler")


def imports(done, secs):
    names = [n for n in sys.builtin_module_names if n not in KEPT]
    deadline, n = truth.now() + int(secs * 1e9), 0
    while truth.now() < deadline:
        for name in names:
            spec = importlib.machinery.BuiltinImporter.find_spec(name)
            _imp.exec_builtin(_imp.create_builtin(spec))
            n += 1
    done.append(n)


def main():
    n, secs = truth.arguments()[:2]
    done = []

    def body():
        while not done:
            os.stat("/")
        return {}

    truth.ready()
    importer = threading.Thread(target=imports, args=(done, float(secs)))
    importer.start()
    threads = truth.in_threads(int(n), body)
    importer.join()
    truth.tell(threads=threads, imports=done[0], enabled=sys._is_gil_enabled())


main()
