"""The native back end: machine code by LLVM (the extra `native`: llvmlite), on threads that need no interpreter."""

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
from functools import cache, cached_property, partial
from importlib.util import find_spec
from itertools import product
from math import prod
from typing import Any

import numpy as np

from exprad.backends import kernels, mathematics
from exprad.backends.levels import Layout, LevelRunner
from exprad.backends.numpy import BlockRunner, columns_of, pool, rows_of, workers
from exprad.backends.objects import keep as _keep
from exprad.backends.objects import kept as _kept
from exprad.backends.signature import Input, own_name
from exprad.errors import ExpradError, UnsupportedError, extra
from exprad.graph.expr import Expr, Var
from exprad.graph.program import Program
from exprad.ground.forks import at_fork
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.traverse import collector_paused
from exprad.numbers import numpy_function

PARALLEL = 500_000  # nanoseconds of work from which threads pay
COST = 0.02, 0.8  # nanoseconds that an operation takes at a point: of arithmetic; of a function
LARGEST = 3000  # steps of one loop over arrays; LLVM's time grows faster than they do
QUICK = 200_000  # characters of text from which LLVM is asked for code made quickly, which is at most a fifth slower
MOST_ARRAYS = 100  # that one loop reads and writes
BATCH = 1 << 17  # numbers that a large program takes at once
WORTH = 100_000  # operations of a call, all points together, from which making code pays
WORTH_LARGE = 100 * WORTH  # the same for a large program
HOT = 0.5  # seconds that a large program runs before better code is made for it
REALS = {np.dtype(np.float64): "double", np.dtype(np.float32): "float"}
_lock = threading.RLock()


def _locks_of_llvm() -> list[Any]:
    """What holds llvmlite's own lock, where it is loaded: another thread, such as numba's, may be inside."""
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    holder = getattr(library, "_lock", None)
    return [holder] if hasattr(holder, "_lock") else []


_awaited: list[Any] = []  # locks, during a fork


def _wait_for_compilers() -> None:
    """A child that was forked while another thread is inside LLVM would find its tables half-written."""
    for lock in (_lock, *[holder._lock for holder in _locks_of_llvm()]):
        lock.acquire()
        _awaited.append(lock)


def _let_compilers_go() -> None:
    while _awaited:
        _awaited.pop().release()


def _renew_locks() -> None:
    global _lock
    _awaited.clear()
    for holder in _locks_of_llvm():
        holder._lock = threading.RLock()
    _lock = threading.RLock()


at_fork(before=_wait_for_compilers, parent=_let_compilers_go, child=_renew_locks)


@cache
def _binding() -> Any:
    """LLVM, ready for this machine."""
    with _lock:  # no process is forked while it is half imported
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


def _module(width: int, real: str, fast: bool, vectors: kernels.Module | None = None) -> kernels.Module:
    has_fma = _machine()[2].get("fma", platform.machine() in ("arm64", "aarch64"))
    return kernels.Module(width, real, fast, _libmvec, has_fma, is_loop, vectors)


def _linked(module: kernels.Module, text: str, name: str, level: int = 2) -> tuple[Any, int]:
    """A module's engine, which must live as long as its code, and the address of a function in it.

    `level` is how hard LLVM tries: 0 to 2.
    """
    with _lock:
        llvm, (scalar, vector) = _binding(), _libraries()
        for name_and_width in module.own:
            _own(*name_and_width)
        for symbol in module.external:
            llvm.add_symbol(f"exprad_libm_{symbol}", _address(getattr(scalar, symbol)))
        for symbol in module.vector:
            llvm.add_symbol(symbol, _address(getattr(vector, symbol)))
        for row in module.loops:
            for kind, address in zip(("loop", "data"), _loop(row) or (), strict=True):
                llvm.add_symbol(f"exprad_{kind}_{own_name(row)}", address)
        engine = _loaded(text, level)
        return engine, int(engine.get_function_address(name))


@cache
def _own(name: str, width: int) -> Any:
    """A function of exprad's own, where modules find it."""
    llvm, scalar = _binding(), _libraries()[0]
    for symbol in mathematics.OF_ANGLES.get(name, ()):
        llvm.add_symbol(f"exprad_libm_{symbol}", _address(getattr(scalar, symbol)))
    engine = _loaded(mathematics.module(name, width), 2)
    symbol = mathematics.symbol(name, width)
    llvm.add_symbol(symbol, engine.get_function_address(symbol))
    return engine


_no_data = ctypes.c_char(b"\0")  # an address for loops that are given no data


class _UFunc(ctypes.Structure):
    """The first fields of NumPy's ufunc objects, whose layout is part of its C interface."""

    _fields_ = (("head", ctypes.c_char * 16), ("nin", ctypes.c_int), ("nout", ctypes.c_int), ("nargs", ctypes.c_int),
                ("identity", ctypes.c_int), ("functions", ctypes.POINTER(ctypes.c_void_p)),
                ("data", ctypes.POINTER(ctypes.c_void_p)), ("ntypes", ctypes.c_int), ("reserved", ctypes.c_int),
                ("name", ctypes.c_char_p))  # fmt: skip


@cache
def _loop(row: Primitive) -> tuple[int, int] | None:
    """The addresses of the loop over doubles of a row's ufunc, and of the data that it is given; None where it has none."""
    try:
        ufunc = numpy_function(row)
    except (ImportError, UnsupportedError):
        return None
    if not isinstance(ufunc, np.ufunc) or not _reads_arrays() or (ufunc.nin, ufunc.nout) != (row.arity, 1):
        return None
    found, signature = _UFunc.from_address(id(ufunc)), "d" * ufunc.nin + "->d"
    is_as_expected = (found.nin, found.nout, found.nargs, found.ntypes) == (ufunc.nin, 1, ufunc.nin + 1, ufunc.ntypes)
    if not is_as_expected or found.name != ufunc.__name__.encode() or signature not in ufunc.types:
        return None
    place = ufunc.types.index(signature)
    function, data = found.functions[place], found.data[place] if found.data else None
    return (function, data or ctypes.addressof(_no_data)) if function else None


def is_loop(row: Primitive) -> bool:
    """Whether code may call NumPy's loop for a row, as it does for SciPy's special functions."""
    return _loop(row) is not None


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _loaded(text: str, level: int) -> Any:
    """An engine that holds a module's code, from the disk where it is there."""
    llvm = _binding()
    cpu, features, _ = _machine()
    version = ".".join(map(str, llvm.llvm_version_info))
    key = hashlib.sha256("\0".join([text, cpu, features, version, str(level)]).encode()).hexdigest()
    target = llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=level, jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    code = _kept(key)
    if code is None:
        module = llvm.parse_assembly(text)
        module.verify()
        code = target.emit_object(module)
        _keep(key, code)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


class _ArrayLike(ctypes.Structure):
    """What a kernel reads of an array: laid out as NumPy's array objects are in CPython."""

    _fields_ = (("head", ctypes.c_char * 16), ("data", ctypes.c_void_p), ("rank", ctypes.c_int64),
                ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p))  # fmt: skip


@cache
def _reads_arrays() -> bool:
    """Whether NumPy's array objects lie in memory as kernels expect."""
    if sys.implementation.name != "cpython" or object.__basicsize__ != 16 or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    array = np.arange(6.0)[1::2]
    found = _ArrayLike.from_address(id(array))
    return bool(found.data == array.__array_interface__["data"][0] and found.rank & 0xFFFFFFFF == 1
                and ctypes.c_int64.from_address(found.strides).value == 16)  # fmt: skip


def _imitated(array: Any) -> _ArrayLike:
    strides = (ctypes.c_int64 * max(array.ndim, 1))(*array.strides)
    found = _ArrayLike(b"", array.__array_interface__["data"][0], array.ndim, None, ctypes.addressof(strides))
    found.kept = strides  # as long as it is read
    return found


class Kernel:
    """A program as a loop of machine code over arrays of one real type."""

    def __init__(self, program: Program, columns: Sequence[int], real: str, fast: bool) -> None:
        module = _module(_width(), real, fast)
        self.engine, address = _linked(module, kernels.kernel(module, program, columns), "kernel")
        arrays = [ctypes.c_void_p] * (len(columns) + len(program.outputs))
        self.function = ctypes.CFUNCTYPE(None, *arrays, ctypes.c_int64, ctypes.c_int64)(address)

    def __call__(self, arrays: Sequence[Any], start: int, stop: int) -> None:
        """Run from one point to another over arrays of one dimension, or none."""
        if _reads_arrays():
            self.function(*map(id, arrays), start, stop)
        else:
            imitated = [_imitated(array) for array in arrays]
            self.function(*map(ctypes.addressof, imitated), start, stop)


class NativeRunner:
    """Runs a program of scalars over arrays of any layout: one loop, on threads where that pays.

    Code for double and for single precision is made when it is first needed. Other types go through NumPy.
    """

    def __init__(
        self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any, fast: bool
    ) -> None:
        self.program, self.inputs, self.structure, self.fast = program, inputs, structure, fast
        self.used = [place for place, column in enumerate(columns) if column >= 0]
        self.columns = [columns[place] for place in self.used]
        self.is_plain = len(self.used) == len(inputs) and not any(slot.shape for slot in inputs) and all(
            shape is None for shape, *_ in structure)  # fmt: skip
        functions = sum(map(bool, map(kernels.function_name, [program.steps[index][0] for index in program.calls])))
        self.cost = COST[0] * len(program.calls) + COST[1] * functions
        self._kernels: dict[Any, Any] = {}
        self._other = cache(lambda: BlockRunner(program, columns, inputs, structure))

    @property
    def source(self) -> str:
        return kernels.kernel(_module(_width(), "double", self.fast), self.program, self.columns)

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        kernel = self._kernels.get(dtype) or self._made(dtype)
        if kernel is None:
            return self._other()(arrays, leaves, points, dtype)
        flat = _of_one_axis([*arrays, *leaves], points, dtype) if self.is_plain else None
        if flat is not None:
            self._shared(kernel, flat, prod(points))
            return None
        columns, rows = columns_of(self.inputs, arrays, dtype), rows_of(leaves, self.structure)
        targets = [row if row.dtype == dtype else np.empty(points, dtype) for row in rows]
        whole = [columns[place] for place in self.used]
        flat = _of_one_axis(whole + targets, points, dtype)
        if flat is not None:
            self._shared(kernel, flat, prod(points))
        elif prod(points):
            stretched = [np.broadcast_to(array, points) for array in whole] + targets
            for place in product(*map(range, points[:-1])):
                self._shared(kernel, [array[place] for array in stretched], points[-1])
        for row, target in zip(rows, targets, strict=True):
            if row is not target:
                np.copyto(row, target, casting="unsafe")
        return None

    def _made(self, dtype: Any) -> Any:
        real = REALS.get(dtype)
        with _lock:
            if real is not None and dtype not in self._kernels:
                self._kernels[dtype] = Kernel(self.program, self.columns, real, self.fast)
        return self._kernels.get(dtype)

    def _shared(self, kernel: Kernel, arrays: Sequence[Any], count: int) -> None:
        """One axis, cut into a piece for each thread."""
        if count * self.cost < PARALLEL:
            kernel(arrays, 0, count)
            return
        share = math.ceil(count / workers() / 64) * 64
        pieces = [(start, min(start + share, count)) for start in range(0, count, share)]
        jobs = [pool().submit(kernel, arrays, start, stop) for start, stop in pieces[1:]]
        kernel(arrays, *pieces[0])
        for job in jobs:
            job.result()


def _of_one_axis(arrays: Sequence[Any], points: Shape, dtype: Any) -> list[Any] | None:
    """The arrays with one axis, or none, if all are contiguous and of the type; else None."""
    flat = []
    for array in arrays:
        if array.ndim and (array.shape != points or not array.flags.c_contiguous) or array.dtype != dtype:
            return None
        flat.append(array if array.ndim < 2 else array.reshape(-1))
    return flat


class LevelsKernel:
    """A large program as loops over the rows of a table of one real type; see `kernels.Levels`."""

    def __init__(self, layout: Layout, real: str, fast: bool) -> None:
        numbers = _module(1, real, fast)
        levels = kernels.Levels(layout, _module(_width(), real, fast), numbers)
        self.places = np.concatenate(levels.places) if levels.places else np.empty(0, np.int64)
        self.engine, address = _linked(numbers, levels.text, "levels", 0 if len(levels.text) > QUICK else 2)
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)

    def __call__(self, table: Any) -> None:
        """Fill a table from its inputs and constants."""
        self.function(*[array.__array_interface__["data"][0] for array in (table, self.places)])


class LargeRunner:
    """Runs a large program, point by point. Threads may share it: each takes a table of its own."""

    def __init__(
        self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any, fast: bool
    ) -> None:
        self.program, self.columns, self.inputs, self.structure, self.fast = program, columns, inputs, structure, fast
        self._kernels: dict[Any, LevelsKernel] = {}
        self._tables: dict[Any, list[Any]] = {}
        self._other = cache(lambda: LevelRunner(program, columns, inputs, structure))

    @cached_property
    def layout(self) -> Layout:
        with collector_paused():
            return Layout(self.program, self.columns, self.structure, _width())

    @property
    def source(self) -> str:
        return kernels.Levels(self.layout, _module(_width(), "double", self.fast), _module(1, "double", self.fast)).text

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        if dtype not in REALS:
            return self._other()(arrays, leaves, points, dtype)
        kernel = self._kernels.get(dtype) or self._made(dtype)
        count = prod(points)
        inputs = [np.broadcast_to(array, (*slot.shape, *points)).reshape(prod(slot.shape), count)
                  for slot, array in zip(self.inputs, arrays, strict=True)]  # fmt: skip
        outputs = [np.empty((prod(shape or ()), count), leaf.dtype) if not leaf.flags.c_contiguous
                   else leaf.reshape(prod(shape or ()), count)
                   for leaf, (shape, *_) in zip(leaves, self.structure, strict=True)]  # fmt: skip
        share = -(-count // workers()) or 1
        jobs = [pool().submit(self._run, kernel, dtype, inputs, outputs, range(start, min(start + share, count)))
                for start in range(share, count, share)]  # fmt: skip
        self._run(kernel, dtype, inputs, outputs, range(min(share, count)))
        for job in jobs:
            job.result()
        for leaf, output in zip(leaves, outputs, strict=True):
            if not leaf.flags.c_contiguous:
                np.copyto(leaf, output.reshape(leaf.shape))
        return None

    def _run(
        self, kernel: LevelsKernel, dtype: Any, inputs: Sequence[Any], outputs: Sequence[Any], points: range
    ) -> None:
        tables = self._tables.setdefault(dtype, [])
        try:
            table = tables.pop()
        except IndexError:
            table = np.concatenate([self.layout.table((), dtype), np.zeros(_width(), dtype)])
        for point in points:
            first = 0
            for rows in inputs:
                table[first : first + len(rows)] = rows[:, point]
                first += len(rows)
            kernel(table)
            self.layout.write(table, [output[:, point] for output in outputs])
        tables.append(table)

    def _made(self, dtype: Any) -> LevelsKernel:
        with _lock:
            if dtype not in self._kernels:
                self._kernels[dtype] = LevelsKernel(self.layout, REALS[dtype], self.fast)
        return self._kernels[dtype]


class _MethodDef(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


def has_builtins() -> bool:
    """Whether objects lie in memory as the code for built-in functions expects: CPython with its lock, 64 bits."""
    is_plain = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
    return is_plain and ctypes.sizeof(ctypes.c_void_p) == 8 and object.__basicsize__ == 16 and float.__basicsize__ == 24


class Builtin:
    """The code of a program as a built-in function of floats.

    The result of one output is a float, or `container`, "List" or "Tuple", of floats.
    """

    def __init__(self, program: Program, columns: Sequence[int], container: str, fast: bool) -> None:
        module = _module(1, "double", fast)
        text = kernels.python_call(module, program, columns, container)
        _declare_python()
        self.engine, address = _linked(module, text, "call")
        self.definition = _MethodDef(b"call", address, 0x0080 | 0x0002, None)  # METH_FASTCALL | METH_KEYWORDS

    def function(self, general: Any) -> Any:
        """The built-in; what is no float, or no plain call, goes to `general`."""
        held: Any = partial(general)  # what the built-in calls and keeps alive: the code, too
        held.code = self
        make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
        return make(("PyCFunction_NewEx", ctypes.pythonapi))(ctypes.addressof(self.definition), held, None)


@cache
def _declare_python() -> None:
    """Make the functions of CPython known to LLVM."""
    llvm, api = _binding(), ctypes.pythonapi
    symbols = {"float": id(float), "vectorcall": _address(api.PyObject_Vectorcall),
               "from_double": _address(api.PyFloat_FromDouble)}  # fmt: skip
    for kind in ("List", "Tuple"):
        symbols[f"new_{kind}"] = _address(getattr(api, f"Py{kind}_New"))
        symbols[f"set_{kind}"] = _address(getattr(api, f"Py{kind}_SetItem"))
    for name, address in symbols.items():
        llvm.add_symbol(f"exprad_py_{name}", address)


@cache
def _is_installed() -> bool:
    return find_spec("llvmlite") is not None


def has_code(row: Primitive) -> bool:
    return kernels.has(row, is_loop, lambda name: row.is_own or hasattr(_libraries()[0], name))


def is_as_in_python(row: Primitive) -> bool:
    """Whether a built-in gives the very number that Python gives: by an operator, a choice, or the same C function."""
    return row.is_own and not row.varies and row.spelling("python") is not None


class Native:
    """Machine code for expressions of scalars: for arrays, and as a built-in for numbers, each made when first needed.

    `lowered` is their program for NumPy. `program` is the one that has code; it raises `UnsupportedError` where none has.
    """

    def __init__(self, lowered: Program, expressions: Sequence[Expr], variables: Sequence[Var], inputs: Sequence[Input],
                 structure: Any, fast: bool) -> None:  # fmt: skip
        self.lowered, self.expressions, self.variables = lowered, expressions, variables
        self.inputs, self.structure, self.fast = inputs, structure, fast
        count = len(lowered.calls)
        self.is_large = count > LARGEST or len(variables) + len(lowered.outputs) > MOST_ARRAYS
        self.points = -(-(WORTH_LARGE if self.is_large else WORTH) // max(1, count))  # from which code for arrays pays

    @property
    def may_run(self) -> bool:
        """Whether LLVM is there and seems to have all code."""
        return _is_installed() and all(row.formula is not None or has_code(row) for row in self.lowered.rows)

    @property
    def can_run(self) -> bool:
        """Whether LLVM loads and has all code."""
        try:
            return bool(self.program)
        except ExpradError:
            return False

    @property
    def has_builtin(self) -> bool:
        """Whether there can be a built-in."""
        return has_builtins() and not self.is_large

    @property
    def is_as_in_python(self) -> bool:
        """Whether a built-in gives the very numbers that Python gives."""
        return all(map(is_as_in_python, self.lowered.rows))

    @cached_property
    def program(self) -> Program:
        _binding()
        missing = [row.name for row in self.lowered.rows if not has_code(row)]
        if not missing:
            return self.lowered
        program = Program.lowered(self.expressions, has_code)
        missing = [row.name for row in program.rows if not has_code(row)]
        if missing:
            raise UnsupportedError(f"backend 'native' has no code for {', '.join(missing)}; give the row a formula= of "
                                   f"functions that it has, or a ufunc of doubles as numpy=")  # fmt: skip
        return program

    @cached_property
    def _columns(self) -> list[int]:
        return [self.program.variables.get(variable.name, -1) for variable in self.variables]

    @cached_property
    def runner(self) -> Any:
        """What runs the program over arrays."""
        kind = LargeRunner if self.is_large else NativeRunner
        return kind(self.program, self._columns, self.inputs, self.structure, self.fast)

    def builtin(self, container: str, general: Any) -> Any:
        """The built-in; see `Builtin`."""
        with _lock:
            return Builtin(self.program, self._columns, container, self.fast).function(general)
