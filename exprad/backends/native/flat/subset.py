"""A small part of Python as machine code: classes whose methods count, compare, and read and write arrays.

A class of the subset has annotated fields: `int` and `float` numbers, and arrays of `Long` (64 bits), `Whole` (32 bits) and
`Real` (doubles). Its methods take and return numbers. They assign, loop (`while`, `for` over a `range`), branch and call
each other. Whole numbers have 64 bits, and no operation may leave them. The same runs in Python, slowly, and as machine
code, so that one is tested by the other.
"""

from __future__ import annotations

import ast
import ctypes
import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import FunctionType
from typing import Any, TypeAlias

import numpy as np

from exprad.backends.native import engine
from exprad.backends.native.flat.method import NUMBERS, WIDTHS, Method
from exprad.errors import UnsupportedError

C_TYPES: dict[str, Any] = {"i64": ctypes.c_int64, "double": ctypes.c_double, "void": None}
Long: TypeAlias = Any  # arrays, in annotations
Whole: TypeAlias = Any
Real: TypeAlias = Any
Run: TypeAlias = Callable[[Any, str], Any]  # runs a method of an object


class MachineCode:
    """The methods of a class as machine code."""

    def __init__(self, cls: type[Any]) -> None:
        parts = [each for each in reversed(cls.__mro__) if each is not object]
        self.fields = {name: kind.rpartition(".")[2] for each in parts for name, kind in each.__annotations__.items()}
        methods = [each for part in parts for each in vars(part).values() if isinstance(each, FunctionType)]
        kinds = {each.__name__: NUMBERS[each.__annotations__.get("return", "None")] for each in methods}
        entries = [each.__name__ for each in methods if each.__code__.co_argcount == 1]

        def made() -> str:
            listed = [(part, method) for part in parts for method in _methods(part)]
            return "\n".join([Method(method, part, self.fields, kinds).text for part, method in listed])

        with engine.compiling():
            self.engine = engine.loaded_as(f"{cls.__qualname__} {_sources(cls)}", made, 2, is_optimised=True)
        self.functions: dict[str, Callable[..., Any]] = {
            name: ctypes.CFUNCTYPE(C_TYPES[kinds[name]], ctypes.c_void_p)(self.engine.get_function_address(name))
            for name in entries
        }

    def call(self, part: Any, name: str) -> Any:
        """Call a method without arguments of an object of the class; its fields are then as Python's call leaves them."""
        laid = np.zeros(len(self.fields), np.int64)
        floats = laid.view(np.float64)
        for place, (field, kind) in enumerate(self.fields.items()):
            value = getattr(part, field)
            if kind == "float":
                floats[place] = value
            else:
                laid[place] = value if kind == "int" else address(value, WIDTHS[kind][1])
        found = self.functions[name](laid.ctypes.data)
        for place, (field, kind) in enumerate(self.fields.items()):
            if kind in NUMBERS:
                setattr(part, field, floats[place].item() if kind == "float" else laid[place].item())
        return found


def has_sources() -> bool:
    """Whether Python's text is there, of which machine code is made: it is not in every frozen program."""
    return Path(__file__).is_file()


def _sources(cls: type[Any]) -> str:
    """A digest of all files that say what the text of a class is: its own, and those beside this one."""
    files = [*Path(__file__).parent.glob("*.py"), Path(inspect.getfile(cls))]
    return hashlib.sha256(b"\0".join(each.read_bytes() for each in sorted(files))).hexdigest()


def _methods(cls: type[Any]) -> list[ast.FunctionDef]:
    """The methods that a class states itself."""
    tree: Any = ast.parse(dedent(inspect.getsource(cls))).body[0]
    return [each for each in tree.body if isinstance(each, ast.FunctionDef)]


def address(array: Any, size: int) -> int:
    """Where the elements of an array lie, which must lie close and have this size."""
    if not array.flags.c_contiguous or array.itemsize != size:
        raise UnsupportedError(
            f"an array of elements of {size} bytes side by side is needed, got {array.dtype}, {array.strides}"
        )
    return int(array.__array_interface__["data"][0])


@cache
def machine_code(cls: type[Any]) -> MachineCode:
    """The machine code of a class, made once."""
    return MachineCode(cls)


def in_machine_code(part: Any, method: str) -> Any:
    """Run a method of an object as machine code."""
    return machine_code(part.__class__).call(part, method)
