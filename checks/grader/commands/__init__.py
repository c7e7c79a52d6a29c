"""What a person types, and the faces it shows: terminal, watch, notebook, pytest."""
