"""What runs beside student code, in its process. Knows no lesson and no truth."""
