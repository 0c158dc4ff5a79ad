"""What every test shares: quiet TensorFlow, no network, progress stored elsewhere, thrifty hypothesis."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CONVLAB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "course", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    """Keep the answers that a test gives out of the learner's own record."""
    monkeypatch.setenv("CONVLAB_PROGRESS", str(tmp_path / "progress.json"))
