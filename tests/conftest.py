"""How long hypothesis searches; a seed of its own in continuous integration, so that a failure can be repeated."""

import os

import numpy as np
from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
if "EXPRAD_EXAMPLES" in os.environ:
    settings.register_profile("long", settings.get_profile("default"), max_examples=int(os.environ["EXPRAD_EXAMPLES"]))
    settings.load_profile("long")
else:
    settings.load_profile("default")
np.set_printoptions(legacy="1.25")
