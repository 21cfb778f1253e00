"""Every exception raised on purpose. Each is an `ExpradError` and the builtin that it is a kind of."""


class ExpradError(Exception):
    """The base of all errors that exprad raises on purpose."""


class OperandError(ExpradError, TypeError):
    """A value of a kind that an expression or a row can't take."""


class ConditionError(ExpradError, TypeError):
    """A truth value asked of an expression, or a condition expected and not given."""


class ShapeError(ExpradError, ValueError):
    """Shapes that do not fit one another."""


class PlaceError(ShapeError, IndexError):
    """An index beyond the ends of an axis, or more places than there are axes."""


class NameClashError(ExpradError, ValueError):
    """One name for two things."""


class BindingError(ExpradError, ValueError):
    """A variable without a value, or a value for a name that nobody has."""


class NotDifferentiableError(ExpradError, ArithmeticError):
    """A derivative asked where a row states none."""


class KinkError(NotDifferentiableError):
    """A derivative asked at a kink with `kink="raise"`."""


class ParseError(ExpradError, SyntaxError):
    """Text that is no expression; says line and column and shows the place."""


class MissingExtraError(ExpradError, ImportError):
    """An optional library that is not installed; names the extra that brings it."""


class UnsupportedError(ExpradError, NotImplementedError):
    """Something that a target has no spelling for."""


class TapeError(ExpradError, RuntimeError):
    """A backward pass over data that are not what was recorded."""


class ArgumentError(ExpradError, ValueError):
    """An argument whose value is none of the possible ones."""


def refuse_masked(value: object, what: str) -> None:
    """Masked arrays of NumPy are refused where they come in: to compute with what a mask hides would be wrong."""
    if hasattr(value, "filled") and hasattr(value, "mask"):
        shape = getattr(value, "shape", ())
        raise OperandError(
            f"{what} can't be a masked array, got {type(value).__name__} of shape {shape}: its mask would be "
            "lost; fill it (.filled(0.0)), or take what is not masked (.compressed())"
        )


def extra(module: str, name: str, user: str) -> MissingExtraError:
    """The error for a missing optional `module`, brought by the extra `name`, that `user` needs."""
    return MissingExtraError(f"{user} needs {module}; install exprad[{name}]")
