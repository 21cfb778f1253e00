"""Programs whose last step NumPy refuses: what does not fit must be refused by every carrier, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.programs.indices import wild
from tests.programs.program import Literal, Program, Step

if TYPE_CHECKING:
    from tests.programs.generator import Draft

Made = tuple[str, tuple[Any, ...], dict[str, Any]]


def _index(d: Draft, slot: int) -> Made:
    return "{0}[{index}]", (slot,), {"index": wild(d.rng, d.shape(slot))}


def _axis(d: Draft, slot: int) -> Made:
    rank = len(d.shape(slot))
    text = d.rng.choice([
        "np.sum({0}, axis={axis})", "np.mean({0}, axis={axis})", "np.max({0}, axis={axis})", "np.prod({0}, axis={axis})",
        "np.cumsum({0}, axis={axis})", "np.flip({0}, axis={axis})", "np.roll({0}, 1, axis={axis})",
        "np.squeeze({0}, axis={axis})",
        "np.repeat({0}, 2, axis={axis})", "np.expand_dims({0}, {axis})", "np.concatenate([{0}, {0}], axis={axis})",
        "np.stack([{0}, {0}], axis={axis})", "np.take({0}, [0], axis={axis})", "np.swapaxes({0}, 0, {axis})",
        "np.moveaxis({0}, {axis}, 0)", "np.diff({0}, axis={axis})", "np.var({0}, axis={axis})",
        "np.linalg.norm({0}, axis={axis})",
        "np.diagonal({0}, 0, 0, {axis})", "{0}.sum({axis})",
    ])  # fmt: skip
    return text, (slot,), {"axis": d.rng.choice([rank, rank + 1, -rank - 1, -rank - 2, 0, 1, (0, 0), (0, -rank)])}


def _shape(d: Draft, slot: int) -> Made:
    size, shape = d.values[slot].size, d.shape(slot)
    bad = [
        (-1, -1),
        (-4, -1),
        (-2,),
        (size + 1,),
        (2, -1),
        (size, -2),
        (0, -1),
        (*shape, 2),
        (-size, -1),
        shape[1:],
        shape[:-1],
        (1, 5),
    ]
    return (
        d.rng.choice(["np.reshape({0}, {shape})", "np.broadcast_to({0}, {shape})"]),
        (slot,),
        {"shape": d.rng.choice(bad)},
    )


def _axes(d: Draft, slot: int) -> Made:
    rank = len(d.shape(slot))
    axes = [d.rng.randrange(-rank, rank + 1) for _ in range(d.rng.choice([rank, rank, rank + 1]))]
    return "np.transpose({0}, {axes})", (slot,), {"axes": tuple(axes)}


def _pairs(d: Draft, slot: int) -> Made:
    other = d.rng.choice([d.pick(), Literal(np.ones([d.rng.randint(0, 4) for _ in range(d.rng.randint(0, 3))]))])
    text = d.rng.choice([
        "{0} + {1}", "{0} * {1}", "np.maximum({0}, {1})", "np.where({0} > 0, {0}, {1})", "{0} @ {1}", "{1} @ {0}",
        "np.dot({0}, {1})",
        "np.inner({0}, {1})", "np.tensordot({0}, {1}, 2)", "np.tensordot({0}, {1}, 1)", "np.tensordot({1}, {0}, ((0,), (-1,)))",
        "np.einsum('ij,jk->ik', {0}, {1})", "np.einsum('i,i->i', {0}, {1})", "np.einsum('ij->i', {0})", "np.vdot({0}, {1})",
        "np.concatenate([{0}, {1}])", "np.concatenate([{1}, {0}], axis=-1)", "np.stack([{0}, {1}])", "np.vstack([{0}, {1}])",
        "np.hstack([{0}, {1}])", "np.linalg.solve({0}, {1})", "np.linalg.solve({1}, {0})", "np.hypot({1}, {0})",
    ])  # fmt: skip
    return text, (slot, other), {}


def _values(d: Draft, slot: int) -> Made:
    text = d.rng.choice([
        "np.take({0}, 7)", "np.take({0}, [0, -8])", "np.pad({0}, -1)", "np.pad({0}, ((1, 2), (3, 4), (5, 6), (7, 8), (9, 9)))",
        "np.repeat({0}, -1)", "np.max({0})", "np.min({0})", "np.linalg.det({0})", "np.linalg.inv({0})", "np.trace({0})",
        "np.diagonal({0})", "np.diag({0})", "np.max({0}, axis=0)", "np.diagonal({0}, 0, 1, 1)", "np.squeeze({0}, (0, 0))",
    ])  # fmt: skip
    return text, (slot,), {}


STRANGE: list[Callable[[Draft, int], Made]] = [_index, _index, _axis, _axis, _shape, _axes, _pairs, _pairs, _values]


def refused(d: Draft) -> Program | None:
    """The draft with one step more, which NumPy refuses because shapes do not fit; None where none was found."""
    for _ in range(30):
        text, operands, parameters = d.rng.choice(STRANGE)(d, d.pick())
        program = Program(d.inputs, (*d.steps, Step(text, operands, parameters)))
        try:
            eval(program.line(len(d.steps)), {"np": np, **dict(zip(program.names, d.values, strict=False))})
        except np.linalg.LinAlgError as error:
            if "ingular" not in str(error):
                return program
        except (ValueError, TypeError, IndexError):
            return program
    return None
