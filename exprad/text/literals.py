"""Values that stand in text as they are: numbers, names in quotes, tuples, lists, slices and indices."""

from __future__ import annotations

import math
from typing import Any

from exprad.errors import ArgumentError
from exprad.text.names import unquoted
from exprad.text.source import Source, Token

_NAMED = {"None": None, "True": True, "False": False, "...": ...}
_NUMBERS = {"inf": math.inf, "nan": math.nan}
_MISSING: Any = object()
_DEEPEST = 64  # axes are fewer
_CLOSERS = {"(": ")", "[": "]"}


def zeros(shape: Any, dtype: Any = int) -> Any:
    """An array without elements, whose shape a list can't tell."""
    import numpy as np

    sizes = shape if isinstance(shape, tuple) else (shape,)
    if any(size.__class__ is not int for size in sizes) or 0 not in sizes:
        raise ArgumentError(f"zeros(...) spells an array without elements, got the shape {shape!r}")
    return np.zeros(sizes, dtype)


_FUNCTIONS: dict[str, Any] = {"slice": slice, "zeros": zeros}


class _Bracket:
    """A bracket that is open: what stood before it, what it holds so far, and the ends of a slice that is being read."""

    def __init__(self, opener: Token, kind: str) -> None:
        self.opener, self.kind = opener, kind
        self.closer = _CLOSERS[opener.text[-1]]
        self.items: list[Any] = []
        self.ends: list[Any] = []
        self.is_tuple = False

    def take(self, value: Any) -> None:
        """An entry ends here, with this value, or with none."""
        if self.ends:
            self.items.append(slice(*self.ends, None if value is _MISSING else value))  # type: ignore[call-overload]  # 2 or 3
            self.ends = []
        elif value is not _MISSING:
            self.items.append(value)

    def colon(self, value: Any) -> None:
        self.ends.append(None if value is _MISSING else value)

    def closed(self) -> Any:
        items = self.items
        if self.kind == "index":
            if not items:
                raise ArgumentError("brackets hold an index, such as v[0] or v[1:]")
            is_one = len(items) == 1 and not self.is_tuple and isinstance(items[0], tuple)
            return items[0] if is_one else tuple(items)
        if self.kind == "[":
            return items
        if self.kind == "(":
            return items[0] if len(items) == 1 and not self.is_tuple else tuple(items)
        return _FUNCTIONS[self.kind](*items)


def literal(source: Source, kind: str = "") -> Any:
    """The value that stands here. With `kind` "index", what `x[...]` has in brackets, of which the first is read."""
    open_: list[_Bracket] = []
    if kind:
        open_.append(_Bracket(source.tokens[source.index - 1], kind))
    value = _MISSING
    while value is _MISSING or open_:
        token = source.token
        if open_ and token.sign == open_[-1].closer:
            value = _closed(source, open_.pop(), value)
        elif open_ and token.sign == "," and (value is not _MISSING or open_[-1].ends):
            open_[-1].take(value)
            open_[-1].is_tuple, value = True, _MISSING
            source.index += 1
        elif open_ and token.sign == ":" and open_[-1].kind == "index" and len(open_[-1].ends) < 2:
            open_[-1].colon(value)
            value = _MISSING
            source.index += 1
        elif value is not _MISSING:
            raise source.expected(f"',' or '{open_[-1].closer}'")
        else:
            value = _begun(source, open_)
    return value


def _closed(source: Source, bracket: _Bracket, value: Any) -> Any:
    bracket.take(value)
    source.index += 1
    try:
        return bracket.closed()
    except (TypeError, ValueError) as error:
        raise source.error(str(error), bracket.opener) from None


def _begun(source: Source, open_: list[_Bracket]) -> Any:
    """A value without brackets; or nothing yet, where a bracket opens."""
    token = source.token
    if len(open_) > _DEEPEST:
        raise source.error(f"brackets of values are nested more than {_DEEPEST} deep")
    if token.sign in _CLOSERS:
        open_.append(_Bracket(token, token.text))
    elif token.kind == "name" and token.text in _FUNCTIONS and source.next.sign == "(":
        source.index += 1
        open_.append(_Bracket(source.token, token.text))
    elif token.text[:-1] in _FUNCTIONS:  # the bracket belongs to the token
        open_.append(_Bracket(token, token.text[:-1]))
    elif token.text == "s_" and source.next.sign == "[":
        source.index += 1
        open_.append(_Bracket(source.token, "index"))
    else:
        return _scalar(source)
    source.index += 1
    return _MISSING


def _scalar(source: Source) -> Any:
    sign = -1 if source.token.sign == "-" else 1
    is_signed = source.token.sign in ("-", "+")
    source.index += is_signed
    token = source.token
    source.index += 1
    if token.kind == "number":
        return sign * (source.integer(token) if token.is_whole else float(token.text))
    if token.kind == "name" and token.text in _NUMBERS:
        return sign * _NUMBERS[token.text]
    if token.text in _NAMED and not is_signed:
        return _NAMED[token.text]
    if token.kind == "quoted" and not is_signed:
        return unquoted(token.text)
    source.index -= 1
    raise source.expected("a value")
