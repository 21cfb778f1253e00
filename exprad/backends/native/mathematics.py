"""Vector mathematics of exprad's own, as LLVM's text: for machines with fused multiply-add, without a library.

Each function is at most 2 units in the last place off, most at most 1; `tests/test_native.py` measures it.

Polynomials and the formulas of the inverse functions are those of fdlibm (Sun Microsystems, 1993: e_log.c, s_log1p.c,
e_asin.c, e_acos.c, s_atan.c, s_asinh.c, e_acosh.c, e_atanh.c, k_sin.c, k_cos.c); the reduction of angles by pi/2 is Cody
and Waite's, in three parts. What a sum or a quotient lost is kept after Dekker (1971).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction

from exprad.backends.native.llvm import Code, Vector, defined

SHIFT = 1.5 * 2.0**52  # a float to which adding rounds to the nearest whole number
LN2 = 0.6931471803691238, 1.9082149292705877e-10  # in two parts, of which the first times 2**11 is exact
# fmt: off
LOG = (
    0.6666666666666735,  0.3999999999940942,  0.2857142874366239, 0.22222198432149784,
    0.1818357216161805, 0.15313837699209373, 0.14798198605116586,
)
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)
SIN = (
     -0.16666666666666632,     0.00833333333332249, -0.0001984126982985795,
    2.7557313707070068e-06, -2.5050760253406863e-08,  1.58969099521155e-10,
)
COS = (
       0.0416666666666666,  -0.001388888888887411,    2.480158728947673e-05,
    -2.7557314351390663e-07, 2.087572321298175e-09, -1.1359647557788195e-11,
)
ASIN = (
     1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
    -4.00555345006794114027e-02,  7.91534994289814532176e-04, 3.47933107596021167570e-05,
)
ASIN_BELOW = (
    1.0, -2.40339491173441421878e00, 2.02094576023350569471e00, -6.88283971605453293030e-01, 7.70381505559019352791e-02,
)
ATAN = (
    3.33333333333329318027e-01, -1.99999999998764832476e-01, 1.42857142725034663711e-01, -1.11111104054623557880e-01,
    9.09088713343650656196e-02, -7.69187620504482999495e-02, 6.66107313738753120669e-02, -5.83357013379057348645e-02,
    4.97687799461593236017e-02, -3.65315727442169155270e-02, 1.62858201153657823623e-02,
)
# fmt: on
LARGEST_ANGLE = 2.0**20
TINY = 2.0**-54  # below it, odd functions that go like x are x
Parts = tuple[Vector, Vector]  # a value, and what it lost


def _bits(number: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", number))[0])


def _within(code: Code, x: Vector, low: float, high: float) -> Vector:
    """x, or the bound that it is beyond; nan stays."""
    above = code.choose(x.compared("olt", low), low, x)
    return code.choose(above.compared("ogt", high), high, above)


def _sum(high: Vector, low: Vector) -> Parts:
    """A sum and what it lost, where the first is the larger."""
    total = high + low
    return total, low - (total - high)


def _quotient(code: Code, above: Parts, below: Parts) -> Parts:
    quotient = above[0] / below[0]
    left = code.fma(-quotient, below[0], above[0]) + (above[1] - quotient * below[1])
    return quotient, left / below[0]


def _reduced(code: Code, x: Vector) -> tuple[Vector, Vector]:
    """k, as a whole number, and x - k log(2), which is at most log(2)/2."""
    shifted = code.fma(x, 1 / math.log(2), SHIFT)
    k = shifted - SHIFT
    return shifted.bits() - _bits(SHIFT), code.fma(k, -LN2[1], code.fma(k, -LN2[0], x))


def _power_of_two(k: Vector) -> Vector:
    return ((k + 1023) << 52).bits()


def _beyond_linear(code: Code, x: Vector) -> Vector:
    """(exp(x) - 1 - x)/x**2 for |x| up to log(2)/2, by Taylor's polynomial."""
    return code.polynomial(x, [float(Fraction(1, math.factorial(n))) for n in range(2, 14)])


def _exp(code: Code, x: Vector) -> Vector:
    k, rest = _reduced(code, _within(code, x, -746.0, 710.0))
    value = code.fma(rest * rest, _beyond_linear(code, rest), rest) + 1.0
    half = k >> 1
    for part in (half, k - half):  # in two steps, so that results below the normal ones are rounded once
        value = value * _power_of_two(part)
    return value


def _half_expm1(code: Code, x: Vector) -> Parts:
    """Half of exp(x) - 1, for x between -45 and 709.9."""
    k, rest = _reduced(code, x)
    scale = _power_of_two(k - 1)
    whole = scale - 0.5
    product = scale * rest
    total = whole + product
    other = total - whole
    lost = (whole - (total - other)) + (product - other)
    return _sum(total, lost + scale * (rest * rest * _beyond_linear(code, rest)))


def _expm1(code: Code, x: Vector) -> Vector:
    half, _ = _half_expm1(code, _within(code, x, -45.0, 709.9))
    return code.choose(code.call("llvm.fabs", x).compared("olt", TINY), x, half * 2.0)


def _tanh(code: Code, x: Vector) -> Vector:
    """m/(m + 1) for m = expm1(2|x|)/2."""
    size = code.call("llvm.fabs", x)
    high, low = _half_expm1(code, _within(code, size * 2.0, 0.0, 44.0))
    below = high + 1.0
    value, rest = _quotient(code, (high, low), (below, (high - (below - 1.0)) + low))
    return code.choose(size.compared("olt", TINY), x, code.call("llvm.copysign", value + rest, x))


def _logarithm(code: Code, f: Vector, k: Vector, beside: Vector | None = None) -> Vector:
    """k log(2) + log(1 + f) + beside, for 1 + f between sqrt(1/2) and sqrt(2)."""
    s = f / (f + 2.0)
    z = s * s
    series = z * code.polynomial(z, LOG)
    half = f * f * 0.5
    low = k * LN2[1] if beside is None else code.fma(k, LN2[1], beside)
    return k * LN2[0] - ((half - code.fma(s, half + series, low)) - f)


def _exponent(code: Code, bits: Vector) -> tuple[Vector, Vector]:
    """k as a float, and f, where a normal number is 2**k (1 + f)."""
    exponent = (bits - _bits(math.sqrt(0.5))) >> 52
    k = (exponent + _bits(SHIFT)).bits() - SHIFT
    return k, (bits - (exponent << 52)).bits() - 1.0


def _log(code: Code, x: Vector) -> Vector:
    is_tiny = x.compared("olt", 2.0**-1022)
    k, f = _exponent(code, code.choose(is_tiny, x * 2.0**54, x).bits())
    value = _logarithm(code, f, code.choose(is_tiny, k - 54.0, k))
    value = code.choose(x.compared("oeq", 0.0), -math.inf, value)
    value = code.choose(x.compared("oeq", math.inf), math.inf, value)
    return code.choose(x.compared("ult", 0.0), math.nan, value)


def _log1p(code: Code, x: Vector, rest: Vector | float = 0.0) -> Vector:
    """log(u) for u = 1 + x, and what that sum lost; small x are taken as they are. `rest` is what x lost."""
    u = x + 1.0
    k, f = _exponent(code, u.bits())
    other = u - 1.0
    lost = (x - other) + (1.0 - (u - other))
    is_near = k.compared("oeq", 0.0)
    beside = (code.choose(is_near, 0.0, lost) + rest) / u
    value = _logarithm(code, code.choose(is_near, x, f), k, beside)
    value = code.choose(x.compared("oeq", -1.0), -math.inf, value)
    value = code.choose(x.compared("oeq", math.inf), math.inf, value)
    value = code.choose(x.compared("ult", -1.0), math.nan, value)
    return code.choose(x.compared("oeq", 0.0), x, value)


def _asinh(code: Code, x: Vector) -> Vector:
    """log1p(a + a**2/(1 + sqrt(1 + a**2))) for a = |x|; log(a) + log(2) where a is large."""
    size = code.call("llvm.fabs", x)
    square = size * size
    near = _log1p(code, *_sum(size, square / (code.call("llvm.sqrt", square + 1.0) + 1.0)))
    far = _log(code, size) + math.log(2)
    value = code.choose(size.compared("ogt", 2.0**28), far, near)
    return code.choose(size.compared("olt", TINY), x, code.call("llvm.copysign", value, x))


def _acosh(code: Code, x: Vector) -> Vector:
    """log1p(t + sqrt(2t + t**2)) for t = x - 1; log(x) + log(2) where x is large."""
    t = x - 1.0
    near = _log1p(code, *_sum(code.call("llvm.sqrt", code.fma(t, t, t * 2.0)), t))
    far = _log(code, x) + math.log(2)
    value = code.choose(x.compared("ogt", 2.0**28), far, near)
    return code.choose(x.compared("ult", 1.0), math.nan, value)


def _atanh(code: Code, x: Vector) -> Vector:
    """log1p(2|x| + 2|x||x|/(1 - |x|))/2."""
    size = code.call("llvm.fabs", x)
    twice = size * 2.0
    beyond = code.choose(size.compared("oeq", 1.0), math.inf, twice + twice * size / (1.0 - size))
    value = code.call("llvm.copysign", _log1p(code, beyond) * 0.5, x)
    return code.choose(size.compared("ugt", 1.0), math.nan, value)


def _asin_series(code: Code, z: Vector) -> Vector:
    """(asin(x)/x - 1) for z = x**2 up to a quarter."""
    return z * code.polynomial(z, ASIN) / code.polynomial(z, ASIN_BELOW)


def _arc(code: Code, x: Vector) -> tuple[Vector, Vector, Vector, Vector, Vector]:
    """Whether |x| is below a half; the series there; and for the half angle of what is above: s, what s lost, the series."""
    size = code.call("llvm.fabs", x)
    is_small = size.compared("olt", 0.5)
    z = code.choose(is_small, x * x, (1.0 - size) * 0.5)
    series = _asin_series(code, z)
    s = code.call("llvm.sqrt", z)
    lost = code.fma(-s, s, z) / (s * 2.0)
    return is_small, x * series, s, code.choose(s.compared("oeq", 0.0), 0.0, lost), s * series


def _asin(code: Code, x: Vector) -> Vector:
    is_small, near, s, lost, series = _arc(code, x)
    quarter = math.pi / 4
    far = quarter - ((series * 2.0 - (HALF_PI[1] - lost * 2.0)) - (quarter - s * 2.0))
    value = code.choose(is_small, x + near, code.call("llvm.copysign", far, x))
    return code.choose(x.compared("oeq", 0.0), x, value)


def _acos(code: Code, x: Vector) -> Vector:
    is_small, near, s, lost, series = _arc(code, x)
    middle = HALF_PI[0] - (x - (HALF_PI[1] - near))
    above = (s + (series + lost)) * 2.0
    below = math.pi - (s + ((series + lost) - HALF_PI[1])) * 2.0
    return code.choose(is_small, middle, code.choose(x.compared("ogt", 0.0), above, below))


def _atan2(code: Code, a: Vector, b: Vector) -> Vector:
    """What is left of the angle beside the nearest multiple of pi/4, by a quotient that is at most 7/16."""
    tall, wide = code.call("llvm.fabs", a), code.call("llvm.fabs", b)
    is_steep, is_left = tall.compared("ogt", wide), b.bits().compared("slt", 0)
    high, low = code.choose(is_steep, tall, wide), code.choose(is_steep, wide, tall)
    is_infinite = high.compared("oeq", math.inf)
    low = code.choose(is_infinite, code.choose(low.compared("oeq", math.inf), 1.0, 0.0), low)
    high = code.choose(is_infinite, 1.0, high)
    scale = code.choose(
        high.compared("ogt", 2.0**1020), 0.25, code.choose(high.compared("olt", 2.0**-900), 2.0**200, 1.0)
    )
    high, low = high * scale, low * scale
    is_near = low.compared("ole", high * 0.4375)
    zero = code.constant(0.0)
    difference, total = _sum(-high, low), _sum(high, low)
    above = [code.choose(is_near, *each) for each in zip((low, zero), difference, strict=True)]
    below = [code.choose(is_near, *each) for each in zip((high, zero), total, strict=True)]
    below[0] = code.choose(high.compared("oeq", 0.0), 1.0, below[0])
    t, lost = _quotient(code, (above[0], above[1]), (below[0], below[1]))
    z = t * t
    rest = lost - t * (z * code.polynomial(z, ATAN))
    is_turned = is_steep ^ is_left
    t, rest = code.choose(is_turned, -t, t), code.choose(is_turned, -rest, rest)
    quarters = code.choose(is_near, 0.0, 1.0)
    quarters = code.choose(is_steep, 2.0 - quarters, quarters)
    quarters = code.choose(is_left, 4.0 - quarters, quarters)
    value = quarters * (HALF_PI[0] / 2) + (t + (rest + quarters * (HALF_PI[1] / 2)))
    return code.choose(a.compared("uno", b), a + b, code.call("llvm.copysign", value, a))


def _atan(code: Code, x: Vector) -> Vector:
    return _atan2(code, x, code.constant(1.0))


def _circular(code: Code, x: Vector) -> tuple[Parts, Parts, Vector]:
    """Sine and cosine of what is left of x after multiples of pi/2, and how many there were."""
    shifted = code.fma(x, 2 / math.pi, SHIFT)
    n = shifted - SHIFT
    high = code.fma(n, -HALF_PI[0], x)  # exact: at most 53 bits are left
    product = n * HALF_PI[1]
    y = high - product
    lost = ((high - y) - product) - code.fma(n, HALF_PI[1], -product)
    tail = code.fma(n, -HALF_PI[2], lost)
    z = y * y
    cube = z * y
    inner = code.polynomial(z, SIN[1:])
    sine = y, cube * SIN[0] - (z * (tail * 0.5 - cube * inner) - tail)
    half = z * 0.5
    near = 1.0 - half
    cosine = near, ((1.0 - near) - half) + (z * (z * code.polynomial(z, COS)) - y * tail)
    return sine, cosine, shifted.bits()


def _turned(code: Code, sine: Parts, cosine: Parts, quadrant: Vector) -> Vector:
    value = code.choose((quadrant & 1).compared("ne", 0), cosine[0] + cosine[1], sine[0] + sine[1])
    return (value.bits() ^ ((quadrant & 2) << 62)).bits()


def _sincos(code: Code, x: Vector) -> tuple[Vector, Vector]:
    sine, cosine, quadrant = _circular(code, x)
    is_zero = x.compared("oeq", 0.0)
    found = _turned(code, sine, cosine, quadrant), _turned(code, sine, cosine, quadrant + 1)
    return code.choose(is_zero, x, found[0]), code.choose(is_zero, 1.0, found[1])


def _sin(code: Code, x: Vector) -> Vector:
    return code.choose(x.compared("oeq", 0.0), x, _turned(code, *_circular(code, x)))


def _cos(code: Code, x: Vector) -> Vector:
    sine, cosine, quadrant = _circular(code, x)
    return code.choose(x.compared("oeq", 0.0), 1.0, _turned(code, sine, cosine, quadrant + 1))


def _tan(code: Code, x: Vector) -> Vector:
    *both, quadrant = _circular(code, x)
    sine, cosine = (_sum(*each) for each in both)
    is_odd = (quadrant & 1).compared("ne", 0)
    above = [code.choose(is_odd, -c, s) for s, c in zip(sine, cosine, strict=True)]
    below = [code.choose(is_odd, s, c) for s, c in zip(sine, cosine, strict=True)]
    value, rest = _quotient(code, (above[0], above[1]), (below[0], below[1]))
    return code.choose(x.compared("oeq", 0.0), x, value + rest)


_ALL = (_exp, _expm1, _log, _log1p, _sin, _cos, _tan, _asin, _acos, _atan, _atan2, _tanh, _asinh, _acosh, _atanh)
FUNCTIONS: dict[str, Callable[..., Vector]] = {each.__name__.removeprefix("_"): each for each in _ALL}
# What of the C library they call, beyond `LARGEST_ANGLE`.
OF_ANGLES = {"sin": ("sin",), "cos": ("cos",), "tan": ("tan",), "sincos": ("sin", "cos")}


def symbol(name: str, width: int) -> str:
    """The symbol of a function for vectors of a width."""
    return f"exprad_{name}_{width}"


def signature(name: str, width: int) -> str:
    """What comes before the body of a function, or after `declare`: "sincos" gives two vectors."""
    kind = f"<{width} x double>"
    result = f"{{{kind}, {kind}}}" if name == "sincos" else kind
    return f"{result} @{symbol(name, width)}({kind} %x0{f', {kind} %x1' if name == 'atan2' else ''})"


def module(name: str, width: int) -> str:
    """The text of a module that defines one function."""
    code = Code(width)
    x, y = Vector(code, "%x0", code.floats), Vector(code, "%x1", code.floats)
    far, slow, lanes = _far(code, name, x) if name in OF_ANGLES else (None, [], [])
    found: Sequence[Vector]
    if name == "sincos":
        found = _sincos(code, x)
    else:
        found = [FUNCTIONS[name](code, x, y) if name == "atan2" else FUNCTIONS[name](code, x)]
    if far is not None:
        found = [code.choose(far, *each) for each in zip(slow, found, strict=True)]
    text = defined(signature(name, width), [*code.lines, *_returned(code, [each.name for each in found])])
    return "\n\n".join(["\n".join(code.declarations), *lanes, text])


def _far(code: Code, name: str, x: Vector) -> tuple[Vector, list[Vector], list[str]]:
    """Where angles are large; what the C library gives there, if there are any; the functions that it takes to call it.

    Each number has its own choice: what stands beside it in a vector never changes its bits.
    """
    far = code.call("llvm.fabs", x).compared("ugt", LARGEST_ANGLE)
    code.declare(f"declare i1 @llvm.vector.reduce.or.v{code.width}i1({code.truths})")
    any_far = code.emit(f"call i1 @llvm.vector.reduce.or.v{code.width}i1({code.truths} {far.name})", "i1")
    code.lines = ["entry:", *code.lines, f"br i1 {any_far.name}, label %far, label %near", "far:"]
    called = [code.call(f"lanes_{inner}", x).name for inner in OF_ANGLES[name]]
    code.lines += ["br label %near", "near:"]
    slow = [
        code.emit(f"phi {code.floats} [ {each}, %far ], [ zeroinitializer, %entry ]", code.floats) for each in called
    ]
    return far, slow, [by_lanes(code, inner, inner, 1) for inner in OF_ANGLES[name]]


def _returned(code: Code, names: list[str]) -> list[str]:
    kind = code.floats
    if len(names) == 1:
        return [f"ret {kind} {names[0]}"]
    first = code.count = code.count + 1
    pair = f"{{{kind}, {kind}}}"
    return [
        f"%p{first} = insertvalue {pair} poison, {kind} {names[0]}, 0",
        f"%q{first} = insertvalue {pair} %p{first}, {kind} {names[1]}, 1",
        f"ret {pair} %q{first}",
    ]


def by_lanes(code: Code, name: str, inner: str, arity: int) -> str:
    """A function `lanes_NAME` that calls one of the C library for each lane."""
    code.declare(f"declare double @exprad_libm_{inner}({', '.join(['double'] * arity)})")
    kind, lines, result = code.vector("double"), [], "poison"
    for lane in range(code.width):
        lines += [f"%x{operand}_{lane} = extractelement {kind} %x{operand}, i32 {lane}" for operand in range(arity)]
        given = ", ".join(f"double %x{operand}_{lane}" for operand in range(arity))
        lines.append(f"%y_{lane} = call double @exprad_libm_{inner}({given})")
        lines.append(f"%r_{lane} = insertelement {kind} {result}, double %y_{lane}, i32 {lane}")
        result = f"%r_{lane}"
    operands = ", ".join(f"{kind} %x{operand}" for operand in range(arity))
    return defined(f"internal {kind} @lanes_{name}({operands})", [*lines, f"ret {kind} {result}"])
