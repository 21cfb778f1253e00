"""Values and derivatives of functions of numbers, written anew, by the conventions of docs/edges.md.

A function takes the run and its operands, and gives (value, first derivatives, second ones by pairs of operands); None is a
zero that is no factor. A fourth item says that there is a kink of which second derivatives know nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.programs.arithmetic import NAN, finite

if TYPE_CHECKING:
    from tests.programs.jets import Run


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
    value = (x if x > 0 or x != x else m.number(0)) + m.log1p(m.exp(-abs(x)))
    return value, _sigmoid(m, x), _sigmoid(m, x) * _sigmoid(m, -x) if finite(x) else NAN


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
    if b < 0:  # the value jumps
        run.near(a, 0)
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
    first = None if b == 0 and not abs(a) > 0 else b * m.power(a, b - 1)
    by_exponent = y * m.log(a) if a != 0 or b < 0 else None
    if a == 0 or b == 0:
        run.is_calm = False
    bent = None if b in (0, 1) else b * (b - 1) * m.power(a, b - 2)
    if not a > 0:
        return y, (first, by_exponent), (NAN if a != a else bent, NAN, NAN)
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
    first = m.div(a, b) if a != 0 or b != 0 else None
    mixed = m.div(m.number(1), b) if a != 0 or b > 0 else NAN
    return value, (m.log(b), first), (None, mixed, -m.div(a, b * b) if a != 0 or b != 0 else None)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda run, a, b: (a + b, (1, 1), ()),
    "subtract": lambda run, a, b: (a - b, (1, -1), ()),
    "multiply": lambda run, a, b: (a * b, (b, a), (None, 1, None)),
    "divide": _divide, "power": _power, "mod": _mod, "copysign": _copysign, "hypot": _hypot, "arctan2": _atan2,
    "logaddexp": _logaddexp,
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
