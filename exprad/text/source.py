"""Text as tokens, and errors that show the place."""

from __future__ import annotations

import re
from typing import NamedTuple

from exprad.errors import ParseError
from exprad.ground.digits import whole

MOST_DIGITS = 10_000
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+|\#[^\n]*)|(?P<line>[\n;]+)
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<quoted>"(?:[^"\\\n]|\\.)*")|(?P<array>array\((?=\[)|zeros\((?=\())|(?P<name>[^\W\d]\w*)
    |(?P<operator>\*\*|//|<=|>=|==|!=|\.\.\.|[-+*/%@<>&|~^(),=\[\].:])""",
    re.VERBOSE,
)


class Token(NamedTuple):
    kind: str
    text: str
    place: int
    sign: str = ""  # the operator or bracket that it is

    @property
    def is_whole(self) -> bool:
        return self.kind == "number" and (self.text.isdigit() or self.text[:2] in ("0x", "0X"))


class Source:
    """A text, its tokens, and the place up to which they are read."""

    def __init__(self, text: str) -> None:
        self.text, self.index = text, 0
        self.tokens = self._tokens()

    def _tokens(self) -> list[Token]:
        tokens, place, text = [], 0, self.text
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise _fail(text, place, f"unexpected character {text[place]!r}")
            kind = match.lastgroup or ""
            if kind == "operator":
                sign = match.group()
                tokens.append(Token(kind, sign, place, sign))
            elif kind != "blank":
                tokens.append(Token(kind, match.group(), place))
            place = match.end()
        return [*tokens, Token("end", "", len(text)), Token("end", "", len(text))]

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def next(self) -> Token:
        return self.tokens[self.index + 1]

    def error(self, message: str, token: Token | None = None) -> ParseError:
        return _fail(self.text, (token or self.token).place, message)

    def expected(self, what: str) -> ParseError:
        """The error for a token that is none of what may stand here."""
        text = self.token.text
        return self.error(f"{what} was expected before {repr(text) if text.strip() else 'the end'}")

    def take(self, text: str) -> None:
        """Go past an operator or a bracket that must stand here."""
        if self.token.sign != text:
            raise self.expected(repr(text))
        self.index += 1

    def integer(self, token: Token) -> int:
        if token.text.isdigit() and len(token.text) > MOST_DIGITS:
            raise self.error(f"a whole number may have at most {MOST_DIGITS} digits, got {len(token.text)}", token)
        return whole(token.text)


def _fail(text: str, place: int, message: str) -> ParseError:
    line = text.count("\n", 0, place) + 1
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    shown = text[start : end if end >= 0 else len(text)]
    column = place - start
    first = max(0, column - 60)
    shown, caret = shown[first : first + 120], " " * (column - first) + "^"
    return ParseError(f"line {line}, column {column + 1}: {message}\n  {shown}\n  {caret}")
