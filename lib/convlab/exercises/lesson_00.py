"""Lesson 00: one exercise, to see how exercises work."""

from convlab.exercises.exercise import exercise


@exercise(
    insight="An image of 28x28 is a list of 784 numbers to a network: every model here begins by counting its inputs.",
    question="How many values does an image of this height, width and number of channels hold?",
    cases=[(28, 28, 1), (32, 32, 3), (4, 6, 2), (5, 1, 7)],
    hints=[
        "Think of the image as a stack of sheets, one for each channel, each a grid of height by width.",
        "A sheet holds `height * width` values. How many sheets are there?",
        "`return height * width * channels`",
    ],
)
def values(height, width, channels):
    return height * width * channels


@values.mistake(
    "channels forgotten",
    "this counts the values of one channel; a colour image has one such set of values for each channel.",
)
def _(height, width, channels):
    return height * width


@values.mistake(
    "added instead of multiplied", "this adds the three numbers; a grid of 4 by 6 holds 24 values, not 10."
)
def _(height, width, channels):
    return height + width + channels


@values.mistake("height taken for width", "this is right for square images only: look at the width as well.")
def _(height, width, channels):
    return height * height * channels


@values.mistake(
    "always three channels",
    "this takes every image for a colour image; the number of channels is given, and may be 1.",
)
def _(height, width, channels):
    return height * width * 3


@values.mistake(
    "shape instead of number",
    "this is the shape of the image; the question is how many values a grid of this shape holds.",
)
def _(height, width, channels):
    return (height, width, channels)
