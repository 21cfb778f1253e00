"""Programs of arrays as loops: jobs that no target has a part in, for those that make code of them.

Elementwise steps become nests of loops over strided arrays; what only moves elements becomes strides; reductions, sums along
an axis, gathers and scatters are loops of their own; products and linear algebra are calls of a library. A row of
the second table says by its columns `in_rows` and `loops` which (see `exprad.tensor.looping`).
"""

from exprad.backends.loops.expanded import expanded as expanded
from exprad.backends.loops.jobs import Accumulate as Accumulate
from exprad.backends.loops.jobs import Call as Call
from exprad.backends.loops.jobs import Fill as Fill
from exprad.backends.loops.jobs import Fold as Fold
from exprad.backends.loops.jobs import Gather as Gather
from exprad.backends.loops.jobs import Job as Job
from exprad.backends.loops.jobs import Memory as Memory
from exprad.backends.loops.jobs import Nest as Nest
from exprad.backends.loops.jobs import Scatter as Scatter
from exprad.backends.loops.lowering import Loops as Loops
from exprad.backends.loops.rooms import views_of as views_of
from exprad.backends.loops.views import View as View
from exprad.backends.loops.views import contiguous as contiguous
from exprad.backends.loops.views import merged as merged
