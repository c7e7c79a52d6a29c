"""Pictures of a lesson file's own numbers. Only `plots` imports matplotlib; `check` never does."""
