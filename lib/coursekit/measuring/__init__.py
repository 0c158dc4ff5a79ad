"""Measures: the speed of this machine, and trainings that take hours."""
