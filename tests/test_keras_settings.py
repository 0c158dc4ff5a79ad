"""A person's settings of Keras do not reach the lessons, wherever these are opened."""

import json
import os
import subprocess
import sys

from coursekit.lessons import ROOT

ASK = """
{first}
import keras
print(keras.config.backend(), keras.config.image_data_format(), keras.config.floatx())
"""


def asked(first, home):
    """Return what a new Python prints, whose user has set Keras for another course."""
    settings = {"backend": "torch", "image_data_format": "channels_first", "floatx": "float16"}
    (home / "keras.json").write_text(json.dumps(settings), encoding="utf-8")
    own = {"KERAS_HOME": str(home), "PYTHONPATH": str(ROOT / "lib"), "PYTHONIOENCODING": "utf-8"}
    variables = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | own
    command = [sys.executable, "-c", ASK.format(first=first)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, encoding="utf-8")


def test_lessons_have_their_settings_and_say_what_they_do_not_use(tmp_path):
    done = asked("import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport convlab", tmp_path)
    assert done.stdout == "tensorflow channels_last float32\n", done.stderr
    assert [line for line in done.stderr.splitlines() if "lessons need" in line] == [
        "KERAS_BACKEND=jax is not used: lessons need tensorflow",
        "Keras was set to image_data_format=channels_first, which is not used: lessons need channels_last",
        "Keras was set to floatx=float16, which is not used: lessons need float32",
    ]


def test_without_convlab_the_settings_would_reach_them(tmp_path):
    done = asked("", tmp_path)
    assert done.returncode and "No module named 'torch'" in done.stderr
