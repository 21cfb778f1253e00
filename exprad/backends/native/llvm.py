"""LLVM's text: values with operators, of one number or of a vector of them, and the lines of a function."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from exprad.numbers import constant_of_dtype

DTYPES: dict[str, Any] = {"double": np.dtype(np.float64), "float": np.dtype(np.float32)}


class Vector:
    """A value in the text: its name, its type, and the operators that LLVM has."""

    __slots__ = ("code", "kind", "name")

    def __init__(self, code: Code, name: str, kind: str) -> None:
        self.code, self.name, self.kind = code, name, kind

    def _with(self, operation: str, other: Any) -> Vector:
        other = self.code.constant(other, self.kind)
        return self.code.emit(f"{operation} {self.kind} {self.name}, {other.name}", self.kind)

    def __add__(self, other: Any) -> Vector:
        return self._with(self.code.of(self.kind, "fadd", "add"), other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Vector:
        return self._with(self.code.of(self.kind, "fsub", "sub"), other)

    def __rsub__(self, other: Any) -> Vector:
        return self.code.constant(other, self.kind) - self

    def __mul__(self, other: Any) -> Vector:
        return self._with(self.code.of(self.kind, "fmul", "mul"), other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Vector:
        return self._with(self.code.of(self.kind, "fdiv", "sdiv"), other)

    def __rtruediv__(self, other: Any) -> Vector:
        return self.code.constant(other, self.kind) / self

    def __and__(self, other: Any) -> Vector:
        return self._with("and", other)

    def __or__(self, other: Any) -> Vector:
        return self._with("or", other)

    def __xor__(self, other: Any) -> Vector:
        return self._with("xor", other)

    def __lshift__(self, other: int) -> Vector:
        return self._with("shl", other)

    def __rshift__(self, other: int) -> Vector:
        return self._with("ashr", other)

    def __neg__(self) -> Vector:
        return self.code.emit(f"fneg {self.kind} {self.name}", self.kind)

    def compared(self, how: str, other: Any) -> Vector:
        """Truth values: `how` is LLVM's, such as "olt" or "une"."""
        other = self.code.constant(other, self.kind)
        operation = self.code.of(self.kind, "fcmp", "icmp")
        return self.code.emit(f"{operation} {how} {self.kind} {self.name}, {other.name}", self.code.truths)

    @property
    def number(self) -> Vector:
        """Itself, or 1.0 and 0.0 for truth values."""
        return self.code.choose(self, 1.0, 0.0) if self.kind == self.code.truths else self

    @property
    def truth(self) -> Vector:
        """Itself, or whether numbers differ from 0."""
        return self if self.kind == self.code.truths else self.compared("une", 0.0)

    def bits(self) -> Vector:
        """The same bits as a whole number, or as a float."""
        other = self.code.whole if self.kind == self.code.floats else self.code.floats
        return self.code.emit(f"bitcast {self.kind} {self.name} to {other}", other)


class Code:
    """The lines of a function over vectors of `width` numbers (or one), and the declarations that they need.

    `real` is "double" or "float"; `flags` are what LLVM may do to sums and products.
    """

    def __init__(self, width: int, real: str = "double", flags: str = "") -> None:
        self.width, self.real, self.flags = width, real, flags
        self.size = DTYPES[real].itemsize
        self.floats, self.whole, self.truths = map(self.vector, (real, "i64" if real == "double" else "i32", "i1"))
        self.lines: list[str] = []
        self.declarations: dict[str, None] = {}
        self.count = 0
        self._floating = {name: f"{name} {flags}".strip() for name in ("fadd", "fsub", "fmul")}
        self._constants: dict[Any, Vector] = {}

    def vector(self, lane: str) -> str:
        """The type of a vector of numbers of one type."""
        return f"<{self.width} x {lane}>" if self.width > 1 else lane

    def of(self, kind: str, floating: str, whole: str) -> str:
        return self._floating.get(floating, floating) if kind == self.floats else whole

    def emit(self, text: str, kind: str) -> Vector:
        self.count += 1
        name = f"%v{self.count}"
        self.lines.append(f"{name} = {text}")
        return Vector(self, name, kind)

    def constant(self, value: Any, kind: str = "") -> Vector:
        """The same number in each lane, rounded once."""
        if value.__class__ is Vector:
            return value
        kind = kind or self.floats
        key = (kind, value.__class__, value, str(value) if value == 0 else "")
        found = self._constants.get(key)
        if found is None:
            found = self._constants[key] = Vector(self, self._literal(value, kind), kind)
        return found

    def _literal(self, value: Any, kind: str) -> str:
        if kind == self.floats:
            rounded = float(constant_of_dtype(value, DTYPES[self.real]))
            lane = f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"
        else:
            lane = str(bool(value)).lower() if kind == self.truths else str(value)
        if self.width == 1:
            return lane
        return f"<{', '.join([f'{kind.split()[2][:-1]} {lane}'] * self.width)}>"

    def declare(self, line: str) -> None:
        self.declarations[line] = None

    def call(self, name: str, *operands: Any) -> Vector:
        """A function of floats: one of LLVM's (`llvm.`), or one that is declared or defined elsewhere."""
        given = [self.constant(operand) for operand in operands]
        if name.startswith("llvm."):
            bits = 64 if self.real == "double" else 32
            name = f"{name}.v{self.width}f{bits}" if self.width > 1 else f"{name}.f{bits}"
            self.declare(f"declare {self.floats} @{name}({', '.join([self.floats] * len(given))})")
        arguments = ", ".join(f"{self.floats} {operand.name}" for operand in given)
        return self.emit(f"call {self.floats} @{name}({arguments})", self.floats)

    def choose(self, condition: Vector, a: Any, b: Any) -> Vector:
        kind = next((x.kind for x in (a, b) if isinstance(x, Vector)), self.floats)
        a, b = self.constant(a, kind), self.constant(b, kind)
        return self.emit(f"select {self.truths} {condition.name}, {kind} {a.name}, {kind} {b.name}", kind)

    def fma(self, a: Any, b: Any, c: Any) -> Vector:
        return self.call("llvm.fma", a, b, c)

    def polynomial(self, x: Vector, coefficients: Sequence[float]) -> Vector:
        """By Horner's rule; the coefficient of the highest power comes last."""
        result = self.constant(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            result = self.fma(result, x, coefficient)
        return result


def defined(head: str, lines: Sequence[str]) -> str:
    """A function: what comes before its body, and the lines."""
    body = "\n".join([line if line.endswith(":") else f"  {line}" for line in lines])
    return f"define {head} {{\n{body}\n}}"


def filled(text: str, **names: Any) -> list[str]:
    """The lines of a text in which names stand in braces; what stands for several lines may stand for none."""
    return [line for line in text.format_map(names).split("\n") if line]


def repeated(text: str, count: int, **names: Any) -> str:
    """A text for each k below a count."""
    return "".join([text.format_map({**names, "k": k}) for k in range(count)])
