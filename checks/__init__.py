"""The checker of the course: what is right, what is wrong, and which idea explains it."""
