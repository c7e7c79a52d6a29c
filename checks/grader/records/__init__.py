"""What the rooms hand to each other: frozen records, the names of the lessons, misuse."""
