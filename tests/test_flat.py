"""Programs without nodes: what is derived and lowered as arrays is what expressions give, in value and in size."""

from __future__ import annotations

import copy
import math
import pickle
import random
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exprad import (
    Const,
    Expr,
    Primitive,
    Var,
    compile,
    gradient,
    hvp,
    sin,
    tanh,
    value_and_gradient,
    variables,
    where,
)
from exprad.backends.costs import functions
from exprad.derivatives.unseen import Unseen
from exprad.errors import BindingError, NameClashError, NotDifferentiableError, UnsupportedError
from exprad.graph.expr import build, expression
from exprad.graph.program import Program
from exprad.ground import traverse
from tests.rows import SEARCH, VARIABLES, searched, smooth_rows
from tests.scalars import CONSTANTS

pytest.importorskip("llvmlite")
graph = pytest.importorskip("exprad.backends.native.flat.graph")
walk = pytest.importorskip("exprad.backends.native.flat.walk")
subset = pytest.importorskip("exprad.backends.native.flat.subset")
linking = pytest.importorskip("exprad.backends.native.linking")
machine = pytest.importorskip("exprad.backends.native.machine")
if not graph.is_read():
    pytest.skip("objects do not lie in memory as machine code reads them", allow_module_level=True)

HAVE_CODE = [row for row in smooth_rows() if linking.has_code(row)]
ARITHMETIC = [
    row for row in HAVE_CODE if row.name in ("add", "sub", "mul", "neg", "div", "pow", "square", "sqrt", "exp", "abs")
]
NUMBERS = [*CONSTANTS, 4, -2, -4, 0.25, 2.0, 0.0, -1.0, Fraction(1, 3), Fraction(-7, 2), 2**60, 1e308, -1e-200]


def in_python(part: Any, method: str) -> None:
    """Run a method of a pass in Python, on numbers of Python's."""
    arrays = {name: value for name, value in vars(part).items() if isinstance(value, np.ndarray)}
    for name, array in arrays.items():
        setattr(part, name, memoryview(array))
    getattr(part, method)()
    for name, array in arrays.items():
        setattr(part, name, array)


def random_expression(draw: random.Random) -> Expr:
    """A random expression of rows that have code, of whom sums and products are half."""
    pool: list[Any] = [*VARIABLES[: draw.randint(1, 3)]]
    rows = ARITHMETIC if draw.random() < 0.6 else HAVE_CODE
    for _ in range(draw.randint(1, 25)):
        row = draw.choice(rows[:4] if draw.random() < 0.5 else rows)
        operands = [
            draw.choice(NUMBERS) if draw.random() < 0.25 else pool[-1 - min(int(draw.expovariate(0.5)), len(pool) - 1)]
            for _ in range(row.arity)
        ]
        operands[draw.randrange(row.arity)] = draw.choice(pool)
        try:
            pool.append(build(row, *map(expression, operands)))
        except ZeroDivisionError:
            continue
    return pool[-1]


def unseen(f: Expr, wrt: Sequence[Var]) -> Unseen:
    return Unseen(f, wrt, lambda: gradient(f, list(wrt)))


def values(program: Program, at: dict[str, float]) -> list[float]:
    """What a program computes, step by step."""
    found: list[float] = []
    with np.errstate(all="ignore"):
        for head, *rest in program.steps:
            if head == "var":
                found.append(np.float64(at[rest[0]]))
            elif head == "const":
                found.append(np.float64(rest[0]))
            else:
                found.append(head.value([found[index] for index in rest]))
    return [float(found[index]) for index in program.outputs]


def agree(a: float, b: float) -> bool:
    return a == b or a != a and b != b or abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def lorenz(steps: int) -> tuple[Expr, list[Var]]:
    """A Lorenz system by the classical method of Runge and Kutta."""
    wrt = list(variables("x y z s r b"))
    x, y, z, s, r, b = wrt
    state: list[Any] = [x, y, z]

    def slope(x: Any, y: Any, z: Any) -> list[Any]:
        return [s * (y - x), x * (r - z) - y, x * y - b * z]

    for _ in range(steps):
        slopes = [slope(*state)]
        for part in (0.005, 0.005, 0.01):
            slopes.append(slope(*[a + part * k for a, k in zip(state, slopes[-1], strict=True)]))
        state = [a + 0.01 / 6 * (p + 2 * q + 2 * u + v) for a, p, q, u, v in zip(state, *slopes, strict=True)]
    return state[0] + state[1] + state[2], wrt


def rosenbrock(n: int) -> tuple[Expr, list[Var]]:
    wrt = list(variables([f"x{i}" for i in range(n)]))
    return sum((100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in zip(wrt, wrt[1:], strict=False)), start=Const(0)), wrt


def recurrence(n: int) -> tuple[Expr, list[Var]]:
    x = y = Var("x")
    for _ in range(n):
        y = sin(y * x + 0.5)  # type: ignore[assignment]
    return y, [x]


def star(n: int) -> tuple[Expr, list[Var]]:
    """One late factor of many early ones: steps that all read the same."""
    wrt = list(variables([f"x{i}" for i in range(n)]))
    late = tanh(sum(wrt, start=Const(0)))
    return sum((x * late for x in wrt), start=Const(0)), wrt


class Numbers:
    """All that the subset has."""

    whole: subset.Whole
    long: subset.Long
    real: subset.Real
    count: int
    total: float

    def doubled(self, x: int) -> int:
        return x + x if x > 3 else x - 1

    def close(self, a: float, b: float) -> int:
        return a - b < 0.5 and not a + 0.5 < b

    def first(self, least: int) -> int:
        for place in range(self.count):
            if self.whole[place] >= least:
                return place
        return -1

    def run(self) -> int:
        a, b = 3, self.count
        a, b = b, a
        found = 0
        for place in range(self.count):
            if place == 5 or (place & 1 and not place > 7):
                continue
            found += self.doubled(self.whole[place]) ^ (place | 2)
            self.real[place] = float(found) * 0.5
            self.total += self.real[place] - (-1.0)
        while found > 100 or found < -100:
            found = (found >> 1) - (found << 1 if found == 101 else 0)
            if found == 55:
                break
        for place in range(self.count - 1, -1, -1):
            self.long[place] = -place - self.close(self.real[place], 2.0) + (self.first(place) == place)
        place = self.first(found)
        self.count = found + a * b
        return place


@searched(20)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=20))
def test_the_subset_runs_as_in_python(drawn: list[int]) -> None:
    def made() -> Numbers:
        numbers = Numbers()
        numbers.whole, numbers.long = np.array(drawn, np.int32), np.zeros(len(drawn), np.int64)
        numbers.real, numbers.count, numbers.total = np.zeros(len(drawn)), len(drawn), 1.0
        return numbers

    a, b = made(), made()
    in_python(a, "run")
    subset.in_machine_code(b, "run")
    assert vars(a).keys() == vars(b).keys()
    assert all(np.array_equal(value, getattr(b, name)) for name, value in vars(a).items())


class Divides:
    count: int

    def run(self) -> int:
        return self.count // 2


class Names:
    count: int

    def run(self) -> int:
        return unknown  # type: ignore[name-defined]  # noqa: F821


class Mixes:
    count: int

    def run(self) -> int:
        x = 1
        x = x + 2.0  # type: ignore[assignment]
        return x + 1


class Makes:
    count: int

    def run(self) -> int:
        [self.count for _ in range(3)]
        return 0


@pytest.mark.parametrize("cls", [Divides, Names, Mixes, Makes])
def test_what_is_no_part_of_the_subset_is_refused(cls: type[Any]) -> None:
    with pytest.raises(UnsupportedError, match=rf"{cls.__name__}\.run"):
        subset.machine_code(cls)


def test_arrays_of_other_elements_are_refused() -> None:
    numbers = Numbers()
    numbers.whole = numbers.long = np.zeros(2, np.int64)
    numbers.real, numbers.count, numbers.total = np.zeros(4)[::2], 2, 0.0
    with pytest.raises(UnsupportedError, match="elements of 4 bytes side by side"):
        subset.in_machine_code(numbers, "run")


def test_random_programs_are_those_of_expressions() -> None:
    same = total = 0
    for seed in range(400 * SEARCH):
        draw = random.Random(seed)
        f, wrt = random_expression(draw), list(VARIABLES)
        found = graph.programmed([f, unseen(f, wrt)])
        if found is None:
            continue
        known = Program.lowered([f, *gradient(f, wrt)], linking.has_code)
        at = {x.name: draw.uniform(0.2, 2) for x in wrt}
        assert all(map(agree, values(found, at), values(known, at))), (seed, f)
        same, total = same + (found.operations == known.operations), total + 1
    assert total > 200 * SEARCH and same >= 0.999 * total


def test_the_passes_run_as_in_python() -> None:
    for seed in range(60):
        f = random_expression(random.Random(seed))
        parts = [f, unseen(f, VARIABLES)]
        found, known = graph.programmed(parts), graph.programmed(parts, in_python)
        assert (found is None) == (known is None)
        if found is not None:
            assert found.steps == known.steps and found.outputs == known.outputs, (seed, f)


@pytest.mark.parametrize("model", [lorenz, rosenbrock, recurrence, star])
@pytest.mark.parametrize("n", [2, 30, 300])
def test_programs_of_models_have_the_size_of_those_of_expressions(model: Callable[..., Any], n: int) -> None:
    f, wrt = model(n)
    found = graph.programmed([f, unseen(f, wrt)])
    known = Program.lowered([f, *gradient(f, wrt)], linking.has_code)
    assert found.operations == known.operations
    at = {x.name: 0.5 + place / 100 for place, x in enumerate(wrt)}
    assert all(map(agree, values(found, at), values(known, at)))


def along(f: Expr, wrt: Sequence[Var], direction: Sequence[Any]) -> Unseen:
    return Unseen(f, wrt, lambda: hvp(f, wrt, direction), [*map(expression, direction)])


def test_products_with_hessians_are_those_of_expressions() -> None:
    u, v, wrt = Var("u"), Var("v"), list(VARIABLES)
    count = 0
    for seed in range(200 * SEARCH):
        draw = random.Random(seed)
        f = random_expression(draw)
        direction = [draw.choice([u, v, 1, 0, 2, 0.5, u * v]) for _ in wrt]
        found = graph.programmed([f, along(f, wrt, direction), unseen(f, wrt)])
        if found is None:
            continue
        known = Program.lowered([f, *hvp(f, wrt, direction), *gradient(f, wrt)], linking.has_code)
        at = {x.name: draw.uniform(0.2, 2) for x in (*wrt, u, v)}
        pairs = list(zip(values(found, at), values(known, at), strict=True))
        size = max([1.0, *[abs(b) for _, b in pairs if math.isfinite(b)]])
        assert all(agree(a, b) or abs(a - b) < 1e-13 * size for a, b in pairs), (seed, f, direction)
        count += 1
    assert count > 120 * SEARCH


@pytest.mark.parametrize("model", [lorenz, rosenbrock, recurrence, star])
def test_products_with_hessians_of_models_are_of_like_size(model: Callable[..., Any]) -> None:
    f, wrt = model(30)
    direction = [Var(f"d{place}") for place in range(len(wrt))]
    found = graph.programmed([along(f, wrt, direction)])
    known = Program.lowered(hvp(f, wrt, direction), linking.has_code)
    assert sum(found.operations.values()) <= 1.15 * sum(known.operations.values())
    at = {x.name: 0.5 + place / 100 for place, x in enumerate([*wrt, *direction])}
    assert all(map(agree, values(found, at), values(known, at)))


def test_a_program_without_gradients_is_lowered_alike() -> None:
    f, wrt = lorenz(20)
    found, known = graph.programmed([f, f * 2, wrt[0]]), Program.lowered([f, f * 2, wrt[0]], linking.has_code)
    assert found.operations == known.operations and len(found.outputs) == 3


def test_what_looks_alike_is_told_apart() -> None:
    """Operands that change places where that changes the value, and a zero whose sign would be lost."""
    swapped = (X - Y) * sin(Y - X) + X / Y + Y / X
    for f in (swapped, Const(0) - -sin(X), (X + Y) * sin(Y + X)):
        found = graph.programmed([f, unseen(f, [X, Y])])
        known = Program.lowered([f, *gradient(f, [X, Y])], linking.has_code)
        assert found.operations == known.operations
        at = {"x": 0.75, "y": -1.25}
        assert all(map(agree, values(found, at), values(known, at)))
    assert math.copysign(1, values(graph.programmed([Const(0) - -sin(X)]), {"x": -0.0})[0]) == 1


@pytest.mark.parametrize(
    "number", [float, lambda k: k + 0.5, lambda k: k * 0.1, lambda k: 2.0**-k, lambda k: 1 / (1.0 + k)]
)
def test_many_constants_are_told_apart(number: Callable[[int], float]) -> None:
    """Where numbers lie in the table, few are next to many others; else each would be looked for among them."""
    constants = pytest.importorskip("exprad.backends.native.flat.constants")
    derivation = pytest.importorskip("exprad.backends.native.flat.derivation")
    leaves, arena = constants.Leaves([Const(number(k)) for k in range(1000)]), derivation.Derivation()
    arena.steps = np.empty(4 * 4000, np.int32)
    leaves.enter(arena, 3000)
    is_free = np.flatnonzero(arena.number_slots == 0)
    assert np.diff(is_free).max() < 12


def test_several_gradients_share_their_steps() -> None:
    f, wrt = lorenz(10)
    g = f * f + wrt[0]
    found = graph.programmed([unseen(f, wrt), unseen(g, wrt[:2]), unseen(wrt[0], wrt), unseen(Const(3) + 0, wrt)])
    known = [*gradient(f, wrt), *gradient(g, wrt[:2]), *gradient(wrt[0], wrt), *[Const(0)] * len(wrt)]
    at = {x.name: 0.5 + place / 100 for place, x in enumerate(wrt)}
    assert all(map(agree, values(found, at), values(Program.lowered(known), at)))


def test_steps_are_run_as_records_as_any_program_is() -> None:
    from exprad.backends.signature import Structure, read_inputs

    for seed in range(100):
        f = random_expression(random.Random(seed))
        found = graph.programmed([f, unseen(f, VARIABLES)])
        if found is None:
            continue
        structure = Structure([f, list(gradient(f, VARIABLES))])
        slots = read_inputs(found, list(VARIABLES))
        results = []
        for program in (found, Program(found.steps, found.outputs)):
            columns = [program.variables.get(x.name, -1) for x in VARIABLES]
            run = machine.MachineRunner(program, columns, slots, structure.leaves)
            for points in ((), (7,), (3000,)):
                arrays = [np.linspace(0.3 + k, 2.0, math.prod(points)).reshape(points) for k in range(3)]
                leaves = [np.empty(points) for _ in structure.leaves]
                run(arrays, leaves, points, np.dtype(float))
                results.append([leaf.tobytes() for leaf in leaves])
        assert results[:3] == results[3:], (seed, f)


def test_a_walk_widens_its_window_and_its_table_of_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    f, wrt = rosenbrock(200)
    known = graph.programmed([f, unseen(f, wrt)])
    monkeypatch.setattr(walk, "WINDOW", 64)
    found = graph.programmed([f, unseen(f, wrt[:1])])  # whose leaves are more than the one that is asked
    assert found is not None and found.operations["mul"] < known.operations["mul"]
    monkeypatch.setattr(walk, "WIDEST", 64)
    assert graph.programmed([f]) is None


def test_old_variables_and_constants_are_found() -> None:
    old = [Var(f"old{i}") * Var(f"older{i}") for i in range(3)]
    keep = [Var(f"between{i}") + i for i in range(1000)]
    f = old[0] * sin(old[1]) + old[2] * 3
    wrt = [Var("older0"), Var("absent"), Var("old2")]
    found = graph.programmed([f, unseen(f, wrt)])
    at = {f"{age}{i}": 0.3 + i for age in ("old", "older") for i in range(3)}
    assert all(map(agree, values(found, at), values(Program.lowered([f, *gradient(f, wrt)]), at))) and keep


FOUR = Primitive("four_for_test", 1, 1, 1, 1, numpy=lambda a, b, c, d: a + b + c + d)
X, Y = Var("x"), Var("y")


@pytest.mark.parametrize(
    "f",
    [where(X > 0, X, Y) * X, X**Y, FOUR(X, Y, X, Y), Var("v", shape=(3,)).sum() * X, (X > Y) + X],
    ids=["choice", "guard", "four operands", "array", "condition"],
)
def test_what_it_does_not_know_is_left_to_expressions(f: Expr, monkeypatch: pytest.MonkeyPatch) -> None:
    assert graph.programmed([f, unseen(f, [X, Y])]) is None
    monkeypatch.setattr(traverse, "LARGE", 0)
    wrt, v = [X, Y], [each for each in f.variables if each.shape]
    if FOUR in Program.of([f]).rows or v:
        return  # rows and arrays that native code has not
    found = compile([f, gradient(f, wrt)], wrt, backend="native")(1.25, 0.75)
    assert np.allclose(found[1], [g.evaluate(x=1.25, y=0.75) for g in gradient(f, wrt)], rtol=1e-12)


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traverse, "LARGE", 10)


@pytest.mark.usefixtures("all_large")
class TestUnseen:
    """A gradient of a large expression is a list in all that can be seen."""

    def made(self) -> tuple[Unseen, list[Expr]]:
        f, wrt = lorenz(2)
        found = f.gradient(wrt)
        assert isinstance(found, Unseen) and found.is_unseen
        return found, [*gradient(f, wrt)]

    @pytest.mark.parametrize(
        "look",
        [
            list, tuple, repr, str, pickle.dumps, copy.copy, copy.deepcopy, reversed, set,
            lambda g: g[0], lambda g: g[1:3], lambda g: [*g], lambda g: g + [1], lambda g: [1] + g, lambda g: g * 2,
            lambda g: 2 * g, lambda g: g == [], lambda g: g == [], lambda g: g != [], lambda g: g.copy(), lambda g: X in g,
            lambda g: g.index(g[2]), lambda g: g.append(1), lambda g: g.pop(), lambda g: g.reverse(), lambda g: g.clear(),
            lambda g: g.__setitem__(0, 5), lambda g: g.__delitem__(0), lambda g: [].extend(g), lambda g: sum([g], []),
            lambda g: np.array(g, object), lambda g: dict(enumerate(g)), lambda g: max(g, key=str),
            lambda g: g.insert(0, 1), lambda g: g.count(X), lambda g: zip(g, g, strict=True), lambda g: f"{g}",
        ],
    )  # fmt: skip
    def test_a_look_is_that_at_a_list(self, look: Callable[[Any], Any]) -> None:
        found, known = self.made()
        a, b = look(found), look(known)
        if hasattr(a, "__next__"):
            a, b = list(a), list(b)
        assert bool(np.all(a == b)) or isinstance(a, bytes) and pickle.loads(a) == known
        assert not found.is_unseen and list(found) == known and type(a) is type(b)

    def test_a_list_takes_it_in_place(self) -> None:
        found, known = self.made()
        mine = alias = [X]
        mine += found
        assert mine is alias and mine == [X, *known]

    def test_length_and_truth_ask_no_look(self) -> None:
        found, known = self.made()
        assert len(found) == len(known) and found and found.is_unseen

    def test_threads_derive_once(self) -> None:
        counts: list[int] = []

        def derive() -> list[Expr]:
            counts.append(1)
            return [X, Y]

        found = Unseen(X * Y, [Y, X], derive)
        seen: list[Any] = []
        threads = [threading.Thread(target=lambda: seen.append(list(found))) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert seen == [[X, Y]] * 8 and counts == [1]

    def test_what_can_not_be_derived_says_so_when_it_is_looked_at(self) -> None:
        row = Primitive("undifferentiable_for_test", None, numpy="sin")
        f = row(lorenz(2)[0])
        found = f.gradient([X, Y])
        for _ in range(2):
            with pytest.raises(NotDifferentiableError, match="undifferentiable_for_test"):
                list(found)
        with pytest.raises(NotDifferentiableError, match="undifferentiable_for_test"):
            compile(value_and_gradient(f, [X, Y]), backend="native")

    def test_other_conventions_and_structures_are_looked_at_at_once(self) -> None:
        f, wrt = lorenz(2)
        assert type(f.gradient(wrt, kink="zero")) is list and type(f.gradient([wrt])) is list
        assert isinstance(f.gradient(wrt[0]), Expr) and isinstance(f.gradient({"x": wrt[0]}), dict)


@pytest.mark.usefixtures("all_large")
class TestCompiled:
    """`compile` takes gradients that nobody has looked at as they are."""

    @pytest.mark.parametrize("backend", ["native", "auto"])
    def test_no_expressions_are_made(self, backend: str) -> None:
        f, wrt = lorenz(150)
        value, slopes = value_and_gradient(f, wrt)
        g = compile([value, {"slopes": slopes, "first": wrt[0]}], wrt, backend=backend)
        point = [1.0, 1.1, 0.9, 10.0, 28.0, 2.5]
        found = g(*point)
        assert slopes.is_unseen and g.backend.startswith("native")
        known = compile([f, *slopes], wrt, backend="numpy")(*point)
        assert np.allclose([found[0], *found[1]["slopes"]], known, rtol=1e-12) and found[1]["first"] == 1.0

    @pytest.mark.parametrize("backend", ["numpy", "python"])
    def test_other_back_ends_make_them(self, backend: str) -> None:
        f, wrt = lorenz(2)
        slopes = f.gradient(wrt)
        found = compile([f, slopes], wrt, backend=backend)(1.0, 1.1, 0.9, 10.0, 28.0, 2.5)
        assert not slopes.is_unseen and len(found[1]) == 6

    def test_calls_of_every_kind(self) -> None:
        f, wrt = lorenz(150)
        g = compile([f, f.gradient(wrt)], wrt, backend="native")
        known = compile([f, list(f.gradient(wrt))], wrt, backend="numpy")
        points = [np.linspace(k, k + 0.2, 500) for k in (1.0, 1.1, 0.9, 10.0, 28.0, 2.5)]
        for given_ in (
            points,
            [each.astype(np.float32) for each in points],
            [each.astype(np.longdouble) for each in points],
        ):
            a, b = g(*given_), known(*given_)
            assert a[0].dtype == b[0].dtype and np.allclose(np.array([a[0], *a[1]]), np.array([b[0], *b[1]]), rtol=1e-3)
        out = [np.empty(500), [np.empty(500) for _ in wrt]]
        assert g(*points, out=out) is out and np.array_equal(out[1][2], g(*points)[1][2])
        again = pickle.loads(pickle.dumps(g))
        assert again(*[each[3] for each in points])[1] == g(*[each[3] for each in points])[1]
        assert g(*wrt)[0] is f and str(g).startswith("<function (x, y, z, s, r, b)")
        assert functions(g.program) == functions(known.program) and g.forecast().operations == sum(
            g.program.operations.values()
        )

    @pytest.mark.parametrize("backend", ["native", "numpy"])
    def test_products_with_hessians(self, backend: str) -> None:
        f, wrt = lorenz(150)
        direction = [Var(f"d{place}") for place in range(5)]
        product = hvp(f, wrt, [*direction, 0])
        assert isinstance(product, Unseen)
        g = compile([f, product, f.gradient(wrt)], [*wrt, *direction], backend=backend)
        point = [1.0, 1.1, 0.9, 10.0, 28.0, 2.5, *np.linspace(-1, 1, 5)]
        found = g(*point)
        assert product.is_unseen == (backend == "native")
        assert np.allclose(found[1], compile([*product], [*wrt, *direction])(*point), rtol=1e-11)

    def test_thousands_of_inputs_and_outputs(self) -> None:
        f, wrt = rosenbrock(2000)
        at = np.linspace(0.5, 1.5, len(wrt))
        g, h = (compile(value_and_gradient(f, wrt), inputs, backend="native") for inputs in ([wrt], wrt))
        a, b = at[:-1], at[1:]
        known = np.zeros_like(at)
        known[:-1] += -400 * a * (b - a * a) - 2 * (1 - a)
        known[1:] += 200 * (b - a * a)
        assert np.allclose(g(at)[1], known, rtol=1e-12) and g(at)[1] == h(*at.tolist())[1]

    def test_inputs_are_checked_as_ever(self) -> None:
        f, wrt = lorenz(2)
        with pytest.raises(BindingError, match="'b' is in the outputs"):
            compile(value_and_gradient(f, wrt), wrt[:-1], backend="native")
        with pytest.raises(NameClashError, match="two variables called 'x'"):
            compile([f, (f + Var("x", shape=(2,)).sum()).gradient(wrt)], backend="native")

    def test_left_out_inputs_are_in_the_order_of_expressions(self) -> None:
        f, _ = lorenz(250)
        wrt = list(f.variables)
        g = compile([f, f.gradient(wrt)], backend="native")
        h = compile([f, *gradient(f, [wrt])[0]], backend="numpy")
        assert str(g)[: str(g).index(":")] == str(h)[: str(h).index(":")]
