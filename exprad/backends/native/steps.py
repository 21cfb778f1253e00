"""Steps of a program as lines of LLVM's text: what computes a row, one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from exprad.backends.native.llvm import Vector
from exprad.backends.native.module import Module
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.spelling import found_at

COMPARES = "fcmp "  # how the spelling of a row begins that compares
INTRINSIC = "llvm."  # and of one that is an intrinsic function
TURNS = ("sin", "cos")  # functions that are computed together, in this order


def function_name(row: Primitive) -> str:
    """The function of the C library that computes a row; "" where it is computed otherwise."""
    spelled = row.spelling("llvm")
    is_name = isinstance(spelled, str) and ":" not in spelled and not spelled.startswith((COMPARES, INTRINSIC))
    return str(spelled) if is_name else ""


def has(row: Primitive, is_loop: Callable[[Primitive], bool], is_in_c: Callable[[str], bool]) -> bool:
    """Whether there is code for a row. `is_loop` says whether NumPy's loop over doubles can be called for it, `is_in_c`
    whether the C library has a function."""
    name = function_name(row)
    return is_in_c(name) if name else row.spelling("llvm") is not None or is_loop(row)


class _Values(dict[int, Vector]):
    """The vectors of steps; what is not there is loaded when it is first read."""

    def __init__(self, load: Callable[[int], Vector]) -> None:
        super().__init__()
        self.load = load

    def __missing__(self, index: int) -> Vector:
        found = self[index] = self.load(index)
        return found


def whole_program(module: Module, program: Program, columns: Sequence[int]) -> list[Vector]:
    """All steps as lines of the module's code, where %in0, %in1, ... are the variables of `columns`; the outputs."""

    def load(index: int) -> Vector:
        head, value, *_ = program.steps[index]
        return Vector(code, inputs[index], code.floats) if head == "var" else code.constant(value)

    inputs = {column: f"%in{place}" for place, column in enumerate(columns)}
    code, values = module.code, _Values(load)
    _compute(module, program, values)
    return [values[output].number for output in program.outputs]


def _compute(module: Module, program: Program, values: _Values) -> None:
    """The steps that compute, one by one, as lines of the module's code."""
    turned = _turned_twice(program) if module.is_own else set()
    both: dict[int, tuple[Vector, Vector]] = {}
    for index in program.calls:
        row, *rest = program.steps[index]
        operands = [values[each] for each in rest]
        if rest[0] in turned and function_name(row) in TURNS:
            if rest[0] not in both:
                both[rest[0]] = module.sincos(operands[0].number)
            values[index] = both[rest[0]][TURNS.index(function_name(row))]
        else:
            values[index] = computed(module, row, operands)


def _turned_twice(program: Program) -> set[int]:
    """The steps of which both sine and cosine are wanted."""
    turns: dict[int, set[str]] = defaultdict(set)
    for index in program.calls:
        head = program.steps[index][0]
        if function_name(head) in TURNS:
            turns[program.steps[index][1]].add(function_name(head))
    return {index for index, found in turns.items() if len(found) == 2}


def computed(module: Module, row: Primitive, operands: Sequence[Vector]) -> Vector:
    """One row of the table, as lines of the module's code."""
    given = [x.truth if place in row.truths else x.number for place, x in enumerate(operands)]
    spelled = row.spelling("llvm")
    if spelled is None:
        return module.call_loop(row, *given)
    if callable(spelled):
        is_operator = spelled is row.exact
        return module.code.constant(spelled(*given) if is_operator else spelled(module, *given))
    if ":" in spelled:
        return module.code.constant(found_at(spelled)(module, *given))
    if spelled.startswith(COMPARES):
        return given[0].compared(spelled.removeprefix(COMPARES), given[1])
    return module.code.call(spelled, *given) if spelled.startswith(INTRINSIC) else module.call(spelled, *given)


def mod(module: Module, a: Vector, b: Vector) -> Vector:
    """The remainder of a by b with the sign of b, as Python has it."""
    code = module.code
    rest = module.call("fmod", a, b)
    differs = (b.bits() ^ rest.bits()).compared("slt", 0)
    moved = code.choose(differs, rest + b, rest)
    return code.choose(rest.compared("oeq", 0.0), code.call("llvm.copysign", 0.0, b), moved)
