# --- forward | bias_forgotten
def forward(x, w, b):
    return x * w

# --- forward | bias_forgotten
def forward(x, w, b):
    return torch.mul(w, x) + 0 * b

# --- forward | added_too_early
def forward(x, w, b):
    return x * (w + b)

# --- forward | bias_for_weight
def forward(x, w, b):
    return torch.addcmul(w, x, b)

# --- forward | wrong
def forward(x, w, b):
    return x * w - b

# --- forward | wrong
def forward(x, w, b):
    return x * w * b

# --- forward | right
def forward(x, w, b):
    return torch.addcmul(b, x, w)

# --- forward | right
def forward(x, w, b):
    return torch.nn.functional.linear(x.reshape(1, 1), w.reshape(1, 1), b.reshape(1)).squeeze()

# --- loss | bias_forgotten
def loss(x, y, w, b):
    return (x * w - y) ** 2

# --- loss | target_ignored
def loss(x, y, w, b):
    return forward(x, w, b).square()

# --- loss | not_squared
def loss(x, y, w, b):
    return forward(x, w, b) - y

# --- loss | halved_loss
def loss(x, y, w, b):
    return 0.5 * (forward(x, w, b) - y).pow(2)

# --- loss | target_added
def loss(x, y, w, b):
    return (forward(x, w, b) + y) ** 2

# --- loss | doubled_not_squared
def loss(x, y, w, b):
    r = forward(x, w, b) - y
    return r + r

# --- loss | wrong | error
def loss(x, y, w, b):
    return forward(x, w) - y

# --- loss | right
def loss(x, y, w, b):
    return torch.nn.MSELoss(reduction="sum")(forward(x, w, b), y)

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return r * x, r

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w, b):
    grads = (x * w + b - y) * torch.stack((x, torch.ones_like(x)))
    return grads[0], grads[1]

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return 2 * r * x, r

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return r * x, 2 * r

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w, b):
    r = y - forward(x, w, b)
    return 2 * r * x, 2 * r

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w, b):
    upstream = 2 * (x * w + b - y)
    return -(upstream * x), -upstream

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w, b):
    return 2 * (forward(x, w, b) - y) * x, 2 * (y - forward(x, w, b))

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w, b):
    upstream = 2 * (forward(x, w, b) - y)
    return upstream, upstream

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w, b):
    r = x * w + b - y
    grad = r + r
    return [grad, grad.clone()]

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w, b):
    return 2 * forward(x, w, b) * x, 2 * forward(x, w, b)

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w, b):
    y_hat = w * x + b
    upstream = y_hat * 2
    return x * upstream, upstream

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w, b):
    return 2 * (forward(x, w, b) - y) * x, 2 * forward(x, w, b)

# --- grad_by_hand | loss_returned
def grad_by_hand(x, y, w, b):
    l = loss(x, y, w, b)
    return l, l

# --- grad_by_hand | loss_returned
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return r ** 2, r * r

# --- grad_by_hand | bias_like_weight
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return 2 * r * x, 2 * r * x

# --- grad_by_hand | bias_like_weight
def grad_by_hand(x, y, w, b):
    grad = 2 * x * (x * w + b) - 2 * x * y
    return grad, grad.clone()

# --- grad_by_hand | order_swapped
def grad_by_hand(x, y, w, b):
    upstream = 2 * (forward(x, w, b) - y)
    return upstream, upstream * x

# --- grad_by_hand | order_swapped
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    grad_w, grad_b = 2 * r * x, 2 * r
    return [grad_b, grad_w]

# --- grad_by_hand | upstream_ignored
def grad_by_hand(x, y, w, b):
    return x.clone(), torch.ones_like(b)

# --- grad_by_hand | wrong_variable
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return 2 * r * w, 2 * r

# --- grad_by_hand | bias_forgotten
def grad_by_hand(x, y, w, b):
    r = x * w - y
    return 2 * r * x, 2 * r

# --- grad_by_hand | missing_factor_2 + sign_flipped
def grad_by_hand(x, y, w, b):
    r = y - forward(x, w, b)
    return r * x, r

# --- grad_by_hand | missing_factor_2 + bias_like_weight
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return r * x, r * x

# --- grad_by_hand | missing_factor_2 + order_swapped
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return r, r * x

# --- grad_by_hand | sign_flipped + bias_like_weight
def grad_by_hand(x, y, w, b):
    r = y - forward(x, w, b)
    return 2 * r * x, 2 * r * x

# --- grad_by_hand | target_ignored + bias_forgotten
def grad_by_hand(x, y, w, b):
    return 2 * w * x * x, 2 * w * x

# --- grad_by_hand | slip:factor
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return 2 * r * x, 2 * r * b

# --- grad_by_hand | slip:cut
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return 2 * r * x, torch.zeros_like(b)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return 2 * abs(r) * x, 2 * abs(r)

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return 2 * r * x

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    return 2 * r * x, 2

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, w, b):
    return torch.func.grad(loss, argnums=(2, 3))(x, y, w, b)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w, b):
    b += w - w + 0.5
    r = x * w + b - 0.5 - y
    return 2 * r * x, 2 * r

# --- grad_by_hand | right
def grad_by_hand(x, y, w, b):
    return 2 * x * (x * w + b - y), 2 * (x * w + b - y)

# --- grad_by_hand | right
def grad_by_hand(x, y, w, b):
    features = torch.stack((x, torch.ones_like(x)))
    parameters = torch.stack((w, b))
    grads = 2 * (features @ parameters - y) * features
    return tuple(grads)

# --- grad_by_hand | right
def grad_by_hand(x, y, w, b):
    from typing import NamedTuple

    class Grads(NamedTuple):
        w: Tensor
        b: Tensor

    upstream = 2 * (forward(x, w, b) - y)
    return Grads(upstream * x, upstream)

# --- grad_by_hand | right
def grad_by_hand(x, y, w, b):
    x64, y64, w64, b64 = (t.double() for t in (x, y, w, b))
    r = x64 * w64 + b64 - y64
    return [(2 * r * x64).to(w.dtype), (2 * r).to(b.dtype)]

# --- grad_by_hand | right
def grad_by_hand(x, y, w, b):
    r = forward(x, w, b) - y
    grad_b = r + r
    grad_w = torch.einsum(",->", grad_b, x)
    return grad_w, grad_b

# --- grad_by_autograd | missing_factor_2
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    (loss(x, y, w, b) / 2).backward()
    return w.grad, b.grad

# --- grad_by_autograd | missing_factor_2
def grad_by_autograd(x, y, w, b):
    return torch.func.grad(lambda w, b: 0.5 * (x * w + b - y) ** 2, argnums=(0, 1))(w, b)

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, w, b):
    leaves = [t.detach().clone().requires_grad_() for t in (w, b)]
    (-loss(x, y, *leaves)).backward()
    return [leaf.grad for leaf in leaves]

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, w, b):
    grads = torch.func.grad(loss, argnums=(2, 3))(x, y, w, b)
    return tuple(-g for g in grads)

# --- grad_by_autograd | missing_input_factor
def grad_by_autograd(x, y, w, b):
    z, leaf = (x * w).detach().requires_grad_(), b.detach().clone().requires_grad_()
    ((z + leaf - y) ** 2).backward()
    return z.grad, leaf.grad

# --- grad_by_autograd | missing_input_factor
def grad_by_autograd(x, y, w, b):
    y_hat = forward(x, w, b).detach().requires_grad_()
    (gradient,) = torch.autograd.grad((y_hat - y) ** 2, y_hat)
    return gradient, gradient

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    forward(x, w, b).square().backward()
    return w.grad, b.grad

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, w, b):
    return torch.func.grad(loss, argnums=(2, 3))(x, torch.zeros_like(y), w, b)

# --- grad_by_autograd | loss_returned
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    l = loss(x, y, w, b)
    l.backward()
    return l, l

# --- grad_by_autograd | loss_returned
def grad_by_autograd(x, y, w, b):
    grads, value = torch.func.grad_and_value(loss, argnums=(2, 3))(x, y, w, b)
    return [value for _ in grads]

# --- grad_by_autograd | bias_like_weight
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    loss(x, y, w, b).backward()
    return w.grad, b.grad * x

# --- grad_by_autograd | bias_like_weight
def grad_by_autograd(x, y, w, b):
    leaf = w.detach().clone().requires_grad_()
    loss(x, y, leaf, b).backward()
    return leaf.grad, leaf.grad

# --- grad_by_autograd | order_swapped
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    return torch.autograd.grad(loss(x, y, w, b), (b, w))

# --- grad_by_autograd | order_swapped
def grad_by_autograd(x, y, w, b):
    return torch.func.grad(loss, argnums=(3, 2))(x, y, w, b)

# --- grad_by_autograd | upstream_ignored
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    forward(x, w, b).backward()
    return w.grad, b.grad

# --- grad_by_autograd | wrong_variable
def grad_by_autograd(x, y, w, b):
    x, b = (t.detach().clone().requires_grad_() for t in (x, b))
    return torch.autograd.grad(loss(x, y, w, b), (x, b))

# --- grad_by_autograd | bias_forgotten
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    ((x * w + b - b.detach() - y) ** 2).backward()
    return w.grad, b.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    loss(x, y, w, b).backward(retain_graph=True)
    first = w.grad.clone()
    loss(x, y, w, b).backward()
    return first, b.grad

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, w, b):
    leaf_w = w.detach().clone().requires_grad_()
    leaf_b = b.detach().clone()
    loss(x, y, leaf_w, leaf_b).backward()
    return leaf_w.grad, leaf_b.grad

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    loss(x, y, w.detach(), b.detach()).backward()
    return w.grad, b.grad

# --- grad_by_autograd | wrong | wrong_method
def grad_by_autograd(x, y, w, b):
    return grad_by_hand(x, y, w, b)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w, b):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    return torch.autograd.grad(loss(x, y, w, b), (w, b))

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w, b):
    return torch.func.grad(loss, argnums=(2, 3))(x, y, w, b)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w, b):
    return torch.autograd.functional.jacobian(lambda w, b: loss(x, y, w, b), (w, b))

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w, b):
    one, zero = torch.ones_like(w), torch.zeros_like(w)
    along = lambda dw, db: torch.func.jvp(lambda w, b: loss(x, y, w, b), (w, b), (dw, db))[1]
    return along(one, zero), along(zero, one)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w, b):
    parameters = torch.stack((w, b)).requires_grad_()
    loss(x, y, *parameters).backward()
    return tuple(parameters.grad)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w, b):
    grads = torch.func.jacrev(lambda p: loss(x, y, p["w"], p["b"]))({"w": w, "b": b})
    return grads["w"], grads["b"]

# --- train | missing_factor_2
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w, b) - y
            w, b = w - lr * r * x, b - lr * r
        losses.append(r ** 2)
    return w, b, torch.stack(losses)

# --- train | missing_factor_2
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    optimiser = torch.optim.SGD([w, b], lr=lr)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = 0.5 * loss(x, y, w, b)
            optimiser.zero_grad()
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return w.detach(), b.detach(), torch.stack(losses)

# --- train | missing_input_factor
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w, b) - y
            w, b = w - lr * 2 * r, b - lr * 2 * r
        losses.append(r ** 2)
    return w, b, torch.stack(losses)

# --- train | missing_input_factor
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            losses.append(loss(x, y, w, b))
            grad_b = grad_by_hand(x, y, w, b)[1]
            w = w - lr * grad_b
            b = b - lr * grad_b
    return w, b, torch.stack(losses).reshape(epochs, -1)[:, -1]

# --- train | target_ignored
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            losses.append(loss(x, y, w, b))
            upstream = 2 * forward(x, w, b)
            w, b = w - lr * upstream * x, b - lr * upstream
    return w, b, torch.stack(losses).reshape(epochs, -1)[:, -1]

# --- train | target_ignored
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    losses = []
    for _ in range(epochs):
        for x in xs:
            l = forward(x, w, b) ** 2
            l.backward()
            with torch.no_grad():
                for parameter in (w, b):
                    parameter -= lr * parameter.grad
                    parameter.grad = None
        losses.append(l.detach())
    return w.detach(), b.detach(), torch.stack(losses)

# --- train | bias_like_weight
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w, b) - y
            step = lr * 2 * r * x
            w, b = w - step, b - step
        losses.append(r ** 2)
    return w, b, torch.stack(losses)

# --- train | bias_like_weight
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            losses.append(loss(x, y, w, b))
            grad_w, _ = grad_by_autograd(x, y, w, b)
            w = w - lr * grad_w
            b = b - lr * grad_w
    return w, b, torch.stack(losses).reshape(epochs, -1)[:, -1]

# --- train | order_swapped
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            grad_b, grad_w = grad_by_hand(x, y, w, b)
            w, b = w - lr * grad_w, b - lr * grad_b
        losses.append(l)
    return w, b, torch.stack(losses)

# --- train | order_swapped
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            grad_w, grad_b = grad_by_hand(x, y, w, b)
            w, b = w - lr * grad_w, b - lr * grad_b
        losses.append(l)
    return b, w, torch.stack(losses)

# --- train | bias_forgotten
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = x * w - y
            w, b = w - lr * 2 * r * x, b - lr * 2 * r
        losses.append(r ** 2)
    return w, b, torch.stack(losses)

# --- train | not_zeroed
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            l.backward()
            with torch.no_grad():
                w -= lr * w.grad
                b -= lr * b.grad
        losses.append(l.detach())
    return w.detach(), b.detach(), torch.stack(losses)

# --- train | not_zeroed
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            l.backward()
            w.data -= lr * w.grad.data
            b.data -= lr * b.grad.data
            w.grad.data.zero_()
        losses.append(l.item())
    return w.data, b.data, torch.tensor(losses, dtype=w.dtype)

# --- train | not_zeroed
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    optimiser = torch.optim.SGD([w, b], lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return w.detach(), b.detach(), torch.stack(losses)

# --- train | ascent
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            grad_w, grad_b = grad_by_hand(x, y, w, b)
            w, b = w + lr * grad_w, b + lr * grad_b
        losses.append(l)
    return w, b, torch.stack(losses)

# --- train | ascent
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            grad_w, grad_b = grad_by_hand(x, y, w, b)
            w, b = w - lr * grad_w, b + lr * grad_b
        losses.append(l)
    return w, b, torch.stack(losses)

# --- train | batch_not_sample
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        r = xs * w + b - ys
        losses.append((r ** 2).mean())
        w, b = w - lr * (2 * r * xs).mean(), b - lr * (2 * r).mean()
    return w, b, torch.stack(losses)

# --- train | batch_not_sample
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    optimiser = torch.optim.SGD([w, b], lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            l.backward()
        optimiser.step()
        losses.append(l.detach())
    return w.detach(), b.detach(), torch.stack(losses)

# --- train | off_by_one_epoch | error
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs - 1):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            grad_w, grad_b = grad_by_hand(x, y, w, b)
            w, b = w - lr * grad_w, b - lr * grad_b
        losses.append(l)
    return w, b, torch.stack(losses)

# --- train | off_by_one_epoch
def train(xs, ys, w, b, lr, epochs):
    losses = torch.zeros(epochs, dtype=w.dtype, device=w.device)
    for epoch in range(epochs + 1):
        for x, y in zip(xs, ys):
            if epoch < epochs:
                losses[epoch] = loss(x, y, w, b)
            grad_w, grad_b = grad_by_hand(x, y, w, b)
            w, b = w - lr * grad_w, b - lr * grad_b
    return w, b, losses

# --- train | loss_after_update
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            grad_w, grad_b = grad_by_hand(x, y, w, b)
            w, b = w - lr * grad_w, b - lr * grad_b
        losses.append(loss(x, y, w, b))
    return w, b, torch.stack(losses)

# --- train | loss_after_update
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    optimiser = torch.optim.SGD([w, b], lr=lr)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            optimiser.zero_grad()
            loss(x, y, w, b).backward()
            optimiser.step()
        losses.append(loss(xs[-1], ys[-1], w, b).item())
    return w.detach(), b.detach(), torch.tensor(losses, dtype=w.dtype)

# --- train | one_after_the_other
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            w = w - lr * grad_by_hand(x, y, w, b)[0]
            b = b - lr * grad_by_hand(x, y, w, b)[1]
        losses.append(l)
    return w, b, torch.stack(losses)

# --- train | not_updated
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            w = w - lr * grad_by_hand(x, y, w, b)[0]
        losses.append(l)
    return w, b, torch.stack(losses)

# --- train | missing_factor_2 + loss_after_update
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w, b) - y
            w, b = w - lr * r * x, b - lr * r
        losses.append(loss(x, y, w, b))
    return w, b, torch.stack(losses)

# --- train | bias_like_weight + ascent
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            grad_w = grad_by_hand(x, y, w, b)[0]
            w, b = w + lr * grad_w, b + lr * grad_w
        losses.append(l)
    return w, b, torch.stack(losses)

# --- train | wrong
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    optimiser = torch.optim.SGD([w, b], lr=lr, momentum=0.9)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            optimiser.zero_grad()
            l = loss(x, y, w, b)
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return w.detach(), b.detach(), torch.stack(losses)

# --- train | wrong
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for epoch in range(epochs):
        for x, y in zip(xs[1:], ys[1:]):
            l = loss(x, y, w, b)
            grad_w, grad_b = grad_by_hand(x, y, w, b)
            w, b = w - lr * grad_w, b - lr * grad_b
        losses.append(l)
    return w, b, torch.stack(losses)

# --- train | wrong | error
def train(xs, ys, w, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            grad_w, grad_b = grad_by_hand(x, y, w, b)
            w, b = w - lr * grad_w, b - lr * grad_b
        losses.append(l)
    return w, torch.stack(losses)

# --- train | wrong | error
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            l.backward()
            w -= lr * w.grad
            b -= lr * b.grad
        losses.append(l.detach())
    return w.detach(), b.detach(), torch.stack(losses)

# --- train | right
def train(xs, ys, w, b, lr, epochs):
    w, b = (t.detach().clone().requires_grad_() for t in (w, b))
    optimiser = torch.optim.SGD([w, b], lr=lr)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            optimiser.zero_grad()
            l = loss(x, y, w, b)
            l.backward()
            optimiser.step()
        losses.append(l.item())
    return w, b, torch.tensor(losses, dtype=xs.dtype, device=xs.device)

# --- train | right
def train(xs, ys, w, b, lr, epochs):
    w, b = w.clone(), b.clone()
    w.requires_grad = b.requires_grad = True
    losses = torch.zeros(epochs, dtype=xs.dtype, device=xs.device)
    for epoch in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            l.backward()
            w.data -= lr * w.grad.data
            b.data -= lr * b.grad.data
            w.grad.data.zero_()
            b.grad.data.zero_()
            losses[epoch] = l.data
    return [w.data, b.data, losses]

# --- train | right
def train(xs, ys, w, b, lr, epochs):
    theta = torch.stack((w, b))
    features = torch.stack((xs, torch.ones_like(xs)), dim=1)
    losses = []
    for _ in range(epochs):
        for phi, y in zip(features, ys):
            r = phi @ theta - y
            theta = theta - 2 * lr * r * phi
        losses.append(r * r)
    return theta[0], theta[1], torch.stack(losses)

# --- train | right
def train(xs, ys, w, b, lr, epochs):
    model = torch.nn.Linear(1, 1, dtype=xs.dtype, device=xs.device)
    with torch.no_grad():
        model.weight.fill_(w)
        model.bias.fill_(b)
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs.reshape(-1, 1, 1), ys.reshape(-1, 1, 1)):
            l = torch.nn.functional.mse_loss(model(x), y)
            optimiser.zero_grad()
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return model.weight.detach().reshape(()), model.bias.detach().reshape(()), torch.stack(losses)

# --- train | right
def train(xs, ys, w, b, lr, epochs):
    wv, bv, losses = w.item(), b.item(), []
    for _ in range(epochs):
        for x, y in zip(xs.tolist(), ys.tolist()):
            r = wv * x + bv - y
            wv, bv = wv - 2 * lr * r * x, bv - 2 * lr * r
        losses.append(r ** 2)
    return tuple(w.new_tensor(v) for v in (wv, bv, losses))

# --- train | right
def train(xs, ys, w, b, lr, epochs):
    step = torch.func.grad_and_value(loss, argnums=(2, 3))
    last = []
    for _ in range(epochs):
        for i in range(xs.numel()):
            (grad_w, grad_b), value = step(xs[i], ys[i], w, b)
            w, b = w.sub(grad_w, alpha=lr), b.sub(grad_b, alpha=lr)
        last += [value.reshape(1)]
    return w, b, torch.cat(last)

# --- train | wrong
def train(xs, ys, w, b, lr, epochs):
    out = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w, b)
            gw, gb = grad_by_hand(x, y, w, b)
            w, b = w - lr * gw, b - lr * gb
        out.append(l)
        if l < 1e-3: break
    out += [l] * (epochs - len(out))
    return w, b, torch.stack(out)
