"""What PyTorch's error messages and wrong shapes mean, in one line for a student."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from checks.grader.records.observation import Observation

Shape = tuple[int, ...]
NONE: Mapping[str, Shape] = MappingProxyType({})

#: Where in PyTorch's own source a condition failed, before what it says.
ENFORCED = re.compile(r"^\[enforce fail at [^\]]*\] [^.]*\. ")
#: Where a class or a function of the course was made, which is no name that a student knows.
LOCALS = re.compile(r"\b\w+\.<locals>\.")

#: Of a longer message its first sentence is shown.
SHORT = 100

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
        "`^` is not a power in Python: x² is `x ** 2`.",
    ),
    (
        r"both arguments to matmul need to be at least 1D",
        "`@` multiplies vectors and matrices. A scalar multiplies with `*`.",
    ),
    (
        r"1D tensors expected",
        "`torch.dot` takes two vectors. Two scalars multiply with `*`.",
    ),
    (
        r"zero-dimensional tensor .*cannot be concatenated",
        "`torch.cat` joins vectors. `torch.stack` makes a vector of single numbers.",
    ),
    (
        r"No module named",
        "This module is not installed here, and none but torch is needed: leave it out.",
    ),
    (
        r"self must be a matrix|mat2 must be a matrix|Expected 1-D argument|must be a matrix",
        "This operation wants another number of dimensions. Print the shape: a vector is (n,), a "
        "column is (n, 1). `torch.outer` makes a matrix of two vectors.",
    ),
    (
        r"element 0 of tensors does not require grad|can't retain_grad on Tensor",
        "No graph leads to this value. Either nothing that it is computed from requires grad, or "
        "something on the way was not recorded.",
    ),
    (
        r"Trying to backward through the graph a second time",
        "A backward frees what the graph saved. Build the graph anew with a forward pass before "
        "each backward.",
    ),
    (
        r"assigned grad expected to be a Tensor",
        "A `.grad` is a tensor: `.grad.zero_()` sets it to zero, and `.grad = None` forgets it.",
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
        "from this very tensor: the original, or one computed anew, is another.",
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
        "Backward starts from one number. Hand over the upstream gradient where there is one, "
        "`backward(v)`; else add up or average to a scalar first.",
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
        r"'Node' object is not iterable",
        "Parents and slopes come in a tuple each: `(a, b)`, and of one alone `(a,)`, with the "
        "comma.",
    ),
    (
        r"got Node$",
        "A Node is no tensor: its `.value` is one, and after a backward so is its `.grad`.",
    ),
    (
        r"'Node'|, not Node$",
        "A Node is no number: the number is in its `.value`.",
    ),
    (
        r"not compiled with CUDA|No CUDA GPUs|NVIDIA driver",
        "PyTorch finds no GPU here. Leave `.cuda()` and `.to(…)` out: results stay on the device "
        "of the inputs.",
    ),
    (
        r"No such file or directory",
        "No file is needed: what the function works with are its arguments.",
    ),
    (
        r"is invalid for input of size",
        "The entries do not fill that shape, and how many there are may change: for one of the "
        "sizes `-1` lets PyTorch count, as in `.reshape(-1, 1)`.",
    ),
    (
        r"'NoneType'|got NoneType|must be Tensor, not NoneType",
        "Something is None here. A function without `return` gives None. So does the `.grad` of a "
        "tensor before the first backward, and at any time that of a tensor that was computed.",
    ),
    (
        r"'(float|int)' object has no attribute|but got (float|int)$|"
        r"must be Tensor, not (float|int)",
        "This is a Python number where a tensor is wanted. If a tensor became a number on the way, "
        "by `.item()` or `float(…)`, leave that out.",
    ),
    (
        r"'(float|int)' object is not callable",
        "A number stands before a bracket, and Python takes that for a call: a product needs its "
        "`*`.",
    ),
    (
        r"'Tensor' object is not callable",
        "A tensor stands before a bracket, and Python takes that for a call. Is a `*` missing, or "
        "has a variable taken the name of a function?",
    ),
    (
        r"'(function|method|builtin_function_or_method)' object is not subscriptable",
        "A function is called with round brackets, `f(x)`.",
    ),
    (
        r"unsupported operand type\(s\).*'(function|method|builtin_function_or_method)'",
        "A function itself takes part in the arithmetic: call it, with brackets.",
    ),
    (
        r"unsupported operand type\(s\).*'tuple'|can't multiply sequence|"
        r"only concatenate (tuple|list)",
        "Several values in one take part in the arithmetic here: unpack them first, `a, b = …`, or "
        "take one by its index.",
    ),
    (
        r"unsupported operand type\(s\).*'list'",
        "A Python list takes part in the arithmetic here: make a tensor of it, `torch.stack(…)`.",
    ),
    (
        r"'(tuple|list)' object has no attribute",
        "Several values in one stand here where one tensor is wanted: take one by its index, or "
        "unpack them, `a, b = …`.",
    ),
    (
        r"'int' object is not iterable|'float' object is not iterable",
        "A number cannot be gone through. `for i in range(n):` does something n times.",
    ),
    (
        r"cannot be interpreted as an integer|only integer tensors of a single element",
        "A whole Python number is wanted here: `len(xs)` counts the entries of `xs`.",
    ),
    (
        r"argument 'tensors' .*must be tuple of Tensors, not Tensor|"
        r"(stack|cat)\(\).*argument 'dim'|(stack|cat)\(\) received an invalid combination",
        "`torch.stack` takes one list of tensors: `torch.stack([a, b])`.",
    ),
    (
        r"tensor\(\) takes 1 positional argument but",
        "`torch.tensor` takes one list: `torch.tensor([a, b])`. Of tensors, `torch.stack([a, b])` "
        "makes one that keeps their graph.",
    ),
    (
        r"list assignment index out of range",
        "A list has no places to be filled before something is in it: `losses.append(…)` adds one.",
    ),
    (
        r"index \d+ (is|was) out of (bounds|range)|index out of range",
        "Python counts from 0: of n entries the last is number n − 1.",
    ),
    (
        r"before Module.__init__\(\) call|cannot assign (module|parameters) before",
        "`super().__init__()` has to come first in `__init__`.",
    ),
    (
        r"takes 0 positional arguments but 1 was|"
        r"forward\(\) takes 1 positional argument but 2 were",
        "The first parameter of a method is `self`: `def forward(self, x):`.",
    ),
    (
        r"missing the required \"forward\" function",
        "The class needs a method named `forward`, indented like `__init__`, inside the class.",
    ),
    (
        r"optimizer got an empty parameter list|params argument given to the optimizer",
        "An optimiser is given what it moves: `model.parameters()`, called, with brackets.",
    ),
    (
        r"'(function|method|builtin_function_or_method)' object is not iterable",
        "A function is named here and not called: add its brackets, `(…)`.",
    ),
    (
        r"EOF when reading a line",
        "`input` asks at the keyboard, and while your work is checked there is nobody to type.",
    ),
    (
        r"'out_features'|'in_features'",
        "`nn.Linear` takes two sizes: how many numbers go in, and how many come out.",
    ),
    (
        r"division by zero",
        "Something that is divided by is 0 here.",
    ),
    (
        r"size of tensor a .* must match the size of tensor b|assign a gradient of size",
        "`*`, `+` and `-` go entry by entry, so the two shapes have to fit; `@` is the product of "
        "matrices. Print both shapes.",
    ),
    (
        r"only one element tensors can be converted|elements cannot be converted to Scalar|"
        r"Boolean value of Tensor with more than one value",
        "A single number was wanted here and a tensor of several came. `math` functions, `float`, "
        "`if` and `.item()` take one number; torch's own functions take tensors.",
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
        r"of a 0-d(im)? tensor|over a 0-d tensor|too many indices for tensor of dimension 0",
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
        "Left and right of `=` there are not equally many values.",
    ),
)


def meaning(message: str, kind: str = "") -> str:
    """The line for a known message, or for a kind of error; empty for others."""
    if kind == "KeyError":
        return "At this moment the dict holds nothing under that key: is it put there later?"
    return next((line for pattern, line in MEANINGS if re.search(pattern, message)), "")


def told_error(seen: Observation) -> str:
    """An exception of the student's code, with its line."""
    where = f" (line {seen.line})" if seen.line else ""
    if seen.error_type == "SystemExit":
        return f"Your code called exit{where}. Return the value instead."
    if seen.error_type == "BdbQuit":
        return (
            f"Your code stopped for a debugger{where}: a `breakpoint()` is left in it. Take it "
            "out; the checker has no keyboard."
        )
    said = ENFORCED.sub("", LOCALS.sub("", seen.message.strip()))
    first = said.splitlines()[0] if said else ""
    if len(first) > SHORT:  # what follows is about options that lead further astray
        first = first.split(". ")[0]
    text = f"Your code raised {seen.error_type}{where}"
    text += f": {first}" if first else ""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def told_shape(name: str, yours: Shape, expected: Shape) -> str:
    """A wrong shape: what it is, what it should be."""
    return f"{name}: yours has shape {yours}, expected {expected}."


def reshaped(yours: Shape, expected: Shape) -> str:
    """The way to the right shape for numbers that are right."""
    if expected == ():
        where = "[0]" * len(yours)
        return f"The number is right. Take it out: `{where}` gives a 0-d tensor."
    many = "number is" if max((1, *yours)) == 1 else "numbers are"
    return f"The {many} right, only the shape is not: `.reshape{_written(expected)}`."


def _written(shape: Shape) -> str:
    return str(shape) if len(shape) != 1 else f"({shape[0]})"


def shape_reason(
    name: str,
    yours: Shape,
    expected: Shape,
    unit: str = "epoch",
    arguments: Mapping[str, Shape] = NONE,
) -> str:
    """The usual reason for a wrong shape, as far as it shows beside those of the arguments."""
    if name == "losses" and len(expected) == 1:
        return _losses_reason(yours, expected[0], unit)
    if len(yours) == 1 and expected == (*yours, 1):
        return "A column of n entries has a second dimension, of size 1."
    if max((1, *yours)) > 1 and len(yours) == 2 and yours == (yours[0], yours[0]):
        if expected == (yours[0],):
            return "An outer product or a broadcast took the place of an elementwise one."
        if expected == (yours[0], 1):
            return "(n,) against (n, 1) broadcasts to (n, n). Bring both to one shape first."
    if len(expected) == 2 and yours == expected[::-1]:
        return "It is transposed."
    if expected == () and max((1, *yours)) > 1:
        return "One number was asked for: is a sum or a mean over the entries missing?"
    if [size for size in yours if size != 1] == [size for size in expected if size != 1]:
        return "A dimension of size 1 is too many or missing; `.reshape` changes that."
    if not yours:
        return (
            "There is one number where one for each entry was asked for: was something added up "
            "over the entries, or only one of them computed?"
        )
    alike = [_alike(shape, arguments) for shape in (expected, yours)]
    if all(alike):
        return f"{name} has the shape of {alike[0]}, and yours has that of {alike[1]}."
    return "Write the shape of every step beside your formula and find where they part."


def _alike(shape: Shape, arguments: Mapping[str, Shape]) -> str:
    """The one argument of a shape; empty where there is none or are several."""
    names = [name for name, given in arguments.items() if given == shape]
    return f"`{names[0]}`" if len(names) == 1 else ""


def _losses_reason(yours: Shape, epochs: int, unit: str) -> str:
    if not yours or yours in ((1,), (0,)):
        return (
            f"One loss for each of the {epochs} {unit}s is asked for: collect them in a list that "
            "is made before the loop, and stack it after the loop."
        )
    if len(yours) == 1 and yours[0] % epochs == 0 and yours[0] > epochs:
        return (
            f"There are {yours[0] // epochs} for each of the {epochs} {unit}s. One is asked for, "
            "that of the last sample: append it after the inner loop."
        )
    if len(yours) == 1:
        return f"One for each of the {epochs} {unit}s is asked for, no more and no fewer."
    return f"One number for each {unit}, shape ({epochs},), is asked for."
