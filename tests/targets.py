"""The targets that tests ask, and how: those whose library or compiler is installed."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exprad import to_c

LIBRARIES = {"native": "llvmlite", "jax": "jax", "torch": "torch"}  # what a back end needs beyond NumPy
GCC = shutil.which("gcc")
STRICT = "-std=c99 -Wall -Wextra -Werror -pedantic".split()
SHARED = "-O1 -shared -fPIC".split()

needs_gcc = pytest.mark.skipif(GCC is None, reason="gcc is not installed")


def present(*backends: str) -> tuple[str, ...]:
    """Those of several back ends that can be asked here."""
    return tuple(each for each in backends if each not in LIBRARIES or find_spec(LIBRARIES[each]) is not None)


def needs(backend: str) -> None:
    """Skip the test where a back end can't be asked."""
    if backend in LIBRARIES:
        pytest.importorskip(LIBRARIES[backend])


def arrays_of(name: str) -> Any:
    """The functions of arrays of JAX or PyTorch; skips the test where there are none."""
    module = pytest.importorskip(name)
    if name == "jax":
        module.config.update("jax_enable_x64", True)
        return pytest.importorskip("jax.numpy")
    return module


def self_test(code: Any, place: Path, *options: str) -> Path:
    """What `to_c` gave, as a program that tests it."""
    source, *_ = reversed(code.write(place / f"{code.name}.c"))
    program = place / "self_test"
    command = [str(GCC), *STRICT, *options, f"-D{code.name.upper()}_SELF_TEST", str(source), "-o", str(program), "-lm"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[:3000]
    return program


def passes(code: Any, place: Path, *options: str) -> None:
    found = subprocess.run([self_test(code, place, *options)], capture_output=True, text=True)
    assert (found.returncode, found.stdout.splitlines()[-1]) == (0, "0 failed"), found.stdout + found.stderr


class Library:
    """Expressions as a function in C, called from Python."""

    def __init__(self, outputs: list[Any], inputs: list[Any], place: Path, dtype: str = "double") -> None:
        code = to_c(outputs, inputs, name="f", dtype=dtype)
        code.write(place / "f.c")
        subprocess.run([str(GCC), *STRICT, *SHARED, "f.c", "-o", "f.so", "-lm"], cwd=place, check=True)
        self.function = ctypes.CDLL(str(place / "f.so")).f
        self.kind, self.count = (np.float32 if dtype == "float" else np.float64), len(outputs)
        self.work = int(re.findall("F_WORK = ([0-9]+)|$", code.header)[0] or 0)

    def __call__(self, *values: float) -> Any:
        given, found = np.array(values, self.kind), np.empty(self.count, self.kind)
        room = [np.full(self.work, np.nan, self.kind)] if self.work else []
        self.function(*[ctypes.c_void_p(each.ctypes.data) for each in (given, found, *room)])
        return found


def emulated(function: Any, place: Path, arrays: list[Any], dtype: str = "double") -> list[Any]:
    """What the kernel for a GPU computes, by a loop in C around its operation."""
    kind, count = np.float64 if dtype == "double" else np.float32, len(function.program.outputs)
    (place / "k.c").write_text(_loop(function.texts[dtype], dtype, count))
    command = [str(GCC), "-std=c99", "-Wall", "-Werror", "-Wno-unused-function", *SHARED, "k.c", "-o", "k.so", "-lm"]
    subprocess.run(command, cwd=place, check=True)
    given = [np.ascontiguousarray(array, kind) for array in arrays]
    results = [np.empty_like(given[0]) for _ in range(count)]
    pointers = [(ctypes.c_void_p * len(each))(*[array.ctypes.data for array in each]) for each in (given, results)]
    ctypes.CDLL(str(place / "k.so")).run(ctypes.c_long(len(given[0])), *pointers)
    return results


def _loop(text: Any, dtype: str, count: int) -> str:
    names = [part.split()[1] for part in text.given.split(", ")]
    reads = "".join(f"const {dtype} {name} = in[{i}][i]; (void){name};\n" for i, name in enumerate(names))
    declared = "".join(f"{dtype} y{i};\n" for i in range(count))
    writes = "".join(f"out[{i}][i] = y{i};\n" for i in range(count))
    return f"""#include <math.h>
#define __device__
{text.preamble}
void run(long n, {dtype} **in, {dtype} **out) {{
for (long i = 0; i < n; i++) {{
{reads}{declared}{text.operation}
{writes}}}
}}
"""


class ArrayLibraries:
    """Expressions of arrays as functions in C, called from Python: one library of many."""

    def __init__(self, place: Path, dtype: str = "double", *options: str) -> None:
        self.place, self.dtype, self.options = place, dtype, options
        self.kind = np.float32 if dtype == "float" else np.float64
        self.made: list[tuple[Any, list[Any]]] = []

    def add(self, outputs: list[Any], inputs: list[Any]) -> None:
        code = to_c(outputs, inputs, name=f"f{len(self.made)}_", dtype=self.dtype)
        code.write(self.place / f"{code.name}.c")
        self.made.append((code, outputs))

    def compile(self) -> None:
        (self.place / "all.c").write_text("".join([f'#include "{code.name}.c"\n' for code, _ in self.made]))
        command = [str(GCC), *STRICT, *SHARED, *self.options, "all.c", "-o", "all.so", "-lm"]
        found = subprocess.run(command, cwd=self.place, capture_output=True, text=True)
        assert found.returncode == 0, found.stderr[:3000]
        self.library = ctypes.CDLL(str(self.place / "all.so"))

    def __call__(self, number: int, *arrays: Any) -> list[Any]:
        """The outputs; scalars alone are given and found as one array."""
        code, outputs = self.made[number]
        given = [np.array(array, self.kind, order="C") for array in arrays]
        found = [np.full(each.shape, 7.5, self.kind) for each in outputs]
        size = int(re.findall("_WORK = ([0-9]+)|$", code.header)[0] or 0)
        room = [np.full(size, np.nan, self.kind)] if size else []
        by_value = ctypes.c_float if self.dtype == "float" else ctypes.c_double
        if f"const {self.dtype} *x" in code.header:  # of numbers alone
            given = [np.concatenate([each.reshape(-1) for each in given] or [np.zeros(0, self.kind)])]
            found = [np.full(len(outputs), 7.5, self.kind)]
        texts = [by_value(float(each)) if not each.shape else ctypes.c_void_p(each.ctypes.data) for each in given]
        pointers = [ctypes.c_void_p(each.ctypes.data) for each in (*found, *room)]
        self.library[code.name](*texts, *pointers)
        return found if len(found) == len(outputs) else list(found[0])
