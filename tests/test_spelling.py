"""A row as good as sin is one row: what targets call it stands in it, and nothing is looked up by its name."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import DualNumber, If, Primitive, Var, Variable, check, compile, from_sympy, parse, to_c, to_sympy, where
from exprad.errors import OperandError, UnsupportedError
from exprad.ground.primitive import table
from exprad.ground.spelling import TARGETS
from exprad.ground.spelling import check as check_spelling
from tests.targets import needs, present

x, y = ep.variables("x y")
GCC = shutil.which("gcc")
AT = np.linspace(-2.0, 3.0, 19)


@pytest.fixture(autouse=True)
def registry() -> Iterator[dict[str, Primitive]]:
    kept = dict(Primitive.registry)
    yield Primitive.registry
    Primitive.registry.clear()
    Primitive.registry.update(kept)


def haversine(name: str = "haversine_for_test", **columns: Any) -> Primitive:
    """sin(x/2)**2, which no target has, spelled for each of them as a row of the table is."""
    spell = {
        "python": "math.sin({0} / 2) ** 2",
        "c": "{s} {t} {name}({t} x)\n{{\n    {t} s = sin{f}(x / 2);\n    return s * s;\n}}",
        "llvm": lambda m, x: (half := m.call("sin", x * 0.5)) * half,
        "array": lambda x: (1 - x.cos()) / 2 if hasattr(x, "cos") else _jax_haversine(x),
    }
    return Primitive(
        name, lambda y, x: ep.sin(x) / 2, numpy=lambda x: np.sin(x / 2) ** 2, mpmath=lambda mp, x: mp.sin(x / 2) ** 2,
        sympy=lambda sp, x: sp.sin(x / 2) ** 2, spell=spell, **columns)  # fmt: skip


def _jax_haversine(x: Any) -> Any:
    import jax.numpy as jnp

    return jnp.sin(x / 2) ** 2


def precise(x: Any) -> Any:
    return np.sin(np.asarray(x) / 2) ** 2


def test_a_row_as_good_as_sin_in_every_mode() -> None:
    hav = haversine()
    f = hav(x) * y
    at = {"x": 0.7, "y": 3.0}
    slope = 3.0 * math.sin(0.7) / 2
    assert f.evaluate(at) == pytest.approx(3.0 * precise(0.7))
    assert f.gradient(x).evaluate(at) == pytest.approx(slope)
    assert f.gradient([x, y])[0].evaluate(at) == pytest.approx(slope)
    assert f.evaluate(x=DualNumber(0.7, 1.0), y=3.0).eps == pytest.approx(slope)
    assert f.hessian([x])[0][0].evaluate(at) == pytest.approx(3.0 * math.cos(0.7) / 2)
    assert (hav(DualNumber(x, 1)) * y).eps is f.gradient(x)
    v = Variable(AT)
    hav(v).sum().backward()
    np.testing.assert_allclose(v.grad.data, np.sin(AT) / 2)  # type: ignore[union-attr]
    assert str(f) == f"{hav.name}(x)*y" and parse(str(f)) is f
    assert hav in table()
    certificate = check(f)
    assert certificate.ok and set(certificate.worst) >= {"reverse", "dual", "mpmath", "SymPy", "complex step"}


def test_a_row_as_good_as_sin_in_sympy() -> None:
    sympy = pytest.importorskip("sympy")
    hav = haversine()
    assert to_sympy(hav(x)) == sympy.sin(to_sympy(x) / 2) ** 2
    assert from_sympy(to_sympy(hav(x))).evaluate(x=0.7) == pytest.approx(precise(0.7))
    named = Primitive("sine_for_test", lambda y, x: ep.cos(x), sympy="sin", numpy="sin")
    assert to_sympy(named(x)) == sympy.sin(to_sympy(x)) and from_sympy(to_sympy(named(x))) is ep.sin(x)
    zeta = Primitive("riemann_for_test", lambda y, x: -y, formula=lambda x: 1 + 2**-x, sympy="zeta")
    ours = Primitive("eta_for_test", lambda y, x: -y, formula=lambda x: 1 - 2**-x, sympy="sympy:dirichlet_eta")
    for row, theirs in ((zeta, sympy.zeta), (ours, sympy.dirichlet_eta)):
        assert to_sympy(row(x)) == theirs(to_sympy(x)) and from_sympy(theirs(to_sympy(x))) is row(x)


@pytest.mark.parametrize("backend", ["auto", "numpy", "python", "native", "jax", "torch"])
def test_a_row_as_good_as_sin_on_every_back_end(backend: str) -> None:
    needs(backend)
    hav = haversine()
    function = compile([hav(x), hav(x).gradient(x), hav(2 * x) + hav(x) ** 2], [x], backend=backend)
    expected = [precise(AT), np.sin(AT) / 2, precise(2 * AT) + precise(AT) ** 2]
    if backend in ("auto", "native", "python"):
        np.testing.assert_allclose(function(0.7), [precise(0.7), math.sin(0.7) / 2, precise(1.4) + precise(0.7) ** 2])
    if backend == "python":
        assert "math.sin(x0 / 2) ** 2" in function.source()
        return
    found = function(AT if backend != "torch" else __import__("torch").as_tensor(AT))
    tolerance = 1e-5 if backend == "jax" else 1e-12  # of its single precision
    np.testing.assert_allclose(np.asarray(found), expected, rtol=tolerance, atol=tolerance)
    if backend == "native":
        assert "loop_" not in function.source()


@pytest.mark.skipif(GCC is None, reason="gcc is not installed")
@pytest.mark.parametrize("dtype", ["double", "float"])
def test_a_row_as_good_as_sin_in_c(dtype: str, tmp_path: Path) -> None:
    hav = haversine("hav_été")  # no name for C
    code = to_c([hav(x), hav(x).gradient(x)], [x], name="f", dtype=dtype)
    code.write(tmp_path / "f.c")
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    built = subprocess.run([str(GCC), *strict, "-DF_SELF_TEST", str(tmp_path / "f.c"), "-o", str(tmp_path / "test"), "-lm"],
                           capture_output=True, text=True)  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert "0 failed" in subprocess.run([str(tmp_path / "test")], capture_output=True, text=True).stdout
    assert code.source.count("static") == 1 + to_c([ep.sin(x)], [x], name="f").source.count("static")


def test_cuda_takes_what_is_spelled_for_c_or_its_own() -> None:
    hav = haversine()
    assert (
        "__device__ static double exprad_user_haversine_for_test(double x)"
        in compile(hav(x), [x], backend="cupy").source()
    )
    own = Primitive("own_for_test", 1, numpy="positive", spell={"c": "{0}", "cupy": "__ldg({0})"})
    assert "= __ldg(x0);" in compile(own(x), [x], backend="cupy").source() and "= x[0];" in to_c(own(x), [x]).source


def test_a_formula_is_for_the_targets_that_are_not_spelled() -> None:
    twice = Primitive("twice_for_test", 2, formula=lambda x: (x + 1) + (x - 1), spell={"python": "(2.0 * {0})", "c": "2*{0}",
                      "llvm": lambda m, x: x * 2.0, "jax": lambda x: 2 * x, "sympy": lambda x: 2 * x})  # fmt: skip
    f = twice(x + 1)
    assert "2.0 *" in compile(f, [x], backend="python").source() and compile(f, [x], backend="python")(0.5) == 3.0
    assert "2*v" in to_c(f, [x]).source
    np.testing.assert_allclose(compile(f, [x], backend="numpy")(AT), 2 * (AT + 1), rtol=1e-14)
    np.testing.assert_allclose(compile(f, [x])(AT), 2 * (AT + 1), rtol=1e-14)
    for backend in present("native", "jax"):
        np.testing.assert_allclose(compile(f, [x], backend=backend)(AT), 2 * (AT + 1), rtol=1e-6)
    if "native" in present("native"):
        source = compile(f, [x], backend="native").source()
        assert "fmul" in source and source.count("fadd") == 1


@pytest.mark.parametrize("name", ["expm1", "exprad.tables.special:power", "tests.test_spelling:precise"])
def test_python_calls_what_is_named(name: str) -> None:
    arity = 2 if "power" in name else 1
    row = Primitive("named_for_test", *[lambda y, *xs: y] * arity, numpy=lambda *xs: xs[0], spell={"python": name})
    function = compile(row(*[x, y][:arity]), [x, y][:arity], backend="python")
    expected = {
        "expm1": math.expm1(0.5),
        "exprad.tables.special:power": 0.25,
        "tests.test_spelling:precise": precise(0.5),
    }
    assert function(*[0.5, 2.0][:arity]) == expected[name]
    scope: dict[str, Any] = {}
    exec(function.source(), scope)
    assert scope["function"](*[0.5, 2.0][:arity]) == (function(*[0.5, 2.0][:arity]),)[0]


def test_a_function_of_the_c_library_is_called_by_its_name() -> None:
    row = Primitive("bessel_for_test", lambda y, x: 0 * y, spell={"c": "j0", "llvm": "j0"}, numpy=lambda x: np.cos(x))
    assert "j0(x[0])" in to_c(row(x), [x]).source and "j0f(x[0])" in to_c(row(x), [x], dtype="float").source
    needs("native")
    function = compile(row(x), [x], backend="native")
    assert (
        function(np.array([0.0, 2.404825557695773]))[0] == 1.0
        and abs(function(np.array([2.404825557695773]))[0]) < 1e-15
    )
    lacking = Primitive("lacking_for_test", lambda y, x: y, spell={"llvm": "no_such_function"})
    with pytest.raises(UnsupportedError, match="lacking_for_test"):
        compile(lacking(x), [x], backend="native")(AT)


@pytest.mark.parametrize("backend", ["python", "numpy", "native", "jax", "auto"])
def test_an_operand_that_is_a_condition_is_one_on_every_target(backend: str) -> None:
    needs(backend)
    pick = Primitive("pick_for_test", 0, lambda y, c, a: If(c), truths=(0,), numpy=lambda c, a: np.where(c, a, 0.0),
                     spell={"python": "({1} if {0} else 0.0)", "llvm": lambda m, c, a: m.code.choose(c, a, 0.0), 
                            "c": "{0} ? {1} : 0",
                            "jax": lambda c, a: a * c, "sympy": lambda sp, c, a: sp.Piecewise((a, c), (0, True))})  # fmt: skip
    for condition, holds in ((x > 1, AT > 1), (x, AT != 0)):
        function = compile(pick(condition, 3 * x), [x], backend=backend)
        if backend == "python":
            assert function(2.0) == 6.0 and function(0.0) == 0.0
        else:
            np.testing.assert_allclose(function(AT), np.where(holds, 3 * AT, 0.0), rtol=1e-6)
    assert pick(x > 1, x).gradient(x) is where(x > 1, 1, 0)


def test_an_order_is_a_whole_number_for_the_formula_on_every_target() -> None:
    power = Primitive(
        "order_for_test", None, lambda y, n, x: n * power(n - 1, x), orders=(0,), formula=lambda n, x: x**n if n else 1
    )
    f = power(3, x)
    assert f.gradient(x).evaluate(x=2.0) == 12.0 and f.evaluate(x=2.0) == 8.0 and compile(f, [x])(2.0) == 8.0
    assert str(to_sympy(f)) == "x**3" and "= x[0] * x[0]" in to_c(f, [x]).source
    with pytest.raises(UnsupportedError, match="order_for_test has a formula for constant whole orders only, got"):
        compile(power(x, y), [x, y])


@pytest.mark.parametrize("partial", [0.5, 3, -2, Fraction(1, 3), True, 0.0, -1.0])
def test_a_partial_may_be_any_number(partial: Any) -> None:
    row = Primitive("scaled_for_test", partial, formula=lambda x: partial * x)
    f = row(x * x)
    assert f.gradient(x).evaluate(x=2.0) == pytest.approx(4 * float(partial))
    assert f.gradient([x])[0].evaluate(x=2.0) == pytest.approx(4 * float(partial))
    assert f.evaluate(x=DualNumber(2.0, 1.0)).eps == pytest.approx(4 * float(partial))
    v = Variable(np.array([2.0]))
    row(v * v).sum().backward()
    assert v.grad.data[0] == pytest.approx(4 * float(partial))  # type: ignore[union-attr]
    assert compile(f.gradient(x), [x])(2.0) == pytest.approx(4 * float(partial))


def test_what_cant_be_spelled_is_said_when_the_row_is_made() -> None:
    def made(**columns: Any) -> None:
        Primitive("bad_for_test", 1, **columns)

    with pytest.raises(OperandError, match="'fortran', which is no target; targets: python"):
        made(spell={"fortran": "{0}"})
    with pytest.raises(OperandError, match="'sympy' twice"):
        made(spell={"sympy": "sin"}, sympy="cos")
    with pytest.raises(OperandError, match="by a text or a function, got int: 3"):
        made(spell={"c": 3})
    with pytest.raises(OperandError, match=r"braces can't be filled .*has 1 operand"):
        made(spell={"c": "{0} + {1}"})
    with pytest.raises(OperandError, match="got str: 'x'"):
        Primitive("bad_for_test", "x")  # type: ignore[arg-type]
    with pytest.raises(OperandError, match=r"operands 0 to 0, but truths=\(1,\)"):
        made(truths=(1,))
    with pytest.raises(OperandError, match="powers=True is for rows of two"):
        made(powers=True)
    row = Primitive(
        "bad_for_test", 1, formula=lambda x: x, spell={"python": "no_such", "c": lambda x: x, "jax": "no_such"}
    )
    with pytest.raises(UnsupportedError, match="no function 'no_such', which bad_for_test is spelled by"):
        compile(row(x), [x], backend="python").source()
    with pytest.raises(UnsupportedError, match="takes a text"):
        to_c(row(x), [x])


def test_old_columns_are_spellings() -> None:
    row = Primitive("columns_for_test", 1, numpy="negative", math="fabs", sympy="Abs", mpmath="fabs")
    assert dict(row.spell) == {"numpy": "negative", "python": "fabs", "sympy": "Abs", "mpmath": "fabs"}
    assert (row.numpy, row.math, row.sympy, row.mpmath) == ("negative", "fabs", "Abs", "fabs")
    by_spell = Primitive("spelled_for_test", 1, spell={"numpy": "negative", "python": "fabs"})
    assert (by_spell.numpy, by_spell.math) == ("negative", "fabs") and by_spell(2.0) == -2.0
    assert [row.spelling(target) for target in ("c", "llvm")] == [None, None]
    assert [row.spelling(target) for target in ("array", "jax")] == ["negative", "negative"]


def test_every_row_of_exprads_own_can_be_asked_by_every_target() -> None:
    for row in table():
        if row.is_own:
            check_spelling(row.name, row.arity, row.spell, {})
            assert all(row.spelling(target) is not None or row.formula is not None for target in TARGETS
                       if (row.name, target) not in {("round", "sympy"), ("gamma", "torch")}), row  # fmt: skip


def test_a_spelling_belongs_to_what_a_pickle_compares() -> None:
    plain = haversine("pickled_for_test").fingerprint
    assert haversine("pickled_for_test").fingerprint == plain
    with pytest.warns(UserWarning, match="defined again"):
        assert Primitive("pickled_for_test", lambda y, x: y, formula=lambda x: x).fingerprint != plain
    row = Primitive("other_for_test", lambda y, x: y, formula=lambda x: x)
    with pytest.warns(UserWarning, match="defined again"):
        assert (
            Primitive("other_for_test", lambda y, x: y, formula=lambda x: x, spell={"c": "{0}"}).fingerprint
            != row.fingerprint
        )


def test_a_function_of_arrays_is_spelled_for_other_libraries() -> None:
    needs("jax")
    from exprad.tensor import Family

    doubled = Family("doubled_for_test", shape=lambda x: x, value=lambda np, x: 2 * x, transpose=lambda y_bar, x: doubled(y_bar),
                     spell={"array": lambda np, x: np.add(x, x)})  # fmt: skip
    v = Var("v", shape=(3,))
    try:
        np.testing.assert_array_equal(compile(doubled(v), [v], backend="jax")(np.arange(3.0)), [0, 2, 4])
    finally:
        del Family.registry["doubled_for_test"]
    lacking = Family("lacking_for_test", shape=lambda x: x, value=lambda np, x: x, transpose=lambda y_bar, x: y_bar)
    try:
        with pytest.raises(UnsupportedError, match="no function for lacking_for_test; spell it for 'jax'"):
            compile(lacking(v), [v], backend="jax")
    finally:
        del Family.registry["lacking_for_test"]


def test_what_a_family_is_called_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It used to write by NumPy's matmul, as a family of that name does, and to be printed by an operator's name."""
    from exprad.tensor import Family

    own = Family.registry["matmul"]
    monkeypatch.setattr(Family, "sealed", False)  # a user's would be refused by its name
    try:
        with pytest.warns(UserWarning, match="family 'matmul' is defined again"):
            other = Family("matmul", shape=lambda x, y: x, value=lambda np, x, y: x - y,
                           push=lambda y, xs, x_dot, index: x_dot, pull=lambda y, xs, y_bar, index: y_bar)  # fmt: skip
        v, w = Var("v", shape=(3,)), Var("w", shape=(3,))
        found = compile(ep.sin(other(v, w)) * 1.5, [v, w])(np.ones(3), np.zeros(3))
        np.testing.assert_allclose(found, 1.5 * np.sin(np.ones(3)))
    finally:
        Family.registry["matmul"] = own
