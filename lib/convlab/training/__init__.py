"""Train Keras models: seeded, fast on a CPU, with a progress bar, and able to go on after an interruption.

`fit` trains a classifier and never sees the test images; `accuracy` looks at them, once, after training.
`train` is the loop below `fit`: it takes any step, for one network or several. Lessons 11, 16 and from 17 on.
"""

from convlab.training.evaluation import accuracy, logits
from convlab.training.fitting import fit, planned, split
from convlab.training.loop import Clock, batch_rows, train

__all__ = ["Clock", "accuracy", "batch_rows", "fit", "logits", "planned", "split", "train"]
