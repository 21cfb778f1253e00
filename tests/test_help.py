"""What a user is told: by help, by dir, and where a name is another library's."""

from __future__ import annotations

import builtins
import doctest
import inspect
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import DualNumber, Expr, Primitive, Var, Variable
from exprad.errors import OperandError
from exprad.ground import peers
from exprad.ground.primitive import table
from exprad.insight.manual import names
from tests.rows import interval, rows

ROWS = [pytest.param(row, id=row.name) for row in rows()]
ARRAYS = sorted({"trace", *ep._LAZY["arrays"].split()})


@pytest.mark.parametrize("row", ROWS)
def test_help_of_a_row_says_what_its_columns_say(row: Primitive) -> None:
    text = row.__doc__
    assert text is not None
    head, about, *rest = text.split("\n\n")
    assert head == f"{row.name}({', '.join(names(row))})"
    assert about == row.about
    operands = [Var(name) for name in names(row)]
    for x, partial in zip(operands, row.partials, strict=True):
        if row.predicate:
            assert "a condition" in text
        elif partial is None:
            assert f"- derivative by {x.name}: none" in text
        else:
            assert f"{x.name if row.arity > 1 else 'derivative'}: {row(*operands).gradient(x)}\n" in text
    assert ("kink=" in text) == (row.kink is not None and not row.predicate)
    for x, domain in zip(operands, row.domain, strict=True):
        assert (domain == "(-inf, inf)") != (f"{x.name} in {domain}" in text)


@pytest.mark.parametrize("row", ROWS)
def test_examples_in_the_help_of_a_row_run(row: Primitive) -> None:
    example = doctest.DocTestParser().get_doctest(row.__doc__ or "", {}, row.name, None, None)
    found = doctest.DocTestRunner(verbose=False).run(example)
    assert found.attempted >= 2
    assert found.failed == 0


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_real_within_its_domain_and_nan_elsewhere(row: Primitive) -> None:
    for place, domain in enumerate(row.domain):
        low, high, *_ = interval(domain)
        inside = [(a + b) / 2 for a, b in row.sample]
        for end, beyond in ((low, low - 0.5), (high, high + 0.5)):
            if math.isfinite(end):
                assert math.isnan(row(*[*inside[:place], beyond, *inside[place + 1 :]]))


@pytest.mark.parametrize("row", ROWS)
def test_the_signature_of_a_row_names_its_operands(row: Primitive) -> None:
    parameters = inspect.signature(row).parameters
    assert tuple(parameters) == names(row)
    assert len(parameters) == row.arity == len(set(parameters))
    with pytest.raises(OperandError, match=f"{row.name} takes {row.arity} operand"):
        row(*[1.0] * (row.arity + 1))


def test_operands_are_called_as_the_partials_call_them() -> None:
    assert names(ep.clip) == ("x", "low", "high")
    assert names(ep.polygamma) == ("n", "x")
    assert names(ep.add) == ("a", "b")
    assert names(ep.neg) == ("x",)


def test_help_of_a_users_row() -> None:
    by_formula = Primitive("helped_formula", lambda y, x: -2 * x * y, formula=lambda x: ep.exp(-x * x))
    of_numbers = Primitive("helped_numbers", lambda y, x: math.cos(x), numpy=lambda x: np.sin(x), about="Words.")
    without = Primitive("helped_nothing", lambda y, x: x)
    try:
        assert "By its formula, exp(-x**2)" in (by_formula.__doc__ or "")
        assert "- derivative: -2*x*helped_formula(x)" in (by_formula.__doc__ or "")
        assert "\n\nWords.\n\n- derivative: stated for numbers alone" in (of_numbers.__doc__ or "")
        assert "- derivative: x\n" in (without.__doc__ or "")
        assert ">>> helped_nothing(0.5)" not in (without.__doc__ or "")
    finally:
        for row in (by_formula, of_numbers, without):
            del Primitive.registry[row.name]


def test_the_class_of_rows_keeps_its_own_help() -> None:
    assert (Primitive.__doc__ or "").startswith("A function that exprad can differentiate")
    assert list(inspect.signature(Primitive).parameters)[:2] == ["name", "partials"]


@pytest.mark.parametrize("name", ARRAYS)
def test_functions_of_arrays_say_what_they_do_with_an_example(name: str) -> None:
    assert ">>> " in (inspect.getdoc(getattr(ep, name)) or "")
    assert inspect.signature(getattr(ep, name)).parameters


# Names of the package.


def test_dir_shows_public_names_only() -> None:
    assert [name for name in dir(ep) if name.startswith("_")] == ["__version__"]
    assert set(dir(ep)) == {*ep.__all__, "__version__"}
    assert {"sin", "sum", "compile", "gradient", "Var"} <= set(dir(ep))
    assert all(hasattr(ep, name) for name in dir(ep))


def test_a_star_brings_all_public_names_and_those_that_python_has() -> None:
    scope: dict[str, Any] = {}
    exec("from exprad import *", scope)
    assert set(ep.__all__) <= set(scope)
    for name in ("abs", "compile", "max", "min", "pow", "round", "sum"):
        assert name in ep.__all__
        assert scope[name] is getattr(ep, name) is not getattr(builtins, name)


def test_importing_stays_light() -> None:
    code = (
        "import sys, exprad; dir(exprad); sys.exit(any(each in sys.modules for each in ('numpy', 'sympy', 'inspect')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# Names of the peers.

CARRIERS = [
    pytest.param(ep.sin(Var("x")), peers.EXPRESSION, id="expression"),
    pytest.param(Var("x"), peers.EXPRESSION, id="variable"),
    pytest.param(Var("v", shape=(3,)) * 2, peers.EXPRESSION, id="array"),
    pytest.param(ep.Const(2), peers.EXPRESSION, id="constant"),
    pytest.param(Variable(np.ones(3)), peers.VARIABLE, id="Variable"),
    pytest.param(DualNumber(3.0, 1.0), peers.DUAL, id="dual"),
]  # fmt: skip


@pytest.mark.parametrize(("carrier", "told"), CARRIERS)
def test_names_of_the_peers_say_what_they_are_called_here(carrier: Any, told: dict[str, str]) -> None:
    for name, advice in told.items():
        assert not hasattr(carrier, name)
        assert not hasattr(type(carrier), name)
        assert name not in dir(carrier)
        with pytest.raises(AttributeError) as error:
            getattr(carrier, name)
        assert f"{name!r}; here it is {advice}" in str(error.value)
    assert {"sin", "shape", "sum"} <= set(dir(carrier))


@pytest.mark.parametrize(
    ("cls", "told"), [(Expr, peers.EXPRESSION), (Variable, peers.VARIABLE), (DualNumber, peers.DUAL)]
)
def test_no_name_of_the_peers_hides_one_of_ours(cls: type, told: dict[str, str]) -> None:
    for base in cls.__mro__[1:]:
        assert not set(told) & set(vars(base))
    for derived in (ep.Const, Var, ep.Call, ep.Add, type(Var("v", shape=(3,)))):
        assert cls is not Expr or not set(told) & set(vars(derived))


@pytest.mark.parametrize("name", sorted(peers.PACKAGE))
def test_the_package_tells_what_names_of_the_peers_are_here(name: str) -> None:
    assert name not in ep.__all__
    assert not hasattr(ep, name)
    with pytest.raises(AttributeError, match=f"no attribute {name!r}; here it is "):
        getattr(ep, name)


def test_spellings_of_libraries_lead_to_the_row() -> None:
    for name, row in {"arcsin": "asin", "multiply": "mul", "ln": "log", "ceiling": "ceil"}.items():
        with pytest.raises(AttributeError, match=f"no attribute {name!r}; here it is {row}$"):
            getattr(ep, name)
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'$"):
        ep.no_such_name  # noqa: B018


def test_what_peers_make_of_a_name_says_what_to_write() -> None:
    with pytest.raises(
        ValueError, match=r"Function is what compile\(f, \[x, y\]\) makes; .* Primitive\('f', partial\)"
    ):
        ep.Function("f")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"the derivative of f by x is gradient\(f, x\)"):
        ep.diff(Var("x") ** 2, Var("x"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"f.substitute\(\{x: ...\}\) replaces"):
        Var("x")(Var("y"))


def test_a_users_class_may_have_what_the_peers_have() -> None:
    class Trained(Variable):
        requires_grad = True

    assert Trained(np.ones(2)).requires_grad


def test_every_row_of_the_table_is_described() -> None:
    assert all(row.about.endswith(".") or row.name in ("logical_and", "logical_or", "logical_not") for row in rows())
    assert len({row.about for row in rows()}) == len(rows())
    assert not [row for row in table() if row.is_own and not row.about]
