"""The native back end: vector machine code by LLVM (the extra `native`: llvmlite), on threads that need no interpreter."""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import platform
import sys
import sysconfig
import threading
from collections.abc import Sequence
from functools import cache, partial
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from exprad.backends.llvm import Module, check, is_function
from exprad.backends.numpy import BlockRunner, columns_of, pool, rows_of, workers
from exprad.backends.signature import Input
from exprad.errors import UnsupportedError, extra
from exprad.files import write_whole
from exprad.primitive import Primitive, Shape
from exprad.program import Program

PARALLEL = 500_000  # nanoseconds of work from which threads pay
COST = 0.02, 0.8  # nanoseconds that an operation takes at a point: of arithmetic; of a function
LARGEST = 3000  # steps of a kernel: LLVM's time grows faster than they do
_lock = threading.Lock()


@cache
def _binding() -> Any:
    """LLVM, ready for this machine."""
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise extra("llvmlite", "native", "backend 'native'") from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@cache
def _machine() -> tuple[str, str, dict[str, bool]]:
    llvm = _binding()
    features = llvm.get_host_cpu_features()
    return llvm.get_host_cpu_name(), features.flatten(), dict(features)


def _width() -> int:
    """Doubles in a vector register."""
    features = _machine()[2]
    return 8 if features.get("avx512f") else 4 if features.get("avx") else 2


@cache
def _libraries() -> tuple[Any, Any]:
    """The C library's mathematics, and its vector mathematics where there is one."""
    wanted = platform.machine() == "x86_64" and os.environ.get("EXPRAD_LIBMVEC") != "0"
    try:
        vector = ctypes.CDLL("libmvec.so.1") if wanted else None
    except OSError:
        vector = None
    names = ("libm.so.6", "libSystem.dylib", "ucrtbase.dll", "msvcrt.dll")
    for name in names:
        try:
            return ctypes.CDLL(name), vector
        except OSError:
            continue
    raise UnsupportedError(f"the C library's mathematics was not found under {names}")


def _libmvec(name: str, arity: int) -> str | None:
    """The symbol of a function of libmvec for vectors of this machine; None where it has none."""
    vector = _libraries()[1]
    letter = {8: "e", 4: "d", 2: "b"}[_width()]
    symbol = f"_ZGV{letter}N{_width()}{'v' * arity}_{name}"
    return symbol if vector is not None and hasattr(vector, symbol) else None


class _Code:
    """Machine code of a module: compiled when it is made, or loaded from the disk."""

    def __init__(self, program: Program, width: int, fast: bool) -> None:
        self.llvm = _binding()
        check(program)
        has_fma = _machine()[2].get("fma", platform.machine() in ("arm64", "aarch64"))
        self.module = Module(width, has_fma, _libmvec if width > 1 else lambda name, arity: None, fast)
        self.text = ""

    def linked(self, name: str, text: str, symbols: dict[str, int]) -> int:
        """The address of a function of the module."""
        self.text = text
        scalar, vector = _libraries()
        with _lock:
            for symbol, address in symbols.items():
                self.llvm.add_symbol(symbol, address)
            for inner in self.module.external:
                self.llvm.add_symbol(f"exprad_libm_{inner}", _address(getattr(scalar, inner)))
            for line in self.module.declarations:
                symbol = line.partition("@")[2].partition("(")[0]
                if symbol.startswith("_ZGV"):
                    self.llvm.add_symbol(symbol, _address(getattr(vector, symbol)))
            self._engine = _loaded(self.llvm, text)
            return int(self._engine.get_function_address(name))


class Kernel(_Code):
    """A program as machine code over arrays of doubles."""

    def __init__(self, program: Program, columns: Sequence[int], fast: bool) -> None:
        super().__init__(program, _width(), fast)
        address = self.linked("kernel", self.module.text(program, columns), {})
        pointer = ctypes.c_void_p
        self.function = ctypes.CFUNCTYPE(None, pointer, pointer, ctypes.c_int64)(address)

    def __call__(self, arrays: Sequence[Any], count: int) -> None:
        """Run over one axis: of each array, the address of the first element and the stride."""
        addresses = (ctypes.c_void_p * len(arrays))(*[array.__array_interface__["data"][0] for array in arrays])
        strides = (ctypes.c_int64 * len(arrays))(*[array.strides[0] if array.ndim else 0 for array in arrays])
        self.function(addresses, strides, count)


class _MethodDef(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


def has_builtins() -> bool:
    """Whether objects lie in memory as the code for built-in functions expects: CPython with its lock, 64 bits."""
    is_plain = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
    return is_plain and ctypes.sizeof(ctypes.c_void_p) == 8 and object.__basicsize__ == 16 and float.__basicsize__ == 24


def builtin(program: Program, columns: Sequence[int], container: str, general: Any, fast: bool) -> Any:
    """A program as a built-in function of floats; what is no float, or no plain call, goes to `general`.

    The result of one output is a float, or `container`, "List" or "Tuple", of floats.
    """
    return Builtin(program, columns, container, general, fast).make()


class Builtin(_Code):
    """The code of a built-in function."""

    def __init__(self, program: Program, columns: Sequence[int], container: str, general: Any, fast: bool) -> None:
        super().__init__(program, 1, fast)
        api = ctypes.pythonapi
        symbols = {"exprad_py_float": id(float), "exprad_py_vectorcall": _address(api.PyObject_Vectorcall),
                   "exprad_py_from_double": _address(api.PyFloat_FromDouble)}  # fmt: skip
        for kind in ("List", "Tuple"):
            symbols[f"exprad_py_new_{kind}"] = _address(getattr(api, f"Py{kind}_New"))
            symbols[f"exprad_py_set_{kind}"] = _address(getattr(api, f"Py{kind}_SetItem"))
        address = self.linked("call", self.module.scalar_text(program, columns, container), symbols)
        self._definition = _MethodDef(b"call", address, 0x0080 | 0x0002, None)  # METH_FASTCALL | METH_KEYWORDS
        held: Any = partial(general)  # what the built-in calls and keeps alive: the code, too
        held.code = self
        make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
        self.make = partial(make(("PyCFunction_NewEx", api)), ctypes.addressof(self._definition), held, None)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _loaded(llvm: Any, text: str) -> Any:
    """An engine that holds the module's code, from the disk where it is there."""
    cpu, features, _ = _machine()
    version = ".".join(map(str, llvm.llvm_version_info))
    key = hashlib.sha256("\0".join([text, cpu, features, version]).encode()).hexdigest()
    target = llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=2, jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    code = _cached(key)
    if code is None:
        module = llvm.parse_assembly(text)
        module.verify()
        code = target.emit_object(module)
        _keep(key, code)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def cache_folder() -> Path:
    """Where object code is kept: EXPRAD_CACHE, or a folder among the user's caches."""
    given = os.environ.get("EXPRAD_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exprad"


def _cached(key: str) -> bytes | None:
    """The object code kept under a key; None where there is none, or it is not what was written."""
    try:
        found = (cache_folder() / f"{key}.o").read_bytes()
    except OSError:
        return None
    return found[32:] if hashlib.sha256(found[32:]).digest() == found[:32] else None


def _keep(key: str, code: bytes) -> None:
    """Write object code, whole or not at all. A cache that can't be written is no error."""
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{key}.o", hashlib.sha256(code).digest() + code)
    except OSError:
        pass


class NativeRunner:
    """Runs a program of scalars over arrays of doubles of any layout, on threads where that pays.

    Arrays of single precision go through NumPy, which rounds each step.
    """

    def __init__(
        self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any, fast: bool
    ) -> None:
        if len(program.steps) > LARGEST:
            raise UnsupportedError(
                f"backend 'native' takes programs of at most {LARGEST} steps, got {len(program.steps)}"
            )
        self.inputs, self.structure = inputs, structure
        self.used = [place for place, column in enumerate(columns) if column >= 0]
        self.kernel = Kernel(program, [columns[place] for place in self.used], fast)
        functions = sum(isinstance(head, Primitive) and is_function(head) for head, *_ in program.steps)
        self.cost = COST[0] * sum(program.operations.values()) + COST[1] * functions
        self._single = cache(lambda: BlockRunner(program, columns, inputs, structure))

    @property
    def source(self) -> str:
        return self.kernel.text

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        if dtype != np.float64:
            return self._single()(arrays, leaves, points, dtype)
        columns, rows = columns_of(self.inputs, arrays, dtype), rows_of(leaves, self.structure)
        targets = [np.empty(points) if row.dtype != np.float64 else row for row in rows]
        given = [columns[place] for place in self.used]
        whole = [each if each.shape == points else np.broadcast_to(each, points) for each in given] + targets
        count = prod(points)
        if all(array.flags.c_contiguous or not any(array.strides) for array in whole):
            is_flat = len(points) == 1
            self._shared(whole if is_flat else [_along_one_axis(array, count) for array in whole], count)
        elif count:
            for place in product(*map(range, points[:-1])):
                self._shared([array[place] for array in whole], points[-1])
        for row, target in zip(rows, targets, strict=True):
            if row is not target:
                np.copyto(row, target, casting="unsafe")
        return None

    def _shared(self, arrays: Sequence[Any], count: int) -> None:
        """One axis, cut into a piece for each thread."""
        parts = workers() if count * self.cost >= PARALLEL else 1
        if parts == 1:
            self.kernel(arrays, count)
            return
        share = math.ceil(count / parts / 64) * 64
        pieces = [(start, min(start + share, count)) for start in range(0, count, share)]
        jobs = [pool().submit(self._piece, arrays, start, stop) for start, stop in pieces[1:]]
        self._piece(arrays, *pieces[0])
        for job in jobs:
            job.result()

    def _piece(self, arrays: Sequence[Any], start: int, stop: int) -> None:
        self.kernel([array[start:stop] for array in arrays], stop - start)


def _along_one_axis(array: Any, count: int) -> Any:
    """A contiguous array, or one number everywhere, with one axis."""
    return array.reshape(-1) if array.flags.c_contiguous else np.broadcast_to(array[(0,) * array.ndim], (count,))
