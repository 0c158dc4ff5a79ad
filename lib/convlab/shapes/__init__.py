"""Arithmetic on shapes: how large the output of a layer is, what it sees, and what it costs.

All of it is whole numbers. Nothing here imports TensorFlow; `count` reads a Keras model that the caller
built.
"""

from convlab.shapes.arithmetic import (
    conv_macs,
    conv_parameters,
    dense_macs,
    dense_parameters,
    output_size,
    padding_sides,
    receptive_field,
    same_padding,
    transposed_size,
)
from convlab.shapes.keras_model import Row, count, table, total

__all__ = [
    "Row",
    "conv_macs",
    "conv_parameters",
    "count",
    "dense_macs",
    "dense_parameters",
    "output_size",
    "padding_sides",
    "receptive_field",
    "same_padding",
    "table",
    "total",
    "transposed_size",
]
