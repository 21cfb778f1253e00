"""A program as a built-in function of Python, which takes floats out of their objects and makes objects of its results."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from exprad.backends.native.layout import FLOAT_VALUE, METHOD_FLAGS, TYPE, MethodDef
from exprad.backends.native.linking import linked, name_addresses, name_functions, new_module
from exprad.backends.native.llvm import defined, filled, repeated
from exprad.backends.native.module import Module
from exprad.backends.native.steps import whole_program
from exprad.graph.program import Program

# What code calls of CPython, by the symbol that LLVM knows it by.
_PYTHON = """\
@exprad_py_float = external global i8
declare ptr @exprad_py_vectorcall(ptr, ptr, i64, ptr)
declare ptr @exprad_py_from_double(double)
declare ptr @exprad_py_from_bool(i64)
declare ptr @exprad_py_new_List(i64)
declare ptr @exprad_py_new_Tuple(i64)
declare i32 @exprad_py_set_List(ptr, i64, ptr)
declare i32 @exprad_py_set_Tuple(ptr, i64, ptr)"""
_CALL = """\
entry:
%fits = icmp eq i64 %count, {inputs}
%plain = icmp eq ptr %names, null
%ok0 = and i1 %fits, %plain
br i1 %ok0, label %types, label %other
types:
%all0 = or i1 true, true
{types}
br i1 %all{inputs}, label %compute, label %other
other:
%general = call ptr @exprad_py_vectorcall(ptr %self, ptr %args, i64 %count, ptr %names)
ret ptr %general
compute:
{values}
{body}
{result}"""
_IS_FLOAT = """\
%ap{k} = getelementptr ptr, ptr %args, i64 {k}
%a{k} = load ptr, ptr %ap{k}
%tp{k} = getelementptr i8, ptr %a{k}, i64 {type}
%t{k} = load ptr, ptr %tp{k}
%f{k} = icmp eq ptr %t{k}, @exprad_py_float
%all{next} = and i1 %all{k}, %f{k}
"""
_VALUE = """\
%vp{k} = getelementptr i8, ptr %a{k}, i64 {value}
%in{k} = load double, ptr %vp{k}
"""
_NUMBER = """\
%o{k} = call ptr @exprad_py_from_double(double {result})"""
_TRUTH = """\
%b{k} = fptosi double {result} to i64
%o{k} = call ptr @exprad_py_from_bool(i64 %b{k})"""
_WHOLE = """\
%whole = call ptr @exprad_py_new_{container}(i64 {count})
%none = icmp eq ptr %whole, null
br i1 %none, label %fail, label %fill0
{items}
fill{count}:
ret ptr %whole
fail:
ret ptr null"""
_ITEM = """\
fill{k}:
{made}
%n{k} = icmp eq ptr %o{k}, null
br i1 %n{k}, label %fail, label %set{k}
set{k}:
%s{k} = call i32 @exprad_py_set_{container}(ptr %whole, i64 {k}, ptr %o{k})
br label %fill{next}
"""


def python_call(module: Module, program: Program, columns: Sequence[int], container: str) -> str:
    """The module of a function that Python calls: `PyObject *call(self, args, count, names)`.

    Floats are taken from the objects and computed with; anything else goes to `self`, the function that takes all.
    `container` is "" for one result, or "List" or "Tuple".
    """
    code, inputs = module.code, len(columns)
    results = [result.name for result in whole_program(module, program, columns)]
    heads = [program.steps[output][0] for output in program.outputs]
    made = [
        (_TRUTH if getattr(head, "predicate", False) else _NUMBER).format(k=k, result=result)
        for k, (head, result) in enumerate(zip(heads, results, strict=True))
    ]
    lines = filled(
        _CALL,
        inputs=inputs,
        types="".join([_IS_FLOAT.format(k=k, next=k + 1, type=TYPE) for k in range(inputs)]),
        values=repeated(_VALUE, inputs, value=FLOAT_VALUE),
        body="\n".join(code.lines),
        result=_contained(made, container) if container else f"{made[0]}\nret ptr %o0",
    )
    for line in _PYTHON.split("\n"):
        code.declare(line)
    return module.text(defined("ptr @call(ptr %self, ptr %args, i64 %count, ptr %names)", lines))


def _contained(made: Sequence[str], container: str) -> str:
    names = [{"k": k, "next": k + 1, "made": lines, "container": container} for k, lines in enumerate(made)]
    items = "".join([_ITEM.format_map(each) for each in names])
    return _WHOLE.format(container=container, count=len(made), items=items)


class Builtin:
    """The code of a program as a built-in function of floats.

    The result of one output is a float, or a bool of a condition; or `container`, "List" or "Tuple", of such.
    """

    def __init__(self, program: Program, columns: Sequence[int], container: str, fast: bool) -> None:
        module = new_module(1, "double", fast)
        text = python_call(module, program, columns, container)
        _declare_python()
        self.engine, address = linked(module, text, "call")
        self.definition = MethodDef(b"call", address, METHOD_FLAGS, None)

    def function(self, general: Any) -> Any:
        """The built-in; what is no float, or no plain call, goes to `general`."""
        held: Any = partial(general)  # what the built-in calls and keeps alive: the code, too
        held.code = self
        make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
        return make(("PyCFunction_NewEx", ctypes.pythonapi))(ctypes.addressof(self.definition), held, None)


@cache
def _declare_python() -> None:
    """Make the functions of CPython known to LLVM."""
    api = ctypes.pythonapi
    functions = {
        "vectorcall": api.PyObject_Vectorcall,
        "from_double": api.PyFloat_FromDouble,
        "from_bool": api.PyBool_FromLong,
    }
    for kind in ("List", "Tuple"):
        functions[f"new_{kind}"] = getattr(api, f"Py{kind}_New")
        functions[f"set_{kind}"] = getattr(api, f"Py{kind}_SetItem")
    name_functions({f"exprad_py_{name}": function for name, function in functions.items()})
    name_addresses({"exprad_py_float": id(float)})
