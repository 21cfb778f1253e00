"""THE TABLE. One row a function: its name, its partials, where it is real, and spellings that differ from the name.

A partial takes the result `y` and the operands. It is written in its accurate form. Adding a row here is all it
takes to make a function work everywhere. Where a row does not say what a target calls it, that is its operator, or its
name, unless the row has a formula: then the target is given the formula (see `exprad.ground.spelling`).
"""

from __future__ import annotations

import operator
from fractions import Fraction
from math import ceil as _ceil
from math import floor as _floor
from math import trunc as _trunc

from exprad.errors import KinkError
from exprad.ground.hints import Any
from exprad.ground.primitive import If
from exprad.ground.primitive import Primitive as Row

_half = Fraction(1, 2)
_infinity = float("inf")
_log2, _log10 = 0.6931471805599453, 2.302585092994046
_two_over_sqrt_pi = 1.1283791670955126
_positive, _above_zero = ("[0, inf)",), ((0.01, 9),)
_unit, _inside = ("[-1, 1]",), ((-0.99, 0.99),)
_C_MOD = """{s} {t} {name}({t} a, {t} b)
{{
    {t} rest = fmod{f}(a, b);
    if (rest == 0) return copysign{f}(0, b);
    return rest == rest && (b < 0) != (rest < 0) ? rest + b : rest;
}}"""


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
add:   Row = Row("add", 1, 1,                                   infix="+", exact=operator.add, commutes=True, accumulates=-0.0,
    about="a plus b.")
sub:   Row = Row("sub", 1, -1,                                  infix="-", exact=operator.sub, numpy="subtract",
    about="a minus b.")
mul:   Row = Row("mul", lambda y, a, b: b, lambda y, a, b: a,   infix="*", exact=operator.mul, numpy="multiply",
    commutes=True, accumulates=1.0, signs=lambda a, b: a * b,
    about="a times b.")
div:   Row = Row("div", lambda y, a, b: 1 / b, lambda y, a, b: -y / b, infix="/", exact=operator.truediv, numpy="divide",
    sample=((-3, 3), (0.1, 3)), signs=lambda a, b: a * b,
    about="a divided by b.")
neg:   Row = Row("neg", -1,                                     prefix="-", exact=operator.neg, numpy="negative",
    signs=lambda x: -x,
    about="The negative of x.")
pow:   Row = Row("pow", _power_slope, lambda y, a, b: If(not_equal(a, 0) | (b < 0), y * log(a)),
    infix="**", exact=operator.pow, powers=True, numpy="exprad.tables.special:power", sample=((0.1, 3), (-3, 3)),
    spell={"python": "math.pow({0}, {1})", "c": "pow", "llvm": "pow", "array": "pow", "jax": "power"},
    about="a to the power b. A whole constant power is a product.")
mod:   Row = Row("mod", 1, lambda y, a, b: -floor(a / b),       infix="%", exact=operator.mod, numpy="mod", sympy="Mod",
    spell={"c": _C_MOD, "llvm": "exprad.backends.native.steps:mod"},
    sample=((-3, 3), (0.5, 3)), jumps=True, kink=lambda a, b: a / b - round(a / b),
    sides=lambda side, a, b: mod(a, b) + where(side(mod(a, b)) * side(b) < 0, b, 0),
    about="What is left of a when whole multiples of b are taken; it has the sign of b.")
floor_divide: Row = Row("floor_divide", 0, 0, exact=operator.floordiv, numpy="floor_divide", formula=_floor_quotient,
    mpmath=lambda mp, a, b: mp.floor(a / b), sympy=lambda sp, a, b: sp.floor(a / b), spell={"llvm": None},
    sample=((-3, 3), (0.5, 3)), jumps=True, kink=lambda a, b: div(a, b) - round(div(a, b)),
    sides=lambda side, a, b: floor_divide(a, b) - where(side(mod(a, b)) * side(b) < 0, 1, 0),
    about="How many whole times b goes into a: the largest whole number that is no larger than a / b.")

# magnitudes and steps
abs:   Row = Row("abs", lambda y, x: sign(x), exact=operator.abs, sympy="Abs",
    spell={"python": "abs({0})", "c": "fabs", "llvm": "llvm.fabs"},
    kink=lambda x: x, sides=lambda side, x: side(x) * x,
    about="The magnitude of x.")
sign:  Row = Row("sign", 0, exact=lambda x: (x > 0) - (x < 0),
    formula=lambda x: where(x > 0, 1, where(x < 0, -1, where(equal(x, 0), 0, x))), numpy="sign", sympy="sign",
    spell={"python": "({0} if {0} != {0} else float(({0} > 0.0) - ({0} < 0.0)))", "array": "sign"},
    kink=lambda x: x, sides=lambda side, x: side(x), jumps=True,
    about="-1, 0 or 1: the sign of x.")
copysign: Row = Row("copysign", lambda y, a, b: sign(a) * copysign(1, b), 0, spell={"llvm": "llvm.copysign"},
    sympy=lambda sp, a, b: sp.Abs(a) * sp.sign(b), mpmath=lambda mp, a, b: -mp.fabs(a) if b < 0 else mp.fabs(a),
    jumps=True, kink=lambda a, b: minimum(abs(a), abs(b)),
    sides=lambda side, a, b: side(a) * a * where(side(b) > 0, 1, where(side(b) < 0, -1, copysign(1, b))),
    about="The magnitude of a with the sign of b.")
floor: Row = Row("floor", 0, exact=_floor, mpmath="floor",
    spell={"python": "math.copysign(float(math.floor({0})), {0})", "llvm": "llvm.floor"},
    jumps=True, kink=lambda x: x - round(x), sides=lambda side, x: floor(x) - where(side(x - floor(x)) < 0, 1, 0),
    about="The largest whole number that is no larger than x.")
ceil:  Row = Row("ceil", 0, exact=_ceil, mpmath="ceil", sympy="ceiling",
    spell={"python": "math.copysign(float(math.ceil({0})), {0})", "llvm": "llvm.ceil"},
    jumps=True, kink=lambda x: x - round(x), sides=lambda side, x: ceil(x) + where(side(x - ceil(x)) > 0, 1, 0),
    about="The smallest whole number that is no smaller than x.")
round: Row = Row("round", 0, exact=lambda x: x.__round__(), numpy="rint", mpmath="nint",
    spell={"python": "math.copysign(float(round({0})), {0})", "c": "rint", "llvm": "llvm.rint", "sympy": None},
    jumps=True, kink=lambda x: x - floor(x) - _half,
    sides=lambda side, x: round(x) + where(side(x - round(x) - _half) > 0, 1, where(side(x - round(x) + _half) < 0, -1, 0)),
    about="The nearest whole number; of two, the even one.")
trunc: Row = Row("trunc", 0, exact=_trunc, mpmath=lambda mp, x: mp.floor(x) if x >= 0 else mp.ceil(x),
    sympy=lambda sp, x: sp.sign(x) * sp.floor(sp.Abs(x)),
    spell={"python": "math.copysign(float(math.trunc({0})), {0})", "llvm": "llvm.trunc"},
    jumps=True, kink=lambda x: where(equal(round(x), 0), 1, x - round(x)),
    sides=lambda side, x: trunc(x) - where(side(x - trunc(x)) * trunc(x) < 0, sign(trunc(x)), 0),
    about="x without its fraction.")
square: Row = Row("square", lambda y, x: (2, x), exact=lambda x: x * x, mpmath=lambda mp, x: x * x,
    sympy=lambda sp, x: x**2, spell={"python": "({0} * {0})", "c": "{0}*{0}", "llvm": lambda m, x: x * x},
    signs=lambda x: x**2,
    about="x times x.")

# roots, exponentials, logarithms
sqrt:  Row = Row("sqrt",  lambda y, x: _half / y,               domain=_positive, sample=_above_zero, spell={"llvm": "llvm.sqrt"},
    about="The square root of x.")
cbrt:  Row = Row("cbrt",  lambda y, x: 1 / (3 * (y * y)),       analytic=False,
    mpmath=lambda mp, x: mp.cbrt(x) if x >= 0 else -mp.cbrt(-x), sympy=lambda sp, x: sp.sign(x) * sp.cbrt(sp.Abs(x)),
    spell={"torch": lambda x: x.sign() * x.abs() ** (1 / 3)},
    about="The cube root of x, also of negative numbers.")
exp:   Row = Row("exp",   lambda y, x: y,
    about="e to the power x.")
exp2:  Row = Row("exp2",  lambda y, x: _log2 * y,               mpmath=lambda mp, x: mp.power(2, x), sympy=lambda sp, x: 2**x,
    about="2 to the power x.")
expm1: Row = Row("expm1", lambda y, x: exp(x),                  sympy=lambda sp, x: sp.exp(x) - 1,
    about="exp(x) - 1, accurate also where x is small.")
log:   Row = Row("log",   lambda y, x: 1 / x,                   domain=_positive, sample=_above_zero, read=("ln",),
    about="The natural logarithm of x.")
log2:  Row = Row("log2",  lambda y, x: 1 / (x * _log2),         domain=_positive, sample=_above_zero,
    mpmath=lambda mp, x: mp.log(x) / mp.log(2), sympy=lambda sp, x: sp.log(x, 2),
    about="The logarithm of x to base 2.")
log10: Row = Row("log10", lambda y, x: 1 / (x * _log10),        domain=_positive, sample=_above_zero,
    sympy=lambda sp, x: sp.log(x, 10),
    about="The logarithm of x to base 10.")
log1p: Row = Row("log1p", lambda y, x: 1 / (1 + x),             domain=("[-1, inf)",), sample=((-0.9, 9),),
    sympy=lambda sp, x: sp.log(1 + x),
    about="log(1 + x), accurate also where x is small.")

# circular
sin:   Row = Row("sin",   lambda y, x: cos(x),
    about="The sine of x, an angle in radians.")
cos:   Row = Row("cos",   lambda y, x: -sin(x),
    about="The cosine of x, an angle in radians.")
tan:   Row = Row("tan",   lambda y, x: 1 + y * y,               sample=((-1.4, 1.4),),
    about="The tangent of x, an angle in radians.")
asin:  Row = Row("asin",  lambda y, x: 1 / leg(1, x),           domain=_unit, sample=_inside, numpy="arcsin", read=("arcsin",),
    about="The angle between -pi/2 and pi/2 whose sine is x.")
acos:  Row = Row("acos",  lambda y, x: -1 / leg(1, x),          domain=_unit, sample=_inside, numpy="arccos", read=("arccos",),
    about="The angle between 0 and pi whose cosine is x.")
atan:  Row = Row("atan",  lambda y, x: 1 / (1 + x * x),         numpy="arctan", read=("arctan",),
    about="The angle between -pi/2 and pi/2 whose tangent is x.")
atan2: Row = Row("atan2", lambda y, a, b: If(not_equal(a, 0) | not_equal(b, 0), b / hypot(a, b) / hypot(a, b)),
                          lambda y, a, b: If(not_equal(a, 0) | not_equal(b, 0), -(a / hypot(a, b)) / hypot(a, b)),
    numpy="arctan2", read=("arctan2",), analytic=False,
    about="The angle between -pi and pi of the point (b, a) in the plane.")
sinc:  Row = Row("sinc",  lambda y, x: sinc_slope(1, x),        formula="exprad.tables.special:sinc_formula", mpmath="sincpi",
    sympy=lambda sp, x: sp.sinc(sp.pi * x),
    about="sin(pi x)/(pi x), and 1 at 0.")
sinc_slope: Row = Row("sinc_slope", None, lambda y, n, x: sinc_slope(n + 1, x), orders=(0,),
    numpy="exprad.tables.special:sinc_slope", formula="exprad.tables.special:sinc_slope_formula",
    mpmath="exprad.tables.special:mp_sinc_slope",
    sample=((0, 3), (-3, 3)), analytic=False,
    about="The n-th derivative of sinc, for whole n.")

# hyperbolic
sinh:  Row = Row("sinh",  lambda y, x: cosh(x),
    about="The hyperbolic sine of x.")
cosh:  Row = Row("cosh",  lambda y, x: sinh(x),
    about="The hyperbolic cosine of x.")
tanh:  Row = Row("tanh",  lambda y, x: (1 / cosh(x)) ** 2,
    about="The hyperbolic tangent of x.")
asinh: Row = Row("asinh", lambda y, x: 1 / hypot(1, x),         numpy="arcsinh", read=("arcsinh",),
    about="The number whose hyperbolic sine is x.")
acosh: Row = Row("acosh", lambda y, x: 1 / leg(x, 1),           numpy="arccosh", read=("arccosh",),
    domain=("[1, inf)",), sample=((1.01, 9),),
    about="The number of at least 0 whose hyperbolic cosine is x.")
atanh: Row = Row("atanh", lambda y, x: 1 / leg(1, x) ** 2,      numpy="arctanh", read=("arctanh",), domain=_unit, sample=_inside,
    about="The number whose hyperbolic tangent is x.")

# two operands, or three
hypot: Row = Row("hypot", lambda y, a, b: If(not_equal(y, 0), a / y), lambda y, a, b: If(not_equal(y, 0), b / y),
    sympy=lambda sp, a, b: sp.sqrt(a**2 + b**2), varies=True,
    kink=lambda a, b: hypot(a, b), sides=lambda side, a, b: side.length((a, b), hypot, lambda c, d, a, b: c * a + d * b),
    about="The length of (a, b): sqrt(a*a + b*b), without overflow.")
leg:   Row = Row("leg",   lambda y, a, b: a / y, lambda y, a, b: -b / y, formula=lambda a, b: sqrt(a - b) * sqrt(a + b),
    sympy=lambda sp, a, b: sp.sqrt(a**2 - b**2), sample=((1.5, 3), (-1, 1)), analytic=False,
    about="sqrt(a*a - b*b), for b between -a and a: the leg of a right triangle with hypotenuse a, "
          "without overflow.")
maximum: Row = Row("maximum", lambda y, a, b: If(logical_not(a < b), where(equal(a, b), _half, 1)),
                              lambda y, a, b: If(logical_not(b < a), where(equal(a, b), _half, 1)), exact=max,
    formula=lambda a, b: where((a >= b) | not_equal(a, a), a, b), numpy="maximum", sympy="Max",
    mpmath=lambda mp, a, b: a if a >= b else b if b >= a else mp.nan,
    spell={"python": "({0} if {0} >= {1} or {0} != {0} else {1})", "array": "maximum"},
    kink=lambda a, b: a - b, sides=(lambda a, b: b, lambda a, b: a),
    about="The larger of a and b.")
minimum: Row = Row("minimum", lambda y, a, b: If(logical_not(a > b), where(equal(a, b), _half, 1)),
                              lambda y, a, b: If(logical_not(b > a), where(equal(a, b), _half, 1)), exact=min,
    formula=lambda a, b: where((a <= b) | not_equal(a, a), a, b), numpy="minimum", sympy="Min",
    mpmath=lambda mp, a, b: a if a <= b else b if b <= a else mp.nan,
    spell={"python": "({0} if {0} <= {1} or {0} != {0} else {1})", "array": "minimum"},
    kink=lambda a, b: a - b, sides=(lambda a, b: a, lambda a, b: b),
    about="The smaller of a and b.")
clip:  Row = Row("clip",
    lambda y, x, low, high: If(logical_not(x < low) & logical_not(x > high),
                               where(equal(x, low), _half, 1) * where(equal(x, high), _half, 1)),
    lambda y, x, low, high: If(logical_not(x > low) & logical_not(low > high),
                               where(equal(x, low), where(equal(x, high), Fraction(1, 4), _half), 1)),
    lambda y, x, low, high: If(logical_not(x < high) | (low > high), where(equal(x, high) & logical_not(low > high), _half, 1)),
    formula=lambda x, low, high: minimum(maximum(x, low), high), sample=((-3, 3), (-2, -1), (1, 2)),
    kink=lambda x, low, high: minimum(abs(x - low), abs(x - high)),
    sides=lambda side, x, low, high: where(side(high - low) < 0, high,
                                           where(side(x - low) < 0, low, where(side(x - high) > 0, high, x))),
    about="x, or the nearer of low and high where it lies beyond them.")
relu:  Row = Row("relu",  lambda y, x: If(x > 0),               formula=lambda x: maximum(x, 0),
    kink=lambda x: x, sides=lambda side, x: where(side(x) > 0, x, 0),
    about="x where it is larger than 0, else 0.")

# sigmoids and logarithmic sums
sigmoid: Row = Row("sigmoid", lambda y, x: y * sigmoid(-x), analytic=False,
    formula=lambda x: where(x < 0, exp(-abs(x)), 1) / (1 + exp(-abs(x))), sympy=lambda sp, x: 1 / (1 + sp.exp(-x)),
    about="1/(1 + exp(-x)), without overflow.")
softplus: Row = Row("softplus", lambda y, x: sigmoid(x), analytic=False,
    formula=lambda x: maximum(x, 0) + log1p(exp(-abs(x))), sympy=lambda sp, x: sp.log(1 + sp.exp(x)),
    about="log(1 + exp(x)), without overflow.")
logaddexp: Row = Row("logaddexp", lambda y, a, b: sigmoid(a - b), lambda y, a, b: sigmoid(b - a), analytic=False,
    formula=lambda a, b: where(equal(a, b), a + _log2, maximum(a, b) + log1p(exp(minimum(a, b) - maximum(a, b)))),
    numpy="logaddexp", spell={"array": "logaddexp"},
    mpmath=lambda mp, a, b: mp.log(mp.exp(a) + mp.exp(b)), sympy=lambda sp, a, b: sp.log(sp.exp(a) + sp.exp(b)),
    about="log(exp(a) + exp(b)), without overflow.")
xlogy: Row = Row("xlogy", lambda y, a, b: log(b), lambda y, a, b: xdivy(a, b), analytic=False,
    formula=lambda a, b: where(equal(a, 0) & (b >= 0), 0 * a, a * log(b)),
    mpmath=lambda mp, a, b: a * 0 if a == 0 and b >= 0 else a * mp.log(b), sympy=lambda sp, a, b: a * sp.log(b),
    domain=("(-inf, inf)", "[0, inf)"), sample=((-3, 3), (0.01, 9)),
    about="a*log(b), and 0 where a is 0.")
xdivy: Row = Row("xdivy", lambda y, a, b: 1 / b, lambda y, a, b: -xdivy(y, b), analytic=False,
    formula=lambda a, b: where(equal(a, 0) & equal(b, 0), 0 * a, a / b), sympy=operator.truediv, sample=((-3, 3), (0.1, 3)),
    about="a/b, and 0 where both are 0.")

# special functions
erf:   Row = Row("erf",   lambda y, x: _two_over_sqrt_pi * exp(-(x * x)), varies=True,
    numpy="scipy.special:erf", spell={"jax": "jax.scipy.special:erf"},
    about="The error function.")
erfc:  Row = Row("erfc",  lambda y, x: -_two_over_sqrt_pi * exp(-(x * x)), varies=True,
    numpy="scipy.special:erfc", spell={"jax": "jax.scipy.special:erfc"},
    about="1 - erf(x), accurate also where x is large.")
gamma: Row = Row("gamma", lambda y, x: y * digamma(x), sample=((0.1, 6),), analytic=False, varies=True,
    numpy="scipy.special:gamma",
    spell={"c": "tgamma", "llvm": lambda m, x: m.call_loop(gamma, x) if m.is_loop(gamma) else m.call("tgamma", x),
           "jax": "jax.scipy.special:gamma", "torch": None},
    about="The gamma function: (x - 1)! of whole numbers.")
lgamma: Row = Row("lgamma", lambda y, x: digamma(x), sample=((0.1, 6),), analytic=False,
    formula="exprad.tables.special:lgamma_formula", spell={"c": "lgamma", "sympy": "loggamma"},
    mpmath=lambda mp, x: mp.inf if x <= 0 and x == mp.floor(x) else mp.re(mp.loggamma(x)),
    about="The logarithm of the magnitude of gamma(x).")
digamma: Row = Row("digamma", lambda y, x: polygamma(1, x), sample=((0.1, 6),), analytic=False,
    numpy="scipy.special:digamma", formula="exprad.tables.special:digamma_formula", mpmath="digamma", sympy="digamma",
    spell={"jax": "jax.scipy.special:digamma", "torch": "digamma"},
    about="The derivative of lgamma.")
polygamma: Row = Row("polygamma", None, lambda y, n, x: polygamma(n + 1, x), orders=(0,), analytic=False,
    numpy="exprad.tables.special:polygamma", formula="exprad.tables.special:polygamma_formula", sympy="polygamma",
    mpmath=lambda mp, n, x: mp.psi(int(n), x), sample=((1, 3), (0.1, 6)),
    about="The n-th derivative of digamma, for whole n.")

# conditions
less:          Row = Row("less", 0, 0,          infix="<",  exact=operator.lt, predicate=True, spell={"llvm": "fcmp olt"},
    kink=_gap, sides=lambda side, a, b: (a < b) | (equal(a, b) & (side.after_tie(a, b) < 0)),
    about="Whether a < b.")
less_equal:    Row = Row("less_equal", 0, 0,    infix="<=", exact=operator.le, predicate=True, spell={"llvm": "fcmp ole"},
    kink=_gap, sides=lambda side, a, b: (a < b) | (equal(a, b) & (side.after_tie(a, b) <= 0)),
    about="Whether a <= b.")
greater:       Row = Row("greater", 0, 0,       infix=">",  exact=operator.gt, predicate=True, spell={"llvm": "fcmp ogt"},
    kink=_gap, sides=lambda side, a, b: (a > b) | (equal(a, b) & (side.after_tie(a, b) > 0)),
    about="Whether a > b.")
greater_equal: Row = Row("greater_equal", 0, 0, infix=">=", exact=operator.ge, predicate=True, spell={"llvm": "fcmp oge"},
    kink=_gap, sides=lambda side, a, b: (a > b) | (equal(a, b) & (side.after_tie(a, b) >= 0)),
    about="Whether a >= b.")
equal:         Row = Row("equal", 0, 0,         sympy="Eq", exact=operator.eq, predicate=True,
    spell={"python": "({0} == {1})", "c": "{0} == {1}", "llvm": "fcmp oeq"},
    kink=_gap, sides=lambda side, a, b: equal(a, b) & equal(side.after_tie(a, b), 0),
    about="Whether a and b are the same number.")
not_equal:     Row = Row("not_equal", 0, 0,     sympy="Ne", exact=operator.ne, predicate=True,
    spell={"python": "({0} != {1})", "c": "{0} != {1}", "llvm": "fcmp une"},
    kink=_gap, sides=lambda side, a, b: not_equal(a, b) | not_equal(side.after_tie(a, b), 0),
    about="Whether a and b are different numbers.")
logical_and:   Row = Row("logical_and", 0, 0,   infix="&",  exact=lambda a, b: bool(a) and bool(b), predicate=True,
    truths=(0, 1), sympy="And",
    spell={"python": "bool({0} and {1})", "c": "{0} && {1}", "llvm": lambda m, a, b: a & b},
    border=lambda p, q, at_p, at_q: p & at_q | q & at_p | at_p & at_q,
    about="Whether both conditions hold: a & b.")
logical_or:    Row = Row("logical_or", 0, 0,    infix="|",  exact=lambda a, b: bool(a) or bool(b), predicate=True,
    truths=(0, 1), sympy="Or",
    spell={"python": "bool({0} or {1})", "c": "{0} || {1}", "llvm": lambda m, a, b: a | b},
    border=lambda p, q, at_p, at_q: ~p & at_q | ~q & at_p | at_p & at_q,
    about="Whether at least one of two conditions holds: a | b.")
logical_not:   Row = Row("logical_not", 0,      prefix="~", exact=lambda a: not a, predicate=True, truths=(0,),
    sympy="Not", spell={"python": "(not {0})", "c": "!{0}", "llvm": lambda m, a: a ^ True},
    border=lambda p, at_p: at_p,
    about="Whether a condition does not hold: ~a.")
where:         Row = Row("where", 0, lambda y, c, a, b: If(c), lambda y, c, a, b: If(~c), truths=(0,), analytic=False,
    exact=lambda c, a, b: a if c else b, mpmath=lambda mp, c, a, b: a if c else b,
    sympy=lambda sp, c, a, b: sp.Piecewise((a, c), (b, True)),
    spell={"python": "({1} if {0} else {2})", "c": "{0} ? {1} : {2}", "llvm": lambda m, c, a, b: m.code.choose(c, a, b)},
    signs=lambda c, a, b: where(c, a, b),
    about="a where the condition c holds, else b. A branch that is not taken never reaches a value or a derivative.")
at_kink:       Row = Row("at_kink", 0, formula=_refuse_zero,
    uncompiled="a derivative with kink='raise' has no compiled form; choose another kink",
    about="The operand, where it is not 0; there it raises KinkError.")
held:          Row = Row("held", 0, formula=lambda x: x, analytic=False,
    about="The value of x, which counts as a constant: its derivative is 0.")
