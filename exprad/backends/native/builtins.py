"""A program as a built-in function of Python: machine code takes numbers and arrays out of their objects, and makes objects of
its results.

What of it reads and makes objects is the same for all programs, and made once (`array_calls`). A table says what one
function computes with.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from exprad.backends.native import team
from exprad.backends.native.array_calls import text
from exprad.backends.native.calls import CONTAINERS, Table
from exprad.backends.native.kernels import point
from exprad.backends.native.layout import METHOD_FLAGS, MethodDef, answer, numpy_interface
from exprad.backends.native.linking import linked, name_addresses, name_functions, new_module
from exprad.graph.program import Program

RELEASED = 20_000  # nanoseconds of work from which other threads of Python may run meanwhile
_MAKE = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)


class _Held(Table):
    """A table and what it needs to live, which a built-in keeps alive."""

    kept: list[Any]


class Builtin:
    """A built-in function of numbers and arrays, `function`; what it does not take goes to `general`.

    It takes numbers once `take_numbers` was called, and arrays of a type, of `least` points or more, once `take_arrays` was
    given their kernel. The result of one output is a number, or a bool of a condition, or an array; or `container`, "List"
    or "Tuple", of such.
    """

    def __init__(
        self, program: Program, columns: Sequence[int], container: str, fast: bool, general: Any, least: int
    ) -> None:
        self.program, self.columns, self.fast = program, columns, fast
        truths = [getattr(program.steps[output][0], "predicate", False) for output in program.outputs]
        bytes_of_truths = (ctypes.c_bool * len(truths))(*truths)
        self.table = _Held(
            inputs=len(columns),
            outputs=len(truths),
            container=CONTAINERS.index(container),
            truths=ctypes.addressof(bytes_of_truths),
            any_truth=any(truths),
            least=least,
        )
        self.table.kept = [bytes_of_truths]
        self.leave_to(general)
        self.function = _MAKE(("PyCFunction_NewEx", ctypes.pythonapi))(
            ctypes.addressof(_definition()), self.table, None
        )

    def answer(self, asked: Any) -> None:
        """Answer for an object that is called, of a class of its own: as its `__call__` does, but without a way through it."""
        answer(asked, ctypes.addressof(self.table), int(_definition().call or 0))

    def leave_to(self, general: Any) -> None:
        """Name the function that takes what the built-in does not."""
        self.table.kept.append(general)  # another thread may be about to call the one before
        self.table.general = id(general)

    def take_numbers(self) -> None:
        """Make the code for one point."""
        if not self.table.point:
            module = new_module(1, "double", self.fast)
            engine, address = linked(module, point(module, self.program, self.columns), "point")
            self.table.kept.append(engine)
            self.table.point = address

    def take_arrays(self, kernel: Any, cost: float) -> None:
        """Take arrays of the type of a kernel, of which a point costs so many nanoseconds."""
        self.table.kept.append(kernel)
        self.table.released = int(RELEASED / max(cost, team.LEAST_COST))
        self.table.shared = int(team.WORTH / max(cost, team.LEAST_COST))
        self.table.piece = team.piece(cost)
        setattr(self.table, kernel.real, kernel.address)


@cache
def _definition() -> MethodDef:
    """What Python is told of the function that reads tables."""
    _declare_python()
    module = new_module(1, "double", False)
    engine, address = linked(module, text(bool(numpy_interface()), bool(team.addresses())), "call")
    definition = MethodDef(b"call", address, METHOD_FLAGS, None)
    definition.kept = engine
    return definition


_FUNCTIONS = (
    "PyObject_Vectorcall", "PyFloat_FromDouble", "PyBool_FromLong", "PyLong_AsDouble", "PyErr_Occurred", "PyErr_Clear",
    "PyList_New", "PyTuple_New", "Py_IncRef", "Py_DecRef", "PyEval_SaveThread", "PyEval_RestoreThread",
)  # fmt: skip


@cache
def _declare_python() -> None:
    """Make the functions of CPython, and of NumPy, known to LLVM."""
    name_functions({f"exprad_{name}": getattr(ctypes.pythonapi, name) for name in _FUNCTIONS})
    name_addresses({f"exprad_np_{name}": address for name, address in numpy_interface().items()})
    name_addresses({f"exprad_{name}": address for name, address in team.addresses().items()})
    objects = {
        "float": float, "int": int, "list": list, "tuple": tuple, "none": None, "out": sys.intern("out"), "array": np.ndarray,
        "double": np.float64, "single": np.float32, "doubles": np.dtype(np.float64), "singles": np.dtype(np.float32),
    }  # fmt: skip
    name_addresses({f"exprad_object_{name}": id(each) for name, each in objects.items()})
