"""What `python -m coursekit bench` measures: one module per row, each run in a process of its own.

A module says what a round is: TITLE and UNIT for the table; ITEMS, how many units of work a round does;
FLOPS, how many floating-point operations a unit needs; `prepare()`, which returns a function that does one.

A unit "images/s" counts images per second, "ms/batch" milliseconds per batch. A module of several rows says
all of it in `describe(*arguments)`; such a row is named "module:argument:argument".
"""
