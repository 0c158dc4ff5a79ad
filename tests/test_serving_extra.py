"""Without the extra `[serving]` the course works, and the service says what to install."""

import subprocess
import sys

WITHOUT = """
import runpy, sys
for name in ("fastapi", "sqlalchemy", "onnxruntime"):
    sys.modules[name] = None  # as if it were not installed
sys.argv = ["convlab.serving"]
runpy.run_module("convlab.serving", run_name="__main__", alter_sys=False)
"""


def python(code: str) -> subprocess.CompletedProcess:
    """Run Python in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")


def test_start_names_what_is_missing_and_the_command_that_installs_it():
    said = python(WITHOUT)
    assert said.returncode == 1
    assert "fastapi, sqlalchemy, onnxruntime" in said.stderr
    assert "pip install -r requirements.txt" in said.stderr
    assert "Traceback" not in said.stderr


def test_settings_and_limits_import_nothing_of_the_extra():
    code = "import sys, convlab.serving.settings, convlab.serving.limits; print(*sys.modules)"
    loaded = set(python(code).stdout.split())
    assert "convlab.serving.limits" in loaded
    assert not {"fastapi", "sqlalchemy", "onnxruntime", "tensorflow"} & loaded
