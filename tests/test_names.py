"""Names that are no identifiers, in every text that is written: nothing that a user calls a thing changes what it means."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Primitive, Var, Variable, compile, parse, to_c, to_dot
from exprad.errors import ArgumentError
from tests.rows import searched
from tests.targets import needs_gcc, passes

NAMES = [
    "/*", "*/", "a/*b", "a*/b", "/*/", "*/*", "//", "/**/ int main(void) {}", "*", "/", "\\", "a\\", "ends with \\\n",
    "\n#error no", "\r\n#error no", "??/", "??/\n", "??>", "???/", '"', "'", '"""', "'''", "%s", "{0}", "{}", "}",
    "${x}", "$x$", "_^{}", "ü", "λ", "\u2028#error no", "\u202e", "\x00", "\x0b", "\x0c", "\x85", "\ud800",
    "\U0001f600", "lambda", "None", "int", "x0", "x[0]", "y", "v1", "f1", "k0", "math", "self", "out", "pi", "inf",
    "nan", " ", "tab\there", "*\\\n/", "end of line */ #include", "#", "a b", "\uff0a\uff0f", "\\N", "\\G", "&lt;",
]  # fmt: skip
STRANGE = st.text(st.sampled_from("*/\\?\n\"'#{}<>\r $ab\xfc"), min_size=1, max_size=8)
names = st.one_of(st.sampled_from(NAMES), STRANGE, st.text(min_size=1, max_size=8))


def comments(text: str) -> list[str]:
    """The comments of C code, as a compiler finds them that knows trigraphs and continued lines."""
    text = re.sub(r"\\\n", "", text.replace("??/", "\\"))
    return re.findall(r"/[*].*?[*]/", text, re.DOTALL)


@searched(300)
@given(several=st.lists(names, min_size=1, max_size=4, unique=True))
def test_names_in_comments_of_c(several: list[str]) -> None:
    xs = [Var(name) for name in several]
    code = to_c(sum(x * place for place, x in enumerate(xs, 2)), xs)
    (found,) = comments(code.header)
    assert found.endswith("Nothing is allocated, and no state is kept. */")
    assert "/*" not in found[2:]
    assert code.header.isascii()
    assert "??" not in code.header
    assert all(line.isprintable() for line in code.header.splitlines())
    assert found.count("\n") == len(xs) + 3
    plain = to_c(
        sum(Var(f"u{place}") * place for place in range(2, 2 + len(xs))),
        [Var(f"u{place}") for place in range(2, 2 + len(xs))],
    )
    assert comments(code.source) == comments(plain.source)
    assert code.source.isascii()
    assert code.header.replace(found, "") == plain.header.replace(comments(plain.header)[0], "")


def test_names_in_comments_stay_apart_and_readable() -> None:
    from exprad.backends.c.names import commented

    written = {"x": "x", "dx/dt": "dx/dt", "a*b": "a*b", "a b": "a b", "é": "\\xe9", "a*/b": "a\\x2a/b", "\n": "\\x0a"}
    assert written == {name: commented(name) for name in written}
    assert len({commented(name) for name in NAMES}) == len(set(NAMES))


@needs_gcc
@pytest.mark.parametrize(
    "options", [["-std=c99"], ["-std=gnu11"], ["-trigraphs"], ["-x", "c++", "-std=c++11", "-Wno-pedantic"]]
)
def test_names_pass_a_compiler(options: list[str], tmp_path: Path) -> None:
    if "c++" in options and shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    xs = [Var(name) for name in NAMES]
    code = to_c(sum(x * place for place, x in enumerate(xs, 1)), xs)
    if options == ["-std=c99"]:
        passes(code, tmp_path)
    source, *_ = reversed(code.write(tmp_path / "model.c"))
    command = ["gcc", "-Wall", "-Wextra", "-Werror", "-Wcomment", "-Wtrigraphs", *options, "-fsyntax-only", str(source)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


@needs_gcc
def test_names_of_functions_of_c(tmp_path: Path) -> None:
    """Each name is taken and compiles, with its test, or is refused by name."""
    header = subprocess.run(
        ["gcc", "-E", "-x", "c", "-"], input="#include <math.h>\n#include <stdio.h>\n", capture_output=True, text=True
    )
    known = {
        *re.findall(r"\b([a-zA-Z]\w*) *\(", header.stdout),
        *"main int y x w i j v1 mod e pi comb model failed points expected scale EOF NULL FILE NAN M_PI INFINITY".split(),
        *"HUGE_VAL HUGE_VALF FP_NAN math stdio linux unix stdin size_t float_t L_tmpnam P_tmpdir asm typeof bool".split(),
        *"isnan signbit fpclassify sinl j0f lgammaf_r exp10 sincos".split(),
    }
    x = Var("x")
    taken = []
    for name in sorted(known):
        try:
            code = to_c(ep.exp(x) % 2, [x], name=name)
        except ArgumentError as error:
            assert name in str(error)  # noqa: PT017
            continue
        taken.append(name)
        source, *_ = reversed(code.write(tmp_path / f"{name}.c"))
        command = [
            "gcc",
            "-std=gnu99",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fsyntax-only",
            f"-D{name.upper()}_SELF_TEST",
            str(source),
        ]
        found = subprocess.run(command, capture_output=True, text=True)
        assert found.returncode == 0, (name, found.stderr[:500])
    assert {"model", "mod", "comb", "e", "v1"} <= set(taken)
    assert not {"sinf", "rint", "fabsl", "remove", "isnan", "main", "expf"} & set(taken)


@searched(200)
@given(several=st.lists(names, min_size=3, max_size=3, unique=True))
def test_names_in_text_and_pictures(several: list[str]) -> None:
    a, b, c = map(Var, several)
    f = ep.sin(a) * b + c / (a + 2)
    assert parse(str(f)) is f
    text = to_dot(f, values=dict.fromkeys(several, 0.5), adjoints=True)
    for line in text.splitlines()[1:-1]:
        assert re.fullmatch(r'  n\d+ (\[label="([^"\\]|\\.)*", [^\n]*\]|-> n\d+( \[label="\d+"\])?);', line), line
        assert line.isprintable()


BACKENDS = ["python", "numpy", "auto", "native", "jax"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_names_of_inputs_in_every_back_end(backend: str) -> None:
    if backend in ("native", "jax"):
        pytest.importorskip({"native": "llvmlite", "jax": "jax"}[backend])
    xs = [Var(name) for name in NAMES]
    f = sum(ep.sin(x) * place for place, x in enumerate(xs, 1))
    g = compile([f, f.gradient(xs[0])], xs, backend=backend)
    values = [place / 100 for place in range(len(xs))]
    expected = sum(math.sin(value) * place for place, value in enumerate(values, 1))
    assert float(g(*values)[0]) == pytest.approx(expected, rel=1e-5)
    named = dict(zip(NAMES, values, strict=True))
    place = NAMES.index("out")  # which is where to write to
    assert float(g(*values[: place + 1], **dict(list(named.items())[place + 1 :]))[0]) == pytest.approx(
        expected, rel=1e-5
    )
    if backend != "jax" and backend != "python":
        assert g(*[np.full(3, value) for value in values])[0] == pytest.approx([expected] * 3)
    text = g.source()
    assert "#error" not in text
    assert not any(name in text for name in ("\ud800", "\U0001f600", "${x}"))
    repr(g)


@pytest.mark.parametrize(
    "name", ["ﬁ_of_mine", "λ_of_mine", "sín", "ſin_of_mine", "x0", "v1", "lambda", "math", "function", "print"]
)
@pytest.mark.parametrize("backend", BACKENDS[:4])
def test_names_of_rows_in_every_back_end(name: str, backend: str) -> None:
    """Python reads some letters as others; LLVM reads ASCII alone."""
    special = pytest.importorskip("scipy.special")
    if backend == "native":
        pytest.importorskip("llvmlite")
    row = Primitive(name, lambda y, x: y, numpy="scipy.special:exprel")
    try:
        x = Var("x")
        g = compile(row(x) * 2, [x], backend=backend)
        assert g(0.5) == pytest.approx(2 * special.exprel(0.5))
        if backend != "python":
            np.testing.assert_allclose(
                g(np.linspace(0, 1, 200_001)), 2 * special.exprel(np.linspace(0, 1, 200_001)), rtol=1e-14
            )
        assert g.source().isascii()
        if backend == "python":
            scope: dict[str, Any] = {}
            exec(g.source(), scope)
            assert scope["function"](0.5) == g(0.5)
    finally:
        del Primitive.registry[name]


def test_names_of_variables_that_record() -> None:
    xs = [Variable(np.array(place / 10), name) for place, name in enumerate(NAMES)]
    y = sum(ep.sin(x) * place for place, x in enumerate(xs, 1))
    f = y.expression
    assert {v.name for v in f.variables} == set(NAMES)
    assert parse(str(f)) is f
    assert f.evaluate(dict(zip(NAMES, [x.data for x in xs], strict=True))) == pytest.approx(float(y.data))


def test_signatures_have_distinct_names() -> None:
    from inspect import signature

    for several in (NAMES, ["a b", "input_0", "input_0_", "out"], ["input_1", "a b", "lambda"]):
        found = list(signature(compile(sum(map(Var, several)), list(map(Var, several)))).parameters)
        assert found[-1] == "out"
        assert len(set(found)) == len(several) + 1
        assert all(name.isidentifier() for name in found)
