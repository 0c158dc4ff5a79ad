"""Checks lessons: the rules of form, and the numbers in prose."""
