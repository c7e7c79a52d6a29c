# --- sigmoid | sign_flipped
def sigmoid(z):
    return 1 / (1 + torch.exp(z))

# --- sigmoid | sign_flipped
def sigmoid(z):
    return 1 - torch.sigmoid(z)

# --- sigmoid | sigmoid_slope_returned
def sigmoid(z):
    s = torch.sigmoid(z)
    return s * (1 - s)

# --- sigmoid | other_activation
def sigmoid(z):
    return torch.tanh(z)

# --- sigmoid | other_activation
def sigmoid(z):
    return torch.relu(z)

# --- sigmoid | wrong
def sigmoid(z):
    return torch.exp(z) / (1 + torch.exp(z))

# --- sigmoid | wrong
def sigmoid(z):
    return 1 / 1 + torch.exp(-z)

# --- sigmoid | wrong | error
def sigmoid(z):
    import math

    return 1 / (1 + math.exp(-z))

# --- sigmoid | wrong
def sigmoid(z):
    return torch.softmax(z.reshape(-1), 0).reshape(z.shape)

# --- sigmoid | right
def sigmoid(z):
    return torch.sigmoid(z)

# --- sigmoid | right
def sigmoid(z):
    return 0.5 * (1 + torch.tanh(z / 2))

# --- sigmoid | right
def sigmoid(z):
    e = torch.exp(-z.abs())
    return torch.where(z >= 0, 1 / (1 + e), e / (1 + e))

# --- sigmoid | right
def sigmoid(z):
    return torch.nn.functional.logsigmoid(z).exp()

# --- sigmoid | right
def sigmoid(z):
    return (1 + (-z.double()).exp()).reciprocal().to(z.dtype)

# --- sigmoid_slope | slope_of_activation
def sigmoid_slope(a):
    return sigmoid(a) * (1 - sigmoid(a))

# --- sigmoid_slope | slope_of_activation
def sigmoid_slope(a):
    return torch.exp(-a) / (1 + torch.exp(-a)) ** 2

# --- sigmoid_slope | sign_flipped
def sigmoid_slope(a):
    return a * (a - 1)

# --- sigmoid_slope | half_a_slope
def sigmoid_slope(a):
    return 1 - a

# --- sigmoid_slope | tanh_slope
def sigmoid_slope(a):
    return 1 - a * a

# --- sigmoid_slope | wrong
def sigmoid_slope(a):
    return a * (1 + a)

# --- sigmoid_slope | right
def sigmoid_slope(a):
    return a - a.square()

# --- sigmoid_slope | right
def sigmoid_slope(a):
    z = torch.log(a / (1 - a)).requires_grad_()
    return torch.autograd.grad(torch.sigmoid(z).sum(), z)[0]

# --- forward | crossed_wiring
def forward(x, w):
    h = sigmoid(w[:4].view(2, 2) @ x)
    return h, sigmoid(w[4:].view(2, 2) @ h)

# --- forward | crossed_wiring
def forward(x, w):
    h1 = sigmoid(w[0] * x[0] + w[1] * x[1])
    h2 = sigmoid(w[2] * x[0] + w[3] * x[1])
    o1 = sigmoid(w[4] * h1 + w[6] * h2)
    o2 = sigmoid(w[5] * h1 + w[7] * h2)
    return torch.stack([h1, h2]), torch.stack([o1, o2])

# --- forward | crossed_wiring
def forward(x, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    h = sigmoid(torch.stack([w1 * x[0] + w3 * x[1], w2 * x[0] + w4 * x[1]]))
    o = sigmoid(torch.stack([w5 * h[0] + w6 * h[1], w7 * h[0] + w8 * h[1]]))
    return h, o

# --- forward | sigmoid_missing
def forward(x, w):
    h = sigmoid(x @ w[:4].view(2, 2))
    return h, h @ w[4:].view(2, 2)

# --- forward | sigmoid_missing
def forward(x, w):
    h = x @ w[:4].view(2, 2)
    return h, torch.sigmoid(h @ w[4:].view(2, 2))

# --- forward | order_swapped
def forward(x, w):
    h = sigmoid(x @ w[:4].view(2, 2))
    o = sigmoid(h @ w[4:].view(2, 2))
    return o, h

# --- forward | other_activation
def forward(x, w):
    h = torch.relu(x @ w[:4].view(2, 2))
    return h, sigmoid(h @ w[4:].view(2, 2))

# --- forward | sums_returned
def forward(x, w):
    z = x @ w[:4].view(2, 2)
    return z, sigmoid(sigmoid(z) @ w[4:].view(2, 2))

# --- forward | wrong
def forward(x, w):
    h = sigmoid(x @ w[:4].view(2, 2))
    return h, sigmoid(x @ w[4:].view(2, 2))

# --- forward | wrong
def forward(x, w):
    h = sigmoid(x @ w[:4].view(2, 2))
    return h, sigmoid(h @ w[:4].view(2, 2))

# --- forward | wrong | error
def forward(x, w):
    h = sigmoid(x @ w[:4].view(2, 2))
    return sigmoid(h @ w[4:].view(2, 2))

# --- forward | wrong | error
def forward(x, w):
    h = sigmoid(w[:4] @ x)
    return h, sigmoid(w[4:] @ h)

# --- forward | right
def forward(x, w):
    h = sigmoid(x @ w[:4].view(2, 2))
    return [h, sigmoid(h @ w[4:].view(2, 2))]

# --- forward | right
def forward(x, w):
    from collections import namedtuple

    Activations = namedtuple("Activations", "h o")
    W, V = w.reshape(2, 2, 2)
    h = torch.einsum("i,ij->j", x, W).sigmoid()
    return Activations(h, torch.einsum("i,ij->j", h, V).sigmoid())

# --- forward | right
def forward(x, w):
    a = x.unsqueeze(0)
    layers = []
    for matrix in w.view(2, 2, 2):
        layer = torch.nn.Linear(2, 2, bias=False).to(w.device, w.dtype)
        layer.weight = torch.nn.Parameter(matrix.t().clone())
        a = torch.sigmoid(layer(a))
        layers.append(a.squeeze(0))
    return tuple(layers)

# --- forward | right
def forward(x, w):
    h = torch.empty_like(x)
    o = torch.empty_like(x)
    for j in range(2):
        h[j] = sigmoid(w[j] * x[0] + w[j + 2] * x[1])
    for j in range(2):
        o[j] = sigmoid(w[j + 4] * h[0] + w[j + 6] * h[1])
    return h, o

# --- loss | extra_factor_2
def loss(x, y, w):
    return ((forward(x, w)[1] - y) ** 2).sum()

# --- loss | extra_factor_2
def loss(x, y, w):
    return torch.nn.functional.mse_loss(forward(x, w)[1], y, reduction="sum")

# --- loss | extra_factor_2
def loss(x, y, w):
    o1, o2 = forward(x, w)[1]
    return (o1 - y[0]) ** 2 / 2 + (o2 - y[1]) ** 2

# --- loss | target_ignored
def loss(x, y, w):
    return 0.5 * (forward(x, w)[1] ** 2).sum()

# --- loss | target_ignored
def loss(x, y, w):
    _, o = forward(x, w)
    return 0.5 * (o @ o)

# --- loss | crossed_wiring
def loss(x, y, w):
    h = sigmoid(w[:4].view(2, 2) @ x)
    o = sigmoid(w[4:].view(2, 2) @ h)
    return torch.nn.functional.mse_loss(o, y)

# --- loss | crossed_wiring
def loss(x, y, w):
    _, o = forward(x, w[[0, 1, 2, 3, 4, 6, 5, 7]])
    return ((o - y) ** 2).sum() / 2

# --- loss | halved_loss
def loss(x, y, w):
    return (0.5 * (forward(x, w)[1] - y) ** 2).mean()

# --- loss | one_output_only
def loss(x, y, w):
    o1, o2 = forward(x, w)[1]
    return 0.5 * (o1 - y[0]) ** 2

# --- loss | square_of_sum
def loss(x, y, w):
    return 0.5 * (forward(x, w)[1] - y).sum() ** 2

# --- loss | not_squared
def loss(x, y, w):
    return 0.5 * (forward(x, w)[1] - y).abs().sum()

# --- loss | not_summed | error
def loss(x, y, w):
    return 0.5 * (forward(x, w)[1] - y) ** 2

# --- loss | order_swapped
def loss(x, y, w):
    return 0.5 * ((forward(x, w)[0] - y) ** 2).sum()

# --- loss | wrong
def loss(x, y, w):
    return torch.linalg.norm(forward(x, w)[1] - y)

# --- loss | wrong | error
def loss(x, y, w):
    return float(torch.nn.functional.mse_loss(forward(x, w)[1], y))

# --- loss | right
def loss(x, y, w):
    return torch.nn.MSELoss()(forward(x, w)[1], y)

# --- loss | right
def loss(x, y, w):
    r = forward(x, w)[1] - y
    return torch.dot(r, r) / 2

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | extra_factor_2
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = 2 * (o1 - y[0]) * o1 * (1 - o1)
    d2 = 2 * (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | extra_factor_2
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = 2 * (o - y) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | extra_factor_2
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = 2 * (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (y - o) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return -torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (y[0] - o1) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([e, e, d, d])

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1, e2, e1, e2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1, d2, d1, d2])

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = o1 * o1 * (1 - o1)
    d2 = o2 * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = o * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | order_swapped
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([d1 * h1, d2 * h1, d1 * h2, d2 * h2, e1 * x1, e2 * x1, e1 * x2, e2 * x2])

# --- grad_by_hand | order_swapped
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(h, d).flatten(), torch.outer(x, e).flatten()])

# --- grad_by_hand | missing_output_slope
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0])
    d2 = (o2 - y[1])
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | missing_output_slope
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | missing_output_slope
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ (o - y)) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | missing_output_slope
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0])
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | missing_hidden_slope
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2)
    e2 = (w7 * d1 + w8 * d2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | missing_hidden_slope
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | missing_hidden_slope
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | slope_of_activation
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * sigmoid(o) * (1 - sigmoid(o))
    e = (V @ d) * sigmoid(h) * (1 - sigmoid(h))
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | slope_of_activation
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * sigmoid_slope(sigmoid(h1))
    e2 = (w7 * d1 + w8 * d2) * sigmoid_slope(sigmoid(h2))
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | slope_of_activation
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * sigmoid(o1) * (1 - sigmoid(o1))
    d2 = (o2 - y[1]) * sigmoid(o2) * (1 - sigmoid(o2))
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | one_path_only
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = w5 * d1 * h1 * (1 - h1)
    e2 = w7 * d1 * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | one_path_only
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = V[:, 1] * d[1] * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | one_path_only
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = V.diagonal() * d * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | one_path_only
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = w5 * d1 * h1 * (1 - h1)
    e2 = w8 * d2 * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | one_path_only
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = w8 * d2 * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | hidden_sign
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = -(w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | hidden_sign
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * h * (1 - h) * torch.tensor([-1, 1], dtype=w.dtype)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | crossed_wiring
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V.t() @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | crossed_wiring
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e1 * x2, e2 * x1, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | crossed_wiring
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d1 * h2, d2 * h1, d2 * h2])

# --- grad_by_hand | crossed_wiring
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(e, x).flatten(), torch.outer(d, h).flatten()])

# --- grad_by_hand | crossed_wiring
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    h1, h2 = sigmoid(w1 * x1 + w2 * x2), sigmoid(w3 * x1 + w4 * x2)
    o1, o2 = sigmoid(w5 * h1 + w7 * h2), sigmoid(w6 * h1 + w8 * h2)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | crossed_wiring
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    W = w[:4].view(2, 2)
    h = sigmoid(W @ x)
    o = sigmoid(V @ h)
    d = (o - y) * o * (1 - o)
    e = (V.t() @ d) * h * (1 - h)
    return torch.cat([torch.outer(e, x).flatten(), torch.outer(d, h).flatten()])

# --- grad_by_hand | crossed_wiring
def grad_by_hand(x, y, w):
    w1, w3, w2, w4, w5, w7, w6, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | missing_weight_factor
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = d.sum() * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | half_a_slope
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | half_a_slope
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1
    e2 = (w7 * d1 + w8 * d2) * h2
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | tanh_slope
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * (1 - o**2)
    e = (V @ d) * (1 - h**2)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | slope_at_sum
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * torch.logit(h) * (1 - torch.logit(h))
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | extra_factor_2 + sign_flipped
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = 2 * (y - o) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | missing_output_slope + missing_hidden_slope
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y)
    e = (V @ d)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | target_ignored + one_path_only
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = o1 * o1 * (1 - o1)
    d2 = o2 * o2 * (1 - o2)
    e1 = w5 * d1 * h1 * (1 - h1)
    e2 = w7 * d1 * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | sign_flipped + missing_hidden_slope
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (y - o) * o * (1 - o)
    e = (V @ d)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | extra_factor_2 + crossed_wiring
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = 2 * (o - y) * o * (1 - o)
    e = (V.t() @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | slip:negated
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 - w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) ** 2 * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | slip:read_as
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x1, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(o, d).flatten()])

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(h, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y).abs() * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | slip:read_as
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w7 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | slip:exponent_not_lowered
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) ** 2 * o * (1 - o)
    e = (V @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (V @ d) * 0.25
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    w1, w2, w3, w4, w5, w6, w7, w8 = w
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    x1 = x1.round()
    d1 = (o1 - y[0]) * o1 * (1 - o1)
    d2 = (o2 - y[1]) * o2 * (1 - o2)
    e1 = (w5 * d1 + w6 * d2) * h1 * (1 - h1)
    e2 = (w7 * d1 + w8 * d2) * h2 * (1 - h2)
    return torch.stack([e1 * x1, e2 * x1, e1 * x2, e2 * x2, d1 * h1, d2 * h1, d1 * h2, d2 * h2])

# --- grad_by_hand | wrong
def grad_by_hand(x, y, w):
    return torch.zeros_like(w)

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, w):
    h, o = forward(x, w)
    d = (o - y) * sigmoid_slope(o)
    e = (w[4:].view(2, 2) @ d) * sigmoid_slope(h)
    return torch.outer(x, e), torch.outer(h, d)

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, w):
    h, o = forward(x, w)
    d = (o - y) * sigmoid_slope(o)
    e = (w[4:].view(2, 2) @ d) * sigmoid_slope(h)
    return torch.stack([torch.outer(x, e), torch.outer(h, d)])

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, w):
    return torch.func.grad(lambda w: loss(x, y, w))(w)

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, w):
    return grad_by_autograd(x, y, w)

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    h, o = forward(x, w)
    first, second = w.view(2, 2, 2)
    delta_o = (o - y) * sigmoid_slope(o)
    delta_h = torch.einsum("ij,j->i", second, delta_o) * sigmoid_slope(h)
    grad = torch.empty_like(w)
    grad[:4] = torch.einsum("i,j->ij", x, delta_h).reshape(-1)
    grad[4:] = torch.einsum("i,j->ij", h, delta_o).reshape(-1)
    return grad

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    kept = w.dtype
    x, y, w = x.double(), y.double(), w.double()
    h, o = forward(x, w)
    d = -(y - o) * o * (1 - o)
    e = (d[None, :] * w[4:].view(2, 2)).sum(1) * h * (1 - h)
    return torch.cat([(x[:, None] * e).ravel(), (h[:, None] * d).ravel()]).to(kept)

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    w = w.clone()
    grads = []
    h, o = forward(x, w)
    for unit in range(2):
        for output in range(2):
            grads.append((o[output] - y[output]) * o[output] * (1 - o[output]) * h[unit])
    hidden = []
    for source in range(2):
        for unit in range(2):
            total = 0.0
            for output in range(2):
                slope = (o[output] - y[output]) * o[output] * (1 - o[output])
                total = total + slope * w[4 + 2 * unit + output]
            hidden.append(total * h[unit] * (1 - h[unit]) * x[source])
    return torch.stack(hidden + grads)

# --- grad_by_hand | right
def grad_by_hand(x, y, w):
    # the Jacobians of every stage, multiplied
    V = w[4:].view(2, 2)
    h, o = forward(x, w)
    row = (o - y) @ torch.diag(o * (1 - o))
    hidden = row @ V.T @ torch.diag(h - h * h)
    return torch.cat([torch.kron(x, hidden), torch.kron(h, row)])

# --- grad_by_autograd | extra_factor_2
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    ((forward(x, leaf)[1] - y) ** 2).sum().backward()
    return leaf.grad

# --- grad_by_autograd | extra_factor_2
def grad_by_autograd(x, y, w):
    def total(w):
        return torch.nn.functional.mse_loss(forward(x, w)[1], y, reduction="sum")

    return torch.func.grad(total)(w)

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    (-loss(x, y, leaf)).backward()
    return leaf.grad

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    loss(x, y, leaf).backward(torch.tensor(-1.0, dtype=w.dtype))
    return leaf.grad

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, w):
    return torch.autograd.functional.jacobian(lambda v: loss(x, 0 * y, v), w)

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    _, o = forward(x, leaf)
    o.backward(o.detach())
    return leaf.grad

# --- grad_by_autograd | crossed_wiring
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    h = torch.sigmoid(leaf[:4].view(2, 2) @ x)
    o = torch.sigmoid(leaf[4:].view(2, 2) @ h)
    torch.nn.MSELoss()(o, y).backward()
    return leaf.grad

# --- grad_by_autograd | crossed_wiring
def grad_by_autograd(x, y, w):
    weights = [v.detach().clone().requires_grad_() for v in w]
    w1, w2, w3, w4, w5, w6, w7, w8 = weights
    h1, h2 = sigmoid(w1 * x[0] + w2 * x[1]), sigmoid(w3 * x[0] + w4 * x[1])
    o1, o2 = sigmoid(w5 * h1 + w7 * h2), sigmoid(w6 * h1 + w8 * h2)
    (0.5 * (o1 - y[0]) ** 2 + 0.5 * (o2 - y[1]) ** 2).backward()
    return torch.stack([v.grad for v in weights])

# --- grad_by_autograd | one_path_only
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    w5, w6, w7, w8 = leaf[4:]
    h1, h2 = forward(x, leaf)[0]
    o1 = sigmoid(w5 * h1 + w7 * h2)
    o2 = sigmoid(w6 * h1.detach() + w8 * h2.detach())
    torch.nn.functional.mse_loss(torch.stack([o1, o2]), y).backward()
    return leaf.grad

# --- grad_by_autograd | one_path_only
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    h, _ = forward(x, leaf)
    first = sigmoid(leaf[4] * h[0] + leaf[6] * h[1].detach())
    second = sigmoid(leaf[5] * h[0].detach() + leaf[7] * h[1])
    ((first - y[0]) ** 2 / 2 + (second - y[1]) ** 2 / 2).backward()
    return leaf.grad

# --- grad_by_autograd | one_output_only
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    _, (o1, o2) = forward(x, leaf)
    (0.5 * (o1 - y[0]) ** 2).backward()
    return leaf.grad

# --- grad_by_autograd | loss_left_out
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    forward(x, leaf)[1].sum().backward()
    return leaf.grad

# --- grad_by_autograd | graph_cut
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    h = forward(x, leaf)[0].detach()
    o = sigmoid(h @ leaf[4:].view(2, 2))
    (0.5 * (o - y) ** 2).sum().backward()
    return leaf.grad

# --- grad_by_autograd | graph_cut
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    with torch.no_grad():
        h, _ = forward(x, leaf)
    o = sigmoid(h @ leaf[4:].view(2, 2))
    return torch.autograd.grad(torch.nn.functional.mse_loss(o, y), leaf)[0]

# --- grad_by_autograd | halved
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    (0.5 * (forward(x, leaf)[1] - y) ** 2).mean().backward()
    return leaf.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    h, o = forward(x, leaf)
    torch.nn.functional.l1_loss(o, y).backward()
    return leaf.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    (loss(x, y, leaf) + 0.01 * (leaf**2).sum()).backward()
    return leaf.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, w):
    w.requires_grad_()
    loss(x, y, w).backward()
    return w.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    loss(x, y, leaf).backward()
    return leaf.grad / leaf.grad.norm()

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, w):
    loss(x, y, w).backward()
    return w.grad

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, w):
    leaf = 1 * w.detach().clone().requires_grad_()
    loss(x, y, leaf).backward()
    return leaf.grad

# --- grad_by_autograd | wrong | wrong_method
def grad_by_autograd(x, y, w):
    return grad_by_hand(x, y, w)

# --- grad_by_autograd | wrong | wrong_method
def grad_by_autograd(x, y, w):
    step = 1e-5
    nudges = step * torch.eye(8, dtype=torch.float64)
    x, y, v = x.double(), y.double(), w.double()
    slopes = [(loss(x, y, v + n) - loss(x, y, v - n)) / (2 * step) for n in nudges]
    return torch.stack(slopes).to(w.dtype)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    weights = [v.detach().clone().requires_grad_() for v in w]
    w1, w2, w3, w4, w5, w6, w7, w8 = weights
    h1, h2 = sigmoid(w1 * x[0] + w3 * x[1]), sigmoid(w2 * x[0] + w4 * x[1])
    o1, o2 = sigmoid(w5 * h1 + w7 * h2), sigmoid(w6 * h1 + w8 * h2)
    (0.5 * (o1 - y[0]) ** 2 + 0.5 * (o2 - y[1]) ** 2).backward()
    return torch.tensor([v.grad.item() for v in weights], dtype=w.dtype, device=w.device)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    return torch.func.grad(loss, argnums=2)(x, y, w)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    with torch.enable_grad():
        leaf = w.clone().requires_grad_(True)
        (grad,) = torch.autograd.grad(loss(x, y, leaf), leaf, create_graph=True)
    return grad

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    return torch.func.jacfwd(lambda v: loss(x, y, v))(w)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    return torch.autograd.functional.vjp(lambda v: loss(x, y, v), w)[1]

# --- grad_by_autograd | right
def grad_by_autograd(x, y, w):
    layers = [w[:4].view(2, 2), w[4:].view(2, 2)]
    layers = [torch.nn.Parameter(matrix.detach().clone()) for matrix in layers]
    a = x
    for matrix in layers:
        a = torch.sigmoid(a @ matrix)
    torch.nn.MSELoss()(a, y).backward()
    return torch.cat([matrix.grad.reshape(-1) for matrix in layers])

# --- update | ascent
def update(w, grad, step):
    return w + step * grad

# --- update | ascent
def update(w, grad, step):
    return torch.add(w, grad, alpha=step)

# --- update | lr_ignored
def update(w, grad, step):
    return w - grad

# --- update | not_updated
def update(w, grad, step):
    new = w - step * grad
    return w

# --- update | change_returned
def update(w, grad, step):
    return -step * grad

# --- update | wrong
def update(w, grad, step):
    return w - step * grad.sign()

# --- update | wrong
def update(w, grad, step):
    w -= step * grad
    return w

# --- update | wrong
def update(w, grad, step):
    return w - step / grad

# --- update | wrong | error
def update(w, grad, step):
    new = w - step * grad

# --- update | right
def update(w, grad, step):
    leaf = w.detach().clone().requires_grad_()
    leaf.grad = grad.clone()
    torch.optim.SGD([leaf], lr=step).step()
    return leaf

# --- update | right
def update(w, grad, step):
    return torch.stack([a - step * b for a, b in zip(w, grad)])

# --- train | right
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            w -= step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | right
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = w - step * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | right
def train(x, y, w, step, rounds):
    weights = [v.detach().clone().requires_grad_() for v in w]
    losses = torch.zeros(rounds, dtype=w.dtype, device=w.device)
    for k in range(rounds):
        l = loss(x, y, torch.stack(weights))
        l.backward()
        losses[k] = l.item()
        for v in weights:
            v.data = v.data - step * v.grad.data
            v.grad.data.zero_()
    return torch.stack(weights).detach(), losses

# --- train | not_zeroed
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            w -= step * w.grad
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | not_zeroed
def train(x, y, w, step, rounds):
    weights = [v.detach().clone().requires_grad_() for v in w]
    losses = torch.zeros(rounds, dtype=w.dtype, device=w.device)
    for k in range(rounds):
        l = loss(x, y, torch.stack(weights))
        l.backward()
        losses[k] = l.item()
        for v in weights:
            v.data = v.data - step * v.grad.data
    return torch.stack(weights).detach(), losses

# --- train | not_zeroed
def train(x, y, w, step, rounds):
    weights = [v.detach().clone().requires_grad_() for v in w]
    losses = torch.zeros(rounds, dtype=w.dtype, device=w.device)
    for k in range(rounds):
        l = loss(x, y, torch.stack(weights))
        l.backward()
        losses[k] = l.item()
        for i, v in enumerate(weights):
            v.data = v.data - step * v.grad.data
            if i != 4:
                v.grad.data.zero_()
    return torch.stack(weights).detach(), losses

# --- train | ascent
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            w += step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | ascent
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = w + step * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | ascent
def train(x, y, w, step, rounds):
    weights = [v.detach().clone().requires_grad_() for v in w]
    losses = torch.zeros(rounds, dtype=w.dtype, device=w.device)
    for k in range(rounds):
        l = loss(x, y, torch.stack(weights))
        l.backward()
        losses[k] = l.item()
        for i, v in enumerate(weights):
            v.data = v.data + (step if i == 2 else -step) * v.grad.data
            v.grad.data.zero_()
    return torch.stack(weights).detach(), losses

# --- train | off_by_one_epoch | error
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds + 1):
        losses.append(loss(x, y, w))
        w = w - step * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | off_by_one_epoch | error
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(1, rounds):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            w -= step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | off_by_one_epoch
def train(x, y, w, step, rounds):
    weights = [v.detach().clone().requires_grad_() for v in w]
    losses = torch.zeros(rounds, dtype=w.dtype, device=w.device)
    for k in range(rounds - 1):
        l = loss(x, y, torch.stack(weights))
        l.backward()
        losses[k] = l.item()
        for v in weights:
            v.data = v.data - step * v.grad.data
            v.grad.data.zero_()
    return torch.stack(weights).detach(), losses

# --- train | off_by_one_epoch
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds + 1):
        losses.append(loss(x, y, w))
        w = w - step * grad_by_hand(x, y, w)
    return w, torch.stack(losses)[:rounds]

# --- train | loss_after_update
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        w = w - step * grad_by_hand(x, y, w)
        losses.append(loss(x, y, w))
    return w, torch.stack(losses)

# --- train | loss_after_update
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            w -= step * w.grad
        w.grad.zero_()
        losses.append(loss(x, y, w).detach())
    return w.detach(), torch.stack(losses)

# --- train | lr_ignored
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            w -= 0.5 * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | lr_ignored
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = w - grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | epochs_ignored | error
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(100):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            w -= step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | epochs_ignored | error
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(10):
        losses.append(loss(x, y, w))
        w = w - step * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | not_updated
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        update(w, grad_by_hand(x, y, w), step)
    return w, torch.stack(losses)

# --- train | not_updated
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            new = w - step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | stale_gradient
def train(x, y, w, step, rounds):
    grad = grad_by_hand(x, y, w)
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | stale_gradient
def train(x, y, w, step, rounds):
    start = w
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = update(w, grad_by_autograd(x, y, start), step)
    return w, torch.stack(losses)

# --- train | one_after_the_other
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        first, second = w.view(2, 2, 2)
        h, o = forward(x, w)
        d = (o - y) * sigmoid_slope(o)
        second = second - step * torch.outer(h, d)
        e = (second @ d) * sigmoid_slope(h)
        first = first - step * torch.outer(x, e)
        w = torch.cat([first.flatten(), second.flatten()])
    return w, torch.stack(losses)

# --- train | one_after_the_other
def train(x, y, w, step, rounds):
    w = w.clone()
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        for i in range(8):
            w[i] = w[i] - step * grad_by_hand(x, y, w)[i]
    return w, torch.stack(losses)

# --- train | extra_factor_2
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = ((forward(x, w)[1] - y) ** 2).sum()
        l.backward()
        with torch.no_grad():
            w -= step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | extra_factor_2
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = w - 2 * step * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | target_ignored
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = 0.5 * (forward(x, w)[1] ** 2).sum()
        l.backward()
        with torch.no_grad():
            w -= step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | target_ignored
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = w - step * grad_by_hand(x, torch.zeros_like(y), w)
    return w, torch.stack(losses)

# --- train | crossed_wiring
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        o = sigmoid(w[4:].view(2, 2) @ sigmoid(w[:4].view(2, 2) @ x))
        l = torch.nn.functional.mse_loss(o, y)
        l.backward()
        with torch.no_grad():
            w -= step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | crossed_wiring
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = w - step * grad_by_hand(x, y, w)[[0, 2, 1, 3, 4, 5, 6, 7]]
    return w, torch.stack(losses)

# --- train | right
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d) * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | missing_output_slope
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y)
        e = (V @ d) * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | missing_output_slope
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ (o - y)) * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | missing_hidden_slope
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | missing_hidden_slope
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d) * torch.stack([h[0] * (1 - h[0]), 0 * h[1] + 1])
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | slope_of_activation
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d) * sigmoid_slope(sigmoid(h))
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | slope_of_activation
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * sigmoid_slope(sigmoid(o))
        e = (V @ d) * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | one_path_only
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = V[:, 0] * d[0] * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | one_path_only
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = V.diagonal() * d * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | hidden_sign
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d) * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        grad[[0, 2]] = -grad[[0, 2]]
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | hidden_sign
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d) * torch.tensor([-1, 1], dtype=w.dtype) * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | missing_input_factor
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d) * h * (1 - h)
        grad = torch.cat([e, e, torch.outer(h, d).flatten()])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | missing_input_factor
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d) * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), d, d])
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | not_zeroed + extra_factor_2
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        (2 * l).backward()
        with torch.no_grad():
            w -= step * w.grad
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | wrong
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        h, o = forward(x, w)
        V = w[4:].view(2, 2)
        d = (o - y) * o * (1 - o)
        e = (V @ d) * h * (1 - h)
        grad = torch.cat([torch.outer(x, e).flatten(), torch.outer(h, d).flatten()])
        grad[3] = 0.9 * grad[3]
        w = update(w, grad, step)
    return w, torch.stack(losses)

# --- train | wrong
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        l.backward()
        with torch.no_grad():
            w -= step * w.grad.clamp(-0.01, 0.01)
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | wrong
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w) ** 0.5)
        w = w - step * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | wrong
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        step = 0.9 * step
        w = w - step * grad_by_hand(x, y, w)
    return w, torch.stack(losses)

# --- train | wrong | error
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(loss(x, y, w))
        w = w - step * grad_by_hand(x, y, w)
    return w

# --- train | wrong | error
def train(x, y, w, step, rounds):
    w = w.detach().clone().requires_grad_()
    losses = []
    for _ in range(rounds):
        l = loss(x, y, w)
        l.backward()
        w = w - step * w.grad
        w.grad.zero_()
        losses.append(l.detach())
    return w.detach(), torch.stack(losses)

# --- train | wrong
def train(x, y, w, step, rounds):
    leaf = w.detach().clone().requires_grad_()
    optimiser = torch.optim.SGD([leaf], lr=step, momentum=0.9)
    losses = []
    for _ in range(rounds):
        optimiser.zero_grad()
        l = loss(x, y, leaf)
        l.backward()
        optimiser.step()
        losses.append(l.detach())
    return leaf, torch.stack(losses)

# --- train | right
def train(x, y, w, step, rounds):
    leaf = torch.nn.Parameter(w.clone())
    optimiser = torch.optim.SGD([leaf], lr=step)
    losses = []
    for _ in range(rounds):
        optimiser.zero_grad()
        l = torch.nn.MSELoss()(forward(x, leaf)[1], y)
        l.backward()
        optimiser.step()
        losses.append(l.item())
    return [leaf, torch.tensor(losses, dtype=w.dtype, device=w.device)]

# --- train | right
def train(x, y, w, step, rounds):
    value_and_grad = torch.func.grad_and_value(loss, argnums=2)
    losses = torch.empty(rounds, dtype=w.dtype, device=w.device)
    for k in range(rounds):
        grad, losses[k] = value_and_grad(x, y, w)
        w = w - step * grad
    return w, losses

# --- train | right
def train(x, y, w, step, rounds):
    if rounds == 0:
        return w, w.new_empty(0)
    rest, losses = train(x, y, update(w, grad_by_hand(x, y, w), step), step, rounds - 1)
    return rest, torch.cat([loss(x, y, w)[None], losses])

# --- grad_by_hand | weight_gradient_passed_on
def grad_by_hand(x, y, w):
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    d3 = (o1 - y[0]) * o1 * (1 - o1)
    d4 = (o2 - y[1]) * o2 * (1 - o2)
    w5, w6, w7, w8 = d3 * h1, d4 * h1, d3 * h2, d4 * h2
    w1 = (w5 + w6) * h1 * (1 - h1) * x1
    w3 = (w5 + w6) * h1 * (1 - h1) * x2
    w2 = (w7 + w8) * h2 * (1 - h2) * x1
    w4 = (w7 + w8) * h2 * (1 - h2) * x2
    return torch.stack([w1, w2, w3, w4, w5, w6, w7, w8])

# --- train | wrong
def train(x, y, w, step, rounds):
    out = []
    for _ in range(rounds):
        out.append(loss(x, y, w))
        w = update(w, grad_by_hand(x, y, w), step)
        if out[-1] < 0.01: break
    out += [out[-1]] * (rounds - len(out))
    return w, torch.stack(out)

# --- grad_by_hand | wrong_layer_input
def grad_by_hand(x, y, w):
    h, o = forward(x, w)
    d = (o - y) * o * (1 - o)
    e = (w[4:].view(2, 2) @ d) * h * (1 - h)
    return torch.cat([torch.outer(x, e).flatten(), torch.outer(x, d).flatten()])

# --- grad_by_hand | wrong_layer_input
def grad_by_hand(x, y, w):
    x1, x2 = x
    (h1, h2), (o1, o2) = forward(x, w)
    z3, z4 = (o1 - y[0]) * o1 * (1 - o1), (o2 - y[1]) * o2 * (1 - o2)
    z1 = (z3 * w[4] + z4 * w[5]) * h1 * (1 - h1)
    z2 = (z3 * w[6] + z4 * w[7]) * h2 * (1 - h2)
    return torch.stack([z1 * x1, z2 * x1, z1 * x2, z2 * x2, z3 * x1, z4 * x1, z3 * x2, z4 * x2])

# --- loss | order_swapped
def loss(x, y, w):
    out = forward(x, w)[0]
    return (out - y).square().sum() / 2
