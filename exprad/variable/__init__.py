"""Define-by-run: Variables, which record what is computed from them, and whether they do."""

from exprad.variable import operators as operators  # which Variables get from there
from exprad.variable.config import Config, no_grad, using_config
from exprad.variable.variable import Variable
from exprad.variable.variable import _revived as _revived  # which pickles of before ask for here

__all__ = ["Config", "Variable", "no_grad", "using_config"]
