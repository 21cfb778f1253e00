"""What code calls, and where it lies: the C library's mathematics, glibc's for vectors, exprad's own, and NumPy's loops."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Mapping
from functools import cache
from typing import Any

from exprad.backends.native import engine, layout, mathematics
from exprad.backends.native.module import Module
from exprad.backends.native.steps import has
from exprad.backends.signature import own_name
from exprad.errors import UnsupportedError
from exprad.ground.primitive import Primitive

LIBRARIES = ("libm.so.6", "libSystem.dylib", "ucrtbase.dll", "msvcrt.dll")  # that have the C library's mathematics


@cache
def _libraries() -> tuple[Any, Any]:
    """The C library's mathematics, and its vector mathematics where there is one."""
    wanted = platform.machine() == "x86_64" and os.environ.get("EXPRAD_LIBMVEC") != "0"
    try:
        vector = ctypes.CDLL("libmvec.so.1") if wanted else None
    except OSError:
        vector = None
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name), vector
        except OSError:
            continue
    raise UnsupportedError(f"the C library's mathematics was not found under {LIBRARIES}")


def _libmvec(name: str, arity: int) -> str | None:
    """The symbol of a function of libmvec for vectors of this machine; None where it has none."""
    vector, width = _libraries()[1], engine.width()
    letter = {8: "e", 4: "d", 2: "b"}[width]
    symbol = f"_ZGV{letter}N{width}{'v' * arity}_{name}"
    return symbol if vector is not None and hasattr(vector, symbol) else None


def has_code(row: Primitive) -> bool:
    """Whether there is code for a row."""
    return has(row, layout.is_loop, lambda name: row.is_own or hasattr(_libraries()[0], name))


def new_module(width: int, real: str, fast: bool, vectors: Module | None = None) -> Module:
    """An empty module for this machine; see `Module`."""
    return Module(width, real, fast, _libmvec, engine.has_fma(), layout.is_loop, vectors)


def linked(module: Module, text: str, name: str, level: int = 2) -> tuple[Any, int]:
    """A module's engine, which must live as long as its code, and the address of a function in it."""
    with engine.compiling():
        for name_and_width in module.own:
            _own(*name_and_width)
        scalar, vector = _libraries()
        name_functions({f"exprad_libm_{symbol}": getattr(scalar, symbol) for symbol in module.external})
        name_functions({symbol: getattr(vector, symbol) for symbol in module.vector})
        for row in module.loops:
            symbols = f"exprad_loop_{own_name(row)}", f"exprad_data_{own_name(row)}"
            name_addresses(dict(zip(symbols, layout.loop_of(row) or (), strict=True)))
        made = engine.loaded(text, level)
        return made, int(made.get_function_address(name))


@cache
def _own(name: str, width: int) -> Any:
    """A function of exprad's own, where modules find it."""
    scalar = _libraries()[0]
    name_functions({f"exprad_libm_{symbol}": getattr(scalar, symbol) for symbol in mathematics.OF_ANGLES.get(name, ())})
    made = engine.loaded(mathematics.module(name, width), 2)
    symbol = mathematics.symbol(name, width)
    name_addresses({symbol: made.get_function_address(symbol)})
    return made


def name_functions(functions: Mapping[str, Any]) -> None:
    """Make functions of ctypes known to LLVM."""
    name_addresses({symbol: layout.address_of(function) for symbol, function in functions.items()})


def name_addresses(addresses: Mapping[str, int]) -> None:
    """Make known to LLVM what lies somewhere."""
    llvm = engine.binding()
    for symbol, address in addresses.items():
        llvm.add_symbol(symbol, address)
