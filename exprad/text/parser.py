"""Text to expressions: precedence climbing with an explicit stack. It builds as written and never folds."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from exprad.errors import ArgumentError, OperandError, ParseError, ShapeError
from exprad.graph.expr import Call, Const, Expr, Var, namesakes
from exprad.ground.primitive import Primitive
from exprad.ground.traverse import collector_paused
from exprad.tensor import Family
from exprad.text.literals import literal, zeros
from exprad.text.names import CONSTANTS, declaration, is_shape, marked, meant, unquoted
from exprad.text.rows import called, function_called, operators, part, transposed
from exprad.text.source import Source, Token
from exprad.text.written import COMPARISON, POWER, PRECEDENCE, SIGN

LONGEST = 64_000_000
_BINARY: dict[str, Any] = operators()
_SIGNS = {row.prefix: row for row in Primitive.registry.values() if row.prefix}
_BEFORE_A_NUMBER = {"*", "/", "%", "@", "**"}  # after which `1/3` is a division
REFUSALS = (TypeError, ValueError, LookupError, MemoryError)  # of operands that don't fit
_HINTS = {"^": "'^' is not a power here; write **", "==": "write equal(a, b)", "!=": "write not_equal(a, b)"}


def parse(text: str, *, living: bool = True) -> Expr:
    """The expression that `text` spells, built as written.

    >>> parse("x**2*y + y + 2")
    x**2*y + y + 2
    >>> parse("let v: (3,), M: (3, 3); v @ M @ v").variables[0].shape
    (3, 3)

    A name means the variable that a line before declares, `let v: (3,)`; else the living variable that is called so, or
    a number where there is none. With `living=False` all names that no line declares are numbers, whatever lives: so programs
    read formulas that others write. Raises `ParseError` with line, column and the place shown, for text that is no
    expression.
    """
    if not isinstance(text, str):
        raise OperandError(f"parse needs text, got {type(text).__name__}: {text!r}")
    if len(text) > LONGEST:
        raise ArgumentError(f"the text has {len(text)} characters; at most {LONGEST} are read")
    with collector_paused():
        return _Parser(text, living).program()


class _Bracket(NamedTuple):
    """A bracket that is open: of a group, of a list, or of a call with what it calls."""

    closer: str
    start: int  # how many operands stand before it
    function: str = ""
    is_exact: bool = False
    options: dict[str, Any] | None = None


class _Operator(NamedTuple):
    """What waits for operands: an operator of a level; or a bracket, of level 0."""

    level: int
    what: Any
    token: Token


class _Parser(Source):
    def __init__(self, text: str, living: bool) -> None:
        super().__init__(text)
        self.meant: Callable[[str], Var | None] = meant if living else Var
        self.lines: dict[str, Expr] = {}  # what lines before are called
        self.variables: dict[str, Var] = {}
        self.operands: list[Any] = []
        self.operators: list[_Operator] = []

    def program(self) -> Expr:
        result: Expr | None = None
        while True:
            self._skip_lines()
            if self.token.kind == "end":
                if result is None:
                    raise self.error("an expression was expected, and the text is empty")
                return result
            if self.token.text == "let" and self.next.kind in ("name", "quoted"):
                self._declare()
            elif self.token.kind == "name" and self.next.text == "=":
                name = self.token.text
                self.index += 2
                self.lines[name] = result = self.expression()
            else:
                result = self.expression()
                self._skip_lines()
                if self.token.kind != "end":
                    raise self.error("only the last line may be an expression without a name")

    def _skip_lines(self) -> None:
        while self.token.kind == "line":
            self.index += 1

    def _declare(self) -> None:
        """`let v: (3,), M: (3, 3)`"""
        while not self.index or self.token.kind not in ("line", "end"):
            self.index += 1  # past `let`, or a comma
            name = self._name(self.token)
            self.index += 1
            self.take(":")
            at = self.token
            shape = literal(self)
            sizes = shape if isinstance(shape, tuple) else (shape,)
            if not all(size.__class__ is int and size >= 0 for size in sizes):
                raise self.error(f"a shape is whole numbers, such as let {name}: (3,)", at)
            self.variables[name] = Var(name, shape=sizes)
            self.lines.pop(name, None)
            if self.token.kind not in ("line", "end") and self.token.sign != ",":
                raise self.expected("',' or the end of the line")

    def _name(self, token: Token) -> str:
        if token.kind not in ("name", "quoted"):
            raise self.expected("a variable's name")
        name = token.text if token.kind == "name" else unquoted(token.text)
        if not name:
            raise self.error("a variable's name is empty", token)
        return name

    def expression(self) -> Expr:
        """One line: operands and operators on two stacks, until the line ends."""
        while True:
            self._operand()
            while self._after_operand():
                pass
            if self.token.kind in ("line", "end"):
                return self._ended()

    def _ended(self) -> Expr:
        self._reduce(0)
        if self.operators:
            bracket = self.operators[-1].token
            raise self.error(f"'{bracket.text[-1]}' was never closed", bracket)
        result = self.operands.pop()
        if isinstance(result, list):
            raise self.error("a list is an operand of a function, and no expression")
        return result

    def _after_operand(self) -> bool:
        """What follows an operand; whether the same may follow that, or else an operand, or the end, does."""
        token = self.tokens[self.index]
        sign = token.sign
        if sign in (")", "]"):
            self._close(token)
        elif sign == "[":
            self._index(token)
        elif sign == "." and self.next.text == "T":
            self.index += 2
            self._apply_last(transposed, token)
        elif sign == ",":
            return self._comma(token)
        elif sign in _BINARY:
            self._binary(token)
            return False
        elif token.kind in ("line", "end"):
            return False
        else:
            raise self.error(_HINTS.get(token.text, f"an operator was expected before {token.text!r}"), token)
        return True

    def _operand(self) -> None:
        while True:
            token = self.tokens[self.index]
            self.index += 1
            if token.kind == "number":
                return self.operands.append(self._number(token, negative=False))
            if token.sign == "-" and self._signs_literal(self.token):
                return self.operands.append(self._negative())
            if token.sign in ("-", "~"):
                self.operators.append(_Operator(SIGN, _SIGNS[token.text], token))
            elif token.sign == "(":
                self.operators.append(_Operator(0, _Bracket(")", len(self.operands)), token))
            elif token.sign == "[":
                self._open_list(token)
            elif token.kind == "name" and (self.token.sign == "(" or self._is_exact()):
                self._open_call(token)
            elif token.kind in ("name", "quoted"):
                return self.operands.append(self._named(token))
            elif token.kind == "array":
                return self.operands.append(self._array(token))
            elif token.sign != "+":
                self.index -= 1
                raise self.expected("an operand")

    def _is_exact(self) -> bool:
        """Whether brackets with parameters follow, `sum[axis=(0,)](v)`, and no index."""
        return self.token.sign == "[" and self.next.kind == "name" and self.tokens[self.index + 2].text == "="

    def _open_list(self, token: Token) -> None:
        if not self.operators or self.operators[-1].level or not self.operators[-1].what.function:
            raise self.error("a list of expressions stands among the operands of a function", token)
        self.operators.append(_Operator(0, _Bracket("]", len(self.operands)), token))

    def _open_call(self, token: Token) -> None:
        is_exact, options = self.token.sign == "[", {}
        if (function_called(token.text) is None) if not is_exact else (token.text not in Family.registry):
            raise self.error(f"no function is called {token.text!r}", token)
        if is_exact:
            self.index += 1
            options = self._options("]")
            self.index += 1
        self.take("(")
        if self.token.text == ")":
            raise self.error(f"{token.text}() needs an operand")
        lead = getattr(Family.registry.get(token.text), "leads", None)
        if lead is not None and not is_exact and self.token.kind == "quoted":
            options[lead] = literal(self)
            self.take(",")
        self.operators.append(_Operator(0, _Bracket(")", len(self.operands), token.text, is_exact, options), token))

    def _signs_literal(self, following: Token) -> bool:
        """A sign directly before a literal belongs to it, unless ** follows."""
        is_constant = following.kind == "name" and following.text in CONSTANTS and following.text not in self.lines
        return (following.kind == "number" or is_constant) and self.next.text != "**"

    def _negative(self) -> Const:
        token = self.token
        self.index += 1
        return self._number(token, negative=True) if token.kind == "number" else Const(-CONSTANTS[token.text])

    def _number(self, token: Token, negative: bool) -> Const:
        sign = -1 if negative else 1
        if not token.is_whole:
            return Const(sign * float(token.text))
        value = sign * self.integer(token)
        place = self.index - (3 if negative else 2)
        before = self.tokens[place].sign if place >= 0 else ""
        if self.token.sign == "/" and self.next.is_whole and before not in _BEFORE_A_NUMBER:
            divisor = self.integer(self.next)
            if divisor and self.tokens[self.index + 2].text != "**":
                self.index += 2
                return Const(Fraction(value, divisor))
        return Const(value)

    def _named(self, token: Token) -> Expr:
        if token.kind == "name":
            if token.text in self.lines:
                return self.lines[token.text]
            if token.text in CONSTANTS:
                return Const(CONSTANTS[token.text])
        name = self._name(token)
        if name not in self.variables:
            found = self.meant(name)
            self.variables[name] = self._marked(name, token) if found is None else found
        return self.variables[name]

    def _marked(self, name: str, token: Token) -> Var:
        """One of several variables of a name: that of the shape in brackets, where these can't be an index."""
        living, start = namesakes(name), self.index
        if self.token.sign == "[":
            self.index += 1
            index = literal(self, "index")
            self.index = start
            found = marked(living, index)
            if found is not None:
                return found
        raise self.error(
            f"several variables are called {name!r}; a line before says which: "
            f"{' or '.join(declaration([each]) for each in living)}",
            token,
        )

    def _array(self, token: Token) -> Expr:
        """`array([1.0, 2.0])`, and `zeros((0, 3))`; after a comma, the type where it isn't what such numbers have."""
        import numpy as np

        values = literal(self)
        kind = self._kind() if self.token.sign == "," else None
        self.take(")")
        try:
            array = zeros(values, kind or "float64") if token.text[0] == "z" else np.array(values, kind)
            return Const(array.astype("int64") if kind is None and array.dtype.kind == "i" else array)
        except (ValueError, TypeError, OverflowError) as error:
            raise self.error(f"an array is spelled array([1.0, 2.0], dtype=float32): {error}", token) from None

    def _kind(self) -> str:
        self.index += 3 if self.next.text == "dtype" and self.tokens[self.index + 2].text == "=" else 1
        if self.token.kind != "name":
            raise self.expected("the type of an array")
        self.index += 1
        return self.tokens[self.index - 1].text

    def _binary(self, token: Token) -> None:
        level, row = PRECEDENCE[token.text], _BINARY[token.text]
        if level == COMPARISON and self.operators and self.operators[-1].level == COMPARISON:
            raise self.error("comparisons don't chain; join two with &", token)
        if level == POWER:
            while self.operators and self.operators[-1].level > POWER:
                self._apply()
        else:
            self._reduce(level)
        self.operators.append(_Operator(level, row, token))
        self.index += 1

    def _reduce(self, level: int) -> None:
        while self.operators and self.operators[-1].level and self.operators[-1].level >= level:
            self._apply()

    def _apply(self) -> None:
        level, row, token = self.operators.pop()
        arity = 1 if level == SIGN else 2
        arguments = self.operands[-arity:]
        del self.operands[-arity:]
        try:
            self.operands.append(Call(row.row(arity) if isinstance(row, Family) else row, arguments))
        except REFUSALS as error:
            raise self._refused(error, token, arguments) from None

    def _apply_last(self, function: Callable[..., Expr], token: Token, *arguments: Any) -> None:
        """What follows an operand directly, before any operator."""
        x = self.operands.pop()
        if isinstance(x, list):
            raise self.error(f"an operator was expected before {token.text!r}", token)
        try:
            self.operands.append(function(x, *arguments))
        except REFUSALS as error:
            raise self._refused(error, token, [x]) from None

    def _refused(self, error: Exception, token: Token, operands: list[Any]) -> ParseError:
        number = next((x for x in operands if isinstance(x, Var) and not x.shape), None)
        is_of_shapes = number is not None and isinstance(error, ShapeError)
        hint = f"; the shape of an array is declared in a line before: let {number}: (3,)" if is_of_shapes else ""
        return self.error(f"{error}{hint}", token)

    def _index(self, token: Token) -> None:
        """`v[1:]`; the shape of a variable in brackets after its name, which is no index, leaves the variable alone."""
        named, x = self.tokens[self.index - 1], self.operands[-1]
        self.index += 1
        index = literal(self, "index")
        is_mark = isinstance(x, Var) and named.kind in ("name", "quoted") and is_shape(x, index)
        if not is_mark:
            self._apply_last(part, token, index)

    def _comma(self, token: Token) -> bool:
        """Whether the bracket may close after what follows a comma, because these were options."""
        self._reduce(1)
        if not self.operators or not (self.operators[-1].what.function or self.operators[-1].what.closer == "]"):
            raise self.error("a ',' belongs between the operands of a function", token)
        self.index += 1
        bracket = self.operators[-1].what
        if not bracket.function:
            return False
        bracket.options.update(self._options(")"))
        return self.token.text == ")" and bool(bracket.options)

    def _options(self, closer: str) -> dict[str, Any]:
        options: dict[str, Any] = {}
        while self.token.kind == "name" and self.next.text == "=":
            name = self.token.text
            self.index += 2
            options[name] = literal(self)
            if self.token.sign not in (",", closer):
                raise self.expected(f"',' or '{closer}'")
            self.index += self.token.sign == ","
        return options

    def _close(self, token: Token) -> None:
        self._reduce(1)
        if not self.operators or self.operators[-1].what.closer != token.text:
            raise self.error(f"'{token.text}' closes nothing", token)
        _, bracket, opening = self.operators.pop()
        self.index += 1
        arguments = self.operands[bracket.start :]
        if bracket.function:
            del self.operands[bracket.start :]
            try:
                self.operands.append(called(bracket.function, arguments, bracket.options, bracket.is_exact))
            except REFUSALS as error:
                raise self._refused(error, opening, arguments) from None
        elif bracket.closer == "]":
            self.operands[bracket.start :] = [arguments]
