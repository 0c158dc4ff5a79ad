"""What the lessons import, a module or package for each subject: `from convlab import shapes`."""

from pathlib import Path

from convlab.notebook import keras_settings, quiet

__all__ = ["DATA_FOLDER"]

DATA_FOLDER = Path(__file__).resolve().parents[2] / "data"
"""The folder of data sets, recorded runs and a learner's progress: `data/` of this clone."""

quiet.expect("tensorflow")
keras_settings.expect()
