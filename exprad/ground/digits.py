"""Numbers as text, of any size: Python's own conversions refuse more digits than a limit that a process may set."""

from __future__ import annotations

from fractions import Fraction

from exprad.ground.hints import Any

LARGEST_DECIMAL = 14_000  # bits of what is written in decimal, which parse reads again; beyond, in hexadecimal
PIECE = 500  # digits, which no limit is below
PLAIN = 10**PIECE


def digits(value: int | Fraction) -> str:
    """An exact number as text, which does not depend on the limit.

    >>> digits(-12), digits(Fraction(1, 3)), digits(10**5000)[:10]
    ('-12', '1/3', '0x31e20801')
    """
    if value.__class__ is int and -PLAIN < value < PLAIN:
        return str(value)
    if not isinstance(value, int):
        return f"{digits(value.numerator)}/{digits(value.denominator)}"
    if value.bit_length() > LARGEST_DECIMAL:
        return hex(value)
    try:
        return str(value)
    except ValueError:
        pieces, rest = [], abs(value)
        while rest:
            rest, piece = divmod(rest, 10**PIECE)
            pieces.append(f"{piece:0{PIECE}d}" if rest else str(piece))
        return "-" * (value < 0) + "".join(reversed(pieces))


def whole(text: str) -> int:
    """The whole number that digits, decimal or after `0x`, spell."""
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    value = 0
    for start in range(0, len(text), PIECE):
        piece = text[start : start + PIECE]
        value = value * 10 ** len(piece) + int(piece)
    return value


def rounded(value: Any, spec: str) -> str:
    """A number, or each of an array's, as `format` writes it by `spec`."""
    if getattr(value, "shape", ()) and hasattr(value, "dtype"):
        import numpy as np

        return np.array2string(value, formatter={"all": lambda each: format(each, spec)})
    value = float(value) if isinstance(value, Fraction) else value
    return format(value.item() if hasattr(value, "dtype") else value, spec)


def shown(value: Any) -> str:
    """What `repr` gives, for exact numbers of any size, too."""
    if value.__class__ is int:
        return digits(value)
    if isinstance(value, Fraction):
        return f"Fraction({digits(value.numerator)}, {digits(value.denominator)})"
    try:
        return repr(value)
    except ValueError:  # Python's own bound on digits
        return f"a {type(value).__name__} that holds a number of more digits than Python writes"
