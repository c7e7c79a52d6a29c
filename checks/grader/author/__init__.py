"""For whoever writes the course: stubs, the verification of solutions, the notes' claims."""
