"""THE TABLE. One row a function: its name, its partials, where it is real, and spellings that differ from the name.

A partial takes the result `y` and the operands. It is written in its accurate form. Adding a row here is all it
takes to make a function work everywhere.
"""

from __future__ import annotations

import operator
from fractions import Fraction
from math import ceil as _ceil
from math import floor as _floor
from math import pi as _pi
from math import trunc as _trunc
from typing import Any

from exprad.errors import KinkError
from exprad.ground.primitive import If, Primitive

_half = Fraction(1, 2)
_infinity = float("inf")
_log2, _log10 = 0.6931471805599453, 2.302585092994046
_two_over_sqrt_pi = 1.1283791670955126



def _power_slope(y: Any, a: Any, b: Any) -> Any:
    """b*a**(b-1), which at b = 0 is 0 even where a**(b-1) is infinite, or nan."""
    n: Any = getattr(b, "known", None)
    if n.__class__ is int and n:
        return n, a if n == 2 else a ** (n - 1)
    if n.__class__ is Fraction or n.__class__ is float and n:
        return n, a ** (n - 1)
    return If(not_equal(b, 0) | (abs(a) > 0), b * a ** (b - 1))


def _floor_quotient(a: Any, b: Any) -> Any:
    """What is left of a without the remainder is a whole multiple of b, but for rounding; beside 0 and inf it is a limit."""
    whole = round((a - mod(a, b)) / b)
    beside = where(equal(abs(a), _infinity), b - b, where(a * b < 0, -1, a / b))
    return where(equal(b, 0), a / b, where(equal(abs(b), _infinity), beside, where(equal(whole, 0), copysign(0, a / b), whole)))


def _gap(a: Any, b: Any) -> Any:
    return a - b


def _refuse_zero(distance: Any) -> Any:
    at = getattr(equal(distance, 0), "value", False)
    if at.any() if hasattr(at, "any") else at:
        raise KinkError("a derivative was asked at a kink, and kink='raise'; kinks(f) lists where they are")
    return distance


# arithmetic
add: Primitive = Primitive("add", 1, 1, infix="+", exact=operator.add, commutes=True)
sub: Primitive = Primitive("sub", 1, -1, infix="-", exact=operator.sub, numpy="subtract", sympy=operator.sub)
mul: Primitive = Primitive("mul", lambda y, a, b: b, lambda y, a, b: a, infix="*", exact=operator.mul, numpy="multiply", commutes=True)
div: Primitive = Primitive("div", lambda y, a, b: 1 / b, lambda y, a, b: -y / b, infix="/", exact=operator.truediv, numpy="divide", sympy=operator.truediv, sample=((-3, 3), (0.1, 3)))
neg: Primitive = Primitive("neg", -1, prefix="-", exact=operator.neg, numpy="negative", sympy=operator.neg)
pow: Primitive = Primitive("pow", _power_slope, lambda y, a, b: If(not_equal(a, 0) | (b < 0), y * log(a)), infix="**", exact=operator.pow, numpy="exprad.tables.special:power", sample=((0.1, 3), (-3, 3)))
mod: Primitive = Primitive("mod", 1, lambda y, a, b: -floor(a / b), infix="%", exact=operator.mod, numpy="mod", sympy="Mod", sample=((-3, 3), (0.5, 3)), kink=lambda a, b: a / b - round(a / b), sides=lambda side, a, b: mod(a, b) + where(side(mod(a, b)) * side(b) < 0, b, 0), jumps=True)
floor_divide: Primitive = Primitive("floor_divide", 0, 0, exact=operator.floordiv, numpy="floor_divide", formula=_floor_quotient, mpmath=lambda mp, a, b: mp.floor(a / b), sympy=lambda sp, a, b: sp.floor(a / b), sample=((-3, 3), (0.5, 3)), kink=lambda a, b: div(a, b) - round(div(a, b)), sides=lambda side, a, b: floor_divide(a, b) - where(side(mod(a, b)) * side(b) < 0, 1, 0), jumps=True)

# magnitudes and steps
abs: Primitive = Primitive("abs", lambda y, x: sign(x), exact=operator.abs, sympy="Abs", kink=lambda x: x, sides=lambda side, x: side(x) * x)
sign: Primitive = Primitive("sign", 0, numpy="sign", formula=lambda x: where(x > 0, 1, where(x < 0, -1, where(equal(x, 0), 0, x))), exact=lambda x: (x > 0) - (x < 0), kink=lambda x: x, sides=lambda side, x: side(x), jumps=True)
copysign: Primitive = Primitive("copysign", lambda y, a, b: sign(a) * copysign(1, b), 0, sympy=lambda sp, a, b: sp.Abs(a) * sp.sign(b), mpmath=lambda mp, a, b: -mp.fabs(a) if b < 0 else mp.fabs(a), kink=lambda a, b: minimum(abs(a), abs(b)), sides=lambda side, a, b: side(a) * a * where(side(b) > 0, 1, where(side(b) < 0, -1, copysign(1, b))), jumps=True)
floor: Primitive = Primitive("floor", 0, exact=_floor, kink=lambda x: x - round(x), sides=lambda side, x: floor(x) - where(side(x - floor(x)) < 0, 1, 0), jumps=True)
ceil: Primitive = Primitive("ceil", 0, exact=_ceil, sympy="ceiling", kink=lambda x: x - round(x), sides=lambda side, x: ceil(x) + where(side(x - ceil(x)) > 0, 1, 0), jumps=True)
round: Primitive = Primitive("round", 0, exact=lambda x: x.__round__(), numpy="rint", mpmath="nint", sympy=None, kink=lambda x: x - floor(x) - _half, sides=lambda side, x: round(x) + where(side(x - round(x) - _half) > 0, 1, where(side(x - round(x) + _half) < 0, -1, 0)), jumps=True)
trunc: Primitive = Primitive("trunc", 0, exact=_trunc, mpmath=lambda mp, x: mp.floor(x) if x >= 0 else mp.ceil(x), sympy=lambda sp, x: sp.sign(x) * sp.floor(sp.Abs(x)), kink=lambda x: where(equal(round(x), 0), 1, x - round(x)), sides=lambda side, x: trunc(x) - where(side(x - trunc(x)) * trunc(x) < 0, sign(trunc(x)), 0), jumps=True)
square: Primitive = Primitive("square", lambda y, x: (2, x), exact=lambda x: x * x, mpmath=lambda mp, x: x * x, sympy=lambda sp, x: x**2)

# roots, exponentials, logarithms
sqrt: Primitive = Primitive("sqrt", lambda y, x: _half / y, domain=("[0, inf)",), sample=((0.01, 9),))
cbrt: Primitive = Primitive("cbrt", lambda y, x: 1 / (3 * (y * y)), mpmath=lambda mp, x: mp.cbrt(x) if x >= 0 else -mp.cbrt(-x), sympy=lambda sp, x: sp.sign(x) * sp.cbrt(sp.Abs(x)), analytic=False)
exp: Primitive = Primitive("exp", lambda y, x: y)
exp2: Primitive = Primitive("exp2", lambda y, x: _log2 * y, mpmath=lambda mp, x: mp.power(2, x), sympy=lambda sp, x: 2**x)
expm1: Primitive = Primitive("expm1", lambda y, x: exp(x), sympy=lambda sp, x: sp.exp(x) - 1)
log: Primitive = Primitive("log", lambda y, x: 1 / x, domain=("[0, inf)",), sample=((0.01, 9),), read=("ln",))
log2: Primitive = Primitive("log2", lambda y, x: 1 / (x * _log2), mpmath=lambda mp, x: mp.log(x) / mp.log(2), sympy=lambda sp, x: sp.log(x, 2), domain=("[0, inf)",), sample=((0.01, 9),))
log10: Primitive = Primitive("log10", lambda y, x: 1 / (x * _log10), sympy=lambda sp, x: sp.log(x, 10), domain=("[0, inf)",), sample=((0.01, 9),))
log1p: Primitive = Primitive("log1p", lambda y, x: 1 / (1 + x), sympy=lambda sp, x: sp.log(1 + x), domain=("[-1, inf)",), sample=((-0.9, 9),))

# circular
sin: Primitive = Primitive("sin", lambda y, x: cos(x))
cos: Primitive = Primitive("cos", lambda y, x: -sin(x))
tan: Primitive = Primitive("tan", lambda y, x: 1 + y * y, sample=((-1.4, 1.4),))
asin: Primitive = Primitive("asin", lambda y, x: 1 / leg(1, x), numpy="arcsin", domain=("[-1, 1]",), sample=((-0.99, 0.99),), read=("arcsin",))
acos: Primitive = Primitive("acos", lambda y, x: -1 / leg(1, x), numpy="arccos", domain=("[-1, 1]",), sample=((-0.99, 0.99),), read=("arccos",))
atan: Primitive = Primitive("atan", lambda y, x: 1 / (1 + x * x), numpy="arctan", read=("arctan",))
atan2: Primitive = Primitive("atan2", lambda y, a, b: If(not_equal(a, 0) | not_equal(b, 0), b / hypot(a, b) / hypot(a, b)), lambda y, a, b: If(not_equal(a, 0) | not_equal(b, 0), -(a / hypot(a, b)) / hypot(a, b)), numpy="arctan2", read=("arctan2",), analytic=False)
sinc: Primitive = Primitive("sinc", lambda y, x: sinc_slope(1, x), formula="exprad.tables.special:sinc_formula", mpmath="sincpi", sympy=lambda sp, x: sp.sinc(sp.pi * x))
sinc_slope: Primitive = Primitive("sinc_slope", None, lambda y, n, x: sinc_slope(n + 1, x), numpy="exprad.tables.special:sinc_slope", formula="exprad.tables.special:sinc_slope_formula", mpmath="exprad.tables.special:mp_sinc_slope", sympy=None, sample=((0, 3), (-3, 3)), analytic=False)

# hyperbolic
sinh: Primitive = Primitive("sinh", lambda y, x: cosh(x))
cosh: Primitive = Primitive("cosh", lambda y, x: sinh(x))
tanh: Primitive = Primitive("tanh", lambda y, x: (1 / cosh(x)) ** 2)
asinh: Primitive = Primitive("asinh", lambda y, x: 1 / hypot(1, x), numpy="arcsinh", read=("arcsinh",))
acosh: Primitive = Primitive("acosh", lambda y, x: 1 / leg(x, 1), numpy="arccosh", domain=("[1, inf)",), sample=((1.01, 9),), read=("arccosh",))
atanh: Primitive = Primitive("atanh", lambda y, x: 1 / leg(1, x) ** 2, numpy="arctanh", domain=("[-1, 1]",), sample=((-0.99, 0.99),), read=("arctanh",))

# two operands, or three
hypot: Primitive = Primitive("hypot", lambda y, a, b: If(not_equal(y, 0), a / y), lambda y, a, b: If(not_equal(y, 0), b / y), sympy=lambda sp, a, b: sp.sqrt(a**2 + b**2), kink=lambda a, b: hypot(a, b), sides=lambda side, a, b: side.length((a, b), hypot, lambda c, d, a, b: c * a + d * b))
leg: Primitive = Primitive("leg", lambda y, a, b: a / y, lambda y, a, b: -b / y, formula=lambda a, b: sqrt(a - b) * sqrt(a + b), sympy=lambda sp, a, b: sp.sqrt(a**2 - b**2), sample=((1.5, 3), (-1, 1)), analytic=False)
maximum: Primitive = Primitive("maximum", lambda y, a, b: If(logical_not(a < b), where(equal(a, b), _half, 1)), lambda y, a, b: If(logical_not(b < a), where(equal(a, b), _half, 1)), numpy="maximum", formula=lambda a, b: where((a >= b) | not_equal(a, a), a, b), exact=max, mpmath=lambda mp, a, b: a if a >= b else b if b >= a else mp.nan, sympy="Max", kink=lambda a, b: a - b, sides=(lambda a, b: b, lambda a, b: a))
minimum: Primitive = Primitive("minimum", lambda y, a, b: If(logical_not(a > b), where(equal(a, b), _half, 1)), lambda y, a, b: If(logical_not(b > a), where(equal(a, b), _half, 1)), numpy="minimum", formula=lambda a, b: where((a <= b) | not_equal(a, a), a, b), exact=min, mpmath=lambda mp, a, b: a if a <= b else b if b <= a else mp.nan, sympy="Min", kink=lambda a, b: a - b, sides=(lambda a, b: a, lambda a, b: b))
clip: Primitive = Primitive("clip", lambda y, x, low, high: If(logical_not(x < low) & logical_not(x > high), where(equal(x, low), _half, 1) * where(equal(x, high), _half, 1)), lambda y, x, low, high: If(logical_not(x > low) & logical_not(low > high), where(equal(x, low), where(equal(x, high), Fraction(1, 4), _half), 1)), lambda y, x, low, high: If(logical_not(x < high) | (low > high), where(equal(x, high) & logical_not(low > high), _half, 1)), formula=lambda x, low, high: minimum(maximum(x, low), high), sample=((-3, 3), (-2, -1), (1, 2)), kink=lambda x, low, high: minimum(abs(x - low), abs(x - high)), sides=lambda side, x, low, high: where(side(high - low) < 0, high, where(side(x - low) < 0, low, where(side(x - high) > 0, high, x))))
relu: Primitive = Primitive("relu", lambda y, x: If(x > 0), formula=lambda x: maximum(x, 0), kink=lambda x: x, sides=lambda side, x: where(side(x) > 0, x, 0))

# sigmoids and logarithmic sums
sigmoid: Primitive = Primitive("sigmoid", lambda y, x: y * sigmoid(-x), formula=lambda x: where(x < 0, exp(-abs(x)), 1) / (1 + exp(-abs(x))), sympy=lambda sp, x: 1 / (1 + sp.exp(-x)), analytic=False)
softplus: Primitive = Primitive("softplus", lambda y, x: sigmoid(x), formula=lambda x: maximum(x, 0) + log1p(exp(-abs(x))), sympy=lambda sp, x: sp.log(1 + sp.exp(x)), analytic=False)
logaddexp: Primitive = Primitive("logaddexp", lambda y, a, b: sigmoid(a - b), lambda y, a, b: sigmoid(b - a), numpy="logaddexp", formula=lambda a, b: where(equal(a, b), a + _log2, maximum(a, b) + log1p(exp(minimum(a, b) - maximum(a, b)))), mpmath=lambda mp, a, b: mp.log(mp.exp(a) + mp.exp(b)), sympy=lambda sp, a, b: sp.log(sp.exp(a) + sp.exp(b)), analytic=False)
xlogy: Primitive = Primitive("xlogy", lambda y, a, b: log(b), lambda y, a, b: xdivy(a, b), formula=lambda a, b: where(equal(a, 0) & (b >= 0), 0 * a, a * log(b)), mpmath=lambda mp, a, b: a * 0 if a == 0 and b >= 0 else a * mp.log(b), sympy=lambda sp, a, b: a * sp.log(b), domain=("(-inf, inf)", "[0, inf)"), sample=((-3, 3), (0.01, 9)), analytic=False)
xdivy: Primitive = Primitive("xdivy", lambda y, a, b: 1 / b, lambda y, a, b: -xdivy(y, b), formula=lambda a, b: where(equal(a, 0) & equal(b, 0), 0 * a, a / b), sympy=operator.truediv, sample=((-3, 3), (0.1, 3)), analytic=False)

# special functions
erf: Primitive = Primitive("erf", lambda y, x: _two_over_sqrt_pi * exp(-(x * x)), numpy="scipy.special:erf", math="erf")
erfc: Primitive = Primitive("erfc", lambda y, x: -_two_over_sqrt_pi * exp(-(x * x)), numpy="scipy.special:erfc", math="erfc")
gamma: Primitive = Primitive("gamma", lambda y, x: y * digamma(x), numpy="scipy.special:gamma", math="gamma", sample=((0.1, 6),), analytic=False)
lgamma: Primitive = Primitive("lgamma", lambda y, x: digamma(x), formula="exprad.tables.special:lgamma_formula", mpmath=lambda mp, x: mp.inf if x <= 0 and x == mp.floor(x) else mp.re(mp.loggamma(x)), sympy="loggamma", sample=((0.1, 6),), analytic=False)
digamma: Primitive = Primitive("digamma", lambda y, x: polygamma(1, x), numpy="scipy.special:digamma", formula="exprad.tables.special:digamma_formula", sample=((0.1, 6),), analytic=False)
polygamma: Primitive = Primitive("polygamma", None, lambda y, n, x: polygamma(n + 1, x), numpy="exprad.tables.special:polygamma", formula="exprad.tables.special:polygamma_formula", mpmath=lambda mp, n, x: mp.psi(int(n), x), sample=((1, 3), (0.1, 6)), analytic=False)

# conditions
less: Primitive = Primitive("less", 0, 0, infix="<", exact=operator.lt, predicate=True, kink=_gap, sides=lambda side, a, b: (a < b) | (equal(a, b) & (side.after_tie(a, b) < 0)), sympy=operator.lt)
less_equal: Primitive = Primitive("less_equal", 0, 0, infix="<=", exact=operator.le, predicate=True, kink=_gap, sides=lambda side, a, b: (a < b) | (equal(a, b) & (side.after_tie(a, b) <= 0)), sympy=operator.le)
greater: Primitive = Primitive("greater", 0, 0, infix=">", exact=operator.gt, predicate=True, kink=_gap, sides=lambda side, a, b: (a > b) | (equal(a, b) & (side.after_tie(a, b) > 0)), sympy=operator.gt)
greater_equal: Primitive = Primitive("greater_equal", 0, 0, infix=">=", exact=operator.ge, predicate=True, kink=_gap, sides=lambda side, a, b: (a > b) | (equal(a, b) & (side.after_tie(a, b) >= 0)), sympy=operator.ge)
equal: Primitive = Primitive("equal", 0, 0, exact=operator.eq, predicate=True, kink=_gap, sides=lambda side, a, b: equal(a, b) & equal(side.after_tie(a, b), 0), sympy="Eq")
not_equal: Primitive = Primitive("not_equal", 0, 0, exact=operator.ne, predicate=True, kink=_gap, sides=lambda side, a, b: not_equal(a, b) | not_equal(side.after_tie(a, b), 0), sympy="Ne")
logical_and: Primitive = Primitive("logical_and", 0, 0, infix="&", exact=lambda a, b: bool(a) and bool(b), predicate=True, sympy="And")
logical_or: Primitive = Primitive("logical_or", 0, 0, infix="|", exact=lambda a, b: bool(a) or bool(b), predicate=True, sympy="Or")
logical_not: Primitive = Primitive("logical_not", 0, prefix="~", exact=lambda a: not a, predicate=True, sympy="Not")
where: Primitive = Primitive("where", 0, lambda y, c, a, b: If(c), lambda y, c, a, b: If(~c), exact=lambda c, a, b: a if c else b, mpmath=lambda mp, c, a, b: a if c else b, sympy=lambda sp, c, a, b: sp.Piecewise((a, c), (b, True)), analytic=False)
at_kink: Primitive = Primitive("at_kink", 0, formula=_refuse_zero)
held: Primitive = Primitive("held", 0, formula=lambda x: x, analytic=False)

# what each is, in words
_ABOUT: dict[Primitive, str] = {
    add: "a plus b.", sub: "a minus b.", mul: "a times b.", div: "a divided by b.", neg: "The negative of x.",
    pow: "a to the power b. A whole constant power is a product.", mod: "What is left of a when whole multiples of b are taken; it has the sign of b.",
    floor_divide: "How many whole times b goes into a: the largest whole number that is no larger than a / b.",
    abs: "The magnitude of x.", sign: "-1, 0 or 1: the sign of x.", copysign: "The magnitude of a with the sign of b.",
    floor: "The largest whole number that is no larger than x.", ceil: "The smallest whole number that is no smaller than x.",
    round: "The nearest whole number; of two, the even one.", trunc: "x without its fraction.", square: "x times x.",
    sqrt: "The square root of x.", cbrt: "The cube root of x, also of negative numbers.", exp: "e to the power x.",
    exp2: "2 to the power x.", expm1: "exp(x) - 1, accurate also where x is small.", log: "The natural logarithm of x.",
    log2: "The logarithm of x to base 2.", log10: "The logarithm of x to base 10.", log1p: "log(1 + x), accurate also where x is small.",
    sin: "The sine of x, an angle in radians.", cos: "The cosine of x, an angle in radians.", tan: "The tangent of x, an angle in radians.",
    asin: "The angle between -pi/2 and pi/2 whose sine is x.", acos: "The angle between 0 and pi whose cosine is x.",
    atan: "The angle between -pi/2 and pi/2 whose tangent is x.", atan2: "The angle between -pi and pi of the point (b, a) in the plane.",
    sinc: "sin(pi x)/(pi x), and 1 at 0.", sinc_slope: "The n-th derivative of sinc, for whole n.", sinh: "The hyperbolic sine of x.",
    cosh: "The hyperbolic cosine of x.", tanh: "The hyperbolic tangent of x.", asinh: "The number whose hyperbolic sine is x.",
    acosh: "The number of at least 0 whose hyperbolic cosine is x.", atanh: "The number whose hyperbolic tangent is x.",
    hypot: "The length of (a, b): sqrt(a*a + b*b), without overflow.", leg: "sqrt(a*a - b*b), for b between -a and a: the leg of a right triangle with hypotenuse a, without overflow.",
    maximum: "The larger of a and b.", minimum: "The smaller of a and b.", clip: "x, or the nearer of low and high where it lies beyond them.",
    relu: "x where it is larger than 0, else 0.", sigmoid: "1/(1 + exp(-x)), without overflow.", softplus: "log(1 + exp(x)), without overflow.",
    logaddexp: "log(exp(a) + exp(b)), without overflow.", xlogy: "a*log(b), and 0 where a is 0.", xdivy: "a/b, and 0 where both are 0.",
    erf: "The error function.", erfc: "1 - erf(x), accurate also where x is large.", gamma: "The gamma function: (x - 1)! of whole numbers.",
    lgamma: "The logarithm of the magnitude of gamma(x).", digamma: "The derivative of lgamma.", polygamma: "The n-th derivative of digamma, for whole n.",
    less: "Whether a < b.", less_equal: "Whether a <= b.", greater: "Whether a > b.", greater_equal: "Whether a >= b.",
    equal: "Whether a and b are the same number.", not_equal: "Whether a and b are different numbers.", logical_and: "Whether both conditions hold: a & b.",
    logical_or: "Whether at least one of two conditions holds: a | b.", logical_not: "Whether a condition does not hold: ~a.",
    where: "a where the condition c holds, else b. A branch that is not taken never reaches a value or a derivative.",
    at_kink: "The operand, where it is not 0; there it raises KinkError.", held: "The value of x, which counts as a constant: its derivative is 0.",
}
for _row, _words in _ABOUT.items():
    _row.about = _words
del _row, _words
