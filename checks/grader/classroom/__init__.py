"""A class: what was handed in, who grades it, what comes out."""
