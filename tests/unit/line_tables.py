# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""line_tables.py some|all SEEN: prints the tables of lines of code objects, and what the interpreter says is the line of each
instruction.

For each code object: "code MINOR FIRST_LINE TABLE", with the table in hexadecimal digits, and then a line "FROM TO LINE" for each
run of instructions of one line, in bytes; line 0 means that they have none. The code objects are those of the cases below and of some
modules of the standard library, or of all. With "some", nothing if bit M of SEEN is set, where 3.M is the version. For test_lines.c.
"""
import os
import sys
import types

if sys.version_info < (3, 10):
    import dis

CASES = '''
import functools
def decorate(f):
    return f
@decorate
@functools.partial(
    lambda f, *a:
        f,
)
def decorated(a,
              b=1):
    x = [i
         for i in range(a)
         if i]
    return (lambda:
            x)()
def tried(a):
    try:
        for i in a:
            if i:
                continue
            return 1
    except ValueError:
        a = 2
    finally:
        a = 3
    while a:
        a = a - 1
    else:
        a = (a +
             1)
    with open(a) as f, \\
            open(a) as g:
        return {a: 1, 'b':
                2}
def generated():
    yield 1

    yield 2
class A(object):
    x = 1
    class B(object):
        def f(self): return self


        y = 2
async def waits(a):
    async with a as b:
        async for c in b:
            await c
    return f"""{a}
{b
  + c!r:>{a}}
"""
'''


def large():
    """A function of more than 40 KiB, and long steps of the instruction and of the line, in both directions."""
    lines = ['def large(a):']
    for i in range(600):
        lines.append('    a = ' + ' + '.join('a' for _ in range(8)))
        if not i % 100:
            lines.extend([''] * (i // 2))
            lines.append('    a = [%s]' % ', '.join('a' for _ in range(200)))
            lines.append('    a(%s\n1)' % ('\n' * 300))
    return '\n'.join(lines)


def truth(code):
    """The line of each code unit, in order; 0 for none."""
    if sys.version_info >= (3, 11):
        return [position[0] or 0 for position in code.co_positions()]
    n = len(code.co_code)
    lines = [0] * n
    if sys.version_info >= (3, 10):
        for start, end, line in code.co_lines():
            lines[start:end] = [line or 0] * (end - start)
        return lines[::2]
    starts = list(dis.findlinestarts(code)) or [(0, code.co_firstlineno)]
    if starts[0][0]:
        starts.insert(0, (0, code.co_firstlineno))
    for (start, line), (end, _) in zip(starts, starts[1:] + [(n, 0)]):
        lines[start:end] = [line] * (end - start)
    return lines[::2]


def show(code, out):
    table = bytearray(code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab)
    out.append('code %d %d %s' % (sys.version_info[1], code.co_firstlineno, ''.join('%02x' % b for b in table) or '-'))
    lines = truth(code)
    start = 0
    for i in range(1, len(lines) + 1):
        if i == len(lines) or lines[i] != lines[start]:
            out.append('%d %d %d' % (2 * start, 2 * i, lines[start]))
            start = i
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            show(constant, out)


def sources(everything):
    yield 'cases', CASES
    yield 'large', large()
    library = os.path.dirname(os.__file__)
    if not everything:
        for name in ('argparse.py', 'threading.py'):
            with open(os.path.join(library, name), 'rb') as f:
                yield name, f.read()
        return
    for folder, _, names in os.walk(library):
        for name in names:
            if name.endswith('.py'):
                with open(os.path.join(folder, name), 'rb') as f:
                    yield name, f.read()


def main():
    everything = sys.argv[1] == 'all'
    if not everything and int(sys.argv[2]) >> sys.version_info[1] & 1:
        return
    for name, source in sources(everything):
        try:
            code = compile(source, name, 'exec', dont_inherit=True)
        except (SyntaxError, ValueError, UnicodeError):
            continue
        out = []
        show(code, out)
        print('\n'.join(out))


main()
