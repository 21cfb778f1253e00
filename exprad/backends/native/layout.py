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
VALUE = 16  # bytes into a float, and into a number of NumPy's, where its value lies
INTEGER_DIGITS = 24  # bytes into an integer, where its lowest 30 bits lie
DIGITS = 123_456_789  # an integer of one digit
OWN_DATA = 16  # bytes into an object of ctypes, where the address of its data lies
TUPLE_SIZE = 16  # bytes into a list or a tuple, where the number of its items lies
TUPLE_ITEMS = 24  # and where the items of a tuple lie, or the address of those of a list
TYPE_FLAGS = 168  # bytes into a class, where its flags lie
HAS_VECTORCALL = 1 << 11  # of these: its objects have the address of what is called for them
METHOD_FLAGS = 0x0080 | 0x0002  # METH_FASTCALL | METH_KEYWORDS
# What NumPy says of an array by bits.
CONTIGUOUS, ALIGNED, WRITEABLE, WARNS = 0x0001, 0x0100, 0x0400, 0x80000000
# Places in the table of NumPy's C interface, which never change.
ARRAY_TYPE, RETURNED, NEW_ARRAY = 2, 76, 94


class Array(ctypes.Structure):
    """NumPy's array objects, whose layout is part of its C interface."""

    _fields_ = (
        ("head", ctypes.c_char * HEAD),
        ("data", ctypes.c_void_p),
        ("rank", ctypes.c_int),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("base", ctypes.c_void_p),
        ("dtype", ctypes.c_void_p),
        ("flags", ctypes.c_uint),
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


class _Member(ctypes.Structure):
    """CPython's PyMemberDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _TypeSlot(ctypes.Structure):
    """CPython's PyType_Slot."""

    _fields_ = (("slot", ctypes.c_int), ("value", ctypes.c_void_p))


class _TypeSpec(ctypes.Structure):
    """CPython's PyType_Spec."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_TypeSlot)),
    )


_MEMBERS = 72  # Py_tp_members
_SIZE, _READ_ONLY = 19, 1  # T_PYSSIZET, READONLY
_FOR_CLASSES = 1 << 18 | 1 << 10  # Py_TPFLAGS_DEFAULT, Py_TPFLAGS_BASETYPE


def _has_plain_heads() -> bool:
    """Whether this is CPython, of 64 bits, whose objects begin as is expected."""
    is_cpython = sys.implementation.name == "cpython"
    return is_cpython and object.__basicsize__ == HEAD and ctypes.sizeof(ctypes.c_void_p) == 8


@cache
def reads_arrays() -> bool:
    """Whether NumPy's array objects lie in memory as code expects."""
    if not _has_plain_heads():
        return False
    array = np.arange(6.0)[1::2]
    found = Array.from_address(id(array))
    if (found.data, found.rank) != (array.__array_interface__["data"][0], 1):
        return False
    numbers = [ctypes.c_int64.from_address(each).value for each in (found.shape, found.strides)]
    return numbers == [3, 16] and found.dtype == id(array.dtype) and found.flags & 0xFFFF == array.flags.num


@cache
def has_builtins() -> bool:
    """Whether objects lie in memory as the code for built-in functions expects: CPython with its lock, 64 bits."""
    if not _has_plain_heads() or sysconfig.get_config_var("Py_GIL_DISABLED") or float.__basicsize__ != VALUE + 8:
        return False
    number = 0.1
    kind = ctypes.c_void_p.from_address(id(number) + TYPE).value
    is_held_there = ctypes.c_double.from_address(id(number) + VALUE).value == number
    own = ctypes.c_double(number)
    is_own_there = ctypes.c_void_p.from_address(id(own) + OWN_DATA).value == ctypes.addressof(own)
    return kind == id(float) and is_held_there and is_own_there


@cache
def answered() -> Any:
    """A class whose objects have room for the address of a table, and of machine code that is called for them (`answer`).

    It is made by CPython's interface for classes of extensions; `object` where there are no built-ins.
    """
    if not has_builtins():
        return object
    members = (_Member * 2)(_Member(b"__vectorcalloffset__", _SIZE, OWN_DATA + 8, _READ_ONLY, None))
    slots = (_TypeSlot * 2)(_TypeSlot(_MEMBERS, ctypes.addressof(members)))
    spec = _TypeSpec(b"exprad.backends.native.layout.Answered", OWN_DATA + 16, 0, _FOR_CLASSES, slots)
    made = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p)(("PyType_FromSpec", ctypes.pythonapi))
    found = made(ctypes.addressof(spec))
    _kept.append((members, slots, spec))
    return found


_kept: list[Any] = []  # what a class was made of


def answer(asked: Any, table: int, code: int) -> None:
    """Have machine code answer for an object of a class of its own, which derives from `answered()`."""
    flags = ctypes.c_ulong.from_address(id(type(asked)) + TYPE_FLAGS)
    if answered() is object or flags.value != type(asked).__flags__:
        return
    ctypes.c_int64.from_address(id(asked) + OWN_DATA).value = table
    ctypes.c_int64.from_address(id(asked) + OWN_DATA + 8).value = code
    flags.value |= HAS_VECTORCALL


@cache
def numpy_interface() -> dict[str, int]:
    """The addresses of what code calls of NumPy, by name; none where its objects lie otherwise than is expected."""
    module = sys.modules.get("numpy._core._multiarray_umath")
    if not reads_arrays() or module is None or not _has_items():
        return {}
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(pointer(module._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    found = {"new": table[NEW_ARRAY] or 0, "returned": table[RETURNED] or 0}
    return found if table[ARRAY_TYPE] == id(np.ndarray) and all(found.values()) else {}


def _has_items() -> bool:
    """Whether lists, tuples and NumPy's numbers lie in memory as code expects."""
    item, double, single = object(), np.float64(0.1), np.float32(0.1)
    for kind in (list, tuple):
        whole: Any = kind([item, item, None])
        first = (
            id(whole) + TUPLE_ITEMS
            if kind is tuple
            else ctypes.c_void_p.from_address(id(whole) + TUPLE_ITEMS).value or 0
        )
        if ctypes.c_int64.from_address(id(whole) + TUPLE_SIZE).value != 3 or _addresses(first, 3) != [
            *[id(item)] * 2,
            id(None),
        ]:
            return False
    values = (
        ctypes.c_double.from_address(id(double) + VALUE).value,
        ctypes.c_float.from_address(id(single) + VALUE).value,
    )
    return values == (0.1, float(single))


def _addresses(first: int, count: int) -> list[int]:
    return list((ctypes.c_int64 * count).from_address(first))


def slot(array: Any) -> tuple[int, int]:
    """Where the numbers of an array of one axis begin, and the bytes from one to the next: 0 of an array of no axes."""
    if reads_arrays():
        data = Array.from_address(id(array)).data or 0
    else:
        data = array.__array_interface__["data"][0]
    return data, array.strides[0] if array.ndim else 0


_no_data = ctypes.c_char(b"\0")  # an address for loops that are given no data


@cache
def loop_of(row: Primitive) -> tuple[int, int] | None:
    """The addresses of the loop over doubles of a row's ufunc, and of the data that it is given; None where it has none."""
    try:
        ufunc = numpy_function(row)
    except (ImportError, UnsupportedError):
        return None
    return (
        loop_of_ufunc(ufunc, "d") if (getattr(ufunc, "nin", 0), getattr(ufunc, "nout", 0)) == (row.arity, 1) else None
    )


@cache
def loop_of_ufunc(ufunc: Any, kind: str) -> tuple[int, int] | None:
    """The same of a ufunc with one result, for numbers of a kind, "d" or "f"."""
    if not isinstance(ufunc, np.ufunc) or not reads_arrays() or ufunc.nout != 1:
        return None
    found, signature = UFunc.from_address(id(ufunc)), kind * ufunc.nin + "->" + kind
    is_as_expected = (found.nin, found.nout, found.nargs, found.ntypes) == (ufunc.nin, 1, ufunc.nin + 1, ufunc.ntypes)
    if not is_as_expected or found.name != ufunc.__name__.encode() or signature not in ufunc.types:
        return None
    place = ufunc.types.index(signature)
    function, data = found.functions[place], found.data[place] if found.data else None
    return (function, data or ctypes.addressof(_no_data)) if function else None


def matrix_function(name: str, dtype: Any) -> Any:
    """NumPy's function of stacks of matrices; None where it has none, or one in double precision only."""
    if name == "matmul":
        return np.matmul
    return getattr(getattr(np.linalg, "_umath_linalg", None), name or "none", None) if dtype.itemsize == 8 else None


def reads_tuples() -> bool:
    """Whether tuples and NumPy's array objects lie in memory as tables of loops expect."""
    return reads_arrays() and _has_items()


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
