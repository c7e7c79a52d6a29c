"""From answers to verdicts: questions, comparison, diagnosis. Pure after the asking."""
