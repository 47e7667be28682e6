# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""frames_target.py: takes the GIL in known stacks, one after the other, and says what they are. For test_frames.c.

For each stack: "case NAME", "frame FUNCTION|FILE|LINE" for each frame from inside to outside, "name TID NAME" for each thread, and
"READY" when it has the GIL for good. A line of the standard input ends it.
"""
import gc
import os
import sys
import threading

spinning = [False]
VERSION = sys.version_info[:2]


def say(*lines):
    os.write(1, ('\n'.join(lines) + '\n').encode('utf-8', 'replace'))


def described(frame, line=None):
    code = frame.f_code
    if code.co_filename.startswith('<frozen importlib._bootstrap') or code.co_filename == '<frozen zipimport>':
        return 'frame <import>||0'
    return 'frame %s|%s|%d' % (code.co_qualname if VERSION >= (3, 11) else code.co_name, code.co_filename, line or frame.f_lineno)


def tell(case, collecting=False, lines_on=1):
    """Tells the stack of the caller, whose line will be the next one."""
    frame = sys._getframe(1)
    told = [described(frame, frame.f_lineno + lines_on)]
    frame = frame.f_back
    while frame:
        one = described(frame)
        if one != told[-1] or not one.startswith('frame <import>'):
            told.append(one)
        frame = frame.f_back
    if collecting and VERSION >= (3, 13):
        # Up to 3.14 the interpreter does not say in which frame it began, here: outside of the callback.
        told.insert(2 if VERSION >= (3, 15) else 0, 'frame <garbage collection>||0')
    names = ['name %d %s' % (t.native_id, t.name) for t in threading.enumerate()]
    spinning[0] = True
    say('case ' + case, *(told + names + ['READY']))


def hold(case, collecting=False):
    tell(case, collecting)
    while spinning[0]: pass


class Plain(object):
    def method(self, case):
        hold(case)

    @staticmethod
    def static(case):
        return [Plain().method(c) for c in [case]]

    def __init__(self, case=None):
        if case:
            hold(case)


def generator(case):
    yield 1
    hold(case)
    yield 2


def delegating(case):
    yield from generator(case)


async def waits(case):
    hold(case)


async def awaits(case):
    await waits(case)


def recursive(n, case):
    if n:
        return recursive(n - 1, case)
    hold(case)


def plain():
    Plain.static('plain')


def constructor():
    Plain('constructor')


def generators():
    for _ in delegating('generators'):
        pass


def coroutine():
    try:
        awaits('coroutine').send(None)
    except StopIteration:
        pass


def executed():
    exec(compile("def f():\n\n    hold('executed')\nf()\n", '<made up>', 'exec'), {'hold': hold})


def called_back():
    sorted([3], key=lambda case:
           hold('called_back'))


def recursion():
    sys.setrecursionlimit(3000)
    recursive(900, 'recursion')


def deep():
    recursive(1500, 'deep')


def collecting():
    def callback(phase, info):
        if phase == 'start':
            gc.callbacks.remove(callback)
            hold('collecting', True)
    gc.callbacks.append(callback)
    gc.collect()


def importing():
    class Loader(object):
        def find_spec(self, name, path, target=None):
            if name == 'known_by_nobody':
                from importlib.machinery import ModuleSpec
                return ModuleSpec(name, self)

        def create_module(self, spec):
            return None

        def exec_module(self, module):
            hold('importing')
    sys.meta_path.insert(0, Loader())
    import known_by_nobody


def in_thread(target, name):
    thread = threading.Thread(target=target, name=name)
    thread.extra = 1
    thread.start()
    thread.join()


class Name(str):
    pass


class Named(threading.Thread):
    def run(self):
        self.one = self.two = self.three = 1
        self.__dict__['four'] = 2
        hold('derived')


def thread():
    in_thread(lambda: hold('thread'), 'worker-1')


def derived():
    thread = Named(name=Name('\xe9t\xe9'))
    thread.start()
    thread.join()


def many():
    more = [threading.Thread(target=threading.Event().wait, args=(1000,), name='\u4e2d-%d \U0001f600' % i) for i in range(20)]
    for thread in more:
        thread.daemon = True
        thread.start()
    more[3].name = 'x' * 300
    in_thread(lambda: hold('many'), 'main of %d' % len(more))


def in_c():
    """Asleep in a call that keeps the GIL."""
    try:
        from ctypes import PyDLL
    except ImportError:
        return
    usleep = PyDLL(None).usleep
    tell('in_c')
    usleep(900000)


def started_by_c():
    try:
        from ctypes import CDLL, CFUNCTYPE, byref, c_void_p, c_ulong
    except ImportError:
        return
    libc = CDLL(None)

    @CFUNCTYPE(c_void_p, c_void_p)
    def start(argument):
        hold('started_by_c')
        return None
    thread = c_ulong()
    if hasattr(libc, 'pthread_create'):
        libc.pthread_create(byref(thread), None, start, None)
        libc.pthread_join(thread, None)


def forked():
    """Ends when the child is killed."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    say('pid %d' % os.getpid())
    hold('forked')


def sub_interpreter():
    """Ends only with the process."""
    try:
        import _interpreters as interpreters
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            return
    script = '''
import os
def inner():
    os.write(1, b"case sub_interpreter\\nframe inner|<inner>|5\\nframe <module>|<inner>|7\\nframe <module>|%s|1\\nREADY\\n")
    while True: pass

inner()
''' % ('<script>' if VERSION >= (3, 14) else '<string>')
    run = 'exec(compile(%r, "<inner>", "exec"), {})' % script
    interpreters.run_string(interpreters.create(), run)


CASES = [plain, constructor, generators, coroutine, executed, called_back, recursion, deep, collecting, importing, thread, derived, many,
         in_c, started_by_c, forked, sub_interpreter]


def ends():
    while os.read(0, 1):
        spinning[0] = False


def main():
    threading.Thread(target=ends, daemon=True).start()
    for case in CASES:
        if sys.argv[1:] in ([], [case.__name__]):
            case()
    say('end')


main()
