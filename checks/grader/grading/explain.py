"""What PyTorch's error messages and wrong shapes mean, in one line for a student."""

from __future__ import annotations

import re

from checks.grader.records.observation import Observation

Shape = tuple[int, ...]

#: A piece of PyTorch's or Python's message, in the wording of every torch since 2.6 -> what it
#: means here. The first that fits counts.
MEANINGS: tuple[tuple[str, str], ...] = (
    (
        r"mat1 and mat2 shapes cannot be multiplied|^size mismatch, got|inconsistent tensor size",
        "In A @ B the columns of A must be as many as the rows of B. Write the two shapes under "
        "your formula: is a transpose missing, or does the data need shape (n, 1)?",
    ),
    (
        r"bitwise_xor|unsupported operand type\(s\) for \^",
        "`^` is no power in Python: x² is `x ** 2`.",
    ),
    (
        r"both arguments to matmul need to be at least 1D",
        "`@` multiplies vectors and matrices. A scalar multiplies with `*`.",
    ),
    (
        r"self must be a matrix|mat2 must be a matrix|Expected 1-D argument|must be a matrix",
        "This operation wants another number of dimensions. Print the shape: a vector is (n,), a "
        "column is (n, 1). `torch.outer` makes a matrix of two vectors.",
    ),
    (
        r"element 0 of tensors does not require grad|can't retain_grad on Tensor",
        "Nothing that leads to this value requires grad, so there is no graph to go back through: "
        "make your leaf with `.requires_grad_()` before the forward pass.",
    ),
    (
        r"Trying to backward through the graph a second time",
        "A backward frees what the graph saved. Build the graph anew with a forward pass before "
        "each backward.",
    ),
    (
        r"(a leaf|a view of a leaf) Variable that requires grad is being used in an in-place|"
        r"leaf Variable that requires grad (has been|is being)",
        "Autograd records every change of a leaf. An update is not part of the graph: put it under "
        "`with torch.no_grad():`.",
    ),
    (
        r"modified by an inplace operation",
        "A value that the graph saved for backward was overwritten. Make a new tensor instead of "
        "changing it in place.",
    ),
    (
        r"differentiated Tensors? (at index \d+ )?(does|appears|do)",
        "The gradient is asked for a tensor that the loss was not computed from. Compute the loss "
        "from this very leaf, not from the original.",
    ),
    (
        r"same dtype|expected scalar type|Found dtype|with dtype '?\w+'? to a tensor with",
        "float32 meets float64. Keep the dtype of the inputs: a new tensor needs `dtype=x.dtype`.",
    ),
    (
        r"Expected all tensors to be on the same device|not on the expected device",
        "Two tensors live on different devices. Make new tensors with `device=x.device`.",
    ),
    (
        r"grad can be implicitly created only for scalar outputs",
        "Backward starts from a scalar. Reduce to one number, or pass the upstream gradient.",
    ),
    (
        r"Mismatch in shape: grad_output",
        "The upstream gradient holds one number for each entry of the output, so it has the "
        "output's shape.",
    ),
    (
        r"Trying to set a forward gradient that has a different size",
        "A direction in which x moves has the shape of x. The upstream gradient of f(x) has the "
        "shape of f(x) and belongs to the way back.",
    ),
    (
        r"Can't call numpy\(\) on Tensor that requires grad",
        "NumPy leaves the graph: `.detach()` first, or stay in torch.",
    ),
    (
        r"'NoneType'",
        "Something is None here. A function without `return` gives None, and so does `.grad`: "
        "before the first backward, and always for a tensor that is no leaf. `w = w − lr·w.grad` "
        "makes a non-leaf; update in place under `torch.no_grad()`.",
    ),
    (
        r"'(float|int)' object has no attribute|expected Tensor as element 0 in argument 0",
        "This is a Python number where a tensor is wanted: an `.item()` or `float(…)` too early?",
    ),
    (
        r"size of tensor a .* must match the size of tensor b|assign a gradient of size",
        "The two shapes do not fit together element by element. Print both: is one transposed, or "
        "a sum over the samples missing?",
    ),
    (
        r"only one element tensors can be converted|elements cannot be converted to Scalar|"
        r"Boolean value of Tensor with more than one value",
        "One number was wanted and a whole tensor came: reduce it, or take it entry by entry.",
    ),
    (
        r"expects a non-empty TensorList",
        "The list is empty: nothing was appended in the loop.",
    ),
    (
        r"[Oo]nly Tensors of floating point",
        "Whole numbers have no gradient. Make the tensor from floats.",
    ),
    (
        r"0-dim tensor|0-d tensor",
        "A 0-d tensor is one number, shape (): it has no entries to index or to loop over.",
    ),
    (
        r"maximum recursion depth",
        "Python stops at about 1000 calls inside one another. Does your function call itself "
        "without an end, or once for every node of a long chain? A loop with a list of what is "
        "still to do needs no such calls.",
    ),
    (
        r"values to unpack",
        "Left and right of `=` there are not equally many values. How many are returned?",
    ),
)


def meaning(message: str) -> str:
    """The line for a known message, empty for others."""
    return next((line for pattern, line in MEANINGS if re.search(pattern, message)), "")


def explain_error(seen: Observation) -> str:
    """An exception of the student's code, with the line and what it means."""
    where = f" (line {seen.line})" if seen.line else ""
    if seen.error_type == "SystemExit":
        return f"Your code called exit{where}. Return the value instead."
    first = seen.message.strip().splitlines()[0] if seen.message.strip() else ""
    text = f"Your code raised {seen.error_type}{where}"
    text += f": {first}" if first else ""
    text = text if text.endswith((".", "!", "?")) else f"{text}."
    line = meaning(seen.message)
    return f"{text} {line}" if line else text


def explain_shape(name: str, yours: Shape, expected: Shape) -> str:
    """A wrong shape: what it is, what it should be, and the usual reason."""
    return f"{name}: yours has shape {yours}, expected {expected}: {_shape_reason(yours, expected)}"


def _shape_reason(yours: Shape, expected: Shape) -> str:
    if len(yours) == 1 and expected == (*yours, 1):
        return "a column of n samples has a second dimension, of size 1."
    if len(expected) == 1 and len(yours) == 2 and yours == (expected[0], expected[0]):
        return "an outer product or a broadcast took the place of an elementwise one."
    if len(expected) == 2 and expected[1] == 1 and yours == (expected[0], expected[0]):
        return "(n,) against (n, 1) broadcasts to (n, n). Bring both to one shape first."
    if len(expected) == 2 and yours == expected[::-1]:
        return "it is transposed."
    if expected == () and yours:
        return "one number was asked for. Is a sum, a mean or an index missing?"
    if not yours and expected:
        return "there is one number where one per entry was asked for. Is a sum or a mean too many?"
    if [size for size in yours if size != 1] == [size for size in expected if size != 1]:
        return "the numbers may be right; a dimension of size 1 is too many or missing."
    return "write the shape of every step under your formula and find where they part."
