"""What keeps the lessons: run, render, check and bench them (`python -m coursekit`)."""
