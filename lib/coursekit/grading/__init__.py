"""The rooms of `coursekit grade`: what was handed in, run behind limits, weighed outside, and shown."""
