"""The native back end: machine code by LLVM (the extra `native`: llvmlite), on threads that need no interpreter."""

from exprad.backends.native.builtins import Builtin as Builtin
from exprad.backends.native.kernels import kernel as kernel
from exprad.backends.native.layout import answered as answered
from exprad.backends.native.layout import has_builtins as has_builtins
from exprad.backends.native.layout import is_loop as is_loop
from exprad.backends.native.levels import Levels as Levels
from exprad.backends.native.linking import has_code as has_code
from exprad.backends.native.machine_code import Native as Native
from exprad.backends.native.machine_code import NativeArrays as NativeArrays
from exprad.backends.native.machine_code import is_as_in_python as is_as_in_python
from exprad.backends.native.machine_code import with_code as with_code
from exprad.backends.native.module import Module as Module
from exprad.backends.native.runners import LargeRunner as LargeRunner
from exprad.backends.native.runners import LevelsKernel as LevelsKernel
from exprad.backends.native.runners import NativeRunner as NativeRunner
from exprad.backends.native.shaped import runner_of as runner_of
from exprad.backends.native.steps import function_name as function_name
from exprad.backends.native.steps import has as has
from exprad.backends.native.steps import mod as mod
from exprad.backends.native.steps import whole_program as whole_program
