"""C99: a program as standalone source, for targets that have a C compiler and no Python."""

from exprad.backends.c.code import CCode as CCode
from exprad.backends.c.code import to_c as to_c
