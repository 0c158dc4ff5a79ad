"""Sets up the course: `.venv` from the lock, and what this machine lacks."""
