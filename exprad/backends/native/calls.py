"""What machine code knows of a call of Python's: the table of a function, and what is found while a call is read."""

from __future__ import annotations

import ctypes
import re
from itertools import count

from exprad.backends.native import layout
from exprad.backends.native.llvm import defined

MOST = 100  # arrays that a call reads and writes
DOUBLES, SINGLES = 1, 2  # bits of what was given


class Table(ctypes.Structure):
    """What a built-in function computes with: addresses, and numbers."""

    _fields_ = (
        ("general", ctypes.c_void_p),  # the function of Python that takes all calls
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
        ("container", ctypes.c_int64),  # of the results: see `CONTAINERS`
        ("truths", ctypes.c_void_p),  # a byte an output: whether it is a condition
        ("any_truth", ctypes.c_int64),
        ("point", ctypes.c_void_p),  # computes one point; None while it takes no numbers
        ("double", ctypes.c_void_p),  # the kernels for arrays; None while it takes none of that type
        ("float", ctypes.c_void_p),
        ("least", ctypes.c_int64),  # points from which it takes arrays
        ("released", ctypes.c_int64),  # points from which Python's lock is let go
        ("shared", ctypes.c_int64),  # points from which threads share them
        ("piece", ctypes.c_int64),  # points that a thread takes at once
    )


class Team(ctypes.Structure):
    """What threads that wait for work have in common. Its numbers are read and written atomically; see `team`.

    What the caller writes for each piece, and what all read while they wait, lie in lines of the cache of their own.
    """

    _fields_ = (
        ("ready", ctypes.c_int64),  # whether there are threads
        ("busy", ctypes.c_int64),  # whether a caller has work for them
        ("kernel", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("piece", ctypes.c_int64),
        ("room", ctypes.c_char * 80),
        ("next", ctypes.c_int64),  # the first point that nobody has taken
        ("space", ctypes.c_char * 120),
        ("turn", ctypes.c_int64),  # counts the calls
        ("open", ctypes.c_int64),  # whether there are points to take
        ("active", ctypes.c_int64),  # threads that may be at work
        ("asleep", ctypes.c_int64),  # threads that must be woken
        ("over", ctypes.c_int64),  # whether they shall end
        ("gap", ctypes.c_char * 88),
        ("lock", ctypes.c_char * 128),  # room for what the system's threads ask for, on any system
        ("bell", ctypes.c_char * 128),
    )


class Call(ctypes.Structure):
    """What is known of a call while it is read."""

    _fields_ = (
        ("shape", ctypes.c_void_p),  # of the points
        ("rank", ctypes.c_int64),
        ("size", ctypes.c_int64),
        ("kinds", ctypes.c_int64),  # bits: DOUBLES, SINGLES
        ("slots", ctypes.c_int64 * (2 * MOST)),  # what a kernel reads
        ("numbers", ctypes.c_double * MOST),  # the values of Python's numbers, by place
        ("results", ctypes.c_void_p * MOST),  # the arrays that are written
    )


CONTAINERS = "", "List", "Tuple"  # that hold results, by their numbers in a table
_OBJECT = {
    "TYPE": layout.TYPE,
    "VALUE": layout.VALUE,
    "OWN": layout.OWN_DATA,
    "COUNT": layout.TUPLE_SIZE,
    "ITEMS": layout.TUPLE_ITEMS,
}
OFFSETS = {
    **_OBJECT,
    **{
        f"{kind.__name__}.{name}": getattr(kind, name).offset
        for kind in (layout.Array, Table, Team, Call)
        for name, *_ in kind._fields_
    },
}
_GET = re.compile(r"(%\w+) = get (\w+) (%\w+) ([\w.]+)")
_PUT = re.compile(r"put (\w+) ([-%@\w]+) (%\w+) ([\w.]+)")
_AT = re.compile(r"(%\w+) = at (%\w+) ([\w.]+)")


def function(head: str, text: str) -> str:
    """A function of a text with three words more than LLVM has, for fields of what lies in memory.

    `%x = get i64 %call Call.size` loads a field, `put i64 %x %call Call.size` stores it, and `%p = at %call Call.size` is
    where it lies.
    """
    places = (f"%at{place}" for place in count())

    def got(found: re.Match[str]) -> str:
        place = next(places)
        address = f"{place} = getelementptr i8, ptr {found[3]}, i64 {OFFSETS[found[4]]}"
        return f"{address}\n{found[1]} = load {found[2]}, ptr {place}"

    def put(found: re.Match[str]) -> str:
        place = next(places)
        address = f"{place} = getelementptr i8, ptr {found[3]}, i64 {OFFSETS[found[4]]}"
        return f"{address}\nstore {found[1]} {found[2]}, ptr {place}"

    text = _PUT.sub(put, _GET.sub(got, text))
    text = _AT.sub(lambda found: f"{found[1]} = getelementptr i8, ptr {found[2]}, i64 {OFFSETS[found[3]]}", text)
    return defined(head, text.strip().split("\n"))
