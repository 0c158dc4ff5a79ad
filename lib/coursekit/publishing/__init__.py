"""Publishes lessons: the book, the slides, the map and the instructors' guide."""
