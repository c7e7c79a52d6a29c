"""Pictures of a student's own code: one recorder, one layout, a plot for each kind."""
