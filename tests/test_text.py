"""Text of expressions, arrays among them: what a person would write, and what `parse` reads back to the same node."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Call, Const, ExpradError, Var, parse, sin, table, to_text, where
from exprad.errors import ParseError
from exprad.graph.expr import expression
from exprad.graph.leaf import _shapes
from exprad.ground.traverse import postorder
from exprad.tensor import Family, Slice
from tests.arrays import CASES, Draw
from tests.indices import indices
from tests.programs import generator
from tests.rows import searched
from tests.rows_of_arrays import ROWS, call

A, V, M, T = Var("a"), Var("v", shape=(3,)), Var("M", shape=(3, 3)), Var("T", shape=(2, 3, 4))
Q = Var("Q", shape=(2, 2, 2, 2))
WRITTEN = {
    "v[0]": V[0], "v[2]": V[-1], "v[1:]": V[1:], "v[:2]": V[:-1], "v[::-1]": V[::-1], "v[::2]": V[::2], "v[:0]": V[2:1],
    "M[:, 0]": M[:, 0], "M[1]": M[1], "M[1, 2]": M[1, 2], "M[..., None]": M[..., None], "v[None]": V[None],
    "v[:, None]": V[:, None], "T[..., 1:3]": T[..., 1:3], "T[:, [0, 2]]": T[:, [0, 2]], "v[[2, 0]]": V[[2, 0]],
    "v[[0, 2]]": V[np.array([True, False, True])], "M[[0, 1], [1, 2]]": M[[0, 1], [1, 2]], "v[[]]": V[[]],
    "v @ M @ v": V @ M @ V, "v @ (M @ v)": V @ (M @ V), "2*(M @ v)": 2 * (M @ V), "M.T": M.T, "M.T @ v": M.T @ V,
    "(M + 1).T[0]": (M + 1).T[0], "-v[0]**2": -(V[0] ** 2), "(-v)[0]": (-V)[0], "T.T": T.T, "sin(v)[1:]": sin(V)[1:],
    "transpose(T, axes=(1, 0, 2))": T.transpose(1, 0, 2), "a*v": A * V, "reshape(M, shape=(9,))": M.reshape(9),
    "sum(M, axis=0)": M.sum(axis=0), "sum(T, axis=(0, 2))": T.sum(axis=(0, 2)), "sum(v)": V.sum(),
    "sum(M, axis=0, keepdims=True)": M.sum(axis=0, keepdims=True), "max(M, axis=1)": M.max(axis=1),
    "concatenate([v, 2*v])": ep.concatenate([V, 2 * V]), "concatenate([M, M], axis=1)": ep.concatenate([M, M], 1),
    'einsum("ij,jk->ik", M, M)': ep.einsum("ij,jk", M, M), "T @ T[0].T": T @ T[0].T,
    "add_at(a, shape=(3,), index=s_[1])": ep.arrays.add_at(A, (3,), 1), "where(v > 0, v, 0)": where(V > 0, V, 0),
    "solve(M, v)": ep.solve(M, V), "softmax(M, axis=1)": ep.softmax(M, axis=1), "v": V,
}  # fmt: skip


def reads_back(f: ep.Expr) -> str:
    """The text of an expression, which is read back as it; text says of arrays of numbers what they hold, not which."""
    for text, living in ((str(f), True), (to_text(f, shapes=True), False)):
        again = parse(text, living=living)
        if any(isinstance(node, Const) and node.shape for node in postorder([f])):
            assert (again.shape, to_text(again, shapes=True)) == (f.shape, to_text(f, shapes=True))
        else:
            assert again is f, text
    return str(f)


@pytest.mark.parametrize("text", WRITTEN)
def test_arrays_are_written_as_a_person_would(text: str) -> None:
    assert repr(WRITTEN[text]) == text
    assert parse(f"let a: (), v: (3,), M: (3, 3), T: (2, 3, 4), Q: (2, 2, 2, 2); {text}") is WRITTEN[text]
    reads_back(WRITTEN[text])


OWN = [name for name, family in Family.registry.items() if family.value.__module__.startswith("exprad.tensor")]


def test_every_family_has_rows() -> None:
    assert set(OWN) == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
@searched(60)
@given(data=st.data())
def test_rows_of_every_family_read_back(name: str, data: Any) -> None:
    f = call(data.draw, name)
    if f is not None:
        reads_back(f)
        reads_back(ep.neg(f) if f.shape else -f / 2)


@pytest.mark.parametrize("name", CASES)
@searched(15)
@given(data=st.data())
def test_functions_of_arrays_and_their_derivatives_read_back(name: str, data: Any) -> None:
    function, arrays, _ = CASES[name](data.draw)
    xs = [Var(f"x{place}", shape=x.shape) for place, x in enumerate(arrays)]
    y = function(*xs)
    assert "getitem(" not in reads_back(y)
    for slope in ep.gradient(ep.sum(sin(y)), xs):
        reads_back(slope)


def nested(draw: Draw, pool: list[Any], depth: int) -> Any:
    """A tree built by classes, of elementwise rows and of rows of arrays, on what has fitting shapes."""
    rows = [row for row in table() if row.is_own]
    for _ in range(depth):
        row = draw(st.sampled_from(rows))
        first = draw(st.sampled_from(pool))
        fitting = [each for each in pool if each.shape in ((), first.shape)]
        pool.append(draw(st.sampled_from([
            Call(row, [first, *[draw(st.sampled_from(fitting)) for _ in range(row.arity - 1)]]),
            Call(Family.registry["sum"].row(axis=None, keepdims=draw(st.booleans())), [first]),
            Call(Family.registry["transpose"].row(axes=tuple(range(len(first.shape)))[::-1]), [first]),
            Call(Family.registry["getitem"].row(index=tuple(Slice(0, size) for size in first.shape)), [first]),
            *([Call(Family.registry["matmul"].row(2), [first, first])] if len(set(first.shape)) == 1 else []),
        ])))  # fmt: skip
    return pool[-1]


@searched(300)
@given(data=st.data())
def test_trees_of_classes_read_back(data: Any) -> None:
    numbers = [2, -3, 0.5, -0.5, 1e300, math.inf, -math.inf, math.nan, -0.0, Const(1) / 3, Const(-2) / 3]
    variables = [A, V, M, *ep.variables("T let s_ e_1"), Var("pi", shape=(3,))]
    pool = [*variables, *map(expression, numbers)]
    reads_back(nested(data.draw, pool, data.draw(st.integers(1, 12))))


@pytest.mark.parametrize("number", range(150))
def test_random_programs_read_back(number: int) -> None:
    program = generator.program(13, number)
    xs = [Var(program.name(place), shape=x.shape) for place, x in enumerate(program.inputs)]
    try:
        found = program.run(xs, np, ep)
    except (ExpradError, IndexError):  # some programs are to be refused
        return
    for f in found:
        if isinstance(f, ep.Expr):
            reads_back(f)


@searched(300)
@given(data=st.data(), shape=st.lists(st.integers(0, 4), max_size=3).map(tuple))
def test_indices_are_written_as_indices(data: Any, shape: tuple[int, ...]) -> None:
    try:
        f = Var("x", shape=shape)[data.draw(indices(shape))]
    except ExpradError:
        return
    text = reads_back(f)
    assert "getitem" not in text and text.count("let") <= 1


# Names.


def test_of_several_living_variables_a_text_says_which() -> None:
    three, four = Var("doubly", shape=(3,)), Var("doubly", shape=(4,))
    assert str(sin(three)) == "let doubly: (3,)\nsin(doubly)" and str(sin(four)) == "let doubly: (4,)\nsin(doubly)"
    assert repr(sin(three)) == "sin(doubly)"
    assert parse(str(sin(three))) is sin(three) and parse(str(sin(four))) is sin(four)
    with pytest.raises(
        ParseError, match=r"several variables are called 'doubly'.*let doubly: \(3,\) or let doubly: \(4,\)"
    ):
        parse("sin(doubly)")


def test_a_name_means_the_only_variable_that_lives() -> None:
    array = Var("only", shape=(2,))
    text = str(sin(array))
    assert text == "sin(only)" and parse(text) is sin(array)
    number = Var("only")  # a text of before could mean the array
    with pytest.raises(ParseError, match=r"let only: \(\) or let only: \(2,\)"):
        parse(text)
    assert parse(str(sin(array))) is sin(array) and parse(str(sin(number))) is sin(number)
    assert str(sin(number)) == "let only: ()\nsin(only)"


def test_the_text_of_numbers_does_not_depend_on_arrays() -> None:
    array, number = Var("both", shape=(2,)), Var("both")
    assert repr(sin(array)) == str(sin(number)) == "sin(both)" and parse("sin(both)") is sin(number)
    assert str(sin(array)) == "let both: (2,)\nsin(both)" and parse(str(sin(array))) is sin(array)
    assert parse(str(sin(number))) is sin(number) and str(sin(number)) == "sin(both)"


def test_names_of_dead_arrays_are_forgotten_and_living_ones_known() -> None:
    kept = [Var(f"kept_{place}", shape=(2,)) for place in range(1500)]
    for place in range(20_000):
        Var(f"dead_{place}", shape=(2,))
    assert sum(name.startswith("dead_") for name in _shapes) < 15_000
    assert all(parse(v.name) is v for v in kept)


def test_where_nothing_living_counts_names_are_numbers() -> None:
    array = Var("both", shape=(2,))
    assert str(sin(array)) == "sin(both)"
    assert parse("sin(both)", living=False) is sin(Var("both"))
    assert parse("let both: (2,); sin(both)", living=False) is sin(array)


def test_a_name_that_none_has_is_a_number() -> None:
    assert parse("nobody*2").variables[0].shape == ()
    array = Var("gone", shape=(2,))
    del array
    assert parse("gone").shape == ()


def test_two_variables_of_one_name_in_one_expression() -> None:
    f = Call(table()[0], (Var("w"), Var("w", shape=(3,)))) * A
    assert repr(f) == "let w: ()\nt1 = w\nlet w: (3,)\nt2 = w\na*(t1 + t2)"
    reads_back(f)
    reads_back(Call(table()[0], (Var("w"), Var("w", shape=(3,)))) * Var("t1", shape=(3,)) * Var("t2"))


NAMES = ["a b", "lambda", "pi", "let", "T", "sum", "array", "zeros", "s_", '"', "\\", "1", "ü", "None", "a:b"]


@pytest.mark.parametrize("name", NAMES)
def test_arrays_of_any_name_read_back(name: str) -> None:
    v = Var(name, shape=(3,))
    reads_back(v[1:] * sin(v)[:2] + math.pi)
    reads_back(v.sum())
    reads_back(ep.einsum("i,j->ij", v, v))
    for subscripts in ("i->i", "i->"):  # as functions give it, and not
        reads_back(Call(Family.registry["einsum"].row(1, subscripts=subscripts), [v]))
    several = v + Var("t1", shape=(3,))
    for _ in range(12):
        several = sin(several) * several
    for _ in range(3000):
        several = sin(several + v)
    text = reads_back(several)
    assert text.startswith("let ") and text.count("let ") == 1 + (name == "let") and ": (3,)" in text.split("\n")[0]


def test_declarations() -> None:
    v = Var("v", shape=(3,))
    assert parse("let v: (3,)\nsum(v)") is parse("let v: 3; sum(v)") is parse('let "v": (3,);sum(v)') is ep.sum(v)
    assert parse("let v: (3,), u: (), M: (2, 3)\nM @ v*u") is Call(ep.mul, (Var("M", shape=(2, 3)) @ v, Var("u")))
    assert parse("let v: (3,)\nt = sum(v)\nlet v: ()\nt*v") is Call(ep.mul, (ep.sum(v), Var("v")))
    assert parse("t = 1\nlet t: ()\nt") is Var("t")
    assert parse("let + 1") is Call(ep.add, (Var("let"), Const(1)))
    assert to_text(A * V, shapes=True) == "let a: (), v: (3,)\na*v"
    for bad, says in {"let v": "':' was expected", "let v: (3,)": "empty", "let v: (-1,); v": "a shape is whole numbers",
                      "let v: (3,) v": "end of the line", "let 3: (3,)": "operator", "let v: 1.5; v": "a shape is whole",
                      "let v: (3; v": "expected", "let v: (3,), ; v": "name", 'let "": 3; v': "empty"}.items():  # fmt: skip
        with pytest.raises(ParseError, match=says):
            parse(bad)


def test_calls_with_other_parameters_are_read_as_numpy_reads_them() -> None:
    shapes = "let v: (3,), M: (3, 3)\n"
    assert parse(f'{shapes}einsum("ij->i", M)') is M.sum(axis=1) is parse(f"{shapes}sum(M, axis=-1)")
    assert parse(f"{shapes}sum(M, axis=(1, 0))") is M.sum() is parse(f"{shapes}sum(M, axis=(0, 1))")
    assert parse(f"{shapes}transpose(M)") is M.T and parse(f"{shapes}reshape(M, shape=-1)") is M.reshape(9)
    assert parse(f"{shapes}v[-1] + v[-2:][0]") is Call(ep.add, (V[2], V[1:][0]))


def test_text_with_shapes_is_read_in_another_process() -> None:
    f = ep.sum(sin(V @ M)) * A
    code = f"from exprad import *; f = parse({to_text(f, shapes=True)!r}); print(f, [v.shape for v in f.variables])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == "sum(sin(v @ M))*a [(3, 3), (), (3,)]\n"


def test_programs_declare_arrays() -> None:
    f: Any = V
    for place in range(400):
        f = sin(f) * V[place % 3] + M[place % 2] @ f * A
    assert len(reads_back(f)) < 60 * 400
    assert repr(f).startswith("let M: (3, 3), v: (3,)\nt1 = ")


def test_text_is_linear_where_parameters_are_long() -> None:
    part = Var("long", shape=(3,))[[0, 1, 2] * 500]
    f: Any = part
    for _ in range(12):
        f = f * part + 1
    assert len(reads_back(f)) < 12_000


def test_deep_calls_of_rows_read_back() -> None:
    f, g = V, M
    for _ in range(10_000):
        f, g = f[::-1], Call(M.T.primitive, [g])
    reads_back(f)
    reads_back(g)
    shapes = "let v: (3,), M: (3, 3);"
    assert parse(f"{shapes} v" + "[::-1]" * 10_000) is f and parse(f"{shapes} M" + ".T" * 10_000) is g


# What was written before, and what is no text.


def test_shapes_after_names_are_still_read_where_they_are_no_index() -> None:
    v, matrix = Var("old", shape=(3,)), Var("older", shape=(2, 3))
    assert parse("sum(sin(old[3])**2)") is Call(ep.sum(v).primitive, (sin(v) ** 2,))
    assert parse("matmul(older[2, 3], old[3])") is matrix @ v
    assert parse("getitem(old[3], index=(slice(0,3,2),))") is v[::2]
    new = Var("new", shape=(3,))
    assert parse("let new: (3,); concatenate(new[3], new[3], axis=0)") is ep.concatenate([new, new])
    other = Var("old", shape=(7,))
    with pytest.raises(ParseError, match="several"):
        parse("old[3]")  # an element of the other
    assert parse("old[7]") is other
    with pytest.raises(ParseError, match=r"declared in a line before: let unknown: \(3,\)"):
        parse("sin(unknown[3])")


def test_arrays_of_numbers_keep_what_they_hold() -> None:
    for kind in ("float64", "float32", "int64", "int8", "uint8", "bool", "float16"):
        for values in ([1, 0], [[0, 1, 1]], np.zeros((0, 3)), np.zeros((2, 0)), []):
            x = Const(np.array(values, kind))
            again = parse(str(x + A)).operands
            (found,) = [each.value for each in again if isinstance(each, Const)]
            np.testing.assert_array_equal(found, x.value, strict=True)
            assert found.dtype == x.value.dtype
    assert str(Const(np.array([1.0, math.nan, -math.inf]))) == "array([1.0, nan, -inf])"
    assert str(Const(np.array([1.0, 2.0], np.float32))) == "array([1.0, 2.0], dtype=float32)"
    assert str(parse("array([1.0,inf],float32)")) == "array([1.0, inf], dtype=float32)"


BAD = [
    "v[", "v[]", "v[1", "v[1:2:3:4]", "v[x]", "v[3, 4, 5]", "v[1.5]", "v[0", "v]", "v[0))", "v.", "v.x", "v.T.", "@v",
    "v @", "v @ 2", "[v, v]", "[v", "sum(v, axis=)", "sum(v, axis=x)", "sum(v, axis=7)",
    "sum(v axis=0)", "sum[axis=0]", "sum[axis=(0,)](v, v)", "transpose[axes=(9,)](v)", 'getitem[index=("a",)](v)',
    "sum[](v)", "sin[axis=0](v)", "no[axis=0](v)", "v[a=1]", "sum[axis=0", "concatenate([v", "concatenate([v, M])",
    "concatenate([])", 'einsum("ij", v)', 'einsum("i->", v', "v[zeros((10**9,))]", "zeros((3,))",
    "zeros((0, 9999999999999999999))", "array([1, [2]])", "array([x])", "array([1.0], complex)", "array([1], dtype=)",
    "array([1]", "array([1.0], x y)", "v[slice(1, 2, 3, 4)]", "v[::0]", "v['a']", 'v["a"]', "v[-(1)]", "v[--1]",
    "v[s_]", "v[s_[0]", "sum(v, index=1)", "getitem(v, index=(slice(0,9,0),))", "let v", "(v, v)", "v[" * 9999,
    "v[" + "[" * 99999,
    "v[" + "[" * 99999 + "]" * 100000, "v[" + "-" * 99999, "v[0:" * 5, "sin(" + "[" * 99999, "[v] + 1", "sin([v]",
    "sin(-[v])", "concatenate([v] [v])", "concatenate([v].T)", "concatenate([v][0])",
    'einsum[subscripts="ij->ij"]("w")', "sum(v, axis=0, axis", "max()", "v[True, True, True, 5]", "v[...,...]", "2.T",
    "v[1e400]",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:20])
def test_what_is_no_text_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ParseError, match="line 2, column") as caught:
        parse(f"let v: (3,), M: (3, 3)\n{text}")
    assert len(str(caught.value)) < 700 and "^" in str(caught.value)


TOKENS = """v M a 0 1 -1 2.5 [ ] ( ) , : :: ... None . .T @ + - * / ** sum( sin( concatenate([ axis= index= s_[ slice( zeros(
            array([ let ; = "a" True nan inf t1 max( getitem( sum[ float32 dtype= == ~ < &""".split()  # fmt: skip


@searched(1500)
@given(st.lists(st.sampled_from(TOKENS), max_size=12))
def test_any_text_is_read_or_refused(tokens: list[str]) -> None:
    try:
        f = parse(f"let v: (3,), M: (3, 3); {' '.join(tokens)}")
    except ExpradError as error:
        assert isinstance(error, ParseError) and "^" in str(error)
    else:
        reads_back(f)
