# --- forward | wrong_power
def forward(x, w1, w2, b):
    return w1 * x * 2 + w2 * x + b

# --- forward | wrong_power
def forward(x, w1, w2, b):
    return (w1 + w2) * x + b

# --- forward | powers_exchanged
def forward(x, w1, w2, b):
    return w1 * x + w2 * x * x + b

# --- forward | bias_forgotten
def forward(x, w1, w2, b):
    return x * (w1 * x + w2)

# --- forward | product_squared
def forward(x, w1, w2, b):
    return (w1 * x) ** 2 + w2 * x + b

# --- forward | wrong
def forward(x, w1, w2, b):
    return w1 * x ** 3 + w2 * x + b

# --- forward | wrong | error
def forward(x, w1, w2, b):
    return w1 * x ^ 2 + w2 * x + b

# --- forward | right
def forward(x, w1, w2, b):
    return torch.stack((x * x, x, torch.ones_like(x))) @ torch.stack((w1, w2, b))

# --- forward | right
def forward(x, w1, w2, b):
    return (w1 * x + w2) * x + b

# --- loss | target_ignored
def loss(x, y, w1, w2, b):
    return forward(x, w1, w2, b) ** 2

# --- loss | bias_forgotten
def loss(x, y, w1, w2, b):
    return torch.square(w1 * x ** 2 + w2 * x - y)

# --- loss | not_squared
def loss(x, y, w1, w2, b):
    return y - forward(x, w1, w2, b)

# --- loss | halved_loss
def loss(x, y, w1, w2, b):
    return (forward(x, w1, w2, b) - y) ** 2 / 2

# --- node_gradients | missing_factor_2
def node_gradients(x, y, w1, w2, b):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    z1, z2 = w1 * x ** 2, w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y_hat - y
    grads = torch.autograd.grad(0.5 * r ** 2, (z1, z2, z, y_hat, r))
    return dict(zip(("z1", "z2", "z", "y_hat", "r"), grads))

# --- node_gradients | missing_factor_2
def node_gradients(x, y, w1, w2, b):
    r = (forward(x, w1, w2, b) - y).detach().requires_grad_()
    (r * r / 2).backward()
    return {name: r.grad for name in ("z1", "z2", "z", "y_hat", "r")}

# --- node_gradients | sign_flipped
def node_gradients(x, y, w1, w2, b):
    right = _right_node_gradients(x, y, w1, w2, b)
    return {name: -grad for name, grad in right.items()}

# --- node_gradients | sign_flipped
def node_gradients(x, y, w1, w2, b):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    z1, z2 = w1 * x ** 2, w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y - y_hat
    nodes = {"z1": z1, "z2": z2, "z": z, "y_hat": y_hat, "r": r}
    grads = torch.autograd.grad(r ** 2, list(nodes.values()))
    return dict(zip(nodes, grads))

# --- node_gradients | target_ignored
def node_gradients(x, y, w1, w2, b):
    y_hat = forward(x, w1, w2, b).detach().requires_grad_()
    (y_hat ** 2).backward()
    return {name: y_hat.grad for name in ("z1", "z2", "z", "y_hat", "r")}

# --- node_gradients | target_ignored
def node_gradients(x, y, w1, w2, b):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    z1, z2 = w1 * x ** 2, w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y_hat - 0 * y
    nodes = {"z1": z1, "z2": z2, "z": z, "y_hat": y_hat, "r": r}
    for node in nodes.values():
        node.retain_grad()
    r.pow(2).backward()
    return {name: node.grad for name, node in nodes.items()}

# --- node_gradients | loss_returned
def node_gradients(x, y, w1, w2, b):
    l = loss(x, y, w1, w2, b)
    return {"z1": l, "z2": l, "z": l, "y_hat": l, "r": l}

# --- node_gradients | loss_returned
def node_gradients(x, y, w1, w2, b):
    r = (forward(x, w1, w2, b) - y).detach().requires_grad_()
    l = r ** 2
    l.backward()
    return dict.fromkeys(("z1", "z2", "z", "y_hat", "r"), l)

# --- node_gradients | upstream_ignored
def node_gradients(x, y, w1, w2, b):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    z1, z2 = w1 * x ** 2, w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y_hat - y
    local = lambda out, node: torch.autograd.grad(out, node, retain_graph=True)[0]
    return {
        "z1": local(z, z1), "z2": local(z, z2), "z": local(y_hat, z),
        "y_hat": local(r, y_hat), "r": local(r ** 2, r),
    }

# --- node_gradients | values_not_gradients
def node_gradients(x, y, w1, w2, b):
    z1, z2 = w1 * x ** 2, w2 * x
    z = z1 + z2
    return {"z1": z1, "z2": z2, "z": z, "y_hat": z + b, "r": z + b - y}

# --- node_gradients | one_step_too_far
def node_gradients(x, y, w1, w2, b):
    right = _right_node_gradients(x, y, w1, w2, b)
    grad_w1, grad_w2, _ = grad_by_autograd(x, y, w1, w2, b)
    return {**right, "z1": grad_w1, "z2": grad_w2}

# --- node_gradients | bias_forgotten
def node_gradients(x, y, w1, w2, b):
    r = (w1 * x ** 2 + w2 * x - y).detach().requires_grad_()
    (r ** 2).backward()
    return {name: r.grad for name in ("z1", "z2", "z", "y_hat", "r")}

# --- node_gradients | missing_factor_2 + sign_flipped
def node_gradients(x, y, w1, w2, b):
    r = (y - forward(x, w1, w2, b)).detach().requires_grad_()
    (r ** 2 / 2).backward()
    return {name: r.grad for name in ("z1", "z2", "z", "y_hat", "r")}

# --- node_gradients | wrong
def node_gradients(x, y, w1, w2, b):
    right = _right_node_gradients(x, y, w1, w2, b)
    return {**right, "z": right["z1"] + right["z2"]}

# --- node_gradients | wrong
def node_gradients(x, y, w1, w2, b):
    right = _right_node_gradients(x, y, w1, w2, b)
    return {**right, "z1": right["z"] / 2, "z2": right["z"] / 2}

# --- node_gradients | wrong | error
def node_gradients(x, y, w1, w2, b):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    z1, z2 = w1 * x ** 2, w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y_hat - y
    (r ** 2).backward()
    return {"z1": z1.grad, "z2": z2.grad, "z": z.grad, "y_hat": y_hat.grad, "r": r.grad}

# --- node_gradients | wrong | error
def node_gradients(x, y, w1, w2, b):
    z1, z2 = w1 * x ** 2, w2 * x
    nodes = [z1, z2, z1 + z2]
    for node in nodes:
        node.retain_grad()
    return nodes

# --- node_gradients | wrong | error
def node_gradients(x, y, w1, w2, b):
    right = _right_node_gradients(x, y, w1, w2, b)
    return tuple(right.values())

# --- node_gradients | wrong | error
def node_gradients(x, y, w1, w2, b):
    right = _right_node_gradients(x, y, w1, w2, b)
    right["ŷ"] = right.pop("y_hat")
    return right

# --- node_gradients | wrong | wrong_method
def node_gradients(x, y, w1, w2, b):
    gradient = 2 * (forward(x, w1, w2, b) - y)
    return {name: gradient for name in ("z1", "z2", "z", "y_hat", "r")}

# --- node_gradients | right
def node_gradients(x, y, w1, w2, b):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    z1, z2 = w1 * x ** 2, w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y_hat - y
    grads = torch.autograd.grad(r ** 2, (r, y_hat, z, z2, z1))
    return dict(zip(("r", "y_hat", "z", "z2", "z1"), grads))

# --- node_gradients | right
def node_gradients(x, y, w1, w2, b):
    z1 = (w1 * x ** 2).requires_grad_()
    z2 = (w2 * x).requires_grad_()
    z = z1 + z2
    y_hat = z + b
    r = y_hat - y
    for node in (z, y_hat, r):
        node.retain_grad()
    (r ** 2).backward()
    return dict(z1=z1.grad, z2=z2.grad, z=z.grad, y_hat=y_hat.grad, r=r.grad)

# --- node_gradients | right
def node_gradients(x, y, w1, w2, b):
    kept = {}
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    def watched(name, node):
        node.register_hook(lambda grad: kept.__setitem__(name, grad))
        return node
    z1, z2 = watched("z1", w1 * x ** 2), watched("z2", w2 * x)
    y_hat = watched("y_hat", watched("z", z1 + z2) + b)
    watched("r", y_hat - y).square().backward()
    return kept

# --- node_gradients | right
def node_gradients(x, y, w1, w2, b):
    z1, z2 = w1 * x ** 2, w2 * x
    z = z1 + z2
    y_hat = z + b
    r = y_hat - y
    grad = torch.func.grad
    return {
        "z1": grad(lambda v: (v + z2 + b - y) ** 2)(z1),
        "z2": grad(lambda v: (z1 + v + b - y) ** 2)(z2),
        "z": grad(lambda v: (v + b - y) ** 2)(z),
        "y_hat": grad(lambda v: (v - y) ** 2)(y_hat),
        "r": grad(torch.square)(r),
    }

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return r * x ** 2, r * x, r

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w1, w2, b):
    features = torch.stack((x * x, x, torch.ones_like(x)))
    return tuple((features @ torch.stack((w1, w2, b)) - y) * features)

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return 2 * r * x ** 2, 2 * r * x, r

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return r * x * x, r * x, r + r

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w1, w2, b):
    r = y - forward(x, w1, w2, b)
    return 2 * r * x ** 2, 2 * r * x, 2 * r

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w1, w2, b):
    arriving = -2 * (w1 * x ** 2 + w2 * x + b - y)
    return [arriving * x * x, arriving * x, arriving]

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return -2 * r * x ** 2, -2 * r * x, 2 * r

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving, arriving, arriving

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return 2 * r * x ** 2, 2 * r, 2 * r

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return r + r, 2 * r * x, r + r

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * forward(x, w1, w2, b)
    return arriving * x ** 2, arriving * x, arriving

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w1, w2, b):
    y_hat = w1 * x * x + w2 * x + b
    return [2 * y_hat * power for power in (x * x, x, 1)]

# --- grad_by_hand | loss_returned
def grad_by_hand(x, y, w1, w2, b):
    l = loss(x, y, w1, w2, b)
    return l, l, l

# --- grad_by_hand | loss_returned
def grad_by_hand(x, y, w1, w2, b):
    r = w1 * x * x + w2 * x + b - y
    return [r * r for _ in range(3)]

# --- grad_by_hand | bias_like_weight
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return 2 * r * x ** 2, 2 * r * x, 2 * r * x

# --- grad_by_hand | bias_like_weight
def grad_by_hand(x, y, w1, w2, b):
    grad_w1 = 2 * (forward(x, w1, w2, b) - y) * x * x
    return grad_w1, grad_w1 / x, grad_w1

# --- grad_by_hand | wrong_power
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving * x, arriving * x, arriving

# --- grad_by_hand | wrong_power
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    dz1_dw1 = 2 * x
    return arriving * dz1_dw1, arriving * x, arriving

# --- grad_by_hand | wrong_power
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving * x * 2, arriving * 1, arriving

# --- grad_by_hand | order_swapped
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving, arriving * x, arriving * x ** 2

# --- grad_by_hand | order_swapped
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving * x, arriving * x ** 2, arriving

# --- grad_by_hand | order_swapped
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    grads = {"b": 2 * r, "w1": 2 * r * x ** 2, "w2": 2 * r * x}
    return tuple(grads.values())

# --- grad_by_hand | upstream_ignored
def grad_by_hand(x, y, w1, w2, b):
    return x ** 2, x.clone(), torch.ones_like(b)

# --- grad_by_hand | wrong_variable
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving * 2 * w1 * x, arriving * w2, arriving

# --- grad_by_hand | bias_forgotten
def grad_by_hand(x, y, w1, w2, b):
    r = w1 * x ** 2 + w2 * x - y
    return 2 * r * x ** 2, 2 * r * x, 2 * r

# --- grad_by_hand | powers_exchanged
def grad_by_hand(x, y, w1, w2, b):
    r = w1 * x + w2 * x ** 2 + b - y
    return 2 * r * x, 2 * r * x ** 2, 2 * r

# --- grad_by_hand | missing_factor_2 + sign_flipped
def grad_by_hand(x, y, w1, w2, b):
    r = y - forward(x, w1, w2, b)
    return r * x ** 2, r * x, r

# --- grad_by_hand | missing_factor_2 + wrong_power
def grad_by_hand(x, y, w1, w2, b):
    r = forward(x, w1, w2, b) - y
    return r * x, r * x, r

# --- grad_by_hand | bias_like_weight + wrong_power
def grad_by_hand(x, y, w1, w2, b):
    grad = 2 * (forward(x, w1, w2, b) - y) * x
    return grad, grad, grad

# --- grad_by_hand | sign_flipped + order_swapped
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (y - forward(x, w1, w2, b))
    return arriving, arriving * x, arriving * x ** 2

# --- grad_by_hand | slip:factor
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving * x ** 3, arriving * x, arriving

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w1, w2, b):
    arriving = (forward(x, w1, w2, b) - y) ** 3
    return arriving * x ** 2, arriving * x, arriving

# --- grad_by_hand | slip:factor
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving * x ** 2, arriving * x, arriving * b

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return torch.stack((arriving * x ** 2, arriving * x, arriving))

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, w1, w2, b):
    nodes = node_gradients(x, y, w1, w2, b)
    return nodes["z1"] * x ** 2, nodes["z2"] * x, nodes["z"]

# --- grad_by_hand | right
def grad_by_hand(x, y, w1, w2, b):
    features = torch.stack((x.square(), x, x ** 0))
    grads = 2 * (features.dot(torch.stack((w1, w2, b))) - y) * features
    return grads[0], grads[1], grads[2]

# --- grad_by_hand | right
def grad_by_hand(x, y, w1, w2, b):
    b_grad = 2 * (forward(x, w1, w2, b) - y)
    w2_grad = b_grad * x
    return [w2_grad * x, w2_grad, b_grad]

# --- grad_by_hand | right
def grad_by_hand(x, y, w1, w2, b):
    residual = (w1.double() * x.double() ** 2 + w2.double() * x.double() + b.double()) - y.double()
    slopes = (x.double() ** 2, x.double(), 1.0)
    return tuple((2 * residual * slope).to(x.dtype) for slope in slopes)

# --- grad_by_autograd | missing_factor_2
def grad_by_autograd(x, y, w1, w2, b):
    leaves = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    return torch.autograd.grad(loss(x, y, *leaves) / 2, leaves)

# --- grad_by_autograd | missing_factor_2
def grad_by_autograd(x, y, w1, w2, b):
    return torch.func.grad(lambda *p: 0.5 * loss(x, y, *p), argnums=(0, 1, 2))(w1, w2, b)

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, w1, w2, b):
    leaves = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    loss(x, y, *leaves).neg().backward()
    return [leaf.grad for leaf in leaves]

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, w1, w2, b):
    return [-g for g in torch.func.grad(loss, argnums=(2, 3, 4))(x, y, w1, w2, b)]

# --- grad_by_autograd | missing_input_factor
def grad_by_autograd(x, y, w1, w2, b):
    nodes = node_gradients(x, y, w1, w2, b)
    return nodes["z1"], nodes["z2"], nodes["y_hat"]

# --- grad_by_autograd | missing_input_factor
def grad_by_autograd(x, y, w1, w2, b):
    z1, z2, b = (t.detach().clone().requires_grad_() for t in (w1 * x ** 2, w2 * x, b))
    return torch.autograd.grad((z1 + z2 + b - y) ** 2, (z1, z2, b))

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, w1, w2, b):
    leaves = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    (forward(x, *leaves) ** 2).backward()
    return [leaf.grad for leaf in leaves]

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, w1, w2, b):
    return torch.func.grad(loss, argnums=(2, 3, 4))(x, 0 * y, w1, w2, b)

# --- grad_by_autograd | loss_returned
def grad_by_autograd(x, y, w1, w2, b):
    leaves = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    l = loss(x, y, *leaves)
    l.backward()
    return l, l, l

# --- grad_by_autograd | loss_returned
def grad_by_autograd(x, y, w1, w2, b):
    grads, value = torch.func.grad_and_value(loss, argnums=(2, 3, 4))(x, y, w1, w2, b)
    return [value] * len(grads)

# --- grad_by_autograd | bias_like_weight
def grad_by_autograd(x, y, w1, w2, b):
    grads = _right_grad_by_autograd(x, y, w1, w2, b)
    return grads[0], grads[1], grads[2] * x

# --- grad_by_autograd | bias_like_weight
def grad_by_autograd(x, y, w1, w2, b):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    loss(x, y, w1, w2, b).backward()
    return w1.grad, w2.grad, w2.grad

# --- grad_by_autograd | wrong_power
def grad_by_autograd(x, y, w1, w2, b):
    leaves = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    l = (leaves[0] * x * 2 + leaves[1] * x + leaves[2] - y) ** 2
    return torch.autograd.grad(l, leaves)

# --- grad_by_autograd | wrong_power
def grad_by_autograd(x, y, w1, w2, b):
    return torch.func.grad(lambda p, q, c: (p * x + q * x + c - y) ** 2, argnums=(0, 1, 2))(w1, w2, b)

# --- grad_by_autograd | order_swapped
def grad_by_autograd(x, y, w1, w2, b):
    leaves = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    return torch.autograd.grad(loss(x, y, *leaves), leaves[::-1])

# --- grad_by_autograd | order_swapped
def grad_by_autograd(x, y, w1, w2, b):
    return torch.func.grad(loss, argnums=(4, 2, 3))(x, y, w1, w2, b)

# --- grad_by_autograd | upstream_ignored
def grad_by_autograd(x, y, w1, w2, b):
    return torch.func.grad(forward, argnums=(1, 2, 3))(x, w1, w2, b)

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, w1, w2, b):
    leaves = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    for _ in range(3):
        loss(x, y, *leaves).backward()
    return [leaf.grad for leaf in leaves]

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, w1, w2, b):
    return torch.func.grad(loss, argnums=(1, 2, 3, 4))(x, y, w1, w2, b)

# --- grad_by_autograd | wrong | wrong_method
def grad_by_autograd(x, y, w1, w2, b):
    arriving = 2 * (forward(x, w1, w2, b) - y)
    return arriving * x ** 2, arriving * x, arriving

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w1, w2, b):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    loss(x, y, w1, w2, b).backward()
    return w1.grad, w2.grad, b.grad

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w1, w2, b):
    return torch.func.grad(loss, argnums=(2, 3, 4))(x, y, w1, w2, b)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w1, w2, b):
    return torch.autograd.functional.jacobian(lambda *p: loss(x, y, *p), (w1, w2, b))

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w1, w2, b):
    parameters = torch.stack((w1, w2, b))
    return tuple(torch.func.jacfwd(lambda p: loss(x, y, p[0], p[1], p[2]))(parameters))

# --- train | missing_factor_2
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w1, w2, b) - y
            w1, w2, b = w1 - lr * r * x ** 2, w2 - lr * r * x, b - lr * r
        losses.append(r ** 2)
    return w1, w2, b, torch.stack(losses)

# --- train | missing_factor_2
def train(xs, ys, w1, w2, b, lr, epochs):
    parameters = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    optimiser = torch.optim.SGD(parameters, lr=lr)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, *parameters) / 2
            optimiser.zero_grad()
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return *(p.detach() for p in parameters), torch.stack(losses)

# --- train | missing_input_factor
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w1, w2, b) - y
            step = lr * 2 * r
            w1, w2, b = w1 - step, w2 - step, b - step
        losses.append(r ** 2)
    return w1, w2, b, torch.stack(losses)

# --- train | missing_input_factor
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            nodes = node_gradients(x, y, w1, w2, b)
            w1, w2, b = w1 - lr * nodes["z1"], w2 - lr * nodes["z2"], b - lr * nodes["y_hat"]
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | target_ignored
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            up = 2 * lr * forward(x, w1, w2, b)
            w1, w2, b = w1 - up * x ** 2, w2 - up * x, b - up
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | target_ignored
def train(xs, ys, w1, w2, b, lr, epochs):
    parameters = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    losses = []
    for _ in range(epochs):
        for x in xs:
            l = forward(x, *parameters) ** 2
            grads = torch.autograd.grad(l, parameters)
            with torch.no_grad():
                for p, g in zip(parameters, grads):
                    p -= lr * g
        losses.append(l.detach())
    return *(p.detach() for p in parameters), torch.stack(losses)

# --- train | bias_like_weight
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w1, w2, b) - y
            w1, w2, b = w1 - lr * 2 * r * x ** 2, w2 - lr * 2 * r * x, b - lr * 2 * r * x
        losses.append(r ** 2)
    return w1, w2, b, torch.stack(losses)

# --- train | bias_like_weight
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            grad_w1, grad_w2, _ = grad_by_autograd(x, y, w1, w2, b)
            w1, w2, b = w1 - lr * grad_w1, w2 - lr * grad_w2, b - lr * grad_w1
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | wrong_power
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w1, w2, b) - y
            w1, w2, b = w1 - lr * 2 * r * 2 * x, w2 - lr * 2 * r * x, b - lr * 2 * r
        losses.append(r ** 2)
    return w1, w2, b, torch.stack(losses)

# --- train | wrong_power
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            _, grad_w2, grad_b = grad_by_hand(x, y, w1, w2, b)
            w1, w2, b = w1 - lr * grad_w2, w2 - lr * grad_w2, b - lr * grad_b
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | order_swapped
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            g2, g1, g0 = grad_by_hand(x, y, w1, w2, b)
            w1, w2, b = w1 - lr * g1, w2 - lr * g2, b - lr * g0
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | order_swapped
def train(xs, ys, w1, w2, b, lr, epochs):
    w1, w2, b, losses = _right_train(xs, ys, w1, w2, b, lr, epochs)
    return b, w1, w2, losses

# --- train | not_zeroed
def train(xs, ys, w1, w2, b, lr, epochs):
    parameters = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, *parameters)
            l.backward()
            with torch.no_grad():
                for p in parameters:
                    p -= lr * p.grad
        losses.append(l.detach())
    return *(p.detach() for p in parameters), torch.stack(losses)

# --- train | not_zeroed
def train(xs, ys, w1, w2, b, lr, epochs):
    w1, w2, b = (t.detach().clone().requires_grad_() for t in (w1, w2, b))
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            l.backward()
            w1.data -= lr * w1.grad.data
            w2.data -= lr * w2.grad.data
            b.data -= lr * b.grad.data
            w1.grad.data.zero_()
            w2.grad.data.zero_()
        losses.append(l.item())
    return w1.data, w2.data, b.data, torch.tensor(losses, dtype=xs.dtype)

# --- train | not_zeroed
def train(xs, ys, w1, w2, b, lr, epochs):
    parameters = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    optimiser = torch.optim.SGD(parameters, lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        for x, y in zip(xs, ys):
            l = loss(x, y, *parameters)
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return *(p.detach() for p in parameters), torch.stack(losses)

# --- train | ascent
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            w1, w2, b = (p + lr * g for p, g in zip((w1, w2, b), grad_by_hand(x, y, w1, w2, b)))
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | ascent
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            g1, g2, g0 = grad_by_autograd(x, y, w1, w2, b)
            w1, w2, b = w1 - lr * g1, w2 + lr * g2, b - lr * g0
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | batch_not_sample
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        r = w1 * xs ** 2 + w2 * xs + b - ys
        losses.append(r[-1] ** 2)
        step = 2 * lr * r
        w1, w2, b = w1 - (step * xs ** 2).sum(), w2 - (step * xs).sum(), b - step.sum()
    return w1, w2, b, torch.stack(losses)

# --- train | batch_not_sample
def train(xs, ys, w1, w2, b, lr, epochs):
    parameters = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    optimiser = torch.optim.SGD(parameters, lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        l = torch.stack([loss(x, y, *parameters) for x, y in zip(xs, ys)]).mean()
        l.backward()
        optimiser.step()
        losses.append(l.detach())
    return *(p.detach() for p in parameters), torch.stack(losses)

# --- train | off_by_one_epoch | error
def train(xs, ys, w1, w2, b, lr, epochs):
    return _right_train(xs, ys, w1, w2, b, lr, epochs + 1)

# --- train | off_by_one_epoch
def train(xs, ys, w1, w2, b, lr, epochs):
    w1, w2, b, losses = _right_train(xs, ys, w1, w2, b, lr, epochs - 1)
    return w1, w2, b, torch.cat((losses, losses[-1:]))

# --- train | loss_after_update
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            w1, w2, b = (p - lr * g for p, g in zip((w1, w2, b), grad_by_hand(x, y, w1, w2, b)))
            l = loss(x, y, w1, w2, b)
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | loss_after_update
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = xs.new_zeros(epochs)
    for epoch in range(epochs):
        w1, w2, b, _ = _right_train(xs, ys, w1, w2, b, lr, 1)
        losses[epoch] = loss(xs[-1], ys[-1], w1, w2, b)
    return w1, w2, b, losses

# --- train | one_after_the_other
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            w1 = w1 - lr * grad_by_hand(x, y, w1, w2, b)[0]
            w2 = w2 - lr * grad_by_hand(x, y, w1, w2, b)[1]
            b = b - lr * grad_by_hand(x, y, w1, w2, b)[2]
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | wrong_power + not_zeroed
def train(xs, ys, w1, w2, b, lr, epochs):
    total = [0, 0, 0]
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            r = forward(x, w1, w2, b) - y
            total = [t + 2 * r * s for t, s in zip(total, (x, x, 1))]
            w1, w2, b = (p - lr * t for p, t in zip((w1, w2, b), total))
        losses.append(r ** 2)
    return w1, w2, b, torch.stack(losses)

# --- train | wrong
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            grads = grad_by_hand(x, y, w1, w2, b)
            w1, w2, b = (p - lr * g.sign() for p, g in zip((w1, w2, b), grads))
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | wrong
def train(xs, ys, w1, w2, b, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs[:3], ys[:3]):
            l = loss(x, y, w1, w2, b)
            grads = grad_by_hand(x, y, w1, w2, b)
            w1, w2, b = (p - lr * g for p, g in zip((w1, w2, b), grads))
        losses.append(l)
    return w1, w2, b, torch.stack(losses)

# --- train | wrong | error
def train(xs, ys, w1, w2, b, lr, epochs):
    for epoch in range(epochs):
        for x, y in zip(xs, ys):
            grads = grad_by_hand(x, y, w1, w2, b)
            w1, w2, b = (p - lr * g for p, g in zip((w1, w2, b), grads))
    return w1, w2, b

# --- train | right
def train(xs, ys, w1, w2, b, lr, epochs):
    parameters = [t.detach().clone().requires_grad_() for t in (w1, w2, b)]
    optimiser = torch.optim.SGD(parameters, lr=lr)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, *parameters)
            optimiser.zero_grad()
            l.backward()
            optimiser.step()
        losses.append(l)
    return *parameters, torch.stack(losses)

# --- train | right
def train(xs, ys, w1, w2, b, lr, epochs):
    w1, w2, b = (torch.autograd.Variable(t.clone(), requires_grad=True) for t in (w1, w2, b))
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, w1, w2, b)
            l.backward()
            for p in (w1, w2, b):
                p.data = p.data - lr * p.grad.data
                p.grad.data.zero_()
        losses.append(l.item())
    return w1.data, w2.data, b.data, torch.tensor(losses, dtype=xs.dtype, device=xs.device)

# --- train | right
def train(xs, ys, w1, w2, b, lr, epochs):
    theta = torch.stack((w1, w2, b))
    features = torch.stack((xs ** 2, xs, torch.ones_like(xs)), dim=1)
    losses = torch.zeros(epochs, dtype=xs.dtype, device=xs.device)
    for epoch in range(epochs):
        for phi, y in zip(features, ys):
            r = phi @ theta - y
            losses[epoch] = r ** 2
            theta = theta - 2 * lr * r * phi
    return [*theta, losses]

# --- train | right
def train(xs, ys, w1, w2, b, lr, epochs):
    p, q, c = (t.item() for t in (w1, w2, b))
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs.tolist(), ys.tolist()):
            r = p * x * x + q * x + c - y
            p, q, c = p - 2 * lr * r * x * x, q - 2 * lr * r * x, c - 2 * lr * r
        losses.append(r * r)
    return *(w1.new_tensor(v) for v in (p, q, c)), xs.new_tensor(losses)


# --- train | not_zeroed
def train(xs, ys, w1, w2, b, lr, epochs):
    parameters = [p.detach().clone().requires_grad_() for p in (w1, w2, b)]
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            value = loss(x, y, *parameters)
            value.backward()
            with torch.no_grad():
                for p in parameters:
                    p -= lr * p.grad
            parameters[0].grad.zero_()
        losses.append(value.detach())
    return *(p.detach() for p in parameters), torch.stack(losses)

# --- train | wrong
def train(xs, ys, w1, w2, b, lr, epochs):
    out = []
    p = (w1, w2, b)
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, *p)
            p = tuple(v - lr * g for v, g in zip(p, grad_by_hand(x, y, *p)))
        out.append(l)
        if l < 1e-3: break
    out += [l] * (epochs - len(out))
    return *p, torch.stack(out)
