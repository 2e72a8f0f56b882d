"""Settings of the test run: how many examples a property is tried on, and that a busy machine is no failure."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("test", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
settings.register_profile("prove", parent=settings.get_profile("test"), max_examples=5_000)
settings.load_profile("prove" if os.environ.get("SIPE_PROVE") else "test")
