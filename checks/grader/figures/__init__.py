"""Pictures of a student's own code: a file for each, one layout, one recorder.

Only what draws imports matplotlib, when it draws. Every picture is legible in grey: what colour
tells is told by a line, a sign or a word too. Legends stand below the axes, so that no value can
push a label onto another.
"""
