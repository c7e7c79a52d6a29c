"""A file that Python cannot read: which line, which character, what to type in its place. Pure."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from keyword import kwlist

from checks.grader.records.observation import Observation

#: Words that begin a line.
STARTS = ("return", "def", "for", "while", "with", "import", "from", "raise", "class", "else")
KINDS = ("SyntaxError", "IndentationError", "TabError")

#: Characters of printed mathematics and of word processors -> what Python wants.
TYPED: dict[str, str] = {
    **dict.fromkeys("−–—‐", "-"),
    **dict.fromkeys("·×∙⋅", "*"),
    **dict.fromkeys("÷∕", "/"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("‘’", "'"),
    "′": "letters, as in r_prime",
    **dict.fromkeys("，、", ","),
    **dict.fromkeys("：", ":"),
    **dict.fromkeys("；", ";"),
    **dict.fromkeys("（", "("),
    **dict.fromkeys("）", ")"),
    **dict.fromkeys("【", "["),
    **dict.fromkeys("】", "]"),
    **dict.fromkeys("\u00a0\u2009\u202f\u3000\u200b\ufeff", "an ordinary space"),
    **dict.fromkeys("²", "** 2"),
    **dict.fromkeys("³", "** 3"),
    **dict.fromkeys("½", "0.5"),
    **dict.fromkeys("←", "="),
    **dict.fromkeys("≤", "<="),
    **dict.fromkeys("≥", ">="),
    **dict.fromkeys("≠", "!="),
    **dict.fromkeys("√", "torch.sqrt(…)"),
    **dict.fromkeys("∂", "d, as in d_loss"),
    **dict.fromkeys("ᵀ", ".T"),
    **dict.fromkeys("Σ∑", "sum(…)"),
    **dict.fromkeys("…", "your own code"),
}

#: A piece of Python's words, or of the line -> what to do. The first that fits counts.
SAID: tuple[tuple[str, str], ...] = (
    (r"'return' outside function", "The line is not indented as far as the function that it ends."),
    (r"unexpected indent", "The line stands further to the right than the one before it."),
    (
        r"expected an indented block",
        "What belongs to the line before has to be indented, by four spaces.",
    ),
    (
        r"unindent does not match",
        "The line begins at a column where no other block begins: line it up with one above.",
    ),
    (r"inconsistent use of tabs", "Tabs and spaces are mixed: indent with four spaces."),
    (r"expected ':'", "A line with `def`, `for`, `if`, `else`, `while` or `with` ends in a colon."),
    (r"was never closed", "Count the brackets from there on: one more opens than closes."),
    (r"unmatched '", "One more bracket closes than opens."),
    (r"does not match opening", "The brackets close in another order than they open."),
    (
        r"forgot a comma",
        "Between two values stands a sign: `*` for a product, `,` between two results.",
    ),
    (
        r"invalid decimal literal|invalid imaginary literal",
        "A product needs its sign: `2 * r`, not `2r`. A name does not begin with a digit.",
    ),
    (
        r"unterminated string|EOL while scanning",
        "The quotation mark that ends the text is missing.",
    ),
    (r"unterminated triple-quoted", 'The docstring is not ended: it ends in `"""`.'),
    (
        r"cannot assign to (expression|function call|literal|operator)|can't assign",
        "Left of `=` stands the name that gets the value, alone.",
    ),
    (r"Missing parentheses in call", "In Python 3 `print` is called: `print(x)`."),
    (r"positional argument follows keyword", "Arguments with a name come after those without."),
    (r"f-string", "Look between the braces { } of the f-string."),
)


def told(source: str | None, seen: Observation) -> tuple[str, tuple[str, ...]]:
    """What is wrong with the text of a file, and the line with a caret below the place."""
    error = _error(source or "")
    if error is None:  # found when it was compiled, not when it was read
        said = re.sub(r" \([^()]*line \d+\)$", "", seen.message)
        line, column = seen.line or 0, 0
    else:
        said, line, column = error.msg, error.lineno or 0, error.offset or 0
    lines = (source or "").splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    where = f" (line {line})" if line else ""
    words = f"Your file cannot be imported: Python cannot read it. {seen.error_type}{where}: {said}"
    words = words if words.endswith(("?", "!", ".")) else f"{words}."
    advice = _character(text, column, said) or _hollow(lines, line, said) or _advice(said, text)
    if seen.error_type != "SyntaxError":  # the indentation is wrong, and no column is
        column = 0
    return f"{words} {advice}".strip(), _excerpt(line, text, column)


def _error(source: str) -> SyntaxError | None:
    """What Python says of the text; None where it finds the fault later, or no place for it."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        return None  # a NUL in the text, or brackets too deep: these name no line and no column
    return None


def _hollow(lines: list[str], line: int, said: str) -> str:
    """A block that holds nothing but comments."""
    match = re.search(r"expected an indented block after .* on line (\d+)", said)
    between = [text.strip() for text in lines[int(match[1]) : line - 1]] if match else []
    if not any(between) or not all(text.startswith("#") for text in between if text):
        return ""
    return "Below it stand only comments, which Python skips: write a line of code."


def _character(text: str, column: int, said: str) -> str:
    """Which character was copied from a book or a web page, and what to type."""
    if "invalid character" not in said and "non-printable" not in said:
        return ""
    wrong = text[column - 1 : column]
    named = f"`{wrong}`" if wrong.isprintable() and wrong.strip() else "A space"
    meant = TYPED.get(wrong)
    if meant is None:
        return f"{named} is a character that Python does not use here."
    if meant == "an ordinary space":
        return "A special space, copied from a page, stands there: type an ordinary one."
    return f"{named} is a printed sign that Python does not know: type `{meant}` in its place."


def _advice(said: str, text: str) -> str:
    for pattern, words in SAID:
        if re.search(pattern, said):
            return words
    stripped = text.strip()
    if re.match(r"(lambda|in|is|from|global|class|pass|if|not|and|or)\s*=[^=]", stripped):
        return f"`{stripped.split()[0]}` is a word of Python itself: choose another name."
    if re.search(r",\s*(lambda|in|is|from|class)\s*[,)=]", stripped):
        return "A word of Python itself, such as `lambda` or `in`, cannot be a name."
    first = stripped.split(" ")[0]
    close = get_close_matches(first.lower(), STARTS, 1, 0.8)
    if close and first not in kwlist and not stripped[len(first) :].lstrip().startswith("="):
        return f"`{first}` is no word of Python: did you mean `{close[0]}`?"
    if stripped.startswith("else if"):
        return "Python writes `elif`."
    if re.match(r"(def|for|if|elif|else|while|with|class)\b", stripped) and stripped[-1:] != ":":
        return "A line with `def`, `for`, `if`, `else`, `while` or `with` ends in a colon."
    if re.search(r"\w(\+\+|--)$", stripped):
        return "Python has no `++`: write `i += 1`."
    if re.match(r"return\s+\w+\s*=[^=]", stripped):
        return "`return` hands a value back without a name: leave out the name and the `=`."
    if "&&" in stripped or "||" in stripped:
        return "Python writes `and` and `or`."
    if "TODO" not in stripped and stripped.endswith(("+", "-", "*", "/", "@", "=", "**")):
        return f"Something is missing after the last `{stripped[-1]}`."
    if said.startswith("invalid syntax"):
        return "Look at the marked place, and at the end of the line before it."
    return ""


def _excerpt(line: int, text: str, column: int) -> tuple[str, ...]:
    """The line as it stands, and a caret below the place; a long line is cut around it."""
    if not text.strip():
        return ()
    start = max(0, column - 50)
    shown = text[start : start + 68].replace("\t", " ").rstrip()
    head = f"{line} | "
    caret = " " * (len(head) + column - 1 - start) + "^"
    return (f"{head}{shown}", caret) if 0 < column <= len(text) + 1 else (f"{head}{shown}",)
