"""The operations: a table like PyTorch's derivatives.yaml, with the slips people make beside it.

    sigmoid(z) | σ({0}) | {out}·(1 − {out}) | g * out * (1 - out)
        half_a_slope | of its slope only {out} is kept | g * out
        left_out     | σ is left out | = z

A row: the call, how it is written, its slope in words ("" where it does not work entry by entry),
what is handed back to each parent when g = ∂loss/∂out arrives, between ";" (the last for the rest;
nothing: torch.autograd; "moves": entries are only moved). Then its slips: id, words, and what is
handed back ("both": to both parents or not at all), or after "=" the value computed. The words
follow "at h1 = σ(z1), "; {out}, {0}, {1} are the names there. What was broadcast is summed by the
engine, so a formula may have the shape of `out`. A line that is indented further goes on with the
one before. To add an operation, add a row; to add a slip, a line. What has no row is differentiated
by torch.autograd; a function that is made of others stands in parts.py.

Formulas: I. Goodfellow et al., Deep Learning (2016), 6.5; softmax and matmul as in
M. Giles, Collected matrix derivative results (2008).
"""

TABLE = """
add(a, b) | {0} + {1} | | g
    left_out | {1} is left out | = a + 0 * b
    left_out | {0} is left out | = 0 * a + b
sub(a, b) | {0} − {1} | | g ; -g
    sign_lost    | the minus of {1} is forgotten | g
    left_out     | {1} is left out | = a + 0 * b
    turned_round | {1} − {0} is computed | = b - a
    sign_lost    | {0} + {1} is computed | = a + b
mul(a, b) | {0}·{1} | | g * b ; g * a
    own_value   | the gradient is multiplied by the factor itself, not by the other one
        | g * a ; g * b
    divided     | the gradient is divided by the other factor, not multiplied by it
        | g / b ; g / a
    slope_added | the other factor is added to the gradient, not multiplied with it | g + b ; g + a
    left_out    | {1} is left out | = a + 0 * b
    left_out    | {0} is left out | = 0 * a + b
div(a, b) | {0} / {1} | | g / b ; -g * a / b**2
    sign_lost           | the minus of −{0}/{1}² is forgotten | g / b ; g * a / b**2
    square_left_out     | the square in −{0}/{1}² is left out | g / b ; -g * a / b
    numerator_left_out  | the numerator in −{0}/{1}² is left out | g / b ; -g / b**2
    not_divided         | the gradient is not divided by {1} | g ; -g * a / b
    multiplied          | the gradient of {0} is multiplied by {1}, not divided by it
        | g * b ; -g * a / b**2
    denominator_squared | the gradient of {0} is divided by {1} twice | g / b**2 ; -g * a / b**2
    left_out            | {1} is left out | = a + 0 * b
pow(a, n) | {0}^{1} | | g * n * a ** (n - 1) ; g * out * a.log()
    exponent_not_in_front | the exponent {1} is not brought down as a factor
        | g * a ** (n - 1) ; g * a.log()
    exponent_not_lowered  | the exponent {1} is not lowered by one
        | g * n * out ; g * a ** (n - 1) * a.log()
    left_out              | the exponent {1} is left out | = a + 0 * n
exp(x) | exp({0}) | exp({0}) | g * out
    slope_of_input | its slope is written {0}, not exp({0}) | g * x
log(x) | log({0}) | 1/{0} | g / x
    slope_of_value | its slope is written 1/{out}, not 1/{0} | g / out
sqrt(x) | √{0} | 1/(2·√{0}) | g / (2 * out)
    half_left_out | the ½ of its slope 1/(2·√{0}) is left out | g / out
    root_left_out | its slope is written 1/(2·{0}), without the root | g / (2 * x)
    left_out      | the root is left out | = x
neg(x) | −{0} | | -g
    sign_lost | the minus is left out | = x
abs(x) | |{0}| | ±1 | g * x.sign()
sin(x) | sin({0}) | cos({0}) | g * x.cos()
    sign_lost | its slope is written −cos({0}) | g * -x.cos()
    slope_of_value | its slope is written sin({0}) | g * out
cos(x) | cos({0}) | −sin({0}) | g * -x.sin()
    sign_lost | the minus of its slope −sin({0}) is forgotten | g * x.sin()
    slope_of_value | its slope is written cos({0}) | g * out
sigmoid(z) | σ({0}) | {out}·(1 − {out}) | g * out * (1 - out)
    slope_of_sum
        | its slope is written {0}·(1 − {0}), with the sum in place of the activation
        | g * z * (1 - z)
    slope_of_activation
        | its slope is taken at {out}, as if that were the sum, not the activation
        | g * out.sigmoid() * (1 - out.sigmoid())
    half_a_slope        | of its slope only {out} is kept | g * out
    half_a_slope        | of its slope only 1 − {out} is kept | g * (1 - out)
    slope_of_another    | its slope is that of tanh, 1 − {out}² | g * (1 - out**2)
    sign_lost           | its slope is written {out}·(1 + {out}) | g * out * (1 + out)
    left_out            | σ is left out | = z
    another_function    | tanh is used | = z.tanh()
tanh(z) | tanh({0}) | 1 − {out}² | g * (1 - out**2)
    slope_of_sum        | its slope is written 1 − {0}², with the sum in place of the activation
        | g * (1 - z**2)
    slope_of_activation
        | its slope is taken at {out}, as if that were the sum, not the activation
        | g * (1 - out.tanh() ** 2)
    square_left_out     | its slope is written 1 − {out} | g * (1 - out)
    half_a_slope        | of its slope only {out}² is kept | g * out**2
    sign_lost           | its slope is written 1 + {out}² | g * (1 + out**2)
    slope_of_another    | its slope is that of σ, {out}·(1 − {out}) | g * out * (1 - out)
    left_out            | tanh is left out | = z
    another_function    | σ is used | = z.sigmoid()
relu(z) | relu({0}) | 1 where {0} > 0, else 0 | g * (z > 0)
    gate_of_gradient | the gradient passes where it is itself positive, not where {0} is
        | g * (g > 0)
    slope_of_value   | its slope is written {out}, not 1 or 0 | g * out
    slope_of_sum     | its slope is written {0}, not 1 or 0 | g * z
    gate_turned      | the gradient passes where {0} is negative, not where it is positive
        | g * (z < 0)
    left_out         | relu is left out | = z
softplus(z) | softplus({0}) | σ({0}) | g * z.sigmoid()
    slope_of_another | its slope is that of σ | g * z.sigmoid() * (1 - z.sigmoid())
    slope_of_activation | its slope is written σ({out}), not σ({0}) | g * out.sigmoid()
gelu(x, approximate="none") | gelu({0}) | Φ({0}) + {0}·φ({0}) | g * gelu_slope(x, approximate)
    half_a_slope     | of its slope only Φ({0}) is kept, {0}·φ({0}) is missing
        | g * cdf(x, approximate)
    half_a_slope     | of its slope only {0}·φ({0}) is kept, Φ({0}) is missing
        | g * (gelu_slope(x, approximate) - cdf(x, approximate))
    factor_left_out  | its slope is written Φ({0}) + φ({0}), without the {0} in front of φ
        | g * (cdf(x) + pdf(x))
    half_left_out    | φ({0}) is written exp(−{0}²)/√2π, without the ½ in its exponent
        | g * (cdf(x) + x * pdf(x * math.sqrt(2)))
    inner_slope      | the slope of what stands inside its tanh, 1 + 3·0.044715·{0}², is left out
        | g * gelu_slope(x, "tanh", inner=0)
    slope_of_another | its slope is that of relu | g * (x > 0)
    slope_of_another | its slope is that of the other formula for gelu
        | g * gelu_slope(x, "tanh" if approximate == "none" else "none")
    another_function | relu is used | = x.relu()
softmax(x, dim) | softmax({0}) | | out * (g - (g * out).sum(dim, keepdim=True))
    entry_by_entry
        | its slope is written {out}·(1 − {out}), as if each output depended on its own input alone
        | g * out * (1 - out)
    others_left_out | Σ g·{out} is not subtracted | g * out
    target_left_out | only −{out}·Σ g·{out} is passed back, the entry's own g·{out} is not
        | -out * (g * out).sum(dim, keepdim=True)
    slope_twice     | the gradient is multiplied by {out}·(1 − {out}) once more
        | out * (g - (g * out).sum(dim, keepdim=True)) * out * (1 - out)
    factor_left_out | {out} in front of (g − Σ g·{out}) is left out
        | g - (g * out).sum(dim, keepdim=True)
    factor_left_out | Σ g is subtracted where Σ g·{out} belongs
        | out * (g - g.sum(dim, keepdim=True))
    wrong_axis      | Σ g·{out} runs along the wrong axis
        | out * (g - (g * out).sum(other(x, dim), keepdim=True))
    sign_lost       | Σ g·{out} is added, not subtracted
        | out * (g + (g * out).sum(dim, keepdim=True))
    wrong_axis      | it runs along the wrong axis | = x.softmax(other(x, dim))
    left_out        | softmax is left out | = x
log_softmax(x, dim) | log softmax({0}) | | g - out.exp() * g.sum(dim, keepdim=True)
    sum_left_out    | softmax({0}) is subtracted once, not Σ g times | g - out.exp()
    others_left_out | softmax({0})·Σ g is not subtracted | g
    target_left_out | only −softmax({0})·Σ g is passed back, the entry's own g is not
        | -out.exp() * g.sum(dim, keepdim=True)
    entry_by_entry
        | its slope is written 1 − softmax({0}), as if each output depended on its own input alone
        | g * (1 - out.exp())
    sign_lost       | softmax({0})·Σ g is added, not subtracted
        | g + out.exp() * g.sum(dim, keepdim=True)
    wrong_axis      | Σ g runs along the wrong axis
        | g - out.exp() * g.sum(other(x, dim), keepdim=True)
    wrong_axis      | the softmax in its slope runs along the wrong axis
        | g - x.softmax(other(x, dim)) * g.sum(dim, keepdim=True)
    wrong_axis      | exp({0} − max) is divided by sums along the wrong axis in its slope
        | g - (x - x.amax(dim, True)).softmax(other(x, dim)) * g.sum(dim, keepdim=True)
    wrong_axis      | it runs along the wrong axis | = x.log_softmax(other(x, dim))
    log_left_out    | the log is left out | = x.softmax(dim)
logsumexp(x, dim=None, keepdim=False) | logsumexp({0}) |
        | wide(g, x, dim, keepdim) * (x - wide(out, x, dim, keepdim)).exp()
    slope_left_out  | every entry gets the whole gradient, not its share softmax({0})
        | wide(g, x, dim, keepdim)
    exp_left_out    | exp({0}) is not divided by its sum | wide(g, x, dim, keepdim) * x.exp()
matmul(a, b) | {0} @ {1} | | left(g, a, b) ; right(g, a, b)
    slope_left_out      | the other matrix is left out, as if all its entries were 1
        | left(g, a, ones(b)) ; right(g, ones(a), b)
    not_transposed      | the other matrix is not transposed | g @ b ; a @ g
    transposed          | the gradient passed back is transposed
        | left(g, a, b).mT ; right(g, a, b).mT
    order               | the two are multiplied in the wrong order | b.mT @ g ; g @ a.mT
    order               | the two are multiplied in the wrong order and not transposed
        | b @ g ; g @ a
    entry_by_entry      | the product is taken entry by entry | g * b ; g * a
    gradient_transposed | the arriving gradient is transposed | left(g.mT, a, b) ; right(g.mT, a, b)
    flipped             | the other one is read from back to front
        | left(g, a, b.flip(-1)) ; right(g, a.flip(-1), b)
    transposed          | {1} is transposed | = a @ b.mT
    order               | {1} @ {0} is computed | = b @ a
conv1d(x, w) | {0} ∗ {1} | |
    flipped | the kernel is read from back to front
        | by_autograd(turned(step, 1), step.parents, i, g)
conv2d(x, w) | {0} ∗ {1} | |
    flipped | the kernel is not turned round | by_autograd(turned(step, 2), step.parents, i, g)
outer(a, b) | {0} ⊗ {1} | | g @ b ; g.mT @ a
    transposed | the arriving gradient is not transposed where it must be | g.mT @ b ; g @ a
sum(x, dim=None, keepdim=False) | Σ {0} | | wide(g, x, dim, keepdim)
    mean_for_sum | the gradient is divided by the number of entries, as for a mean
        | wide(g, x, dim, keepdim) / count(x, dim)
    mean_for_sum | a mean is taken | = x.mean(axes(x, dim), keepdim=keepdim)
mean(x, dim=None, keepdim=False) | mean {0} | | wide(g, x, dim, keepdim) / count(x, dim)
    sum_not_mean | the 1/n of the mean is left out | wide(g, x, dim, keepdim)
    wrong_count  | 1/n is taken with n the number of rows, not of all entries averaged
        | wide(g, x, dim, keepdim) / x.shape[0]
    wrong_count  | 1/n is taken with n the number of columns, not of all entries averaged
        | wide(g, x, dim, keepdim) / x.shape[-1]
    wrong_count  | 1/n is taken with n the number of all entries of {0}
        | wide(g, x, dim, keepdim) / x.numel()
    wrong_count  | 1/(n − 1) is written for 1/n | wide(g, x, dim, keepdim) / (count(x, dim) - 1)
    wrong_count  | 1/(n − 1) is written for 1/n
        | = x.sum(axes(x, dim), keepdim=keepdim) / (count(x, dim) - 1)
    sum_not_mean | a sum is taken | = x.sum(axes(x, dim), keepdim=keepdim)
var(x, dim=None, unbiased=None, keepdim=False, correction=None) | var {0} |
        | wide(g, x, dim, keepdim) * 2 * off(x, dim) / dof(x, dim, unbiased, correction)
    half_left_out | the 2 of its slope 2·({0} − mean)/n is left out
        | wide(g, x, dim, keepdim) * off(x, dim) / dof(x, dim, unbiased, correction)
    mean_left_out | the mean in its slope 2·({0} − mean)/n is left out
        | wide(g, x, dim, keepdim) * 2 * x / dof(x, dim, unbiased, correction)
    sum_not_mean  | the 1/n of its slope is left out | wide(g, x, dim, keepdim) * 2 * off(x, dim)
    wrong_count   | 1/n is taken with n the number of rows, not of all entries averaged
        | wide(g, x, dim, keepdim) * 2 * off(x, dim) / x.shape[0]
    wrong_count   | n and n − 1 are exchanged in its slope
        | wide(g, x, dim, keepdim) * 2 * off(x, dim)
        / dof(x, dim, unbiased, correction, 1)
    wrong_count   | n and n − 1 are exchanged
        | = off(x, dim).square().sum(axes(x, dim), keepdim=keepdim)
        / dof(x, dim, unbiased, correction, 1)
amax(x, dim=None, keepdim=False) | max {0} | |
    to_all | the gradient goes back to every entry, not to the largest alone
        | wide(g, x, dim, keepdim)
    to_all | the gradient is shared out evenly, and does not go to the largest alone
        | wide(g, x, dim, keepdim) / count(x, dim)
masked_fill(x, mask, value=0) | masked {0} | | g.masked_fill(mask, 0)
    mask_left_out | the mask is left out | g
    mask_left_out | the mask is left out | = x
where(c, a, b) | {1} if {0} else {2} | | 0 * g ; where(c, g, 0) ; where(c, 0, g)
    mask_left_out | the condition is left out | g
    turned_round  | the condition is turned round | 0 * g ; where(c, 0, g) ; where(c, g, 0)
    branch_left_out | {1} is taken everywhere | = a + 0 * b
    branch_left_out | {2} is taken everywhere | = b + 0 * a
clamp(x, min=None, max=None) | clamp({0}) | 1 inside the bounds, else 0 | g * (out == x)
gt(a, b) | {0} > {1} | |
lt(a, b) | {0} < {1} | |
ge(a, b) | {0} ≥ {1} | |
le(a, b) | {0} ≤ {1} | |
view(x) | {0} reshaped | | moves
transpose(x) | {0}ᵀ | | moves
expand(x) | {0} repeated | | moves
clone(x) | {0} | | moves
cat(x) | [{0}, …] | | moves
getitem(x) | {0}[…] | | moves
    accumulation_missed
        | an entry that is picked twice keeps one of its gradients, they are not added
        up | overwritten(step, i, g)
unfold(x) | windows of {0} | | moves
    accumulation_missed | an entry in several windows keeps one of its gradients, they are not added
        up | overwritten(step, i, g)
    accumulation_missed | an entry in several windows keeps the first of its gradients, they are not
        added up | overwritten(step, i, g, first=True)
detach(x) | {0}.detach() | | 0 * g
    detach_forgotten | the gradient is passed back to {0}, as if it were not detached | g
input(x) | {out} | | g
constant(x) | {out} | |
"""

#: Other names of the same operation, in-place ones included.
NAMES = """
add: __add__ __radd__ __iadd__ add_
sub: __sub__ __rsub__ __isub__ subtract rsub sub_
mul: __mul__ __rmul__ __imul__ multiply mul_
div: __truediv__ __rtruediv__ __rdiv__ __itruediv__ __idiv__ divide true_divide div_
pow: __pow__ __rpow__ float_power pow_
neg: __neg__ negative
gt: __gt__ greater
lt: __lt__ less
ge: __ge__ greater_equal
le: __le__ less_equal
abs: __abs__ absolute
sigmoid: expit sigmoid_
tanh: tanh_
relu: relu_
exp: exp_
matmul: __matmul__ __rmatmul__ mm mv bmm dot vdot inner
outer: ger
amax: max
clamp: clip clamp_min clamp_
masked_fill: masked_fill_
clone: contiguous to double float type_as alias positive __pos__
view: reshape flatten ravel unsqueeze squeeze unflatten view_as reshape_as atleast_2d
transpose: T mT t permute swapaxes movedim adjoint H mH
expand: expand_as broadcast_to repeat tile repeat_interleave
cat: stack concat concatenate hstack vstack column_stack
getitem: __getitem__ select unbind split chunk narrow gather index_select take take_along_dim
getitem: diagonal diag flip roll masked_select embedding
"""
