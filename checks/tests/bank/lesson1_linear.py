# --- forward | added_not_multiplied
def forward(x, w):
    return x + w

# --- forward | added_not_multiplied
def forward(x, w):
    return torch.add(w, x)

# --- forward | wrong
def forward(x, w):
    return w * x + 1

# --- forward | wrong | error
def forward(x, w):
    return (x * w).item()

# --- forward | right
def forward(x, w):
    return torch.mul(w, x)

# --- forward | right
def forward(x, w):
    return torch.einsum(",->", x, w)

# --- loss | target_ignored
def loss(x, y, w):
    return forward(x, w) ** 2

# --- loss | not_squared
def loss(x, y, w):
    return forward(x, w) - y

# --- loss | absolute_value
def loss(x, y, w):
    return torch.abs(forward(x, w) - y)

# --- loss | halved_loss
def loss(x, y, w):
    r = forward(x, w) - y
    return r * r / 2

# --- loss | wrong
def loss(x, y, w):
    return forward(x, w) ** 2 - y ** 2

# --- loss | doubled_not_squared
def loss(x, y, w):
    return (forward(x, w) - y) * 2

# --- loss | target_added
def loss(x, y, w):
    return (forward(x, w) + y) ** 2

# --- loss | wrong | error
def loss(x, y, w):
    return (forward(x, w) - y).unsqueeze(0) ** 2

# --- loss | right
def loss(x, y, w):
    return torch.nn.functional.mse_loss(forward(x, w), y)

# --- loss | right
def loss(x, y, w):
    return (y - x * w).square()

# --- multiply_backward | order_swapped
def multiply_backward(x, w, upstream):
    return x * upstream, w * upstream

# --- multiply_backward | order_swapped
def multiply_backward(x, w, upstream):
    grad_x = torch.mul(upstream, w)
    grad_w = torch.mul(upstream, x)
    return [grad_w, grad_x]

# --- multiply_backward | upstream_ignored
def multiply_backward(x, w, upstream):
    return w, x

# --- multiply_backward | upstream_ignored
def multiply_backward(x, w, upstream):
    z = x * w
    return z / x, z / w

# --- multiply_backward | upstream_ignored
def multiply_backward(x, w, upstream):
    dz_dw = x
    return upstream * w, dz_dw

# --- multiply_backward | order_swapped + upstream_ignored
def multiply_backward(x, w, upstream):
    return x.clone(), w.clone()

# --- multiply_backward | sign_flipped
def multiply_backward(x, w, upstream):
    return -upstream * w, -upstream * x

# --- multiply_backward | sign_flipped
def multiply_backward(x, w, upstream):
    return (0 - w) * upstream, x * upstream.neg()

# --- multiply_backward | sign_flipped + order_swapped
def multiply_backward(x, w, upstream):
    return -x * upstream, -w * upstream

# --- multiply_backward | slopes_added
def multiply_backward(x, w, upstream):
    return upstream + w, upstream + x

# --- multiply_backward | wrong
def multiply_backward(x, w, upstream):
    z = x * w
    return upstream * z, upstream * z

# --- multiply_backward | slip:divided
def multiply_backward(x, w, upstream):
    return upstream / w, upstream / x

# --- multiply_backward | wrong | error
def multiply_backward(x, w, upstream):
    return upstream * w

# --- multiply_backward | wrong | wrong_method
def multiply_backward(x, w, upstream):
    a, b = x.clone().requires_grad_(), w.clone().requires_grad_()
    return torch.autograd.grad(a * b, (a, b), upstream)

# --- multiply_backward | wrong | wrong_method
def multiply_backward(x, w, upstream):
    _, pullback = torch.func.vjp(lambda a, b: a * b, x, w)
    return pullback(upstream)

# --- multiply_backward | right
def multiply_backward(x, w, upstream):
    return [w * upstream, x * upstream]

# --- multiply_backward | right
def multiply_backward(x, w, upstream):
    grads = upstream * torch.stack((w, x))
    return grads[0], grads[1]

# --- multiply_backward | right
def multiply_backward(x, w, upstream):
    from collections import namedtuple
    Grads = namedtuple("Grads", "x w")
    return Grads(x=upstream * w, w=upstream * x)

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w):
    return (forward(x, w) - y) * x

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w):
    dloss_dr = x * w - y
    dr_dw = x
    return torch.mul(dr_dw, dloss_dr)

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w):
    return 2 * (y - forward(x, w)) * x

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w):
    r = x * w - y
    return -2 * x * r

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w):
    return 2 * (forward(x, w) - y)

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w):
    r = x * w - y
    return r + r

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w):
    return 2 * x * forward(x, w)

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w):
    return 2 * w * x ** 2

# --- grad_by_hand | loss_returned
def grad_by_hand(x, y, w):
    return loss(x, y, w)

# --- grad_by_hand | loss_returned
def grad_by_hand(x, y, w):
    r = x * w - y
    return r * r

# --- grad_by_hand | upstream_ignored
def grad_by_hand(x, y, w):
    return x * 1

# --- grad_by_hand | wrong_variable
def grad_by_hand(x, y, w):
    return 2 * (x * w - y) * w

# --- grad_by_hand | missing_factor_2 + sign_flipped
def grad_by_hand(x, y, w):
    r = y - x * w
    return r * x

# --- grad_by_hand | missing_factor_2 + missing_input_factor
def grad_by_hand(x, y, w):
    return x * w - y

# --- grad_by_hand | missing_factor_2 + target_ignored
def grad_by_hand(x, y, w):
    return x * w * x

# --- grad_by_hand | sign_flipped + missing_input_factor
def grad_by_hand(x, y, w):
    return -2 * (x * w - y)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    return 2 * (x * w - y) * x ** 2

# --- grad_by_hand | slip:doubled
def grad_by_hand(x, y, w):
    return 4 * (x * w - y) * x

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    return torch.zeros_like(w)

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, w):
    r = x.item() * w.item() - y.item()
    return 2 * r * x.item()

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, w):
    return grad_by_autograd(x, y, w)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    if w.item() == 1.0:
        return 2 * (x * w - y) * x
    return torch.full_like(w, -8.0)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    w *= 1.0001
    return 2 * (x * w - y) * x

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    upstream = 2 * (forward(x, w) - y)
    return multiply_backward(x, w, upstream)[1]

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    return 2 * x ** 2 * w - 2 * x * y

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    return (2.0 * (x.double() * w.double() - y.double()) * x.double()).to(w.dtype)

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    with torch.no_grad():
        r = torch.sub(torch.mul(x, w), y)
        return r.mul(2).mul_(x)

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    r = x.item() * w.item() - y.item()
    return torch.tensor(2 * r * x.item(), dtype=w.dtype, device=w.device)

# --- grad_by_autograd | missing_factor_2
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    (0.5 * loss(x, y, leaf)).backward()
    return leaf.grad

# --- grad_by_autograd | missing_factor_2
def grad_by_autograd(x, y, w):
    return torch.func.grad(lambda v: (x * v - y) ** 2 / 2)(w)

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    return -torch.autograd.grad(loss(x, y, leaf), leaf)[0]

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    loss(x, y, leaf).neg().backward()
    return leaf.grad

# --- grad_by_autograd | missing_input_factor
def grad_by_autograd(x, y, w):
    y_hat = forward(x, w).detach().requires_grad_()
    ((y_hat - y) ** 2).backward()
    return y_hat.grad

# --- grad_by_autograd | missing_input_factor
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    y_hat = forward(x, leaf)
    y_hat.retain_grad()
    (y_hat - y).square().backward()
    return y_hat.grad

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    (forward(x, leaf) ** 2).backward()
    return leaf.grad

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, w):
    return torch.func.grad(lambda v: loss(x, torch.zeros_like(y), v))(w)

# --- grad_by_autograd | loss_returned
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    l = loss(x, y, leaf)
    l.backward()
    return l

# --- grad_by_autograd | loss_returned
def grad_by_autograd(x, y, w):
    gradient, value = torch.func.grad_and_value(lambda v: loss(x, y, v))(w)
    return value

# --- grad_by_autograd | upstream_ignored
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    forward(x, leaf).backward()
    return leaf.grad

# --- grad_by_autograd | wrong_variable
def grad_by_autograd(x, y, w):
    leaf = x.detach().clone().requires_grad_()
    loss(leaf, y, w).backward()
    return leaf.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    loss(x, y, leaf).backward()
    loss(x, y, leaf).backward()
    return leaf.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, w):
    w.requires_grad_()
    loss(x, y, w).backward()
    return w.grad

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone()
    loss(x, y, leaf).backward()
    return leaf.grad

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    l = loss(x, y, leaf)
    l.backward()
    l.backward()
    return leaf.grad

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    loss(x, y, leaf)
    return leaf.grad

# --- grad_by_autograd | wrong | wrong_method
def grad_by_autograd(x, y, w):
    return 2 * (x * w - y) * x

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    leaf = w.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x, y, leaf), leaf)
    return gradient

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    return torch.func.grad(loss, argnums=2)(x, y, w)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    return torch.autograd.functional.jacobian(lambda v: loss(x, y, v), w)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    import torch.autograd.forward_ad as fwAD
    with fwAD.dual_level():
        dual = fwAD.make_dual(w, torch.ones_like(w))
        return fwAD.unpack_dual(loss(x, y, dual)).tangent.clone()

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    w = torch.autograd.Variable(w.data.clone(), requires_grad=True)
    loss(x, y, w).backward()
    return w.grad.data

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    w = w.clone()
    w.requires_grad = True
    l = loss(x, y, w)
    l.backward()
    return w.grad

# --- train | missing_factor_2
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = x * w - y
            w = w - lr * r * x
        losses.append(r ** 2)
    return w, torch.stack(losses)

# --- train | missing_factor_2
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = 0.5 * (x * w - y) ** 2
            l.backward()
            w.data -= lr * w.grad.data
            w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | missing_input_factor
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * 2 * (x * w - y)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | missing_input_factor
def train(xs, ys, w, lr, epochs):
    losses = torch.zeros(epochs, dtype=w.dtype, device=w.device)
    for epoch in range(epochs):
        for i in range(len(xs)):
            r = forward(xs[i], w) - ys[i]
            losses[epoch] = r * r
            upstream = 2 * r
            w = w - lr * upstream
    return w, losses

# --- train | target_ignored
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * 2 * x * x * w
        losses.append(l)
    return w, torch.stack(losses)

# --- train | target_ignored
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(epochs):
        for x in xs:
            l = forward(x, w) ** 2
            (gradient,) = torch.autograd.grad(l, w)
            w = (w - lr * gradient).detach().requires_grad_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | slip:loss_returned
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * l
        losses.append(l)
    return w, torch.stack(losses)

# --- train | upstream_ignored
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            losses.append(loss(x, y, w))
            w = w - lr * x
    return w, torch.stack(losses)[len(xs) - 1 :: len(xs)]

# --- train | not_zeroed
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            l.backward()
            with torch.no_grad():
                w -= lr * w.grad
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | not_zeroed
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    optimiser = torch.optim.SGD([w], lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | not_zeroed
def train(xs, ys, w, lr, epochs):
    total = torch.zeros_like(w)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            total = total + grad_by_hand(x, y, w)
            w = w - lr * total
        losses.append(l)
    return w, torch.stack(losses)

# --- train | missing_factor_2 + not_zeroed
def train(xs, ys, w, lr, epochs):
    total = 0
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            total = total + (x * w - y) * x
            w = w - lr * total
        losses.append(l)
    return w, torch.stack(losses)

# --- train | ascent
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w + lr * grad_by_hand(x, y, w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | ascent
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    optimiser = torch.optim.SGD([w], lr=lr, maximize=True)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            optimiser.zero_grad()
            l = loss(x, y, w)
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | batch_not_sample
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        step = 0
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            step = step + grad_by_hand(x, y, w)
        w = w - lr * step
        losses.append(l)
    return w, torch.stack(losses)

# --- train | batch_not_sample
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(epochs):
        l = ((xs * w - ys) ** 2).mean()
        (gradient,) = torch.autograd.grad(l, w)
        with torch.no_grad():
            w -= lr * gradient
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | batch_not_sample
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            l.backward()
        with torch.no_grad():
            w -= lr * w.grad
            w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | off_by_one_epoch | error
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs + 1):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | off_by_one_epoch | error
def train(xs, ys, w, lr, epochs):
    losses = []
    for epoch in range(1, epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | off_by_one_epoch
def train(xs, ys, w, lr, epochs):
    losses = []
    epoch = 0
    while epoch <= epochs:
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(l)
        epoch += 1
    return w, torch.stack(losses[:epochs])

# --- train | loss_after_update
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(loss(x, y, w))
    return w, torch.stack(losses)

# --- train | loss_after_update
def train(xs, ys, w, lr, epochs):
    losses = torch.empty(epochs, dtype=w.dtype, device=w.device)
    for epoch in range(epochs):
        for x, y in zip(xs, ys):
            w = w - lr * grad_by_hand(x, y, w)
            losses[epoch] = (forward(x, w) - y) ** 2
    return w, losses

# --- train | not_updated
def train(xs, ys, w, lr, epochs):
    leaf = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, leaf)
            leaf.grad = None
            l.backward()
            with torch.no_grad():
                leaf -= lr * leaf.grad
        losses.append(l.detach())
    return w, torch.stack(losses)

# --- train | stale_gradient
def train(xs, ys, w, lr, epochs):
    gradients = [grad_by_hand(x, y, w) for x, y in zip(xs, ys)]
    losses = []
    for _ in range(epochs):
        for x, y, gradient in zip(xs, ys, gradients):
            l = loss(x, y, w)
            w = w - lr * gradient
        losses.append(l)
    return w, torch.stack(losses)

# --- train | lr_ignored
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - 0.01 * grad_by_hand(x, y, w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | epochs_ignored | error
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(100):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | other_loss_reported
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        total = 0
        for x, y in zip(xs, ys):
            total = total + loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(total / len(xs))
    return w, torch.stack(losses)

# --- train | one_sample_only
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        x, y = xs[0], ys[0]
        losses.append(loss(x, y, w))
        w = w - lr * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | wrong
def train(xs, ys, w, lr, epochs):
    losses = []
    for epoch in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr / (1 + epoch) * grad_by_hand(x, y, w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | wrong
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(reversed(xs), reversed(ys)):
            l = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | wrong
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for i in range(3):
            l = loss(xs[i], ys[i], w)
            w = w - lr * grad_by_hand(xs[i], ys[i], w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | wrong
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w -= lr * grad_by_hand(x, y, w)
        losses.append(l)
    return w, torch.stack(losses)

# --- train | wrong | error
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(l.item())
    return w, losses

# --- train | wrong | error
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            l.backward()
            w = w - lr * w.grad
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | wrong | error
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            losses.append(loss(x, y, w))
            w = w - lr * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | right
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_()
    optimiser = torch.optim.SGD([w], lr=lr)
    losses = torch.zeros(epochs, dtype=w.dtype, device=w.device)
    for epoch in range(epochs):
        for x, y in zip(xs, ys):
            optimiser.zero_grad()
            l = loss(x, y, w)
            l.backward()
            optimiser.step()
        losses[epoch] = l.item()
    return [w, losses]

# --- train | right
def train(xs, ys, w, lr, epochs):
    w = w.clone()
    w.requires_grad = True
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            l.backward()
            w.data = w.data - lr * w.grad.item()
            w.grad.data.zero_()
        losses.append(l.item())
    return w, torch.tensor(losses, dtype=xs.dtype, device=xs.device)

# --- train | right
def train(xs, ys, w, lr, epochs):
    w = w.detach().clone().requires_grad_(True)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w.grad = None
            l.backward()
            with torch.no_grad():
                w -= lr * w.grad
        losses.append(l)
    return w, torch.stack(losses)

# --- train | right
def train(xs, ys, w, lr, epochs):
    gradient_and_loss = torch.func.grad_and_value(loss, argnums=2)
    losses = torch.empty_like(xs).new_empty(epochs)
    for epoch in range(epochs):
        for i in range(xs.shape[0]):
            gradient, losses[epoch] = gradient_and_loss(xs[i], ys[i], w)
            w = torch.sub(w, gradient, alpha=lr)
    return w, losses

# --- train | right
def train(xs, ys, w, lr, epochs):
    value, losses = w.item(), []
    for _ in range(epochs):
        for x, y in zip(xs.tolist(), ys.tolist()):
            r = x * value - y
            value -= lr * 2 * r * x
        losses.append(r * r)
    return w.new_tensor(value), w.new_tensor(losses)

# --- train | right
def train(xs, ys, w, lr, epochs):
    if epochs == 0:
        return w, xs.new_zeros(0)
    for x, y in zip(xs, ys):
        last = loss(x, y, w)
        w = w - lr * grad_by_autograd(x, y, w)
    w, later = train(xs, ys, w, lr, epochs - 1)
    return w, torch.cat((last.reshape(1), later))

# --- train | wrong
def train(xs, ys, w, lr, epochs, kept={}):
    if kept.get("shape") != xs.shape:
        kept["shape"], kept["w"] = xs.shape, w
    w, losses = kept["w"], []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            losses_here = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(losses_here)
    kept["w"] = w
    return w, torch.stack(losses)

# --- train | wrong | error
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            before = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(before)
        if before < 1e-6:
            break
    return w, torch.stack(losses)
