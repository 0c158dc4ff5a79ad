"""Lesson 00: one exercise, to see how exercises work."""

from convlab.exercises.engine import Mistake, exercise


@exercise(
    question="How many values does an image of this height, width and number of channels hold?",
    cases=[(28, 28, 1), (32, 32, 3), (4, 6, 2), (5, 1, 7)],
    hints=[
        "Think of the image as a stack of sheets, one for each channel, each a grid of height by width.",
        "A sheet holds `height * width` values. How many sheets are there?",
        "`return height * width * channels`",
    ],
    mistakes=[
        Mistake(
            "channels forgotten",
            lambda height, width, channels: height * width,
            "this counts the values of one channel; a colour image has a sheet of them for each channel.",
        ),
        Mistake(
            "added instead of multiplied",
            lambda height, width, channels: height + width + channels,
            "this adds the three numbers; a grid of 4 by 6 holds 24 values, not 10.",
        ),
        Mistake(
            "height taken for width",
            lambda height, width, channels: height * height * channels,
            "this is right for square images only: look at the width as well.",
        ),
        Mistake(
            "always three channels",
            lambda height, width, channels: height * width * 3,
            "this takes every image for a colour image; the number of channels is given, and may be 1.",
        ),
        Mistake(
            "shape instead of number",
            lambda height, width, channels: (height, width, channels),
            "this is the shape of the image; the question is how many values a grid of this shape holds.",
        ),
    ],
)
def values(height, width, channels):
    return height * width * channels
