"""How sensitivities pass rows of the second table, and broadcasting: what is linear moves the guards with the values.

A linear row moves a value that is 0 where its guard fails, and the guard with it. Something arrives where a row that only
adds elements makes more than 0 of ones where the guard holds and zeros elsewhere; of a row with weights of its own, which
may cancel or be negative, where it makes nan of nan. A row that states a slope is an elementwise product and
a sum, so guards pass it as they pass elementwise rows. Any other row says by letters which axes go together: what it
passes on counts where anything does that it depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from math import nan
from typing import Any

from exprad.chain import Guard, Guarded, Masked, core, guard_of, plus, resolve, signed, times, unchanged, within
from exprad.ground.shapes import Shape, shape_of
from exprad.tables.elementary import not_equal, where
from exprad.tensor.family import Structural
from exprad.tensor.linear import along, permuted, reshaped, stretched, sum, summed_to

Rule = Callable[[Any], Any]  # what a row makes of a sensitivity without a guard


def push(row: Structural, y: Any, xs: Sequence[Any], x_dots: Sequence[Any]) -> Any:
    """The tangent of y = row(*xs)."""
    ready = [  # of no elements comes nothing
        None if x_dot is None or 0 in shape_of(x) else of_shape(x_dot, shape_of(x))
        for x, x_dot in zip(xs, x_dots, strict=True)
    ]
    if row.family.slope is not None:
        return None if ready[0] is None else _summed(row, xs[0], times(row, slope_of(row), y, xs, ready[0]))
    if row.family.is_linear and row.family.reads != "scatters" and all(map(is_whole, ready)):
        return row(*map(resolve, ready))
    y_dot = None
    for index, x_dot in enumerate(ready):
        if x_dot is not None:
            y_dot = plus(y_dot, _pushed(row, y, xs, x_dot, index))
    return y_dot


def pull(row: Structural, y: Any, xs: Sequence[Any], y_bar: Any, idle: Container[Any], x_bars: dict[Any, Any]) -> None:
    """Add to `x_bars` what the adjoint of y = row(*xs) passes to its operands."""
    family, parameters = row.family, row.parameters
    is_plain = family.slope is None and y_bar.__class__ is not Guarded and y_bar.__class__ is not Masked
    for index, x in enumerate(xs):
        if x not in idle:
            if is_plain:  # what `_pulled` comes to where there is no guard
                x_bar = family.pull(y, xs, resolve(y_bar), index, **parameters)
                if x_bar.__class__ is not Masked and shape_of(x_bar) != shape_of(x):
                    x_bar = stretched(x_bar, shape_of(x))
            else:
                x_bar = (_pulled if family.slope is None else _spread)(row, y, xs, y_bar, index)
            before = x_bars.get(x)
            x_bars[x] = x_bar if before is None else plus(before, x_bar)


def unbroadcast(x_bar: Any, shape: Shape) -> Any:
    """An adjoint summed back to the shape of its operand."""
    have = shape_of(core(x_bar))
    return x_bar if have == shape else moved(lambda part: summed_to(part, shape), x_bar, have, shape)


def moved(
    rule: Rule,
    given: Any,
    have: Shape,
    shape: Shape,
    arrives: Rule | None = None,
    of_value: Rule | None = None,
    lead: Shape = (),
) -> Any:
    """What a rule makes of a sensitivity of the shape `have`, brought to `shape`; its guard moves along, as `arrives` says or,
    where the rule only adds elements, as the rule itself does. A value has axes `lead` in front, and `of_value` then says
    what the rule makes of it."""
    made, guard = (of_value or rule)(resolve(given)), guard_of(given)
    if made.__class__ is not Masked and shape_of(made) != lead + shape:
        made = of_shape(made, lead + shape)
    if guard is None:
        return made

    own = (made.guard,) if made.__class__ is Masked else ()

    def arrived(condition: Any, reached_at_all: Any = True) -> Any:
        if condition is True:
            return reached_at_all
        if arrives is not None:
            return stretched(arrives(condition), shape)
        return stretched(resolve(rule(_marked(condition, 1, have))), shape) > 0

    return Masked(Guard(arrived, guard, *own), signed(made))


def _marked(condition: Any, mark: Any, shape: Shape) -> Any:
    """An array of a mark where a condition holds, and zeros."""
    return stretched(where(condition, mark, 0), shape)


def _pushed(row: Structural, y: Any, xs: Sequence[Any], x_dot: Any, index: int) -> Any:
    family, parameters, have, shape = row.family, row.parameters, shape_of(xs[index]), shape_of(y)

    def rule(part: Any) -> Any:
        return family.push(y, xs, part, index, **parameters)

    return moved(rule, x_dot, have, shape, arrives_pushed(row, xs, rule, index))


def _pulled(row: Structural, y: Any, xs: Sequence[Any], y_bar: Any, index: int) -> Any:
    family, parameters, have, shape = row.family, row.parameters, shape_of(y), shape_of(xs[index])

    def rule(part: Any) -> Any:
        return family.pull(y, xs, part, index, **parameters)

    return moved(rule, y_bar, have, shape, _arrives(row, xs, rule, have, (-1, index), shape))


def arrives_pushed(row: Structural, xs: Sequence[Any], rule: Rule, index: int) -> Rule | None:
    """Where a tangent arrives that operand `index` passes on."""
    return _arrives(row, xs, rule, shape_of(xs[index]), (index, -1), None)


def _arrives(
    row: Structural, xs: Sequence[Any], rule: Rule, have: Shape, way: tuple[int, int], shape: Shape | None
) -> Rule | None:
    """Where something arrives by a rule, of what counts where a condition holds; None for a rule that only adds elements.

    `way` is from which place to which: of an operand, or -1 for the result.
    """
    family = row.family
    if family.adds:
        return None
    if family.is_linear and family.letters is None:
        return lambda condition: _is_nan(resolve(rule(_marked(condition, nan, have))))
    given, wanted = (_letters(row, xs, place) for place in way)
    return lambda condition: _reached(_marked(condition, 1, have), given, wanted, shape) > 0


def _is_nan(x: Any) -> Any:
    return not_equal(x, x)


def _letters(row: Structural, xs: Sequence[Any], place: int) -> str | None:
    """The letters of an operand or, last, of the result."""
    letters = row.family.letters
    return None if letters is None else letters(*map(shape_of, xs), **row.parameters)[place]


def _reached(ones: Any, given: str | None, wanted: str | None, shape: Shape | None) -> Any:
    """Ones where an array counts, summed over what it does not share with another, its axes in the other's order."""
    if given is None or wanted is None:
        return sum(ones)
    lead = len(shape_of(ones)) - len(given)
    gone = tuple(lead + place for place, letter in enumerate(given) if letter not in wanted)
    left = [letter for letter in given if letter in wanted]
    found = sum(ones, axis=gone) if gone else ones
    order = sorted(range(len(left)), key=lambda place: wanted.index(left[place]))
    found = permuted(found, (*range(lead), *(lead + place for place in order)))
    sizes = iter(shape_of(found)[lead:])
    found = reshaped(found, (*shape_of(found)[:lead], *(next(sizes) if letter in left else 1 for letter in wanted)))
    if shape is None:
        return found
    narrow = (*shape[: len(shape) - len(wanted)], *shape_of(found)[lead:])
    return summed_to(found, narrow)


def slope_of(row: Structural) -> Callable[[Any, Any], Any]:
    axis = row.parameters["axis"]
    return lambda y, x: row.family.slope(along(x, y, axis), x, axis)  # type: ignore[misc]  # asked where there is one


def _summed(row: Structural, x: Any, product: Any) -> Any:
    if product is None:
        return None
    axes = {"axis": row.parameters["axis"], "keepdims": row.parameters["keepdims"]}
    shape = shape_of(x)
    return moved(lambda part: sum(part, **axes), of_shape(product, shape), shape, sum.shape(shape, **axes))


def _spread(row: Structural, y: Any, xs: Sequence[Any], y_bar: Any, index: int) -> Any:
    x, axis, shape = xs[index], row.parameters["axis"], shape_of(y)
    aligned = within(lambda part: along(x, stretched(part, shape), axis), y_bar)
    product = times(row, slope_of(row), y, xs, aligned)
    return product if product is None else of_shape(product, shape_of(x))


def is_whole(x_dot: Any) -> bool:
    return x_dot is not None and x_dot.__class__ is not Guarded and x_dot.__class__ is not Masked


def of_shape(given: Any, shape: Shape) -> Any:
    """A sensitivity whose value has a shape; conditions broadcast against it."""
    if getattr(given, "shape", None) == shape or shape_of(core(given)) == shape:
        return given
    return within(lambda part: stretched(part, shape), given, unchanged)
