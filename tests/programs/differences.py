"""What is compared, and when: the routes of exprad against NumPy and the reference."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple

import numpy as np

import exprad
from exprad import DualNumber, Var, Variable
from exprad.errors import ExpradError, MissingExtraError, UnsupportedError
from tests.programs.arithmetic import Precise, finite
from tests.programs.carriers import Case, at_points, plain
from tests.programs.numpy_functions import ep
from tests.programs.program import Program
from tests.programs.reference import Reference
from tests.programs.routes import ROUTES

TOLERANCE = 1e-9
LARGE = 1e8
NUMPY_REFUSES = (ValueError, TypeError, IndexError, ZeroDivisionError, AttributeError, np.linalg.LinAlgError)


class Difference(NamedTuple):
    """Where a route parts from what is promised."""

    route: str
    kind: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.route}: {self.kind}: expected {self.expected}, found {self.found}"


class Expected:
    """What a program is to give, by NumPy and by the reference."""

    def __init__(self, program: Program) -> None:
        self.program = program
        rng = Random(sum(x.size for x in program.inputs))
        self.directions = [
            np.array([rng.choice([1.0, -1.0, 2.0, 0.5, -1.5]) for _ in range(x.size)]).reshape(x.shape)
            for x in program.inputs
        ]
        self.values = program.run(list(program.inputs), np, ep)
        self.reference = Reference(program, self.directions)
        self.scale = self.reference.run.scale

    def derivatives(self, what: str, reference: Reference | None = None) -> list[Any]:
        """Flat derivatives by all elements; nan where nothing is promised."""
        jet, run = (reference or self.reference).result, (reference or self.reference).run
        if what == "along":
            return [_promised(jet.tangent if not run.tainted else np.nan)]
        if what == "across":
            curves = self.derivatives("curves", reference)
            flat = np.concatenate([d.ravel() for d in self.directions])
            return [float(np.dot(curves, flat))]
        found, tainted = (
            (jet.slopes, run.tainted) if what == "slopes" else (jet.curves, run.tainted | run.tainted_second)
        )
        count = sum(x.size for x in self.program.inputs)
        if what != "slopes" and run.tainted_second:
            return [np.nan] * count
        known = [np.nan if i in tainted else _promised(found.get(i)) for i in range(count)]
        if what == "all curves" and not np.all(np.isfinite([*known, *self.derivatives("slopes", reference)])):
            return [np.nan] * count
        return known


def _promised(x: Any) -> float:
    if x is None:
        return 0.0
    return float(x) if finite(x) and abs(x) <= LARGE else np.nan


def differences(program: Program, number: int = 0, only: str | None = None) -> list[Difference]:
    """How the routes that this program takes part from what is promised; `only` one of them."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = Expected(program)
        except NUMPY_REFUSES:
            return accepted(program, only)
        case = Case(program, expected.directions)
        taken = [
            name
            for place, (name, route) in enumerate(ROUTES.items())
            if (name == only if only else (number + place) % route.every == 0)
        ]
        found: list[Difference] = []
        with watched() as lost:
            for name in taken:
                found += compared(expected, case, name)
                found += [Difference(name, "raised where nobody can catch it", "nothing", each) for each in lost[:1]]
                lost.clear()
        return found


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is raised where nobody can catch it, in `__del__`."""
    hook, lost = sys.unraisablehook, []
    sys.unraisablehook = lambda each: lost.append(repr(each.exc_value))
    try:
        yield lost
    finally:
        sys.unraisablehook = hook


def accepted(program: Program, only: str | None) -> list[Difference]:
    """The carriers that compute what NumPy refuses."""
    carriers: dict[str, Any] = {
        "expression": lambda slot, x: Var(program.name(slot), shape=x.shape),
        "dual": lambda slot, x: DualNumber(plain(x), plain(np.ones(x.shape))),
        "backward": lambda slot, x: Variable(x.copy()),
    }
    found = []
    for name, made in carriers.items():
        if only in (None, name):
            try:
                result = program.run([made(slot, x) for slot, x in enumerate(program.inputs)], np, exprad)[-1]
            except (ValueError, TypeError, IndexError, AttributeError, ExpradError):
                continue
            except Exception as error:
                result = error
            found.append(Difference(name, "accepted what NumPy refuses", "an error", repr(result)[:100]))
    return found


def compared(expected: Expected, case: Case, name: str) -> Iterator[Difference]:
    try:
        found = ROUTES[name].run(case) if ROUTES[name].fits(case) else {}
    except (UnsupportedError, MissingExtraError):  # native code has no user's functions; an extra is not installed
        return
    except Exception as error:  # whatever it is, it is a refusal of what NumPy takes
        yield Difference(name, f"refused by {type(error).__name__}", "a value", str(error).splitlines()[:1])
        return
    for what, each in found.items():
        if what == "points":
            yield from at_all_points(name, case, each)
        elif what in ("values", "value"):
            wanted = expected.values if what == "values" else expected.values[-1:]
            yield from of_values(name, wanted, each if what == "values" else [each], expected)
        elif what in ("along", "across"):
            yield from of_derivatives(name, what, [()], [each], expected)
        else:
            yield from of_derivatives(name, what, [x.shape for x in case.program.inputs], each, expected)


def of_values(name: str, wanted: Sequence[Any], found: Sequence[Any], expected: Expected) -> Iterator[Difference]:
    """The first slot that differs."""
    for a, b in zip(wanted, found, strict=True):
        if np.shape(a) != np.shape(b):
            yield Difference(name, "shape", np.shape(a), np.shape(b))
            return
        a, b = np.asarray(a, float), np.asarray(b, float)
        if np.allclose(b, a, rtol=TOLERANCE, atol=TOLERANCE * expected.scale, equal_nan=True):
            continue
        if is_settled(expected):
            yield Difference(name, "value", a.tolist(), b.tolist())
            return


def of_derivatives(name: str, what: str, shapes: Any, found: Sequence[Any], expected: Expected) -> Iterator[Difference]:
    for shape, each in zip(shapes, found, strict=True):
        if np.shape(each) != shape:
            yield Difference(name, f"shape of {what}", shape, np.shape(each))
            return
    flat = np.concatenate([np.ravel(np.asarray(each, float)) for each in found])
    yield from of_numbers(name, what, expected.derivatives(what), flat, expected)


def of_numbers(name: str, what: str, promised: Sequence[float], flat: Any, expected: Expected) -> Iterator[Difference]:
    wanted = np.array(promised, float)
    known = ~np.isnan(wanted)
    lost = known & ~np.isfinite(flat)
    order = 1 if what in ("slopes", "along") else 2
    if lost.any() and is_settled(expected):
        yield Difference(name, f"nan for a {'slope' if order == 1 else 'curvature'}", wanted.tolist(), flat.tolist())
    elif not close(wanted[known], flat[known], expected.scale**order) and is_settled(expected, what):
        yield Difference(name, f"wrong {'slope' if order == 1 else 'curvature'}", wanted.tolist(), flat.tolist())


def close(wanted: Any, found: Any, scale: float) -> bool:
    return bool(np.allclose(found, wanted, rtol=10 * TOLERANCE, atol=10 * TOLERANCE * scale))


def at_all_points(name: str, case: Case, found: Sequence[Any]) -> Iterator[Difference]:
    """The value and slopes by scalar inputs, at each of some points."""
    scalars = [slot for slot, x in enumerate(case.program.inputs) if not x.shape]
    for place, program in enumerate(at_points(case)):
        try:
            expected = Expected(program)
        except NUMPY_REFUSES:
            return
        for each in found:
            if np.shape(each) != (3,):
                yield Difference(name, "shape of points", (3,), np.shape(each))
                return
        value, *slopes = [each[place] for each in found]
        for difference in of_values(name, expected.values[-1:], [value], expected):
            yield difference._replace(kind="value at points")
            return
        starts = np.cumsum([0, *[x.size for x in program.inputs]])
        wanted = expected.derivatives("slopes")
        for slot, slope in zip(scalars, slopes, strict=True):
            for difference in of_numbers(name, "slopes", [wanted[starts[slot]]], np.array([float(slope)]), expected):
                yield difference._replace(kind=difference.kind + " at points")
                return


def is_settled(expected: Expected, what: str = "slopes") -> bool:
    """Whether the reference holds in high precision, too: else rounding decides, and nothing is promised."""
    run = Reference(expected.program, expected.directions, Precise())
    if run.run.is_fragile or expected.reference.run.is_fragile:
        return False
    a, b = np.array(expected.derivatives(what)), np.array(expected.derivatives(what, run))
    return bool(np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * expected.scale, equal_nan=True))
