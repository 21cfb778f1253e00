"""LLVM: a program as the text of a module of explicit vectors, with vector mathematics of its own.

exp, log, sin and cos are written out here, in vectors, for machines with fused multiply-add (at most 1.5 units in the
last place, see `tests/test_native.py`). Other functions are those of glibc's libmvec where it is found (at most 4), else
those of the C library, lane by lane.

Reductions and polynomials are those of fdlibm (Sun Microsystems, 1993): e_log.c, k_sin.c, k_cos.c; the reduction of
arguments by pi/2 is Cody and Waite's, in three parts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from exprad.errors import UnsupportedError
from exprad.primitive import Primitive
from exprad.program import Program
from exprad.value import as_float


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

    def __sub__(self, other: Any) -> Vector:
        return self._with(self.code.of(self.kind, "fsub", "sub"), other)

    def __mul__(self, other: Any) -> Vector:
        return self._with(self.code.of(self.kind, "fmul", "mul"), other)

    def __truediv__(self, other: Any) -> Vector:
        return self._with(self.code.of(self.kind, "fdiv", "sdiv"), other)

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

    def bits(self) -> Vector:
        """The same bits as a whole number, or as a float."""
        other = self.code.whole if self.kind == self.code.floats else self.code.floats
        return self.code.emit(f"bitcast {self.kind} {self.name} to {other}", other)


class Code:
    """Lines of a function, and what the module must declare for them."""

    def __init__(self, width: int, module: Module, flags: str = "") -> None:
        self.width, self.module, self.flags = width, module, flags
        self.floats, self.whole, self.truths = (f"<{width} x {kind}>" for kind in ("double", "i64", "i1"))
        self.lines: list[str] = []
        self.count = 0

    def of(self, kind: str, floating: str, whole: str) -> str:
        if kind != self.floats:
            return whole
        return f"{floating} {self.flags}".strip() if floating in ("fadd", "fsub", "fmul") else floating

    def emit(self, text: str, kind: str) -> Vector:
        self.count += 1
        self.lines.append(f"%v{self.count} = {text}")
        return Vector(self, f"%v{self.count}", kind)

    def constant(self, value: Any, kind: str = "") -> Vector:
        """The same number in each lane."""
        if isinstance(value, Vector):
            return value
        kind = kind or self.floats
        if kind == self.floats:
            text = f"0x{struct.unpack('<Q', struct.pack('<d', as_float(value)))[0]:016X}"
            lane = f"double {text}"
        else:
            lane = f"i1 {'true' if value else 'false'}" if kind == self.truths else f"i64 {value}"
        return Vector(self, f"<{', '.join([lane] * self.width)}>", kind)

    def call(self, name: str, *operands: Any) -> Vector:
        """A function of vectors of floats: one of LLVM's (`llvm.`), or one of the module's."""
        given = [self.constant(operand) for operand in operands]
        if name.startswith("llvm."):
            name = f"{name}.v{self.width}f64"
            self.module.declare(f"declare {self.floats} @{name}({', '.join([self.floats] * len(given))})")
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


SHIFT = 1.5 * 2.0**52  # a float to which adding rounds to the nearest whole number
LN2 = 0.6931471803691238, 1.9082149292705877e-10  # in two parts, of which the first times 2**11 is exact
LOG = (0.6666666666666735, 0.3999999999940942, 0.2857142874366239, 0.22222198432149784, 0.1818357216161805,
       0.15313837699209373, 0.14798198605116586)  # fmt: skip
HALF_PI = 1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33
SIN = (-0.16666666666666632, 0.00833333333332249, -0.0001984126982985795, 2.7557313707070068e-06, -2.5050760253406863e-08,
       1.58969099521155e-10)  # fmt: skip
COS = (0.0416666666666666, -0.001388888888887411, 2.480158728947673e-05, -2.7557314351390663e-07, 2.087572321298175e-09,
       -1.1359647557788195e-11)  # fmt: skip
LARGEST_ANGLE = 2.0**20


def _exp(code: Code, x: Vector) -> Vector:
    """2**k times a Taylor polynomial of what is left, which is at most log(2)/2."""
    low = code.choose(x.compared("olt", -746.0), -746.0, x)
    x = code.choose(low.compared("ogt", 710.0), 710.0, low)
    shifted = code.fma(x, 1 / math.log(2), SHIFT)
    k = shifted - SHIFT
    rest = code.fma(k, -LN2[1], code.fma(k, -LN2[0], x))
    series = code.polynomial(rest, [float(Fraction(1, math.factorial(n))) for n in range(2, 14)])
    value = code.fma(rest * rest, series, rest) + 1.0
    power = shifted.bits() - struct.unpack("<q", struct.pack("<d", SHIFT))[0]
    half = power >> 1
    for part in (half, power - half):  # in two steps, so that results below the normal ones are rounded once
        value = value * ((part + 1023) << 52).bits()
    return value


def _log(code: Code, x: Vector) -> Vector:
    """k log(2) + log(m) for m between sqrt(1/2) and sqrt(2)."""
    is_tiny = x.compared("olt", 2.0**-1022)
    scaled = code.choose(is_tiny, x * 2.0**54, x)
    bits = scaled.bits()
    exponent = (bits - struct.unpack("<q", struct.pack("<d", math.sqrt(0.5)))[0]) >> 52
    f = (bits - (exponent << 52)).bits() - 1.0
    k = (exponent + struct.unpack("<q", struct.pack("<d", SHIFT))[0]).bits() - SHIFT
    k = code.choose(is_tiny, k - 54.0, k)
    s = f / (f + 2.0)
    z = s * s
    series = z * code.polynomial(z, LOG)
    half = f * f * 0.5
    value = k * LN2[0] - ((half - code.fma(s, half + series, k * LN2[1])) - f)
    value = code.choose(x.compared("oeq", 0.0), -math.inf, value)
    value = code.choose(x.compared("oeq", math.inf), math.inf, value)
    return code.choose(x.compared("ult", 0.0), math.nan, value)


def _circular(code: Code, x: Vector, turns: int) -> Vector:
    """The sine of x + turns pi/2: sine or cosine of what is left after multiples of pi/2, by the quadrant."""
    shifted = code.fma(x, 2 / math.pi, SHIFT)
    n = shifted - SHIFT
    high = code.fma(n, -HALF_PI[0], x)
    y = code.fma(n, -HALF_PI[1], high)
    tail = code.fma(n, -HALF_PI[2], code.fma(n, -HALF_PI[1], high - y))
    z = y * y
    cube = z * y
    inner = code.polynomial(z, SIN[1:])
    sine = y - ((z * (tail * 0.5 - cube * inner) - tail) - cube * SIN[0])
    half = z * 0.5
    near = code.constant(1.0) - half
    cosine = near + (((code.constant(1.0) - near) - half) + (z * (z * code.polynomial(z, COS)) - y * tail))
    quadrant = shifted.bits() + turns
    is_odd = (quadrant & 1).compared("ne", 0)
    value = code.choose(is_odd, cosine, sine)
    flipped = value.bits() ^ ((quadrant & 2) << 62)
    return code.choose(x.compared("oeq", 0.0), x if turns == 0 else 1.0, flipped.bits())


OWN: dict[str, Callable[[Code, Vector], Vector]] = {
    "exp": _exp, "log": _log,
    "sin": lambda code, x: _circular(code, x, 0), "cos": lambda code, x: _circular(code, x, 1),
}  # fmt: skip
UNBOUNDED = {"sin", "cos"}  # beyond LARGEST_ANGLE the C library reduces
LIBM = {"gamma": "tgamma"}  # what C calls otherwise than Python's math, which has taken over its names
INTRINSIC = {"sqrt": "llvm.sqrt", "abs": "llvm.fabs", "floor": "llvm.floor", "ceil": "llvm.ceil", "trunc": "llvm.trunc",
             "round": "llvm.rint", "copysign": "llvm.copysign"}  # fmt: skip
COMPARED = {
    "less": "olt",
    "less_equal": "ole",
    "greater": "ogt",
    "greater_equal": "oge",
    "equal": "oeq",
    "not_equal": "une",
}


class Module:
    """The text of a module: a kernel over arrays, and the functions that it calls."""

    def __init__(self, width: int, has_fma: bool, libmvec: Callable[[str, int], str | None], fast: bool) -> None:
        self.width, self.has_fma, self.libmvec = width, has_fma, libmvec
        self.flags = "contract reassoc" if fast else ""
        self.declarations: dict[str, None] = {}
        self.functions: dict[str, str] = {}
        self.external: set[str] = set()  # functions of the C library, by their names there

    def declare(self, line: str) -> None:
        self.declarations[line] = None

    def function(self, name: str, arity: int) -> str:
        """The name of the vector function of a row, defined or declared when it is first asked for."""
        if name in OWN and self.has_fma:
            return self._own(name)
        symbol = self.libmvec(name, arity)
        if symbol is None:
            return self._by_lanes(name, arity)
        kind = f"<{self.width} x double>"
        self.declare(f"declare {kind} @{symbol}({', '.join([kind] * arity)})")
        return symbol

    def _own(self, name: str) -> str:
        full = f"exprad_{name}"
        if full not in self.functions:
            code = Code(self.width, self)
            self.functions[full] = ""
            x = Vector(code, "%x0", code.floats)
            guard = []
            if name in UNBOUNDED:
                size = code.call("llvm.fabs", x)
                far = size.compared("ugt", LARGEST_ANGLE)
                self.declare(f"declare i1 @llvm.vector.reduce.or.v{self.width}i1({code.truths})")
                any_far = code.emit(f"call i1 @llvm.vector.reduce.or.v{self.width}i1({code.truths} {far.name})", "i1")
                slow = self._by_lanes(name, 1)
                called = f"%slow = call {code.floats} @{slow}({code.floats} %x0)"
                guard = [*code.lines, f"br i1 {any_far.name}, label %far, label %near", "far:", called,
                         f"ret {code.floats} %slow", "near:"]  # fmt: skip
                code.lines = []
            result = OWN[name](code, x)
            self.functions[full] = _defined(
                full, code.floats, 1, [*guard, *code.lines, f"ret {code.floats} {result.name}"]
            )
        return full

    def _by_lanes(self, name: str, arity: int) -> str:
        """The function of the C library, called for each lane."""
        full, inner = f"exprad_lanes_{name}", LIBM.get(name, name)
        if full not in self.functions:
            self.external.add(inner)
            self.declare(f"declare double @exprad_libm_{inner}({', '.join(['double'] * arity)})")
            kind, lines, result = f"<{self.width} x double>", [], "poison"
            for lane in range(self.width):
                lines += [
                    f"%x{operand}_{lane} = extractelement {kind} %x{operand}, i32 {lane}" for operand in range(arity)
                ]
                given = ", ".join(f"double %x{operand}_{lane}" for operand in range(arity))
                lines.append(f"%y_{lane} = call double @exprad_libm_{inner}({given})")
                lines.append(f"%r_{lane} = insertelement {kind} {result}, double %y_{lane}, i32 {lane}")
                result = f"%r_{lane}"
            self.functions[full] = _defined(full, kind, arity, [*lines, f"ret {kind} {result}"])
        return full

    def text(self, program: Program, columns: Sequence[int]) -> str:
        """The module of a kernel `void kernel(ptr arrays, ptr strides, i64 count)`.

        `arrays` holds the addresses of the inputs and then of the outputs; `strides`, in bytes, how far apart their
        elements are. A last block that is not full, and arrays that are not contiguous, go through buffers.
        """
        code = Code(self.width, self, self.flags)
        values = _values(code, program, {column: place for place, column in enumerate(columns)})
        results = [_as_floats(code, values[output]).name for output in program.outputs]
        kernel = _kernel(self.width, len(columns), results, code.lines)
        return "\n\n".join(["\n".join(self.declarations), *self.functions.values(), kernel])

    def scalar_text(self, program: Program, columns: Sequence[int], container: str) -> str:
        """The module of a function that Python calls: `PyObject *call(self, args, count, names)`.

        Floats are taken from the objects and computed with; anything else goes to `self`, the function that takes all.
        `container` is "" for one result, or "List" or "Tuple".
        """
        code = Code(1, self, self.flags)
        values = _values(code, program, {column: place for place, column in enumerate(columns)})
        results = [_as_floats(code, values[output]).name for output in program.outputs]
        call = _python_call(len(columns), results, code.lines, container)
        return "\n\n".join(["\n".join([*self.declarations, *_PYTHON]), *self.functions.values(), call])


_PYTHON = ("@exprad_py_float = external global i8", "declare ptr @exprad_py_vectorcall(ptr, ptr, i64, ptr)",
           "declare ptr @exprad_py_from_double(double)", "declare ptr @exprad_py_new_List(i64)",
           "declare ptr @exprad_py_new_Tuple(i64)", "declare i32 @exprad_py_set_List(ptr, i64, ptr)",
           "declare i32 @exprad_py_set_Tuple(ptr, i64, ptr)")  # fmt: skip


def _python_call(inputs: int, results: Sequence[str], body: Sequence[str], container: str) -> str:
    lines = ["entry:", f"%fits = icmp eq i64 %count, {inputs}", "%plain = icmp eq ptr %names, null",
             "%ok0 = and i1 %fits, %plain", "br i1 %ok0, label %types, label %other",
             "types:", "%all0 = or i1 true, true"]  # fmt: skip
    for place in range(inputs):
        lines += [f"%ap{place} = getelementptr ptr, ptr %args, i64 {place}", f"%a{place} = load ptr, ptr %ap{place}",
                  f"%tp{place} = getelementptr i8, ptr %a{place}, i64 8", f"%t{place} = load ptr, ptr %tp{place}",
                  f"%f{place} = icmp eq ptr %t{place}, @exprad_py_float",
                  f"%all{place + 1} = and i1 %all{place}, %f{place}"]  # fmt: skip
    lines += [f"br i1 %all{inputs}, label %compute, label %other", "other:",
              "%general = call ptr @exprad_py_vectorcall(ptr %self, ptr %args, i64 %count, ptr %names)", "ret ptr %general",
              "compute:"]  # fmt: skip
    for place in range(inputs):
        lines += [f"%vp{place} = getelementptr i8, ptr %a{place}, i64 16", f"%d{place} = load double, ptr %vp{place}",
                  f"%in{place} = insertelement <1 x double> poison, double %d{place}, i32 0"]  # fmt: skip
    lines += body
    for place, result in enumerate(results):
        lines += [f"%e{place} = extractelement <1 x double> {result}, i32 0"]
    if not container:
        lines += ["%object = call ptr @exprad_py_from_double(double %e0)", "ret ptr %object"]
    else:
        lines += [f"%whole = call ptr @exprad_py_new_{container}(i64 {len(results)})", "%none = icmp eq ptr %whole, null",
                  "br i1 %none, label %fail, label %fill0"]  # fmt: skip
        for place in range(len(results)):
            lines += [f"fill{place}:", f"%o{place} = call ptr @exprad_py_from_double(double %e{place})",
                      f"%n{place} = icmp eq ptr %o{place}, null", f"br i1 %n{place}, label %fail, label %set{place}",
                      f"set{place}:",
                      f"%s{place} = call i32 @exprad_py_set_{container}(ptr %whole, i64 {place}, ptr %o{place})",
                      f"br label %fill{place + 1}"]  # fmt: skip
        lines += [f"fill{len(results)}:", "ret ptr %whole", "fail:", "ret ptr null"]
    text = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
    return f"define ptr @call(ptr %self, ptr %args, i64 %count, ptr %names) {{\n{text}\n}}"


def _defined(name: str, kind: str, arity: int, lines: Sequence[str]) -> str:
    given = ", ".join(f"{kind} %x{place}" for place in range(arity))
    body = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
    return f"define internal {kind} @{name}({given}) {{\n{body}\n}}"


def is_function(row: Primitive) -> bool:
    """Whether a row is a call: of a function written here, or of one of the C library."""
    return row.name not in _SPELLED and (row.name in OWN or hasattr(math, row.name))


def check(program: Program) -> None:
    """Raise for what has no vector code, before any is made."""
    for row in dict.fromkeys(head for head, *_ in program.steps if isinstance(head, Primitive)):
        if row.name not in _SPELLED and not is_function(row) or not row.is_own:
            raise UnsupportedError(
                f"backend 'native' has no code for {row.name}; give the row a formula= of functions that it has"
            )


def _values(code: Code, program: Program, place: dict[int, int]) -> list[Vector]:
    """The vector of each step."""
    values: list[Vector] = []
    for index, (head, *rest) in enumerate(program.steps):
        if isinstance(head, Primitive):
            operands = [values[each] for each in rest]
            if head.name not in OF_TRUTHS:
                operands = [_as_floats(code, operand) for operand in operands]
            spelled = _SPELLED.get(head.name)
            if spelled is not None:
                values.append(spelled(code, *operands))
            else:
                values.append(code.call(code.module.function(head.name, head.arity), *operands))
        elif head == "var":
            values.append(Vector(code, f"%in{place[index]}", code.floats))
        else:
            values.append(code.constant(rest[0]))
    return values


def _as_floats(code: Code, x: Vector) -> Vector:
    return code.choose(x, 1.0, 0.0) if x.kind == code.truths else x


def _as_truths(code: Code, x: Vector) -> Vector:
    return x if x.kind == code.truths else x.compared("une", 0.0)


def _extremum(code: Code, a: Vector, b: Vector, how: str) -> Vector:
    """a where it is beyond b or nan; else b, which may be nan."""
    return code.choose(a.compared(how, b) | a.compared("uno", a), a, b)


def _mod(code: Code, a: Vector, b: Vector) -> Vector:
    rest = code.call(code.module._by_lanes("fmod", 2), a, b)
    differs = (b.bits() ^ rest.bits()).compared("slt", 0)
    moved = code.choose(differs, rest + b, rest)
    return code.choose(rest.compared("oeq", 0.0), code.call("llvm.copysign", 0.0, b), moved)


def _sign(code: Code, x: Vector) -> Vector:
    above = code.choose(x.compared("ogt", 0.0), 1.0, code.choose(x.compared("olt", 0.0), -1.0, 0.0))
    return code.choose(x.compared("uno", x), x, above)


def _logaddexp(code: Code, a: Vector, b: Vector) -> Vector:
    high, low = _extremum(code, a, b, "oge"), _extremum(code, a, b, "ole")
    inner = code.call(code.module.function("exp", 1), low - high)
    found = high + code.call(code.module.function("log1p", 1), inner)
    return code.choose(a.compared("oeq", b), a + math.log(2), found)


def _sinc(code: Code, x: Vector) -> Vector:
    angle = x * math.pi
    value = code.call(code.module.function("sin", 1), angle) / angle
    return code.choose(x.compared("oeq", 0.0), 1.0, value)


OF_TRUTHS = {"logical_and", "logical_or", "logical_not", "where"}  # rows that read truth values as they are
_SPELLED: dict[str, Callable[..., Vector]] = {
    "add": lambda code, a, b: a + b, "sub": lambda code, a, b: a - b, "mul": lambda code, a, b: a * b,
    "div": lambda code, a, b: a / b, "neg": lambda code, a: -a, "square": lambda code, x: x * x,
    "maximum": lambda code, a, b: _extremum(code, a, b, "oge"), "minimum": lambda code, a, b: _extremum(code, a, b, "ole"),
    "mod": _mod, "sign": _sign, "logaddexp": _logaddexp, "sinc": _sinc,
    "logical_and": lambda code, a, b: _as_truths(code, a) & _as_truths(code, b),
    "logical_or": lambda code, a, b: _as_truths(code, a) | _as_truths(code, b),
    "logical_not": lambda code, a: _as_truths(code, a) ^ True,
    "where": lambda code, c, a, b: code.choose(_as_truths(code, c), _as_floats(code, a), _as_floats(code, b)),
    **{name: lambda code, *xs, how=how: xs[0].compared(how, xs[1])
       for name, how in COMPARED.items()},
    **{name: lambda code, *xs, spelling=spelling: code.call(spelling, *xs) for name, spelling in INTRINSIC.items()},
}  # fmt: skip


def _kernel(width: int, inputs: int, results: Sequence[str], body: Sequence[str]) -> str:
    """The loop over blocks of `width` points."""
    kind, count = f"<{width} x double>", inputs + len(results)
    lines = ["entry:"]
    for place in range(count):
        lines += [f"%pp{place} = getelementptr ptr, ptr %arrays, i64 {place}", f"%p{place} = load ptr, ptr %pp{place}",
                  f"%sp{place} = getelementptr i64, ptr %strides, i64 {place}", f"%s{place} = load i64, ptr %sp{place}",
                  f"%b{place} = alloca {kind}, align 64", f"%c{place} = icmp eq i64 %s{place}, 8"]  # fmt: skip
    lines += ["%all0 = or i1 true, true"]
    lines += [f"%all{place + 1} = and i1 %all{place}, %c{place}" for place in range(count)]
    lines += ["br label %head", "head:", "%i = phi i64 [ 0, %entry ], [ %next, %stored ]",
              "%more = icmp slt i64 %i, %count", "br i1 %more, label %block, label %done", "block:",
              f"%next = add i64 %i, {width}", "%fits = icmp sle i64 %next, %count",
              f"%direct = and i1 %fits, %all{count}", "br i1 %direct, label %load, label %gather", "load:"]  # fmt: skip
    for place in range(inputs):
        lines += [
            f"%q{place} = getelementptr double, ptr %p{place}, i64 %i",
            f"%d{place} = load {kind}, ptr %q{place}, align 8",
        ]
    lines += ["br label %compute", "gather:", "%left = sub i64 %count, %i", f"%short = icmp slt i64 %left, {width}",
              f"%lanes = select i1 %short, i64 %left, i64 {width}", "br label %fetch", "fetch:",
              "%j = phi i64 [ 0, %gather ], [ %jn, %fetch ]", "%at = add i64 %i, %j", "%jn = add i64 %j, 1"]  # fmt: skip
    for place in range(inputs):
        lines += [f"%o{place} = mul i64 %at, %s{place}", f"%r{place} = getelementptr i8, ptr %p{place}, i64 %o{place}",
                  f"%e{place} = load double, ptr %r{place}, align 1",
                  f"%t{place} = getelementptr double, ptr %b{place}, i64 %j",
                  f"store double %e{place}, ptr %t{place}"]  # fmt: skip
    lines += ["%again = icmp slt i64 %jn, %lanes", "br i1 %again, label %fetch, label %gathered", "gathered:"]
    lines += [f"%g{place} = load {kind}, ptr %b{place}, align 64" for place in range(inputs)]
    lines += ["br label %compute", "compute:"]
    lines += [f"%in{place} = phi {kind} [ %d{place}, %load ], [ %g{place}, %gathered ]" for place in range(inputs)]
    lines += [*body, "br i1 %direct, label %store, label %scatter", "store:"]
    for place, result in enumerate(results, inputs):
        lines += [
            f"%q{place} = getelementptr double, ptr %p{place}, i64 %i",
            f"store {kind} {result}, ptr %q{place}, align 8",
        ]
    lines += ["br label %stored", "scatter:"]
    lines += [f"store {kind} {result}, ptr %b{place}, align 64" for place, result in enumerate(results, inputs)]
    lines += ["%rest = sub i64 %count, %i", f"%few = icmp slt i64 %rest, {width}"]
    lines += [f"%full = select i1 %few, i64 %rest, i64 {width}", "br label %put", "put:"]
    lines += ["%m = phi i64 [ 0, %scatter ], [ %mn, %put ]", "%to = add i64 %i, %m", "%mn = add i64 %m, 1"]
    for place in range(inputs, count):
        lines += [f"%u{place} = getelementptr double, ptr %b{place}, i64 %m", f"%w{place} = load double, ptr %u{place}",
                  f"%x{place} = mul i64 %to, %s{place}", f"%y{place} = getelementptr i8, ptr %p{place}, i64 %x{place}",
                  f"store double %w{place}, ptr %y{place}, align 1"]  # fmt: skip
    lines += [
        "%anew = icmp slt i64 %mn, %full",
        "br i1 %anew, label %put, label %stored",
        "stored:",
        "br label %head",
        "done:",
        "ret void",
    ]
    text = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
    return f"define void @kernel(ptr %arrays, ptr %strides, i64 %count) {{\n{text}\n}}"
