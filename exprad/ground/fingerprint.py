"""What a row, or a family, of a user's says, as a digest: so that a pickle can tell whether its rows are still what they were."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import CodeType, FunctionType
from typing import Any

COLUMN = {"python": "math"}  # targets whose columns are called otherwise
PLAIN = (bool, int, float, complex, Fraction, str, bytes, type(None), type(Ellipsis))


def fingerprint(row: Any) -> tuple[str, str]:
    """The version of Python, whose code the digest depends on, and the digest of the columns that the row states."""
    from hashlib import sha256  # importing the package leaves it out: it takes a sixth as long

    digest = sha256()
    for column in row.columns:
        for text in _described(getattr(row, column), set()):
            digest.update(f"{column} {text}\n".encode())
    others = {target: value for target, value in row.spell.items() if COLUMN.get(target, target) not in row.columns}
    rare = {column: getattr(row, column) for column in row.rare}
    for column, value in (*sorted(others.items()), *rare.items()):
        if value not in (None, (), False):
            digest.update("".join([f"{column} {text}\n" for text in _described(value, set())]).encode())
    return f"{sys.version_info.major}.{sys.version_info.minor}", digest.hexdigest()[:16]


def _described(value: Any, seen: set[int]) -> Iterator[str]:
    """Numbers and texts by what they are, functions by their code and what it reads, all else by its name."""
    if isinstance(value, PLAIN):
        yield repr(value)
    elif isinstance(value, (tuple, list, frozenset)):
        for each in sorted(value, key=repr) if isinstance(value, frozenset) else value:
            yield from _described(each, seen)
    elif isinstance(value, Mapping):
        yield from _described(sorted(value.items()), seen)
    elif isinstance(value, CodeType):
        yield f"{value.co_code.hex()} {value.co_names} {value.co_varnames} {value.co_freevars}"
        yield from _described(value.co_consts, seen)
    elif isinstance(value, FunctionType):
        if id(value) not in seen:
            seen.add(id(value))
            yield from _described(value.__code__, seen)
            yield from _described(list(_read(value)), seen)
    else:
        yield str(getattr(value, "name", None) or getattr(value, "__qualname__", type(value).__qualname__))


def _read(function: FunctionType) -> Iterator[Any]:
    """The values that a function's code reads: defaults, cells, and globals, of modules other than exprad's."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not yet filled
            continue
    if function.__module__ is None or function.__module__.split(".")[0] != "exprad":
        for name in _names(function.__code__):
            if name in function.__globals__:
                yield function.__globals__[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)
