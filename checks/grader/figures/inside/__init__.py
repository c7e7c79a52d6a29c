"""What runs in the student's process: the text of a module travels, its last function is called."""
