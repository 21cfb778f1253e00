"""Hypothesis draws the same examples every time, so that a failure can be repeated."""

import numpy as np
from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")
np.set_printoptions(legacy="1.25")
