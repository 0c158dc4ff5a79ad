"""Grades submissions: find them, run each in a sandbox, judge its answers outside, show the marks."""
