"""How objects of CPython and of NumPy lie in memory, as machine code reads them: every offset, and whether it holds here."""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from functools import cache
from typing import Any

import numpy as np

from exprad.errors import UnsupportedError
from exprad.graph.leaf import Var
from exprad.ground.primitive import Primitive
from exprad.numbers import numpy_function

HEAD = 16  # bytes of any object: how often it is held, and its type
TYPE = 8  # bytes into an object, where the address of its type lies
FLOAT_VALUE = 16  # bytes into a float, where its double lies
TUPLE_SIZE, TUPLE_ITEMS = 16, 24  # bytes into a tuple, where its length and its first item lie
INTEGER_DIGITS = 24  # bytes into an integer, where its lowest 30 bits lie
DIGITS = 123_456_789  # an integer of one digit
# Bytes into NumPy's array objects, whose layout is part of its C interface.
ARRAY_DATA = 16  # the address of the first element
ARRAY_RANK = 24  # the number of dimensions, an int
ARRAY_STRIDES = 40  # the address of the strides
METHOD_FLAGS = 0x0080 | 0x0002  # METH_FASTCALL | METH_KEYWORDS


class ArrayLike(ctypes.Structure):
    """What a kernel reads of an array: laid out as NumPy's array objects are in CPython."""

    _fields_ = (
        ("head", ctypes.c_char * HEAD),
        ("data", ctypes.c_void_p),
        ("rank", ctypes.c_int64),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
    )


class UFunc(ctypes.Structure):
    """The first fields of NumPy's ufunc objects, whose layout is part of its C interface."""

    _fields_ = (
        ("head", ctypes.c_char * HEAD),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
    )


class MethodDef(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


def _has_plain_heads() -> bool:
    """Whether this is CPython, of 64 bits, whose objects begin as is expected."""
    is_cpython = sys.implementation.name == "cpython"
    return is_cpython and object.__basicsize__ == HEAD and ctypes.sizeof(ctypes.c_void_p) == 8


@cache
def reads_arrays() -> bool:
    """Whether NumPy's array objects lie in memory as kernels expect."""
    if not _has_plain_heads():
        return False
    array = np.arange(6.0)[1::2]
    found = ArrayLike.from_address(id(array))
    has_data = found.data == array.__array_interface__["data"][0]
    return bool(has_data and found.rank & 0xFFFFFFFF == 1 and ctypes.c_int64.from_address(found.strides).value == 16)


@cache
def has_builtins() -> bool:
    """Whether objects lie in memory as the code for built-in functions expects: CPython with its lock, 64 bits."""
    if not _has_plain_heads() or sysconfig.get_config_var("Py_GIL_DISABLED") or float.__basicsize__ != FLOAT_VALUE + 8:
        return False
    number = 0.1
    kind = ctypes.c_void_p.from_address(id(number) + TYPE).value
    return kind == id(float) and ctypes.c_double.from_address(id(number) + FLOAT_VALUE).value == number


def imitated(array: Any) -> ArrayLike:
    """An array as kernels expect it, where NumPy's own lie otherwise."""
    strides = (ctypes.c_int64 * max(array.ndim, 1))(*array.strides)
    found = ArrayLike(b"", array.__array_interface__["data"][0], array.ndim, None, ctypes.addressof(strides))
    found.kept = strides  # as long as it is read
    return found


_no_data = ctypes.c_char(b"\0")  # an address for loops that are given no data


@cache
def loop_of(row: Primitive) -> tuple[int, int] | None:
    """The addresses of the loop over doubles of a row's ufunc, and of the data that it is given; None where it has none."""
    try:
        ufunc = numpy_function(row)
    except (ImportError, UnsupportedError):
        return None
    if not isinstance(ufunc, np.ufunc) or not reads_arrays() or (ufunc.nin, ufunc.nout) != (row.arity, 1):
        return None
    found, signature = UFunc.from_address(id(ufunc)), "d" * ufunc.nin + "->d"
    is_as_expected = (found.nin, found.nout, found.nargs, found.ntypes) == (ufunc.nin, 1, ufunc.nin + 1, ufunc.ntypes)
    if not is_as_expected or found.name != ufunc.__name__.encode() or signature not in ufunc.types:
        return None
    place = ufunc.types.index(signature)
    function, data = found.functions[place], found.data[place] if found.data else None
    return (function, data or ctypes.addressof(_no_data)) if function else None


def is_loop(row: Primitive) -> bool:
    """Whether code may call NumPy's loop for a row, as it does for SciPy's special functions."""
    return loop_of(row) is not None


def address_of(function: Any) -> int:
    """Where a function of ctypes lies."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def node_layout() -> tuple[int, int] | None:
    """Bytes into an expression's node where its age and the tuple of its operands are named; None where that can't be read.

    The bytes of a tuple's and of a small integer's contents are asked as well.
    """
    if not has_builtins():
        return None
    node: Any = Var("x") * Var("y")
    found: list[int] = []
    for given in (node._serial, node._operands):
        words = [ctypes.c_int64.from_address(id(node) + at).value for at in range(0, type(node).__basicsize__, 8)]
        if words.count(id(given)) != 1:
            return None
        found.append(8 * words.index(id(given)))
    items = [ctypes.c_int64.from_address(id(node._operands) + TUPLE_ITEMS + 8 * place).value for place in (0, 1)]
    size = ctypes.c_int64.from_address(id(node._operands) + TUPLE_SIZE).value
    digit = ctypes.c_uint32.from_address(id(DIGITS) + INTEGER_DIGITS).value
    is_as_expected = items == list(map(id, node._operands)) and size == 2 and digit == DIGITS
    return (found[0], found[1]) if is_as_expected else None


def word(address: int) -> int:
    """The 64 bits at an address."""
    return ctypes.c_int64.from_address(int(address)).value


def half(address: int) -> int:
    """The 32 bits at an address, as a number without a sign."""
    return ctypes.c_uint32.from_address(int(address)).value
