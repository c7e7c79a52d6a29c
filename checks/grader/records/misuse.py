"""What a command says when it cannot do what it was asked."""


class Misuse(Exception):
    """The command was used wrongly. The message is one line: what, where, what to do."""
