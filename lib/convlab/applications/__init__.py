"""What lessons from 17 on build and then import: the reusable core of each application."""
