"""Train a Keras model: seeded, fast on a CPU, with a progress bar, and able to go on after an interruption.

`fit` never sees the test images; `accuracy` looks at them, once, after training. Lessons 11 and 16.
"""

from convlab.training.loop import accuracy, fit, logits, planned, split

__all__ = ["accuracy", "fit", "logits", "planned", "split"]
