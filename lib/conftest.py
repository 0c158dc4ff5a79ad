"""Doctests of `convlab.serving` need its extra; without it they are left out, and pytest's header says so."""

from convlab.serving import missing

ABSENT = missing()
collect_ignore = ["convlab/serving"] if ABSENT else []


def pytest_report_header():
    """Say what is left out."""
    return f"convlab.serving: doctests left out, {', '.join(ABSENT)} not installed" if ABSENT else []
