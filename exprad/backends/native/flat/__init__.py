"""Large programs as arrays: graphs are read where they lie in memory, and lowered and differentiated without making nodes."""

from exprad.backends.native.flat.graph import is_read as is_read
from exprad.backends.native.flat.graph import programmed as programmed
from exprad.backends.native.flat.program import FlatProgram as FlatProgram
from exprad.backends.native.flat.program import FlatRegisters as FlatRegisters
