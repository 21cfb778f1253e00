"""Names of `typing` for the modules that `import exprad` loads. Annotations are never evaluated, and `typing` is slow to load."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as Any
    from typing import ClassVar as ClassVar
    from typing import NoReturn as NoReturn
    from typing import Self as Self
    from typing import TypeVar as TypeVar
    from typing import cast as cast
else:
    Any = ClassVar = NoReturn = Self = object

    def TypeVar(name: str, **_: object) -> object:
        return object

    def cast(_: str, value: object) -> object:
        return value
