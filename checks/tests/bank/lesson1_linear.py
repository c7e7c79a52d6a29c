# --- multiply_backward | order_swapped
def multiply_backward(x, w, upstream):
    return x * upstream, w * upstream

# --- multiply_backward | upstream_ignored
def multiply_backward(x, w, upstream):
    return w, x

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w):
    return (forward(x, w) - y) * x

# --- grad_by_hand | missing_factor_2 + sign_flipped
def grad_by_hand(x, y, w):
    r = y - x * w
    return r * x

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    return 2 * (x * w - y) * w

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

# --- train | off_by_one_epoch | error
def train(xs, ys, w, lr, epochs):
    losses = []
    for _ in range(epochs + 1):
        for x, y in zip(xs, ys):
            l = loss(x, y, w)
            w = w - lr * grad_by_hand(x, y, w)
        losses.append(l)
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
