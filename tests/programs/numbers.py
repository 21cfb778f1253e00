"""Numbers with sparse derivatives: the reference.

A `Jet` has a value, its first derivatives by the elements of the inputs, its derivative along a direction, and the derivatives
of that: first and second order, forward. A derivative that is missing is a zero that no infinity can spoil. Rules of functions
are written here anew, by the conventions of docs/edges.md: (value, first, second), where None is a zero that is no factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

LARGE = 1e8
NEAR = 1e-9
INF, NAN = math.inf, math.nan


class Floats:
    """Functions of floats by IEEE 754: no exception."""

    pi = math.pi

    def __getattr__(self, name: str) -> Any:
        function = getattr(math, name)

        def quiet(*xs: Any) -> Any:
            try:
                return function(*xs)
            except ValueError:
                return NAN
            except OverflowError:
                return -INF if name in ("sinh",) and xs[0] < 0 else INF

        setattr(self, name, quiet)
        return quiet

    def number(self, x: Any) -> Any:
        return float(x)

    def log(self, x: Any) -> Any:
        return math.log(x) if x > 0 else -INF if x == 0 else NAN

    def log1p(self, x: Any) -> Any:
        return math.log1p(x) if x > -1 else -INF if x == -1 else NAN

    def atanh(self, x: Any) -> Any:
        return math.copysign(INF, x) if abs(x) == 1 else math.atanh(x) if abs(x) < 1 else NAN

    def div(self, a: Any, b: Any) -> Any:
        if b:
            return a / b
        return NAN if a == 0 or a != a else math.copysign(INF, a) * math.copysign(1, b)

    def power(self, a: Any, b: Any) -> Any:
        if a == 0 and b < 0:
            return math.copysign(INF, a) if b == int(b) and int(b) % 2 else INF
        return self.pow(a, b)


class Precise:
    """The same by mpmath; a complex result is nan."""

    def __init__(self) -> None:
        import mpmath

        self._mp = mpmath.mp.clone()
        self._mp.dps = 40
        self.pi = self._mp.pi

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._mp, name)

        def real(*xs: Any) -> Any:
            try:
                found = function(*xs)
            except (ZeroDivisionError, ValueError, OverflowError):
                return self._mp.nan
            return found if isinstance(found, self._mp.mpf) else self._mp.nan

        setattr(self, name, real)
        return real

    def number(self, x: Any) -> Any:
        return x if isinstance(x, self._mp.mpf) else self._mp.mpf(float(x))

    def floor(self, x: Any) -> Any:
        return self._mp.floor(x) if self._mp.isfinite(x) else x

    def cbrt(self, x: Any) -> Any:
        return self._mp.cbrt(x) if x >= 0 else -self._mp.cbrt(-x)

    def div(self, a: Any, b: Any) -> Any:
        if b != 0:
            return a / b
        return self._mp.nan if a == 0 or a != a else self._mp.inf * a

    def power(self, a: Any, b: Any) -> Any:
        if a == 0 and b < 0:
            return self._mp.inf
        return self._mp.mpf(1) if b == 0 else getattr(self, "real_power")(a, b)

    def real_power(self, a: Any, b: Any) -> Any:
        found = self._mp.power(a, b)
        return found if isinstance(found, self._mp.mpf) else self._mp.nan


def finite(x: Any) -> bool:
    return -INF < x < INF


class Jet:
    """A number that knows how it changes; `run` is what it belongs to."""

    __slots__ = ("curves", "is_kink", "run", "slopes", "tangent", "value")

    def __init__(self, run: Run, value: Any) -> None:
        self.run, self.value = run, value
        self.slopes: dict[int, Any] = {}
        self.tangent: Any = None
        self.curves: dict[int, Any] = {}
        self.is_kink = False

    def __add__(self, other: Any) -> Any:
        return self.run.call("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.run.call("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.run.call("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.run.call("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.run.call("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.run.call("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.run.call("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.run.call("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return self.run.call("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.run.call("power", other, self)

    def __mod__(self, other: Any) -> Any:
        return self.run.call("mod", self, other)

    def __rmod__(self, other: Any) -> Any:
        return self.run.call("mod", other, self)

    def __neg__(self) -> Any:
        return self.run.call("negative", self)

    def __abs__(self) -> Any:
        return self.run.call("abs", self)

    def __lt__(self, other: Any) -> bool:
        return self.run.compared(self, other, lambda a, b: a < b)

    def __le__(self, other: Any) -> bool:
        return self.run.compared(self, other, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> bool:
        return self.run.compared(self, other, lambda a, b: a > b)

    def __ge__(self, other: Any) -> bool:
        return self.run.compared(self, other, lambda a, b: a >= b)

    def __eq__(self, other: object) -> bool:
        return self.run.compared(self, other, lambda a, b: a == b)

    def __ne__(self, other: object) -> bool:
        return self.run.compared(self, other, lambda a, b: a != b)

    __hash__ = None  # type: ignore[assignment]


class Run:
    """One evaluation: its arithmetic, and what it met on its way."""

    def __init__(self, arithmetic: Any) -> None:
        self.m = arithmetic
        self.is_calm = True  # no kink, no tie, nothing infinite: other libraries are right
        self.is_fragile = False  # a comparison that rounding may turn
        self.scale = 1.0
        self.tainted: set[int] = set()  # elements that a row which mixes has met while they were infinite
        self.tainted_second: set[int] = set()

    def lift(self, x: Any) -> Jet:
        return x if x.__class__ is Jet else Jet(self, self.m.number(0 if x is None else x))  # NumPy's sum of no objects

    def near(self, a: Any, b: Any) -> None:
        """Note a comparison of two numbers at which something jumps."""
        if a == b:
            self.is_calm = False
        elif abs(a - b) < NEAR * max(1, abs(a)):
            self.is_fragile = True

    def compared(self, a: Any, b: Any, relation: Callable[[Any, Any], bool]) -> bool:
        x, y = self.lift(a).value, self.lift(b).value
        self.near(x, y)
        return bool(relation(x, y))

    def call(self, name: str, *operands: Any) -> Jet:
        jets = [self.lift(x) for x in operands]
        value, firsts, seconds, *kink = FUNCTIONS[name](self, *[x.value for x in jets])
        return self.combined(value, jets, firsts, seconds, bool(kink and kink[0]))

    def combined(
        self, value: Any, jets: Sequence[Jet], firsts: Sequence[Any], seconds: Sequence[Any], kink: bool = False
    ) -> Jet:
        """The chain rule, to second order; `seconds` by pairs (0, 0), (0, 1), (1, 1)."""
        made = Jet(self, value)
        slopes, curves = made.slopes, made.curves
        for x, first in zip(jets, firsts, strict=True):
            if first is not None and x.slopes:
                for i, each in x.slopes.items():
                    slopes[i] = slopes[i] + first * each if i in slopes else first * each
                for i, each in x.curves.items():
                    curves[i] = curves[i] + first * each if i in curves else first * each
                if x.tangent is not None:
                    made.tangent = first * x.tangent if made.tangent is None else made.tangent + first * x.tangent
                made.is_kink |= x.is_kink
        made.is_kink |= kink
        for second, (k, j) in zip(seconds, PAIRS, strict=False):
            if second is not None:
                self._bend(made, second, jets[k], jets[j])
                if k != j:
                    self._bend(made, second, jets[j], jets[k])
        self._settle(made, jets)
        return made

    def _bend(self, made: Jet, second: Any, x: Jet, along: Jet) -> None:
        if along.tangent is None:
            return
        if x.is_kink or along.is_kink:  # abs(u)**2 may be u**2, whose second derivative is no sum of conventions
            second = NAN
        for i, each in x.slopes.items():
            more = second * along.tangent * each
            made.curves[i] = made.curves[i] + more if i in made.curves else more

    def _settle(self, made: Jet, jets: Sequence[Jet]) -> None:
        if not finite(made.value) or any(not finite(x.value) and x.slopes for x in jets):
            self.is_calm = False
            made.slopes = dict.fromkeys(made.slopes, NAN)
            made.curves = dict.fromkeys(made.slopes, NAN)
            made.tangent = None if made.tangent is None else NAN
            return
        self.scale = max(self.scale, abs(made.value))
        for each in made.slopes.values():
            if finite(each):
                self.scale = max(self.scale, abs(each))
            else:
                self.is_calm = False

    def taint(self, jets: Sequence[Jet]) -> None:
        """Before a row that mixes all elements: remember which derivatives are lost in it."""
        first = any(not finite(x.value) or not all(map(finite, x.slopes.values())) for x in jets)
        second = first or any(not all(map(finite, x.curves.values())) for x in jets)
        indices = {i for x in jets for i in x.slopes}
        self.tainted |= indices if first else set()
        self.tainted_second |= indices if second else set()


PAIRS = ((0, 0), (0, 1), (1, 1))


def _unary(rule: Callable[[Any, Any], tuple[Any, ...]]) -> Callable[..., Any]:
    def function(run: Run, x: Any) -> tuple[Any, ...]:
        value, first, second, *kink = rule(run.m, x)
        return value, (first,), (second,), *kink

    return function


def _step(rule: Callable[[Any, Any], Any], offset: float = 0.0) -> Callable[..., Any]:
    """A function that is constant between whole numbers, moved by `offset`."""

    def function(run: Run, x: Any) -> tuple[Any, ...]:
        if finite(x):
            run.near(x, run.m.floor(x + 0.5 - offset) + offset)
        value = rule(run.m, x)
        return (value or 0 * x), (None,), ()  # a zero has the sign of x

    return function


def _sign(run: Run, x: Any) -> tuple[Any, ...]:
    run.near(x, 0)
    return (x if x != x else (x > 0) - (x < 0)) * run.m.number(1), (None,), ()


def _abs(run: Run, x: Any) -> tuple[Any, ...]:
    run.near(x, 0)
    return abs(x), ((x > 0) - (x < 0),), (None,), x == 0


def _relu(run: Run, x: Any) -> tuple[Any, ...]:
    run.near(x, 0)
    return (x if x > 0 or x != x else run.m.number(0)), (1 if x > 0 else None,), ()


def _rint(m: Any, x: Any) -> Any:
    if not finite(x):
        return x
    low = m.floor(x)
    return low + (x - low > 0.5 or (x - low == 0.5 and int(low) % 2 == 1))


def _sinc(m: Any, x: Any) -> tuple[Any, ...]:
    t = m.pi * x
    if abs(t) < 0.02:
        return (
            1 - t**2 / 6 + t**4 / 120,
            m.pi * (-t / 3 + t**3 / 30 - t**5 / 840),
            m.pi**2 * (m.number(-1) / 3 + t**2 / 10 - t**4 / 168),
        )
    s, c = m.sin(t), m.cos(t)
    return s / t, m.pi * (c / t - s / t**2), m.pi**2 * (-s / t - 2 * c / t**2 + 2 * s / t**3)


def _sigmoid(m: Any, x: Any) -> Any:
    return 1 / (1 + m.exp(-x)) if x >= 0 else m.exp(x) / (1 + m.exp(x))


def _softplus(m: Any, x: Any) -> tuple[Any, ...]:
    return (x if x > 0 else 0 * x) + m.log1p(m.exp(-abs(x))), _sigmoid(m, x), _sigmoid(m, x) * _sigmoid(m, -x)


def _asin(m: Any, x: Any, sign: int = 1) -> tuple[Any, ...]:
    slope = m.div(m.number(sign), m.sqrt((1 - x) * (1 + x)))
    return (m.asin(x) if sign > 0 else m.acos(x)), slope, slope * m.div(x, (1 - x) * (1 + x))


def _acosh(m: Any, x: Any) -> tuple[Any, ...]:
    slope = m.div(m.number(1), m.sqrt(x - 1) * m.sqrt(x + 1))
    return m.acosh(x), slope, -slope * m.div(x, (x - 1) * (x + 1))


def _logarithm(base: float) -> Callable[..., Any]:
    def rule(m: Any, x: Any) -> tuple[Any, ...]:
        by = m.log(m.number(base)) if base else m.number(1)
        one = m.number(1)
        return m.log(x) / by, m.div(one, x) / by, -m.div(one, x * x) / by

    return rule


def _hypot(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
    y = run.m.sqrt(a * a + b * b)
    if y == 0:
        run.is_calm = False
        return y, (None, None), (), True
    return y, (a / y, b / y), (b * b / y**3, -a * b / y**3, a * a / y**3)


def _atan2(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
    r = a * a + b * b
    if r == 0:
        run.is_calm = False
        return run.m.atan2(a, b), (None, None), ()
    return run.m.atan2(a, b), (b / r, -a / r), (-2 * a * b / r**2, (a * a - b * b) / r**2, 2 * a * b / r**2)


def _extremum(sign: int) -> Callable[..., Any]:
    def function(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
        run.near(a, b)
        if a != a or b != b:
            return run.m.number(NAN), (1, 1), ()
        if a == b:
            return a, (0.5, 0.5), ()
        return (a, (1, None), ()) if (a > b) == (sign > 0) else (b, (None, 1), ())

    return function


def _power(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
    m = run.m
    y = m.power(a, b)
    first = None if b == 0 else b * m.power(a, b - 1)
    by_exponent = y * m.log(a) if a != 0 or b < 0 else None
    if a == 0 or b == 0:
        run.is_calm = False
    bent = None if b in (0, 1) else b * (b - 1) * m.power(a, b - 2)
    if a <= 0:
        return y, (first, by_exponent), (bent, NAN, NAN)
    return y, (first, by_exponent), (bent, m.power(a, b - 1) * (1 + b * m.log(a)), y * m.log(a) ** 2)


def _mod(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
    quotient = run.m.div(a, b)
    if not finite(quotient):
        return run.m.number(NAN), (1, NAN), ()
    run.near(quotient, run.m.floor(quotient + 0.5))
    whole = run.m.floor(quotient)
    return a - whole * b, (1, -whole), ()


def _copysign(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
    run.near(a, 0)
    run.near(b, 0)
    run.is_fragile |= b != b  # a nan has no sign that is promised
    sign = math.copysign(1, float(b))
    return abs(a) * sign, (((a > 0) - (a < 0)) * sign, None), (None, None, None)


def _divide(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
    m = run.m
    y, one = m.div(a, b), m.number(1)
    return y, (m.div(one, b), -m.div(y, b)), (None, -m.div(one, b * b), 2 * m.div(y, b * b))


def _logaddexp(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
    m = run.m
    s = _sigmoid(m, a - b)
    bent = s * _sigmoid(m, b - a)
    return (a if a > b else b) + m.log1p(m.exp(-abs(a - b))), (s, _sigmoid(m, b - a)), (bent, -bent, bent)


def _xlogy(run: Run, a: Any, b: Any) -> tuple[Any, ...]:
    m = run.m
    if a == 0:
        run.is_calm = False
    value = (m.number(0) if b >= 0 else m.number(NAN)) if a == 0 else a * m.log(b)
    first = m.div(a, b) if a != 0 else None
    mixed = m.div(m.number(1), b) if a != 0 or b > 0 else NAN
    return value, (m.log(b), first), (None, mixed, -m.div(a, b * b) if a != 0 else None)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda run, a, b: (a + b, (1, 1), ()),
    "subtract": lambda run, a, b: (a - b, (1, -1), ()),
    "multiply": lambda run, a, b: (a * b, (b, a), (None, 1, None)),
    "divide": _divide, "power": _power, "mod": _mod, "copysign": _copysign, "hypot": _hypot, "arctan2": _atan2, "logaddexp": _logaddexp,
    "xlogy": _xlogy, "maximum": _extremum(1), "minimum": _extremum(-1),
    "negative": lambda run, x: (-x, (-1,), ()),
    "sin": _unary(lambda m, x: (m.sin(x), m.cos(x), -m.sin(x))),
    "cos": _unary(lambda m, x: (m.cos(x), -m.sin(x), -m.cos(x))),
    "exp": _unary(lambda m, x: (m.exp(x), m.exp(x), m.exp(x))),
    "expm1": _unary(lambda m, x: (m.expm1(x), m.exp(x), m.exp(x))),
    "tanh": _unary(lambda m, x: (m.tanh(x), 1 / m.cosh(x) ** 2, -2 * m.tanh(x) / m.cosh(x) ** 2)),
    "sinh": _unary(lambda m, x: (m.sinh(x), m.cosh(x), m.sinh(x))),
    "cosh": _unary(lambda m, x: (m.cosh(x), m.sinh(x), m.cosh(x))),
    "arctan": _unary(lambda m, x: (m.atan(x), 1 / (1 + x * x), -2 * x / (1 + x * x) ** 2)),
    "arcsinh": _unary(lambda m, x: (m.asinh(x), 1 / m.sqrt(1 + x * x), -x / m.sqrt(1 + x * x) ** 3)),
    "square": _unary(lambda m, x: (x * x, 2 * x, 2)),
    "sqrt": _unary(lambda m, x: (m.sqrt(x), m.div(m.number(1), 2 * m.sqrt(x)), -m.div(m.number(1), 4 * x * m.sqrt(x)))),
    "cbrt": _unary(lambda m, x: (m.cbrt(x), m.div(m.number(1), 3 * m.cbrt(x) ** 2), -m.div(m.number(2), 9 * m.cbrt(x) ** 5))),
    "log": _unary(_logarithm(0)), "log2": _unary(_logarithm(2)), "log10": _unary(_logarithm(10)),
    "log1p": _unary(lambda m, x: (m.log1p(x), m.div(m.number(1), 1 + x), -m.div(m.number(1), (1 + x) ** 2))),
    "arcsin": _unary(_asin), "arccos": _unary(lambda m, x: _asin(m, x, -1)), "arccosh": _unary(_acosh),
    "arctanh": _unary(lambda m, x: (m.atanh(x), m.div(m.number(1), (1 - x) * (1 + x)),
                                    2 * m.div(x, ((1 - x) * (1 + x)) ** 2))),
    "sinc": _unary(_sinc), "softplus": _unary(_softplus),
    "sigmoid": _unary(lambda m, x: (_sigmoid(m, x), _sigmoid(m, x) * _sigmoid(m, -x),
                                    _sigmoid(m, x) * _sigmoid(m, -x) * (_sigmoid(m, -x) - _sigmoid(m, x)))),
    "abs": _abs, "sign": _sign, "relu": _relu,
    "floor": _step(lambda m, x: m.floor(x) if finite(x) else x), "ceil": _step(lambda m, x: -m.floor(-x) if finite(x) else x),
    "trunc": _step(lambda m, x: x if not finite(x) else m.floor(x) if x > 0 else -m.floor(-x)),
    "rint": _step(_rint, 0.5),
}  # fmt: skip
