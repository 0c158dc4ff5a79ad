"""Runs lessons: which must run, in which kernels, how far they are, how each went."""
