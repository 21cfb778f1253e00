"""C99: what is written compiles without a warning, passes its own test, and computes what NumPy computes."""

from __future__ import annotations

import math
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, to_c, variables
from exprad.backends.c.functions import FUNCTION_STEPS
from exprad.backends.c.text import STACKED
from exprad.errors import ArgumentError, UnsupportedError
from exprad.graph.expr import expression
from tests.rows import PLAIN, VARIABLES, expressions, operands_of, rows
from tests.targets import GCC, STRICT, Library, needs_gcc, passes

SANITIZED = ["-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-g"]
REFUSED = {"at_kink"}
EXACT = """add sub mul div neg abs sqrt square floor ceil round trunc less greater where maximum minimum sign mod
           clip""".split()
x, y = variables("x y")


@needs_gcc
@pytest.mark.parametrize("dtype", ["double", "float"])
def test_every_row_and_its_partials(tmp_path: Path, dtype: str) -> None:
    outputs = []
    for row in rows():
        if row.name in REFUSED:
            continue
        f = row(*operands_of(row))
        outputs.append(f)
        if not row.predicate:
            outputs += [
                g for g in f.gradient(list(VARIABLES)) if not REFUSED & set(ep.compile(g, VARIABLES).program.operations)
            ]
    passes(to_c(outputs, VARIABLES, dtype=dtype), tmp_path, *SANITIZED)


@needs_gcc
def test_values_at_the_edges_are_those_of_numpy(tmp_path: Path) -> None:
    special = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, math.inf, -math.inf, math.nan, 1e-300, 1e300, 709.0, -745.0]
    names = """add sub mul div mod maximum minimum hypot atan2 copysign logaddexp less equal where sqrt sign abs floor ceil
               round trunc exp log log1p expm1 tanh sinc relu sigmoid softplus xlogy cbrt square clip""".split()
    table = {row.name: row for row in rows()}
    outputs = [1.0 * table[name](*operands_of(table[name])) for name in names]
    library, ours = Library(outputs, list(VARIABLES), tmp_path), ep.compile(outputs, VARIABLES, backend="numpy")
    exact = """add sub mul div maximum minimum copysign sqrt sign abs floor ceil round trunc less equal where relu square mod
               clip""".split()
    for a in special:
        for b in special:
            found = library(a, b, 1.5)
            with np.errstate(all="ignore"):
                expected = [float(each) for each in ours(np.array(a), np.array(b), np.array(1.5))]
            for name, mine, theirs in zip(names, found, expected, strict=True):
                case = (name, a, b, mine, theirs)
                if mine != mine or theirs != theirs:
                    assert mine != mine and theirs != theirs, case
                elif name in exact and not (name in ("maximum", "minimum", "clip", "relu") and mine == 0):
                    assert np.array(mine).tobytes() == np.array(theirs).tobytes(), case
                else:
                    assert mine == theirs or abs(mine - theirs) <= 4e-15 * abs(theirs), case


@needs_gcc
@settings(max_examples=1)
@given(data=st.data())
def test_random_expressions_and_their_derivatives(data: Any, tmp_path_factory: Any) -> None:
    kept = [
        row
        for row in rows()
        if not row.predicate and row.name not in REFUSED | {"where", "copysign", "gamma", "lgamma"}
    ]
    found = [data.draw(expressions(rows=kept)) for _ in range(40)]
    outputs = [part for f in found for part in (f, *f.gradient(list(VARIABLES)))]
    passes(to_c(outputs, VARIABLES, name="random_ones"), tmp_path_factory.mktemp("c"), *SANITIZED)


@needs_gcc
@settings(max_examples=1)
@given(data=st.data())
def test_c_native_code_and_numpy_agree_exactly(data: Any, tmp_path_factory: Any) -> None:
    pytest.importorskip("llvmlite")
    exact = [row for row in rows() if row.name in EXACT]
    found = [data.draw(expressions(rows=exact)) for _ in range(30)]
    outputs = [1.0 * part for f in found for part in (f, *f.gradient(list(VARIABLES)))]
    library = Library(outputs, list(VARIABLES), tmp_path_factory.mktemp("c"))
    numpy, native = (ep.compile(outputs, VARIABLES, backend=backend) for backend in ("numpy", "native"))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    points = generator.choice([0.0, -0.0, 1.0, -1.0, 2.5, math.inf, -math.inf, *generator.normal(size=20)], (3, 30))
    with np.errstate(all="ignore"):
        expected = np.array(numpy(*points))
    in_c = np.array([library(*point) for point in points.T]).T
    for others in (np.array(native(*points)), in_c):
        both = np.isnan(expected) & np.isnan(others)
        np.testing.assert_array_equal(np.where(both, 0, others), np.where(both, 0, expected))


@needs_gcc
def test_large_programs_are_parts_of_bounded_size(tmp_path: Path) -> None:
    xs = [Var(f"x{i}") for i in range(800)]
    f: Any = 0
    for a, b in zip(xs, xs[1:], strict=False):
        f = f + 100 * (b - a**2) ** 2 + (1 - a) ** 2
    code = to_c([f, *f.gradient(xs)], xs, name="rosenbrock")
    sizes = [part.count(" = ") for part in code.source.partition("#ifdef")[0].split("\n}\n")]
    assert max(sizes) < 4 * FUNCTION_STEPS
    passes(code, tmp_path, *SANITIZED)


def tangled(steps: int) -> list[Any]:
    """A long program in which nothing repeats, and which reads far back."""
    draw = random.Random(1)
    pool: list[Any] = [x, y]
    for _ in range(steps):
        a, b, c = draw.choice(pool), draw.choice(pool[-50:]), draw.choice(pool[-5:])
        pool.append(
            draw.choice([0.5 * a - c, 0.25 * (a + b + c), ep.sin(a) + 0.5 * b, 0.5 * c + 0.25 * a / (1 + b * b)])
        )
    return [pool[-1], *pool[-1].gradient([x, y])]


@needs_gcc
def test_long_programs_take_their_memory_from_the_caller(tmp_path: Path) -> None:
    code = to_c(tangled(450), [x, y])
    work = int(re.findall("MODEL_WORK = ([0-9]+)", code.header)[0])
    assert "void model(const double *x, double *y, double *w);" in code.header
    assert work > STACKED and f"w[{work}];" in code.source.partition("#ifdef")[2]
    frames = ["-Wframe-larger-than=8192", "-O0"]
    passes(code, tmp_path, *SANITIZED)
    subprocess.run([str(GCC), *STRICT, *frames, "-c", "model.c"], cwd=tmp_path, check=True)
    short = to_c(tangled(20), [x, y])
    assert "_WORK" not in short.header and "double *w" not in short.header
    library, expected = (
        Library(tangled(450), [x, y], tmp_path),
        ep.compile(tangled(450), [x, y], backend="numpy"),
    )
    np.testing.assert_allclose(library(0.5, 0.25), expected(0.5, 0.25), rtol=1e-9)


def test_text_grows_as_programs_do() -> None:
    short, long = (to_c(tangled(steps), [x, y]).source for steps in (500, 4000))
    assert len(long) < 12 * len(short)
    assert max(map(len, long.partition("#ifdef")[0].split("\n}\n"))) < 200 * FUNCTION_STEPS


def test_the_self_test_of_many_numbers_is_short() -> None:
    xs = [Var(f"x{i}") for i in range(6000)]
    code = to_c([a * b for a, b in zip(xs, xs[1:], strict=False)], xs)
    assert "points[2][6000]" in code.source and len(code.source.partition("#ifdef")[2]) < 1_000_000


@needs_gcc
def test_outputs_may_be_inputs_constants_and_conditions(tmp_path: Path) -> None:
    outputs = [x, 2, x < y, ep.where(x < y, 1, 0.1), float("inf") * (x * 0 + 1), x]
    library = Library([expression(each) for each in outputs], [y, x], tmp_path)
    assert library(3.0, 2.0).tolist() == [2.0, 2.0, 1.0, 1.0, math.inf, 2.0]
    assert library(1.0, 2.0).tolist() == [2.0, 2.0, 0.0, 0.1, math.inf, 2.0]


@needs_gcc
def test_constants_are_rounded_once(tmp_path: Path) -> None:
    from fractions import Fraction

    third = ep.Const(Fraction(1, 3))
    assert Library([x * third, x + 10**400], [x], tmp_path)(1.0).tolist() == [1 / 3, math.inf]
    place = tmp_path / "single"
    place.mkdir()
    assert Library([x * third], [x], place, "float")(1.0)[0] == np.float32(1) / np.float32(3)


def test_what_c_has_no_function_for_is_refused_before_any_code_is_made() -> None:
    with pytest.raises(UnsupportedError, match="C has no function for plain_for_test"):
        to_c(PLAIN(x))
    for name in ("1f", "int", "a b", "", "f;", "sin", "y1", "printf", "x"):
        with pytest.raises(ArgumentError, match="name of a C function"):
            to_c(x, name=name)
    with pytest.raises(ArgumentError, match="dtype"):
        to_c(x, dtype="half")


def test_files_are_whole_or_not_there(tmp_path: Path, monkeypatch: Any) -> None:
    code = to_c(x * y, name="model")
    with pytest.raises(ArgumentError, match=r"model\.c"):
        code.write(tmp_path / "other.c")
    (tmp_path / "model.c").write_text("before")

    def refuse(*_: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", refuse)
        with pytest.raises(OSError, match="full"):
            code.write(tmp_path / "model.c")
    assert (tmp_path / "model.c").read_text() == "before"
    assert not list(tmp_path.glob("tmp*")), "no half-written file is left"
    assert [path.name for path in code.write(tmp_path / "model.c")] == ["model.h", "model.c"]


@needs_gcc
def test_names_of_variables_end_no_comment(tmp_path: Path) -> None:
    names = [Var("a*/b"), Var("ü"), Var("int"), Var("new\nline")]
    passes(to_c(names[0] * names[1] + names[2] - names[3], names), tmp_path)


@needs_gcc
def test_the_command_line_writes_c(tmp_path: Path) -> None:
    typer = pytest.importorskip("typer.testing")
    from exprad.cli import app

    run = typer.CliRunner().invoke
    found = run(app, ["c", "x**2*y", "--gradient", "-o", str(tmp_path / "slope.c")])
    assert found.exit_code == 0, found.output
    assert {path.name for path in tmp_path.iterdir()} == {"slope.c", "slope.h"}
    command = [str(GCC), *STRICT, "-DSLOPE_SELF_TEST", str(tmp_path / "slope.c"), "-o", str(tmp_path / "t"), "-lm"]
    subprocess.run(command, check=True)
    assert subprocess.run([tmp_path / "t"], capture_output=True, text=True).stdout == "0 failed\n"
    assert "void model" in run(app, ["c", "sin(x)"]).output
    assert run(app, ["c", "sin("]).exit_code == 1
    assert run(app, ["c", "plain_for_test(x)"]).exit_code == 1
