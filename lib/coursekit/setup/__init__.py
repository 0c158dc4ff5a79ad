"""Sets up the course: `.venv` from the lock; the doctor looks for what is missing."""
