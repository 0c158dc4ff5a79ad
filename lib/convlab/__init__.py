"""What the lessons import: one room per question, each opened by name (`from convlab import shapes`)."""

from pathlib import Path

from convlab.notebook import quiet

__all__ = ["DATA_FOLDER"]

DATA_FOLDER = Path(__file__).resolve().parents[2] / "data"
"""Where data sets, recorded runs and a learner's progress lie: `data/` of this clone."""

quiet.expect("tensorflow")
