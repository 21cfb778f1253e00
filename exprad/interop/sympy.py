"""SymPy, both ways. Every row that SymPy can spell goes there and comes back."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from exprad.errors import NameClashError, UnsupportedError, extra
from exprad.graph.expr import Const, Expr, Var, expression
from exprad.ground.primitive import Primitive
from exprad.ground.spelling import found_at
from exprad.ground.traverse import fold
from exprad.tables import elementary as table


def _sympy() -> Any:
    try:
        import sympy
    except ImportError:
        raise extra("SymPy", "sympy", "this") from None
    return sympy


def to_sympy(f: Any) -> Any:
    """The expression in SymPy, over real symbols.

    >>> to_sympy(Var("x") ** 2 + 1)
    x**2 + 1
    """
    sp = _sympy()

    def visit(node: Expr, operands: list[Any]) -> Any:
        if isinstance(node, Var):
            if node.shape:
                raise UnsupportedError(f"variable {node.name!r} has shape {node.shape}; only scalars go to SymPy")
            return sp.Symbol(node.name, real=True)
        if isinstance(node, Const):
            return _constant(sp, node.value)
        return _spelled(sp, node.primitive)(*_conditions(sp, node.primitive, operands))  # type: ignore[attr-defined]  # calls

    return fold([expression(f)], visit)[0]


def _conditions(sp: Any, row: Primitive, operands: list[Any]) -> list[Any]:
    """Constants where SymPy wants truth values."""
    return [
        sp.Ne(x, 0) if i in row.truths and not isinstance(x, sp.logic.boolalg.Boolean) else x
        for i, x in enumerate(operands)
    ]


def _constant(sp: Any, value: Any) -> Any:
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    if isinstance(value, (int, float)):
        return sp.nan if value != value else sp.sympify(value)
    raise UnsupportedError(f"an array constant of shape {value.shape} has no place in SymPy")


def _spelled(sp: Any, row: Primitive) -> Callable[..., Any]:
    spelled = row.spelling("sympy")
    if callable(spelled):
        wants_module = spelled.__code__.co_varnames[:1] == ("sp",) if hasattr(spelled, "__code__") else False
        return partial(spelled, sp) if wants_module else spelled
    found = _function(sp, spelled)
    if found is not None:
        return found
    if row.formula is not None:
        return partial(_by_formula, sp, row)
    raise UnsupportedError(f"SymPy has no function for {row.name}; give the row sympy= or formula=")


def _function(sp: Any, spelled: Any) -> Callable[..., Any] | None:
    """What a text stands for: a name in SymPy, or elsewhere."""
    if not isinstance(spelled, str):
        return None
    return found_at(spelled) if ":" in spelled else getattr(sp, spelled, None)


def _by_formula(sp: Any, row: Primitive, *operands: Any) -> Any:
    """What a row's formula is of these operands."""
    names = [Var(f"_formula_{place}") for place in range(row.arity)]
    given = [
        int(x) if place in row.orders and x.is_Integer else name
        for place, (x, name) in enumerate(zip(operands, names, strict=True))
    ]
    symbols = [to_sympy(name) for name in names]
    body = to_sympy(expression(row.by_formula(*given)))
    return body.subs(dict(zip(symbols, operands, strict=True)), simultaneous=True)


def from_sympy(e: Any) -> Expr:
    """The expression that a SymPy expression spells; `UnsupportedError` names what exprad lacks.

    >>> import sympy
    >>> from_sympy(sympy.sin(sympy.Symbol("x")) / 2)
    (1/2)*sin(x)
    """
    sp = _sympy()
    known: dict[Any, Any] = {}
    named: dict[str, Any] = {}
    for part in sp.postorder_traversal(sp.sympify(e)):
        if part not in known:
            if part.is_Symbol:
                known[part] = _variable(sp, part, named)
            else:
                known[part] = _back(sp, part, [known[x] for x in part.args if x in known])
    return expression(known[sp.sympify(e)])


_dummies: dict[Any, Var] = {}  # SymPy's dummies are told apart by more than their names


def _variable(sp: Any, symbol: Any, named: dict[str, Any]) -> Var:
    """The variable of a symbol: of its name, or, of a dummy, which nothing else is, one that nobody else has."""
    if isinstance(symbol, sp.Dummy):
        if symbol not in _dummies:
            _dummies[symbol] = Var.fresh(symbol.name)
        return _dummies[symbol]
    other = named.setdefault(symbol.name, symbol)
    if other != symbol:
        raise NameClashError(
            f"two symbols are called {symbol.name!r}, one of them {other.assumptions0}, the other "
            f"{symbol.assumptions0}; give one of them another name"
        )
    return Var(symbol.name)


def _back(sp: Any, part: Any, operands: list[Any]) -> Any:
    if part in (sp.true, sp.false):
        return Const(int(bool(part)))
    if part.is_Rational:
        return Const(Fraction(int(part.p), int(part.q)))
    if part in (sp.oo, -sp.oo, sp.nan) or part.is_Float or part.is_NumberSymbol:
        return Const(float(part))
    if isinstance(part, (sp.Add, sp.Mul, sp.And, sp.Or, sp.Max, sp.Min)):
        row = _NARY[type(part).__name__]
        result = operands[0]
        for operand in operands[1:]:
            result = row(result, operand)
        return result
    if isinstance(part, sp.Piecewise):
        return _piecewise(sp, part, operands)
    if type(part).__name__ == "ExprCondPair":
        return operands
    function = _by_sympy(sp).get(type(part).__name__)
    if function is None:
        raise UnsupportedError(f"exprad has no function for SymPy's {type(part).__name__}")
    return function(*operands)


_NARY = {"Add": table.add, "Mul": table.mul, "And": table.logical_and, "Or": table.logical_or,
         "Max": table.maximum, "Min": table.minimum}  # fmt: skip


def _piecewise(sp: Any, part: Any, pairs: list[Any]) -> Any:
    result: Any = Const(float("nan"))
    for (value, condition), pair in reversed(list(zip(pairs, part.args, strict=True))):
        result = value if pair.cond == sp.true else table.where(condition, value, result)
    return result


def _by_sympy(sp: Any) -> dict[str, Callable[..., Any]]:
    rows: dict[str, Callable[..., Any]] = {
        "Pow": _power, "sinc": lambda x: table.where(table.equal(x, 0), 1, table.sin(x) / x),
        "Heaviside": lambda x, at: table.where(table.equal(x, 0), at, table.where(x > 0, 1, 0)),
        "StrictLessThan": table.less, "LessThan": table.less_equal, "StrictGreaterThan": table.greater,
        "GreaterThan": table.greater_equal, "Equality": table.equal, "Unequality": table.not_equal, "Not": table.logical_not,
        "polygamma": lambda n, x: table.digamma(x) if n is Const(0) else table.polygamma(n, x), "sec": lambda x: 1 / table.cos(x),
        "csc": lambda x: 1 / table.sin(x), "cot": lambda x: 1 / table.tan(x), "coth": lambda x: 1 / table.tanh(x),
        "re": lambda x: x, "im": lambda x: Const(0), "conjugate": lambda x: x,
    }  # fmt: skip
    for row in Primitive.registry.values():
        spelled = row.spelling("sympy")
        if isinstance(spelled, str):
            name = spelled.rpartition(":")[2]
            rows.setdefault(getattr(getattr(sp, name, None), "__name__", name), row)
    return rows


def _power(base: Any, exponent: Any) -> Any:
    value = exponent.value if isinstance(exponent, Const) else None
    if value == Fraction(1, 2):
        return table.sqrt(base)
    if value == Fraction(-1, 2):
        return 1 / table.sqrt(base)
    return 1 / base if value == -1 else base**exponent
