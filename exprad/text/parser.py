"""Text to expressions: precedence climbing with an explicit stack. It builds as written and never folds."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar, NamedTuple

from exprad.arrays import SPELLINGS as OF_ARRAYS
from exprad.errors import ArgumentError, OperandError, ParseError
from exprad.graph.expr import Call, Const, Expr, Var, expression
from exprad.ground.digits import whole
from exprad.ground.primitive import Primitive
from exprad.ground.traverse import collector_paused
from exprad.tables import elementary as table
from exprad.tensor import Family
from exprad.text.printer import COMPARISON, CONSTANTS, INFIX, POWER, PREFIX, PRODUCT, SIGN

LONGEST = 64_000_000
MOST_DIGITS = 10_000
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+|\#[^\n]*)|(?P<line>[\n;]+)
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<quoted>"(?:[^"\\\n]|\\.)*")|(?P<array>array\((?=\[))|(?P<name>[^\W\d]\w*)
    |(?P<operator>\*\*|//|<=|>=|==|!=|[-+*/%<>&|~^(),=\[\]])""",
    re.VERBOSE,
)
_BINARY: dict[str, tuple[int, Primitive]] = {
    **{sign.strip(): (level, Primitive.registry[name]) for name, (level, sign) in INFIX.items()},
    "//": (PRODUCT, table.floor_divide),
}
_SPELLINGS: dict[str, Callable[..., Any]] = {
    "sec": lambda x: 1 / table.cos(x), "csc": lambda x: 1 / table.sin(x), "cot": lambda x: 1 / table.tan(x),
    "sech": lambda x: 1 / table.cosh(x), "csch": lambda x: 1 / table.sinh(x), "coth": lambda x: 1 / table.tanh(x),
    "expit": lambda x: table.sigmoid(x),
    "max": lambda *xs, **options: table.maximum(*xs) if len(xs) == 2 else OF_ARRAYS["max"](*xs, **options),
    "min": lambda *xs, **options: table.minimum(*xs) if len(xs) == 2 else OF_ARRAYS["min"](*xs, **options),
}  # fmt: skip


class Token(NamedTuple):
    kind: str
    text: str
    place: int


def parse(text: str) -> Expr:
    """The expression that `text` spells, built as written.

    >>> parse("x**2*y + y + 2")
    x**2*y + y + 2

    Raises `ParseError` with line, column and the place shown, for text that is no expression.
    """
    if not isinstance(text, str):
        raise OperandError(f"parse needs text, got {type(text).__name__}: {text!r}")
    if len(text) > LONGEST:
        raise ArgumentError(f"the text has {len(text)} characters; at most {LONGEST} are read")
    with collector_paused():
        return _Parser(text).program()


def _fail(text: str, place: int, message: str) -> ParseError:
    line = text.count("\n", 0, place) + 1
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    shown = text[start : end if end >= 0 else len(text)]
    column = place - start
    first = max(0, column - 60)
    shown, caret = shown[first : first + 120], " " * (column - first) + "^"
    return ParseError(f"line {line}, column {column + 1}: {message}\n  {shown}\n  {caret}")


def _is_whole(token: Token) -> bool:
    return token.kind == "number" and (token.text.isdigit() or token.text[:2] in ("0x", "0X"))


_SIGNS = {sign: Primitive.registry[name] for name, (_, sign) in PREFIX.items()}


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.index = 0
        self.names: dict[str, Expr] = {}

    def _tokens(self) -> list[Token]:
        tokens, place, text = [], 0, self.text
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise _fail(text, place, f"unexpected character {text[place]!r}")
            kind = match.lastgroup or ""
            if kind != "blank":
                tokens.append(Token(kind, match.group(), place))
            place = match.end()
        tokens.append(Token("end", "", len(text)))
        return tokens

    def error(self, message: str, token: Token | None = None) -> ParseError:
        return _fail(self.text, (token or self.tokens[self.index]).place, message)

    def program(self) -> Expr:
        result: Expr | None = None
        while True:
            while self.tokens[self.index].kind == "line":
                self.index += 1
            if self.tokens[self.index].kind == "end":
                if result is None:
                    raise self.error("an expression was expected, and the text is empty")
                return result
            if self.tokens[self.index].kind == "name" and self.tokens[self.index + 1].text == "=":
                name = self.tokens[self.index].text
                self.index += 2
                self.names[name] = result = self.expression()
            else:
                result = self.expression()
                while self.tokens[self.index].kind == "line":
                    self.index += 1
                if self.tokens[self.index].kind != "end":
                    raise self.error("only the last line may be an expression without a name")

    def expression(self) -> Expr:
        """One line: operands and operators on two stacks, until the line ends."""
        operands: list[Any] = []
        operators: list[tuple[int, Any, Token]] = []  # level, what to do, where
        while True:
            self._operand(operands, operators)
            while True:
                token = self.tokens[self.index]
                if token.text == ")" and token.kind == "operator":
                    self._close(operands, operators, token)
                elif token.text == "," and token.kind == "operator":
                    self._comma(operands, operators, token)
                    if self.tokens[self.index].text != ")" or not operators[-1][1][2]:
                        break
                elif token.kind == "operator" and token.text in _BINARY:
                    self._binary(operands, operators, token)
                    break
                elif token.kind in ("line", "end"):
                    self._reduce(operands, operators, 0)
                    if operators:
                        raise self.error("'(' was never closed", operators[-1][2])
                    return operands[0]
                else:
                    raise self._misplaced(token)

    def _misplaced(self, token: Token) -> ParseError:
        hints = {"^": "'^' is not a power here; write **", "==": "write equal(a, b)", "!=": "write not_equal(a, b)"}
        return self.error(hints.get(token.text, f"an operator was expected before {token.text!r}"), token)

    def _operand(self, operands: list[Any], operators: list[tuple[int, Any, Token]]) -> None:
        while True:
            token = self.tokens[self.index]
            self.index += 1
            if token.kind == "number":
                operands.append(self._number(token, negative=False))
                return
            if token.kind == "operator" and token.text in "+-~":
                following = self.tokens[self.index]
                if token.text == "-" and self._signs_literal(following):
                    self.index += 1
                    operands.append(
                        self._number(following, negative=True)
                        if following.kind == "number"
                        else Const(-CONSTANTS[following.text])
                    )
                    return
                if token.text != "+":
                    operators.append((SIGN, _SIGNS[token.text], token))
            elif token.kind == "operator" and token.text == "(":
                operators.append((0, None, token))
            elif (
                token.kind == "name"
                and self.tokens[self.index].text == "("
                and self.tokens[self.index].kind == "operator"
            ):
                operators.append((0, [self._function(token), len(operands), {}], token))
                self.index += 1
                if self.tokens[self.index].text == ")":
                    raise self.error(f"{token.text}() needs an operand")
            elif token.kind in ("name", "quoted"):
                operands.append(self._name(token))
                return
            elif token.kind == "array":
                operands.append(self._array(token))
                return
            else:
                what = repr(token.text) if token.text.strip() else "the end"
                raise self.error(f"an operand was expected before {what}", token)

    def _signs_literal(self, following: Token) -> bool:
        """A sign directly before a literal belongs to it, unless ** follows."""
        if following.kind != "number" and not (
            following.kind == "name" and following.text in ("inf", "nan", "pi") and following.text not in self.names
        ):
            return False
        return self.tokens[self.index + 1].text != "**"

    def _number(self, token: Token, negative: bool) -> Const:
        text, sign = token.text, -1 if negative else 1
        if not _is_whole(token):
            return Const(sign * float(text))
        value = sign * self._integer(token)
        after, then = self.tokens[self.index], self.tokens[min(self.index + 1, len(self.tokens) - 1)]
        before = self.tokens[self.index - (3 if negative else 2)] if self.index > (2 if negative else 1) else None
        is_whole = after.text == "/" and _is_whole(then) and self.tokens[self.index + 2].text != "**"
        if is_whole and (before is None or before.text not in ("*", "/", "%", "**")) and self._integer(then):
            self.index += 2
            return Const(Fraction(value, self._integer(then)))
        return Const(value)

    def _integer(self, token: Token) -> int:
        if token.text.isdigit() and len(token.text) > MOST_DIGITS:
            raise self.error(f"a whole number may have at most {MOST_DIGITS} digits, got {len(token.text)}", token)
        return whole(token.text)

    def _name(self, token: Token) -> Expr:
        if token.kind == "name":
            if token.text in self.names:
                return self.names[token.text]
            if token.text in CONSTANTS and self.tokens[self.index].text != "[":
                return Const(CONSTANTS[token.text])
            name = token.text
        else:
            name = token.text[1:-1].replace('\\"', '"').encode("latin-1", "backslashreplace").decode("unicode_escape")
        if not name:
            raise self.error("a variable's name is empty", token)
        return Var(name, shape=self._shape())

    def _shape(self) -> tuple[int, ...]:
        if self.tokens[self.index].text != "[":
            return ()
        sizes = []
        while True:
            size = self.tokens[self.index + 1]
            if size.kind != "number" or not size.text.isdigit():
                raise self.error("a shape is whole numbers in brackets, such as v[3]", size)
            sizes.append(self._integer(size))
            self.index += 2
            if self.tokens[self.index].text == "]":
                self.index += 1
                return tuple(sizes)
            if self.tokens[self.index].text != ",":
                raise self.error("']' was expected")

    def _array(self, token: Token) -> Expr:
        import numpy as np

        end = self.text.find(")", token.place)
        body = self.text[token.place + len(token.text) : end]
        values, _, kind = body.rpartition(",")
        try:
            array = np.array(ast.literal_eval(values.replace("inf", "1e999").replace("nan", "None")), dtype=kind)
        except (ValueError, SyntaxError, TypeError):
            raise self.error("an array is spelled array([...],dtype)", token) from None
        while self.tokens[self.index].place <= end and self.tokens[self.index].kind != "end":
            self.index += 1
        return Const(array)

    def _function(self, token: Token) -> Any:
        name = token.text
        tables: tuple[dict[str, Any], ...] = (Primitive.registry, _SPELLINGS, OF_ARRAYS, Family.registry, _READ)
        known = next((table[name] for table in tables if name in table), None)
        if known is None:
            raise self.error(f"no function is called {name!r}", token)
        return known

    def _binary(self, operands: list[Any], operators: list[tuple[int, Any, Token]], token: Token) -> None:
        level, row = _BINARY[token.text]
        if level == COMPARISON and operators and operators[-1][0] == COMPARISON:
            raise self.error("comparisons don't chain; join two with &", token)
        if level == POWER:
            while operators and operators[-1][0] > POWER:
                self._apply(operands, operators)
        else:
            self._reduce(operands, operators, level)
        operators.append((level, row, token))
        self.index += 1

    def _reduce(self, operands: list[Any], operators: list[tuple[int, Any, Token]], level: int) -> None:
        while operators and operators[-1][0] and operators[-1][0] >= level:
            self._apply(operands, operators)

    def _apply(self, operands: list[Any], operators: list[tuple[int, Any, Token]]) -> None:
        _, row, token = operators.pop()
        if any(isinstance(operand, tuple) for operand in operands[-row.arity :]):
            raise self.error("an operand was expected", token)
        arguments = operands[-row.arity :]
        del operands[-row.arity :]
        operands.append(self._built(row, arguments, {}, token))

    def _built(self, function: Any, arguments: list[Any], options: dict[str, Any], token: Token) -> Expr:
        try:
            if token.text in Family.registry and token.kind == "name":
                function, options = _row_as_spelled(Family.registry[token.text], function, arguments, options), {}
            if isinstance(function, Primitive) and not options:
                return Call(function, tuple(arguments))
            return expression(function(*arguments, **options))
        except (TypeError, ValueError) as error:
            raise self.error(str(error), token) from None

    def _comma(self, operands: list[Any], operators: list[tuple[int, Any, Token]], token: Token) -> None:
        self._reduce(operands, operators, 1)
        if not operators or operators[-1][1] is None:
            raise self.error("a ',' belongs between the operands of a function", token)
        self.index += 1
        self._options(operators[-1][1][2])

    def _options(self, options: dict[str, Any]) -> None:
        while self.tokens[self.index].kind == "name" and self.tokens[self.index + 1].text == "=":
            name = self.tokens[self.index].text
            self.index += 2
            start, depth = self.tokens[self.index].place, 0
            while depth or self.tokens[self.index].text not in (",", ")"):
                depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(self.tokens[self.index].text, 0)
                if self.tokens[self.index].kind in ("end", "line"):
                    raise self.error("')' was expected")
                self.index += 1
            try:
                options[name] = _literal(self.text[start : self.tokens[self.index].place])
            except (ValueError, SyntaxError, TypeError):
                raise self.error(f"the value of {name} must be a literal") from None
            if self.tokens[self.index].text == ",":
                self.index += 1

    def _close(self, operands: list[Any], operators: list[tuple[int, Any, Token]], token: Token) -> None:
        self._reduce(operands, operators, 1)
        if not operators:
            raise self.error("')' closes nothing", token)
        _, call, opening = operators.pop()
        self.index += 1
        if call is not None:
            function, start, options = call
            arguments = operands[start:]
            del operands[start:]
            operands.append(self._built(function, arguments, options, opening))


def _zeros(shape: tuple[int, ...]) -> Any:
    import numpy as np

    return np.zeros(shape, int)


class _Spelled(ast.NodeTransformer):
    """Slices, and arrays of no whole numbers, count as literals where their arguments are."""

    functions: ClassVar[dict[str, Callable[..., Any]]] = {"slice": slice, "zeros": _zeros}

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802  # ast's name
        function = self.functions.get(getattr(node.func, "id", ""))
        if function is None or node.keywords:
            return node
        return ast.Constant(function(*map(ast.literal_eval, node.args)))


def _literal(text: str) -> Any:
    return ast.literal_eval(_Spelled().visit(ast.parse(text.strip(), mode="eval")))


def _row_as_spelled(family: Family, function: Callable[..., Any], arguments: list[Any], options: dict[str, Any]) -> Any:
    """The row that a call spells, to be built as written; where the parameters are none of a row's, NumPy's reading of it.

    What the function gives for variables of the shapes of the operands tells: a call of that row; or, where it does
    nothing, or is of numbers, and so another row, or none, is better, what the parameters as they stand would be.
    """
    formal = [Var(f"operand {place}", shape=x.shape) for place, x in enumerate(arguments)]
    found = expression(function(*formal, **options))
    if getattr(getattr(found, "primitive", None), "family", None) is family and found.operands == (*formal,):
        return found.primitive  # type: ignore[attr-defined]  # a call
    shapes = [x.shape for x in formal]
    is_idle = found is formal[0] or not any(shapes) and not found.shape
    if is_idle and _are_plain(options) and not set(options) - set(inspect.signature(family.shape).parameters):
        with suppress(TypeError, ValueError, IndexError):
            row = family.row(len(formal), **options)
            if row.shape(*shapes) == found.shape:
                return row
    return partial(function, **options)


def _are_plain(value: Any) -> bool:
    """Whether parameters are as rows hold them: text, numbers from 0, and tuples of such."""
    if isinstance(value, dict):
        return all(map(_are_plain, value.values()))
    return all(map(_are_plain, value)) if isinstance(value, tuple) else not isinstance(value, (list, float)) and (
        not isinstance(value, int) or value >= 0)  # fmt: skip


_READ = {spelling: row for row in Primitive.registry.values() for spelling in row.read}
