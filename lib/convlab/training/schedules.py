"""How large each step is: learning rates over a run, one number per step (lessons 11 and 16). NumPy alone."""

import numpy as np


def triangle(progress: np.ndarray) -> np.ndarray:
    """Climb from a fifth to the peak in the first 23 % of the run, then fall to 7 % of it.

    progress: array of values in [0, 1]. The triangle of Jordan 2024 (arXiv:2404.00498), a form of one-cycle:
    Smith & Topin 2017 (arXiv:1708.07120). Lessons 11 and 16.

    >>> triangle(np.array([0, 0.23, 1])).round(2)
    array([0.2 , 1.  , 0.07])
    """
    return np.interp(progress, [0, 0.23, 1], [0.2, 1, 0.07])


def steps(progress: np.ndarray) -> np.ndarray:
    """Keep the peak for half of the run, a tenth until three quarters, then a hundredth.

    32,000 and 48,000 of 64,000 steps in He et al. 2015 (arXiv:1512.03385, section 4.2).

    >>> steps(np.array([0, 0.49, 0.5, 0.75])).round(3)
    array([1.  , 1.  , 0.1 , 0.01])
    """
    return 0.1 ** np.searchsorted([0.5, 0.75], progress, side="right")


def constant(progress: np.ndarray) -> np.ndarray:
    """Keep the peak.

    >>> constant(np.array([0, 0.5]))
    array([1., 1.])
    """
    return np.ones(np.shape(progress))


SCHEDULES = {rule.__name__: rule for rule in (triangle, steps, constant)}


def learning_rates(schedule: str, peak: float, count: int) -> np.ndarray:
    """Return the learning rates of a run of `count` steps, shape (count,), by the name of the schedule.

    >>> learning_rates("steps", peak=0.1, count=4)
    array([0.1  , 0.1  , 0.01 , 0.001])
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule {schedule!r} is not one of {', '.join(SCHEDULES)}")
    return peak * SCHEDULES[schedule](np.arange(count) / count)


def look_ahead_shares(count: int) -> np.ndarray:
    """Return each step's share of the slow weights when it looks ahead, else -1: (count,) float32.

    Every fifth step looks ahead. The share grows with the cube of the progress to 0.95⁵, so that early, bad
    weights are forgotten; the run ends on its slow weights. Jordan 2024 (arXiv:2404.00498, its listing).
    Lesson 16.

    >>> look_ahead_shares(6).round(2)
    array([-1.  , -1.  , -1.  , -1.  ,  0.45,  1.  ], dtype=float32)
    """
    step = np.arange(1, count + 1)
    shares = np.where(step % 5 == 0, 0.95**5 * (step / count) ** 3, -1)
    if count % 5:
        shares[-1:] = 1
    return shares.astype("float32")
