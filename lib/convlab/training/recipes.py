"""How a network is trained, as data: every choice that an ablation takes away (lessons 11 and 16)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training run but the network, the images, how long and the seed.

    >>> from dataclasses import replace
    >>> replace(FAST, flip="random").crop
    2
    """

    learning_rate: float = 0.1  # at the peak of the schedule, for the mean loss of a batch
    schedule: str = "triangle"  # a name in schedules.SCHEDULES
    momentum: float = 0.9  # Nesterov's
    weight_decay: float = 5e-4  # added to the gradient, times the weight
    bias_rate: float = 1.0  # a factor on the learning rate of the shifts in normalisation layers
    label_smoothing: float = 0.0
    crop: int = 0  # pixels by which an image is shifted at most, each way
    border: str = "zero"  # what stands beyond the image: "zero", the mean colour, or "reflect"
    flip: str | None = None  # "random" or "alternating"
    lookahead: bool = False  # every fifth step, return to an average of the weights so far


RESNET2015 = Recipe(schedule="steps", weight_decay=1e-4, crop=4, flip="random")
"""He et al. 2015 (arXiv:1512.03385, section 4.2), batches of 128; 64,000 steps are 164 epochs of 50,000."""

FAST = Recipe(
    learning_rate=1.5,
    momentum=0.85,
    weight_decay=1.3e-3,
    bias_rate=64.0,
    label_smoothing=0.2,
    crop=2,
    border="reflect",
    flip="alternating",
    lookahead=True,
)
"""Jordan 2024 (arXiv:2404.00498), "airbench94", batches of 1,000; its rates recomputed for the mean loss."""
