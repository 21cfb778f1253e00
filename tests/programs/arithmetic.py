"""Functions of real numbers by IEEE 754, as floats and in high precision."""

from __future__ import annotations

import math
from typing import Any

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
        return self._mp.mpf(1) if b == 0 else self.real_power(a, b)

    def real_power(self, a: Any, b: Any) -> Any:
        found = self._mp.power(a, b)
        return found if isinstance(found, self._mp.mpf) else self._mp.nan


def finite(x: Any) -> bool:
    return -INF < x < INF
