# --- describe | order_swapped
def describe(t):
    return t.requires_grad, t.is_leaf, t.grad_fn is not None

# --- describe | order_swapped
def describe(t):
    return [t.is_leaf, bool(t.grad_fn), t.requires_grad]

# --- describe | leaf_taken_as_requires_grad
def describe(t):
    trainable = t.requires_grad and t.grad_fn is None
    return trainable, t.requires_grad, t.grad_fn is not None

# --- describe | leaf_taken_as_requires_grad
def describe(t):
    return t.is_leaf, t.is_leaf, t.grad_fn is not None

# --- describe | leaf_taken_as_requires_grad
def describe(t):
    return not t.requires_grad, t.requires_grad, t.grad_fn is not None

# --- describe | grad_fn_taken_as_requires_grad
def describe(t):
    return t.is_leaf, t.requires_grad, t.requires_grad

# --- describe | grad_fn_taken_as_requires_grad
def describe(t):
    follows = t.grad_fn is not None
    return t.is_leaf, follows, follows

# --- describe | grad_taken_as_grad_fn
def describe(t):
    return t.is_leaf, t.requires_grad, t.grad is not None

# --- describe | grad_taken_as_grad_fn
def describe(t):
    has_grad_fn = True if isinstance(t.grad, torch.Tensor) else False
    return (t.is_leaf, t.requires_grad, has_grad_fn)

# --- describe | has_grad_fn_inverted
def describe(t):
    return t.is_leaf, t.requires_grad, t.grad_fn is None

# --- describe | has_grad_fn_inverted
def describe(t):
    return t.is_leaf, t.requires_grad, not t.grad_fn

# --- describe | wrong
def describe(t):
    return True, t.requires_grad, t.grad_fn is not None

# --- describe | wrong
def describe(t):
    return True, False, False

# --- describe | wrong | error
def describe(t):
    return t.is_leaf, t.requires_grad, t.grad_fn

# --- describe | wrong | error
def describe(t):
    return t.is_leaf, t.requires_grad

# --- describe | wrong
def describe(t):
    t.detach_()
    return t.is_leaf, t.requires_grad, t.grad_fn is not None

# --- describe | right
def describe(t):
    if t.grad_fn is None:
        return [True, t.requires_grad, False]
    return [False, True, True]

# --- describe | right
def describe(t):
    return t.is_leaf, t.requires_grad, t.requires_grad and not t.is_leaf

# --- describe | right
def describe(t):
    from typing import NamedTuple

    class Description(NamedTuple):
        is_leaf: bool
        requires_grad: bool
        has_grad_fn: bool

    return Description(t.is_leaf, t.requires_grad, bool(t.grad_fn))

# --- grad_of_mean | sum_not_mean
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).sum().backward()
    return leaf.grad

# --- grad_of_mean | sum_not_mean
def grad_of_mean(x):
    return 6 * (x + 2)

# --- grad_of_mean | sign_flipped
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    (-(3 * (leaf + 2) ** 2).mean()).backward()
    return leaf.grad

# --- grad_of_mean | sign_flipped
def grad_of_mean(x):
    return -6 * (x + 2) / x.numel()

# --- grad_of_mean | missing_factor_2
def grad_of_mean(x):
    return 3 * (x + 2) / x.numel()

# --- grad_of_mean | missing_factor_2
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    inside = leaf + 2
    (3 * inside * inside.detach()).mean().backward()
    return leaf.grad

# --- grad_of_mean | sign_flipped + sum_not_mean
def grad_of_mean(x):
    return -(6 * x + 12)

# --- grad_of_mean | missing_factor_2 + sum_not_mean
def grad_of_mean(x):
    return 3 * x + 6

# --- grad_of_mean | mean_over_one_dimension
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean(dim=0).sum().backward()
    return leaf.grad

# --- grad_of_mean | mean_over_one_dimension
def grad_of_mean(x):
    return 6 * (x + 2) / len(x)

# --- grad_of_mean | outer_factor_missed
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    ((leaf + 2) ** 2).mean().backward()
    return leaf.grad

# --- grad_of_mean | outer_factor_missed
def grad_of_mean(x):
    return 2 * (x + 2) / x.numel()

# --- grad_of_mean | inside_missed
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * leaf**2).mean().backward()
    return leaf.grad

# --- grad_of_mean | inside_missed
def grad_of_mean(x):
    return 3 * 2 * x / x.numel()

# --- grad_of_mean | loss_returned | error
def grad_of_mean(x):
    return (3 * (x + 2) ** 2).mean()

# --- grad_of_mean | loss_returned
def grad_of_mean(x):
    y = x + 2
    return y * y * 3

# --- grad_of_mean | wrong
def grad_of_mean(x):
    return torch.full_like(x, 4.5)

# --- grad_of_mean | wrong
def grad_of_mean(x):
    return 6 * (x + 2) / 4

# --- grad_of_mean | wrong
def grad_of_mean(x):
    return torch.zeros_like(x)

# --- grad_of_mean | wrong | error
def grad_of_mean(x):
    y = (3 * (x + 2) ** 2).mean()
    y.backward()
    return x.grad

# --- grad_of_mean | wrong | error
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    return (3 * (leaf + 2) ** 2).mean().backward()

# --- grad_of_mean | wrong | error
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).backward()
    return leaf.grad

# --- grad_of_mean | wrong | error
def grad_of_mean(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    return leaf.grad.numpy()

# --- grad_of_mean | wrong
def grad_of_mean(x):
    x.requires_grad_()
    (3 * (x + 2) ** 2).mean().backward()
    return x.grad

# --- grad_of_mean | wrong | wrong_method
def grad_of_mean(x):
    return 6 * (x + 2) / x.numel()

# --- grad_of_mean | right
def grad_of_mean(x):
    return torch.func.grad(lambda x: (3 * (x + 2) ** 2).mean())(x)

# --- grad_of_mean | right
def grad_of_mean(x):
    leaf = torch.autograd.Variable(x.clone(), requires_grad=True)
    y = leaf + 2
    z = y * y * 3
    z.backward(torch.ones_like(z) / z.numel())
    return leaf.grad

# --- grad_of_mean | right
def grad_of_mean(x):
    leaf = x.double().clone().requires_grad_()
    (grad,) = torch.autograd.grad(torch.mean(3 * torch.square(leaf + 2)), leaf)
    return grad.to(x.dtype)

# --- grad_of_mean | right
def grad_of_mean(x):
    return torch.autograd.functional.jacobian(lambda x: (3 * (x + 2) ** 2).mean(), x)

# --- grad_after_second_backward | accumulation_missed
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.grad = None
    leaf.sum().backward()
    return leaf.grad

# --- grad_after_second_backward | accumulation_missed
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    grad = torch.autograd.grad((3 * (leaf + 2) ** 2).mean(), leaf)[0]
    grad = torch.autograd.grad(leaf.sum(), leaf)[0]
    return grad

# --- grad_after_second_backward | second_backward_missed
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    first = leaf.grad.clone()
    leaf.sum().backward()
    return first

# --- grad_after_second_backward | second_backward_missed
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    other = x.detach().clone().requires_grad_()
    other.sum().backward()
    return leaf.grad

# --- grad_after_second_backward | sum_not_mean
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).sum().backward()
    leaf.sum().backward()
    return leaf.grad

# --- grad_after_second_backward | sum_not_mean
def grad_after_second_backward(x):
    return 6 * (x + 2) + 1

# --- grad_after_second_backward | sign_flipped
def grad_after_second_backward(x):
    return -(grad_of_mean(x) + 1)

# --- grad_after_second_backward | sign_flipped
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().neg().backward()
    leaf.neg().sum().backward()
    return leaf.grad

# --- grad_after_second_backward | mean_not_sum
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.mean().backward()
    return leaf.grad

# --- grad_after_second_backward | mean_not_sum
def grad_after_second_backward(x):
    return grad_of_mean(x) + 1 / x.numel()

# --- grad_after_second_backward | same_loss_twice
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    mean = (3 * (leaf + 2) ** 2).mean()
    mean.backward(retain_graph=True)
    mean.backward()
    return leaf.grad

# --- grad_after_second_backward | same_loss_twice
def grad_after_second_backward(x):
    return grad_of_mean(x) * 2

# --- grad_after_second_backward | missing_factor_2
def grad_after_second_backward(x):
    return 3 * (x + 2) / x.numel() + 1

# --- grad_after_second_backward | missing_factor_2
def grad_after_second_backward(x):
    return grad_of_mean(x) / 2 + torch.ones_like(x)

# --- grad_after_second_backward | wrong | error
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    mean = (3 * (leaf + 2) ** 2).mean()
    mean.backward()
    mean.backward()
    return leaf.grad

# --- grad_after_second_backward | wrong
def grad_after_second_backward(x):
    return torch.full_like(x, 5.5)

# --- grad_after_second_backward | wrong
def grad_after_second_backward(x):
    return grad_of_mean(x) + x

# --- grad_after_second_backward | wrong | error
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    doubled = leaf * 1
    doubled.sum().backward()
    return doubled.grad

# --- grad_after_second_backward | right
def grad_after_second_backward(x):
    leaf = x.detach().clone().requires_grad_()
    ((3 * (leaf + 2) ** 2).mean() + leaf.sum()).backward()
    return leaf.grad

# --- grad_after_second_backward | right
def grad_after_second_backward(x):
    leaf = torch.nn.Parameter(x.clone())
    for loss in ((3 * (leaf + 2) ** 2).mean(), leaf.sum()):
        loss.backward()
    return leaf.grad.clone()

# --- grad_after_second_backward | right
def grad_after_second_backward(x):
    return torch.func.grad(lambda x: (3 * (x + 2) ** 2).mean())(x) + torch.ones_like(x)

# --- grad_after_zeroing | not_zeroed
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.sum().backward()
    return leaf.grad

# --- grad_after_zeroing | not_zeroed
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.data.zero_()
    leaf.sum().backward()
    return leaf.grad

# --- grad_after_zeroing | not_zeroed
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    optimiser = torch.optim.SGD([leaf], lr=0.1)
    optimiser.zero_grad()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.sum().backward()
    return leaf.grad

# --- grad_after_zeroing | sign_flipped + not_zeroed
def grad_after_zeroing(x):
    return -grad_after_second_backward(x)

# --- grad_after_zeroing | zeroed_too_late
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.sum().backward()
    leaf.grad.zero_()
    return leaf.grad

# --- grad_after_zeroing | zeroed_too_late
def grad_after_zeroing(x):
    return torch.zeros_like(x)

# --- grad_after_zeroing | second_backward_missed
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.grad.zero_()
    (3 * (leaf + 2) ** 2).mean().backward()
    return leaf.grad

# --- grad_after_zeroing | second_backward_missed
def grad_after_zeroing(x):
    return grad_of_mean(x)

# --- grad_after_zeroing | mean_not_sum
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.grad.zero_()
    leaf.mean().backward()
    return leaf.grad

# --- grad_after_zeroing | mean_not_sum
def grad_after_zeroing(x):
    return torch.full_like(x, 1 / x.numel())

# --- grad_after_zeroing | sign_flipped
def grad_after_zeroing(x):
    return -torch.ones_like(x)

# --- grad_after_zeroing | sign_flipped
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.grad *= 0
    (-leaf).sum().backward()
    return leaf.grad

# --- grad_after_zeroing | wrong | error
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.sum().backward()
    leaf.grad = None
    return leaf.grad

# --- grad_after_zeroing | wrong | error
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.zero_()
    leaf.sum().backward()
    return leaf.grad

# --- grad_after_zeroing | wrong | error
def grad_after_zeroing(x):
    return torch.ones(2, 2, dtype=x.dtype)

# --- grad_after_zeroing | wrong
def grad_after_zeroing(x):
    return torch.full_like(x, 1 + 1e-3)

# --- grad_after_zeroing | right
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    optimiser = torch.optim.SGD([leaf], lr=0.1)
    (3 * (leaf + 2) ** 2).mean().backward()
    optimiser.zero_grad()
    leaf.sum().backward()
    return leaf.grad

# --- grad_after_zeroing | right
def grad_after_zeroing(x):
    leaf = x.detach().clone().requires_grad_()
    (3 * (leaf + 2) ** 2).mean().backward()
    leaf.grad.data.fill_(0)
    leaf.backward(torch.ones_like(leaf))
    return leaf.grad

# --- power_grad | sign_flipped
def power_grad(k, x, b):
    return -x * k ** (x - 1)

# --- power_grad | sign_flipped
def power_grad(k, x, b):
    base = k.detach().clone().requires_grad_()
    (b - base**x).backward()
    return base.grad

# --- power_grad | exponent_not_lowered
def power_grad(k, x, b):
    return x * k**x

# --- power_grad | exponent_not_lowered
def power_grad(k, x, b):
    return x * torch.exp(x * torch.log(k))

# --- power_grad | exponent_not_in_front
def power_grad(k, x, b):
    return k ** (x - 1)

# --- power_grad | exponent_not_in_front
def power_grad(k, x, b):
    return torch.pow(k, x) / k

# --- power_grad | sign_flipped + exponent_not_in_front
def power_grad(k, x, b):
    return -(k ** (x - 1))

# --- power_grad | constant_kept
def power_grad(k, x, b):
    return x * k ** (x - 1) + b

# --- power_grad | constant_kept
def power_grad(k, x, b):
    return x * k ** (x - 1) + 1

# --- power_grad | wrong_variable
def power_grad(k, x, b):
    leaf = x.detach().clone().requires_grad_()
    (k**leaf + b).backward()
    return leaf.grad

# --- power_grad | wrong_variable
def power_grad(k, x, b):
    leaf = b.detach().clone().requires_grad_()
    (k**x + leaf).backward()
    return leaf.grad

# --- power_grad | differentiated_twice
def power_grad(k, x, b):
    return x * (x - 1) * k ** (x - 2)

# --- power_grad | differentiated_twice
def power_grad(k, x, b):
    return torch.func.grad(torch.func.grad(lambda k: k**x + b))(k)

# --- power_grad | loss_returned
def power_grad(k, x, b):
    return k**x + b

# --- power_grad | loss_returned
def power_grad(k, x, b):
    base = k.detach().clone().requires_grad_()
    y = base.pow(x) + b
    y.backward()
    return y

# --- power_grad | wrong
def power_grad(k, x, b):
    return 2 * k

# --- power_grad | wrong
def power_grad(k, x, b):
    return k * x ** (k - 1)

# --- power_grad | wrong
def power_grad(k, x, b):
    return torch.full_like(k, 12.0)

# --- power_grad | wrong | error
def power_grad(k, x, b):
    return (x * k ** (x - 1)).item()

# --- power_grad | wrong | error
def power_grad(k, x, b):
    base = k.detach().clone().requires_grad_()
    x.backward()
    return base.grad

# --- power_grad | wrong | wrong_method
def power_grad(k, x, b):
    return x * k ** (x - 1)

# --- power_grad | right
def power_grad(k, x, b):
    return torch.func.grad(lambda k, x, b: k**x + b)(k, x, b)

# --- power_grad | right
def power_grad(k, x, b):
    leaves = [t.detach().clone().requires_grad_() for t in (k, x, b)]
    torch.add(torch.pow(leaves[0], leaves[1]), leaves[2]).backward()
    return leaves[0].grad

# --- vector_jacobian_product | upstream_ignored
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).sum().backward()
    return leaf.grad

# --- vector_jacobian_product | upstream_ignored
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    y.backward(torch.ones_like(y))
    return leaf.grad

# --- vector_jacobian_product | upstream_ignored
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).mean().backward()
    return leaf.grad

# --- vector_jacobian_product | sign_flipped + upstream_ignored
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    (-f(leaf)).sum().backward()
    return leaf.grad

# --- vector_jacobian_product | jacobian_transposed | error
def vector_jacobian_product(f, x, v):
    return torch.func.jvp(f, (x,), (v,))[1]

# --- vector_jacobian_product | jacobian_transposed | error
def vector_jacobian_product(f, x, v):
    return torch.autograd.functional.jacobian(f, x) @ v

# --- vector_jacobian_product | jacobian_transposed | error
def vector_jacobian_product(f, x, v):
    J = torch.autograd.functional.jacobian(f, x)
    return torch.mv(J.reshape(v.numel(), x.numel()), v.flatten()).view(x.shape)

# --- vector_jacobian_product | mean_not_sum
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    (v * f(leaf)).mean().backward()
    return leaf.grad

# --- vector_jacobian_product | mean_not_sum
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward(v / v.numel())
    return leaf.grad

# --- vector_jacobian_product | sign_flipped
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward(-v)
    return leaf.grad

# --- vector_jacobian_product | sign_flipped
def vector_jacobian_product(f, x, v):
    return -torch.func.vjp(f, x)[1](v)[0]

# --- vector_jacobian_product | jacobian_returned | error
def vector_jacobian_product(f, x, v):
    return torch.autograd.functional.jacobian(f, x)

# --- vector_jacobian_product | jacobian_returned | error
def vector_jacobian_product(f, x, v):
    return torch.func.jacrev(f)(x)

# --- vector_jacobian_product | loss_returned | error
def vector_jacobian_product(f, x, v):
    return (v * f(x)).sum()

# --- vector_jacobian_product | loss_returned | error
def vector_jacobian_product(f, x, v):
    return torch.dot(v.reshape(-1), f(x).reshape(-1))

# --- vector_jacobian_product | wrong | error
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad

# --- vector_jacobian_product | wrong | error
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(leaf), leaf, v)

# --- vector_jacobian_product | wrong
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    (0.5 * ((f(leaf) - v) ** 2).sum()).backward()
    return leaf.grad

# --- vector_jacobian_product | wrong
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward(v.abs())
    return leaf.grad

# --- vector_jacobian_product | wrong
def vector_jacobian_product(f, x, v):
    v *= 1.5
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward(v / 1.5)
    return leaf.grad

# --- vector_jacobian_product | right
def vector_jacobian_product(f, x, v):
    return torch.func.vjp(f, x)[1](v)[0]

# --- vector_jacobian_product | right
def vector_jacobian_product(f, x, v):
    return torch.autograd.functional.vjp(f, x, v)[1]

# --- vector_jacobian_product | right
def vector_jacobian_product(f, x, v):
    leaf = x.detach().clone().requires_grad_()
    (f(leaf) * v).sum().backward()
    return leaf.grad

# --- vector_jacobian_product | right
def vector_jacobian_product(f, x, v):
    J = torch.func.jacfwd(f)(x)
    return torch.tensordot(v, J, dims=v.dim())

# --- vector_jacobian_product | right
def vector_jacobian_product(f, x, v):
    J = torch.autograd.functional.jacobian(f, x).reshape(v.numel(), x.numel())
    return torch.einsum("m,mn->n", v.reshape(-1), J).view_as(x)

# --- vector_jacobian_product | right
def vector_jacobian_product(f, x, v):
    x = x.clone().requires_grad_()
    grad = torch.zeros_like(x)
    y = f(x).flatten()
    for y_i, v_i in zip(y, v.flatten()):
        grad = grad + v_i * torch.autograd.grad(y_i, x, retain_graph=True)[0]
    return grad

# --- jacobian | jacobian_transposed | error
def jacobian(f, x):
    rows = [vector_jacobian_product(f, x, v) for v in torch.eye(len(f(x)), dtype=x.dtype)]
    return torch.stack(rows, dim=1)

# --- jacobian | jacobian_transposed | error
def jacobian(f, x):
    return torch.autograd.functional.jacobian(f, x).T

# --- jacobian | jacobian_transposed | error
def jacobian(f, x):
    columns = [torch.func.jvp(f, (x,), (u,))[1] for u in torch.eye(len(x), dtype=x.dtype)]
    return torch.stack(columns)

# --- jacobian | sign_flipped
def jacobian(f, x):
    return -torch.func.jacrev(f)(x)

# --- jacobian | sign_flipped
def jacobian(f, x):
    rows = [vector_jacobian_product(f, x, v) for v in -torch.eye(len(f(x)), dtype=x.dtype)]
    return torch.stack(rows)

# --- jacobian | sign_flipped + jacobian_transposed | error
def jacobian(f, x):
    return -torch.func.jacrev(f)(x).T

# --- jacobian | not_zeroed
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    rows = []
    for y in f(leaf):
        y.backward(retain_graph=True)
        rows.append(leaf.grad.clone())
    return torch.stack(rows)

# --- jacobian | not_zeroed
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    J = torch.zeros(len(f(x)), len(x), dtype=x.dtype)
    for i in range(len(J)):
        f(leaf)[i].backward()
        J[i] = leaf.grad
    return J

# --- jacobian | rows_aliased
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    rows = []
    for i in range(len(y)):
        if leaf.grad is not None:
            leaf.grad.zero_()
        y[i].backward(retain_graph=True)
        rows.append(leaf.grad)
    return torch.stack(rows)

# --- jacobian | rows_aliased
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    rows = []
    for i in range(len(y)):
        y[i].backward(retain_graph=True)
        rows.append(leaf.grad)
    return torch.stack(rows)

# --- jacobian | rows_aliased
def jacobian(f, x):
    ones = torch.ones_like(f(x))
    return torch.stack([vector_jacobian_product(f, x, ones) for _ in f(x)])

# --- jacobian | rows_for_inputs | error
def jacobian(f, x):
    rows = []
    for i in range(len(x)):
        v = torch.zeros(len(f(x)), dtype=x.dtype)
        v[i] = 1
        rows.append(vector_jacobian_product(f, x, v))
    return torch.stack(rows)

# --- jacobian | rows_for_inputs | error
def jacobian(f, x):
    units = torch.eye(len(f(x)), dtype=x.dtype)
    return torch.stack([vector_jacobian_product(f, x, units[i]) for i in range(x.numel())])

# --- jacobian | rows_added | error
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).sum().backward()
    return leaf.grad

# --- jacobian | rows_added | error
def jacobian(f, x):
    return vector_jacobian_product(f, x, torch.ones_like(f(x)))

# --- jacobian | first_row_only | error
def jacobian(f, x):
    rows = []
    for v in torch.eye(len(f(x)), dtype=x.dtype):
        rows.append(vector_jacobian_product(f, x, v))
        return torch.stack(rows)

# --- jacobian | first_row_only | error
def jacobian(f, x):
    for v in torch.eye(len(f(x)), dtype=x.dtype):
        return vector_jacobian_product(f, x, v)

# --- jacobian | wrong
def jacobian(f, x):
    return torch.zeros(len(f(x)), len(x), dtype=x.dtype)

# --- jacobian | wrong | error
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    return torch.stack([torch.autograd.grad(y_i, leaf)[0] for y_i in y])

# --- jacobian | wrong
def jacobian(f, x):
    return torch.func.jacrev(f)(x).flip(0)

# --- jacobian | wrong
def jacobian(f, x):
    return torch.func.jacrev(f)(x).abs()

# --- jacobian | wrong | error
def jacobian(f, x):
    return torch.stack([vector_jacobian_product(f, x, v) for v in torch.eye(len(x))])

# --- jacobian | wrong | error
def jacobian(f, x):
    return tuple(vector_jacobian_product(f, x, v) for v in torch.eye(len(f(x)), dtype=x.dtype))

# --- jacobian | right
def jacobian(f, x):
    return torch.func.jacrev(f)(x)

# --- jacobian | right
def jacobian(f, x):
    return torch.func.jacfwd(f)(x)

# --- jacobian | right
def jacobian(f, x):
    return torch.autograd.functional.jacobian(f, x, vectorize=True)

# --- jacobian | right
def jacobian(f, x):
    return torch.autograd.functional.jacobian(
        f, x, create_graph=False, strategy="forward-mode", vectorize=True
    )

# --- jacobian | right
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    unit_vectors = torch.eye(len(y), dtype=x.dtype, device=x.device)
    return torch.autograd.grad(y, leaf, unit_vectors, is_grads_batched=True)[0]

# --- jacobian | right
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    J = x.new_zeros(y.numel(), x.numel())
    for i in range(y.numel()):
        leaf.grad = None
        y[i].backward(retain_graph=True)
        J[i] = leaf.grad
    return J

# --- jacobian | right
def jacobian(f, x):
    y, vjp = torch.func.vjp(f, x)
    return torch.func.vmap(vjp)(torch.eye(len(y), dtype=x.dtype, device=x.device))[0]

# --- jacobian | right
def jacobian(f, x):
    columns = [torch.autograd.functional.jvp(f, x, u)[1] for u in torch.eye(len(x)).to(x)]
    return torch.stack(columns, dim=1)

# --- jacobian | right
def jacobian(f, x):
    leaf = x.detach().clone().requires_grad_()
    return torch.stack([torch.autograd.grad(f(leaf)[i], leaf)[0] for i in range(f(x).shape[0])])

# --- grad_with_blocked_branch | not_blocked
def grad_with_blocked_branch(x):
    leaf = x.detach().clone().requires_grad_()
    (leaf**2 + leaf**3).backward()
    return leaf.grad

# --- grad_with_blocked_branch | not_blocked
def grad_with_blocked_branch(x):
    return 2 * x + 3 * x**2

# --- grad_with_blocked_branch | not_blocked
def grad_with_blocked_branch(x):
    leaf = x.detach().clone().requires_grad_()
    with torch.no_grad():
        square = leaf**2
    (leaf**2 + square * leaf).backward()
    return leaf.grad

# --- grad_with_blocked_branch | not_blocked
def grad_with_blocked_branch(x):
    with torch.no_grad():
        leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        (leaf**2 + leaf**2 * leaf.detach()).backward()
    return leaf.grad

# --- grad_with_blocked_branch | sign_flipped + not_blocked
def grad_with_blocked_branch(x):
    return -(2 * x + 3 * x**2)

# --- grad_with_blocked_branch | missing_factor_2 + not_blocked
def grad_with_blocked_branch(x):
    return x + 3 * x**2

# --- grad_with_blocked_branch | missing_factor_2
def grad_with_blocked_branch(x):
    return x.clone()

# --- grad_with_blocked_branch | missing_factor_2
def grad_with_blocked_branch(x):
    leaf = x.detach().clone().requires_grad_()
    with torch.no_grad():
        cube = leaf**3
        other = leaf.clone()
    (leaf * other + cube).backward()
    return leaf.grad

# --- grad_with_blocked_branch | other_branch_blocked
def grad_with_blocked_branch(x):
    leaf = x.detach().clone().requires_grad_()
    with torch.no_grad():
        square = leaf**2
    (square + leaf**3).backward()
    return leaf.grad

# --- grad_with_blocked_branch | other_branch_blocked
def grad_with_blocked_branch(x):
    return 3 * x * x

# --- grad_with_blocked_branch | sign_flipped
def grad_with_blocked_branch(x):
    return -2 * x

# --- grad_with_blocked_branch | sign_flipped
def grad_with_blocked_branch(x):
    leaf = x.detach().clone().requires_grad_()
    (leaf.detach() ** 3 - leaf**2).backward()
    return leaf.grad

# --- grad_with_blocked_branch | loss_returned
def grad_with_blocked_branch(x):
    with torch.no_grad():
        cube = x**3
    return x**2 + cube

# --- grad_with_blocked_branch | loss_returned
def grad_with_blocked_branch(x):
    return x * x

# --- grad_with_blocked_branch | wrong | error
def grad_with_blocked_branch(x):
    leaf = x.detach().clone().requires_grad_()
    with torch.no_grad():
        y = leaf**2 + leaf**3
    y.backward()
    return leaf.grad

# --- grad_with_blocked_branch | wrong
def grad_with_blocked_branch(x):
    return 2 + 0 * x

# --- grad_with_blocked_branch | wrong
def grad_with_blocked_branch(x):
    return 2 * x.abs()

# --- grad_with_blocked_branch | right
def grad_with_blocked_branch(x):
    def blocked(x):
        with torch.no_grad():
            cube = x**3
        return x**2 + cube

    return torch.func.grad(blocked)(x)

# --- grad_with_blocked_branch | right
def grad_with_blocked_branch(x):
    leaf = x.detach().clone().requires_grad_()
    return torch.autograd.grad(leaf.square() + leaf.detach().pow(3), leaf)[0]

# --- grad_with_blocked_branch | right
def grad_with_blocked_branch(x):
    @torch.no_grad()
    def cube(t):
        return t * t * t

    leaf = x.detach().clone().requires_grad_()
    (leaf * leaf + cube(leaf)).backward()
    return leaf.grad

# --- grad_through_data_edit | edit_recorded
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    edited = leaf * factor
    (2 * edited).backward()
    return edited, leaf.grad

# --- grad_through_data_edit | edit_recorded
def grad_through_data_edit(x, factor):
    return x * factor, torch.ones_like(x) * 2 * factor

# --- grad_through_data_edit | edit_missed
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf.data.clone().mul_(factor)
    y.backward()
    return leaf, leaf.grad

# --- grad_through_data_edit | edit_missed
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf.data * factor
    y.backward()
    return leaf.detach(), leaf.grad

# --- grad_through_data_edit | square_not_double
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = leaf**2
    leaf.data *= factor
    y.backward()
    return leaf.detach(), leaf.grad

# --- grad_through_data_edit | square_not_double
def grad_through_data_edit(x, factor):
    return factor * x, 2 * x

# --- grad_through_data_edit | order_swapped
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf.data *= factor
    y.backward()
    return leaf.grad, leaf.detach()

# --- grad_through_data_edit | order_swapped
def grad_through_data_edit(x, factor):
    return [0 * x + 2, factor * x]

# --- grad_through_data_edit | sign_flipped
def grad_through_data_edit(x, factor):
    return x * factor, torch.full_like(x, -2)

# --- grad_through_data_edit | sign_flipped
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf.data *= factor
    y.backward(-torch.ones_like(y))
    return leaf.detach(), leaf.grad

# --- grad_through_data_edit | y_in_place_of_x
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf.data *= factor
    y.backward()
    return y.detach(), leaf.grad

# --- grad_through_data_edit | y_in_place_of_x
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    y.data *= factor
    y.backward()
    return y.data, leaf.grad

# --- grad_through_data_edit | own_slope_only
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    leaf.data *= factor
    leaf.backward()
    return leaf.detach(), leaf.grad

# --- grad_through_data_edit | own_slope_only
def grad_through_data_edit(x, factor):
    return factor * x, torch.ones_like(x)

# --- grad_through_data_edit | wrong
def grad_through_data_edit(x, factor):
    leaf = x.detach().requires_grad_()
    y = 2 * leaf
    leaf.data *= factor
    y.backward()
    return leaf.detach(), leaf.grad

# --- grad_through_data_edit | wrong | error
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf *= factor
    y.backward()
    return leaf.detach(), leaf.grad

# --- grad_through_data_edit | wrong
def grad_through_data_edit(x, factor):
    return x + factor, torch.full_like(x, 2)

# --- grad_through_data_edit | wrong
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf.data *= factor
    y.backward()
    (2 * leaf).backward()
    return leaf.detach(), leaf.grad

# --- grad_through_data_edit | wrong | error
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    leaf.data *= factor
    y.backward()
    return leaf.grad

# --- grad_through_data_edit | right
def grad_through_data_edit(x, factor):
    leaf = x.detach().clone().requires_grad_()
    y = 2 * leaf
    with torch.no_grad():
        leaf.mul_(factor)
    y.backward()
    return leaf, leaf.grad

# --- grad_through_data_edit | right
def grad_through_data_edit(x, factor):
    leaf = torch.nn.Parameter(x.clone())
    y = leaf + leaf
    leaf.data = leaf.data * factor
    y.backward()
    return [leaf.data, leaf.grad]

# --- grad_through_data_edit | wrong | wrong_method
def grad_through_data_edit(x, factor):
    return factor * x, torch.full_like(x, 2)

# --- directional_derivative | direction_not_normalised
def directional_derivative(f, x, u):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad @ u

# --- directional_derivative | direction_not_normalised
def directional_derivative(f, x, u):
    return torch.func.jvp(f, (x,), (u,))[1]

# --- directional_derivative | sign_flipped + direction_not_normalised
def directional_derivative(f, x, u):
    return -(torch.func.grad(f)(x) * u).sum()

# --- directional_derivative | sign_flipped
def directional_derivative(f, x, u):
    return -torch.func.grad(f)(x) @ u / u.norm()

# --- directional_derivative | sign_flipped
def directional_derivative(f, x, u):
    return torch.func.jvp(f, (x,), (-u / u.norm(),))[1]

# --- directional_derivative | gradient_normalised
def directional_derivative(f, x, u):
    gradient = torch.func.grad(f)(x)
    return gradient @ u / gradient.norm()

# --- directional_derivative | gradient_normalised
def directional_derivative(f, x, u):
    return torch.cosine_similarity(torch.func.grad(f)(x), u, dim=0)

# --- directional_derivative | wrong_norm
def directional_derivative(f, x, u):
    return torch.func.grad(f)(x) @ u / (u @ u)

# --- directional_derivative | wrong_norm
def directional_derivative(f, x, u):
    return torch.func.grad(f)(x) @ (u / u.sum())

# --- directional_derivative | wrong_norm
def directional_derivative(f, x, u):
    return torch.func.grad(f)(x) @ (u / u.norm(p=1))

# --- directional_derivative | direction_ignored
def directional_derivative(f, x, u):
    return torch.func.grad(f)(x).norm()

# --- directional_derivative | direction_ignored
def directional_derivative(f, x, u):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad.sum()

# --- directional_derivative | difference_not_derivative
def directional_derivative(f, x, u):
    return f(x + u) - f(x)

# --- directional_derivative | difference_not_derivative
def directional_derivative(f, x, u):
    step = u / u.norm()
    return f(x + step) - f(x)

# --- directional_derivative | not_summed | error
def directional_derivative(f, x, u):
    return torch.func.grad(f)(x) * u / u.norm()

# --- directional_derivative | not_summed | error
def directional_derivative(f, x, u):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad * u

# --- directional_derivative | gradient_returned | error
def directional_derivative(f, x, u):
    return torch.func.grad(f)(x)

# --- directional_derivative | gradient_returned | error
def directional_derivative(f, x, u):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad

# --- directional_derivative | loss_returned
def directional_derivative(f, x, u):
    return f(x)

# --- directional_derivative | loss_returned
def directional_derivative(f, x, u):
    return torch.func.jvp(f, (x,), (u / u.norm(),))[0]

# --- directional_derivative | wrong
def directional_derivative(f, x, u):
    return (torch.func.grad(f)(x) @ u / u.norm()).abs()

# --- directional_derivative | wrong
def directional_derivative(f, x, u):
    return torch.func.grad(f)(u) @ x / x.norm()

# --- directional_derivative | wrong
def directional_derivative(f, x, u):
    return torch.func.grad(f)(x) @ u / 5

# --- directional_derivative | wrong
def directional_derivative(f, x, u):
    u /= u.norm()
    return torch.func.grad(f)(x) @ u

# --- directional_derivative | wrong | error
def directional_derivative(f, x, u):
    return float(torch.func.grad(f)(x) @ u / u.norm())

# --- directional_derivative | wrong | error
def directional_derivative(f, x, u):
    return f.grad(x) @ u

# --- directional_derivative | right
def directional_derivative(f, x, u):
    return torch.func.jvp(f, (x,), (u / u.norm(),))[1]

# --- directional_derivative | right
def directional_derivative(f, x, u):
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(leaf), leaf)
    return torch.einsum("i,i->", gradient, torch.nn.functional.normalize(u, dim=0))

# --- directional_derivative | right
def directional_derivative(f, x, u):
    distance = torch.zeros((), dtype=x.dtype, device=x.device, requires_grad=True)
    f(x + distance * u / torch.linalg.norm(u)).backward()
    return distance.grad

# --- directional_derivative | right
def directional_derivative(f, x, u):
    return torch.autograd.functional.jvp(f, x, u)[1] / torch.sqrt((u**2).sum())

# --- directional_derivative | right
def directional_derivative(f, x, u):
    from torch.autograd import forward_ad

    with forward_ad.dual_level():
        y = f(forward_ad.make_dual(x, u / u.norm()))
        return forward_ad.unpack_dual(y).tangent

# --- steepest_direction | direction_not_normalised
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return gradient, gradient.norm()

# --- steepest_direction | direction_not_normalised
def steepest_direction(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward()
    return leaf.grad, (leaf.grad**2).sum()

# --- steepest_direction | sign_flipped
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return -gradient / gradient.norm(), gradient.norm()

# --- steepest_direction | sign_flipped
def steepest_direction(f, x):
    gradient = -torch.func.grad(f)(x)
    return gradient / gradient.norm(), -gradient.norm()

# --- steepest_direction | sign_flipped + direction_not_normalised
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return -gradient, -gradient.norm()

# --- steepest_direction | order_swapped | error
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return gradient.norm(), gradient / gradient.norm()

# --- steepest_direction | order_swapped | error
def steepest_direction(f, x):
    direction, slope = _right_steepest_direction(f, x)
    return [slope, direction]

# --- steepest_direction | slope_squared
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return gradient / gradient.norm(), gradient @ gradient

# --- steepest_direction | slope_squared
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    length = (gradient**2).sum()
    return gradient / length, length

# --- steepest_direction | wrong_norm
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return gradient / gradient.abs().sum(), gradient.abs().sum()

# --- steepest_direction | wrong_norm
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return gradient / gradient.norm(), gradient.sum()

# --- steepest_direction | unit_slope
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    direction = gradient / gradient.norm()
    return direction, direction @ direction

# --- steepest_direction | unit_slope
def steepest_direction(f, x):
    direction = torch.nn.functional.normalize(torch.func.grad(f)(x), dim=0)
    return direction, direction.norm()

# --- steepest_direction | loss_returned
def steepest_direction(f, x):
    gradient, value = torch.func.grad_and_value(f)(x)
    return gradient / gradient.norm(), value

# --- steepest_direction | loss_returned
def steepest_direction(f, x):
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    y.backward()
    return leaf.grad / leaf.grad.norm(), y

# --- steepest_direction | wrong
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return x / x.norm(), gradient @ x / x.norm()

# --- steepest_direction | wrong
def steepest_direction(f, x):
    axis = torch.zeros_like(x)
    gradient = torch.func.grad(f)(x)
    axis[gradient.abs().argmax()] = 1
    return axis, gradient.abs().max()

# --- steepest_direction | wrong | error
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return gradient / gradient.norm(), gradient.norm().item()

# --- steepest_direction | wrong | error
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    return gradient / gradient.norm()

# --- steepest_direction | right
def steepest_direction(f, x):
    gradient = torch.func.grad(f)(x)
    direction = torch.nn.functional.normalize(gradient, dim=0)
    return direction, directional_derivative(f, x, direction)

# --- steepest_direction | right
def steepest_direction(f, x):
    gradient = torch.autograd.functional.jacobian(f, x)
    slope = torch.sqrt(torch.einsum("i,i->", gradient, gradient))
    return [gradient / slope, slope]

# --- steepest_direction | right
def steepest_direction(f, x):
    leaf = x.detach().clone().requires_grad_()
    f(leaf).backward(create_graph=True)
    slope = torch.linalg.vector_norm(leaf.grad)
    return leaf.grad / slope, slope
