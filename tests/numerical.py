"""How the tests of NumPy layers compare: with a central difference, and within a tolerance for each type."""

import numpy as np
import pytest

TOLERANCE = {np.float64: 1e-6, np.float32: 1e-3}
both_dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


def central_difference(f, array, step=1e-6):
    """The slope of f() along each element of `array`, which f reads."""
    slope = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + step
        above = f()
        array[index] = value - step
        slope[index] = (above - f()) / (2 * step)
        array[index] = value
    return slope


def close(actual, desired, dtype, what=""):
    """Relative to each value; where values of order 1 cancel, to the largest one left, or to a tenth."""
    tolerance = TOLERANCE[dtype]
    floor = tolerance * max(np.abs(desired).max(), 0.1)
    np.testing.assert_allclose(actual, desired, rtol=tolerance, atol=floor, err_msg=what)
