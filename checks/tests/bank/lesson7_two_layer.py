# --- forward_linear | bias_forgotten
def forward_linear(x, W1, b1, W2, b2):
    return W2 @ (W1 @ x)

# --- forward_linear | bias_forgotten
def forward_linear(x, W1, b1, W2, b2):
    hidden = torch.nn.functional.linear(x, W1)
    return torch.nn.functional.linear(hidden, W2, b2)

# --- forward_linear | bias_forgotten
def forward_linear(x, W1, b1, W2, b2):
    return torch.einsum("km,m->k", W2, W1 @ x + b1)

# --- forward_linear | weight_transposed | error
def forward_linear(x, W1, b1, W2, b2):
    return W2 @ (x @ W1 + b1) + b2

# --- forward_linear | weight_transposed | error
def forward_linear(x, W1, b1, W2, b2):
    hidden = W1.T @ x + b1
    return W2.T @ hidden + b2

# --- forward_linear | activation_added
def forward_linear(x, W1, b1, W2, b2):
    return W2 @ torch.sigmoid(W1 @ x + b1) + b2

# --- forward_linear | activation_added
def forward_linear(x, W1, b1, W2, b2):
    return forward(x, W1, b1, W2, b2)

# --- forward_linear | wrong
def forward_linear(x, W1, b1, W2, b2):
    return (W2 @ (W1 @ x + b1) + b2).abs()

# --- forward_linear | wrong | error
def forward_linear(x, W1, b1, W2, b2):
    return W1 @ x + b1

# --- forward_linear | wrong
def forward_linear(x, W1, b1, W2, b2):
    x *= 2
    return W2 @ (W1 @ (x / 2) + b1) + b2

# --- forward_linear | right
def forward_linear(x, W1, b1, W2, b2):
    linear = torch.nn.functional.linear
    return linear(linear(x, W1, b1), W2, b2)

# --- forward_linear | right
def forward_linear(x, W1, b1, W2, b2):
    W, b = collapse(W1, b1, W2, b2)
    return x @ W.T + b

# --- forward_linear | right
def forward_linear(x, W1, b1, W2, b2):
    column = W2.mm(W1.mm(x.unsqueeze(1)) + b1.unsqueeze(1)) + b2.unsqueeze(1)
    return column.squeeze(1)

# --- collapse | collapse_order | error
def collapse(W1, b1, W2, b2):
    return W1 @ W2, W2 @ b1 + b2

# --- collapse | collapse_order | error
def collapse(W1, b1, W2, b2):
    return torch.matmul(W2, W1), b1 + b2

# --- collapse | collapse_order | error
def collapse(W1, b1, W2, b2):
    W = torch.mm(W1, W2)
    b = b2 + b1
    return W, b

# --- collapse | collapse_order | error
def collapse(W1, b1, W2, b2):
    return W2 @ W1, b1 @ W2 + b2

# --- collapse | collapse_order | error
def collapse(W1, b1, W2, b2):
    return W2 @ W1, W1 @ b1 + b2

# --- collapse | weight_transposed | error
def collapse(W1, b1, W2, b2):
    return W1.T @ W2.T, W2 @ b1 + b2

# --- collapse | weight_transposed | error
def collapse(W1, b1, W2, b2):
    return torch.einsum("km,mn->nk", W2, W1), W2 @ b1 + b2

# --- collapse | bias_forgotten
def collapse(W1, b1, W2, b2):
    return W2 @ W1, W2 @ b1

# --- collapse | bias_forgotten
def collapse(W1, b1, W2, b2):
    return W2 @ W1, b2.clone()

# --- collapse | bias_through_second_layer | error
def collapse(W1, b1, W2, b2):
    return W2 @ W1, W2 @ b1 + W2 @ b2

# --- collapse | order_swapped | error
def collapse(W1, b1, W2, b2):
    return W2 @ b1 + b2, W2 @ W1

# --- collapse | wrong
def collapse(W1, b1, W2, b2):
    return W2 @ W1, W2 @ b1 - b2

# --- collapse | wrong | error
def collapse(W1, b1, W2, b2):
    return W2 @ W1

# --- collapse | right
def collapse(W1, b1, W2, b2):
    b = forward_linear(torch.zeros_like(W1[0]), W1, b1, W2, b2)
    columns = [forward_linear(e, W1, b1, W2, b2) - b for e in torch.eye(W1.shape[1]).to(W1)]
    return torch.stack(columns, dim=1), b

# --- collapse | right
def collapse(W1, b1, W2, b2):
    both = W2 @ torch.cat([W1, b1[:, None]], dim=1)
    return [both[:, :-1], both[:, -1] + b2]

# --- collapse | right
def collapse(W1, b1, W2, b2):
    k, m = W2.shape
    n = W1.shape[1]
    W, b = W1.new_zeros(k, n), b2.clone()
    for i in range(k):
        for j in range(m):
            b[i] += W2[i, j] * b1[j]
            for l in range(n):
                W[i, l] += W2[i, j] * W1[j, l]
    return W, b

# --- collapse | right
def collapse(W1, b1, W2, b2):
    return (W1.T @ W2.T).T, b1 @ W2.T + b2

# --- forward | activation_missing
def forward(x, W1, b1, W2, b2):
    return forward_linear(x, W1, b1, W2, b2)

# --- forward | activation_missing
def forward(x, W1, b1, W2, b2):
    h = W1 @ x + b1
    torch.sigmoid(h)
    return W2 @ h + b2

# --- forward | activation_on_output
def forward(x, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    return torch.sigmoid(W2 @ h + b2)

# --- forward | activation_on_output
def forward(x, W1, b1, W2, b2):
    return forward_linear(x, W1, b1, W2, b2).sigmoid()

# --- forward | bias_after_activation
def forward(x, W1, b1, W2, b2):
    h = torch.sigmoid(W1.mv(x))
    h = h + b1
    return b2 + W2.mv(h)

# --- forward | other_activation
def forward(x, W1, b1, W2, b2):
    return W2 @ torch.tanh(W1 @ x + b1) + b2

# --- forward | other_activation
def forward(x, W1, b1, W2, b2):
    return W2 @ (W1 @ x + b1).clamp(min=0) + b2

# --- forward | bias_forgotten
def forward(x, W1, b1, W2, b2):
    return W2 @ torch.sigmoid(W1 @ x) + b2

# --- forward | bias_forgotten
def forward(x, W1, b1, W2, b2):
    return torch.mv(W2, torch.sigmoid(torch.mv(W1, x) + b1))

# --- forward | weight_transposed | error
def forward(x, W1, b1, W2, b2):
    return W2 @ torch.sigmoid(W1.T @ x + b1) + b2

# --- forward | weight_transposed | error
def forward(x, W1, b1, W2, b2):
    return torch.sigmoid(W1 @ x + b1) @ W2 + b2

# --- forward | wrong
def forward(x, W1, b1, W2, b2):
    return W2 @ torch.sigmoid(torch.sigmoid(W1 @ x + b1)) + b2

# --- forward | bias_after_activation
def forward(x, W1, b1, W2, b2):
    return W2 @ (torch.sigmoid(W1 @ x) + b1) + b2

# --- forward | wrong | error
def forward(x, W1, b1, W2, b2):
    return (W2 @ torch.sigmoid(W1 @ x + b1) + b2).tolist()

# --- forward | right
def forward(x, W1, b1, W2, b2):
    z = torch.addmv(b1, W1, x)
    return torch.addmv(b2, W2, 1 / (1 + torch.exp(-z)))

# --- forward | right
def forward(x, W1, b1, W2, b2):
    h = torch.stack([torch.sigmoid((row * x).sum() + b) for row, b in zip(W1, b1)])
    return torch.stack([(row * h).sum() + b for row, b in zip(W2, b2)])

# --- forward | right
def forward(x, W1, b1, W2, b2):
    net = torch.nn.Sequential(
        torch.nn.Linear(*W1.shape[::-1]), torch.nn.Sigmoid(), torch.nn.Linear(*W2.shape[::-1])
    ).to(x)
    return torch.func.functional_call(
        net, {"0.weight": W1, "0.bias": b1, "2.weight": W2, "2.bias": b2}, (x,)
    )

# --- loss | extra_factor_2
def loss(x, y, W1, b1, W2, b2):
    return ((forward(x, W1, b1, W2, b2) - y) ** 2).sum()

# --- loss | extra_factor_2
def loss(x, y, W1, b1, W2, b2):
    r = y - forward(x, W1, b1, W2, b2)
    return r @ r

# --- loss | mean_not_sum
def loss(x, y, W1, b1, W2, b2):
    return torch.nn.functional.mse_loss(forward(x, W1, b1, W2, b2), y)

# --- loss | mean_not_sum
def loss(x, y, W1, b1, W2, b2):
    return 0.5 * ((forward(x, W1, b1, W2, b2) - y) ** 2).mean()

# --- loss | target_ignored
def loss(x, y, W1, b1, W2, b2):
    return 0.5 * (forward(x, W1, b1, W2, b2) ** 2).sum()

# --- loss | target_ignored
def loss(x, y, W1, b1, W2, b2):
    y_hat = forward(x, W1, b1, W2, b2)
    return y_hat.dot(y_hat) / 2

# --- loss | not_squared
def loss(x, y, W1, b1, W2, b2):
    return 0.5 * torch.norm(forward(x, W1, b1, W2, b2) - y)

# --- loss | not_squared
def loss(x, y, W1, b1, W2, b2):
    return 0.5 * (forward(x, W1, b1, W2, b2) - y).sum() ** 2

# --- loss | not_summed | error
def loss(x, y, W1, b1, W2, b2):
    return 0.5 * (forward(x, W1, b1, W2, b2) - y) ** 2

# --- loss | activation_missing
def loss(x, y, W1, b1, W2, b2):
    return 0.5 * ((forward_linear(x, W1, b1, W2, b2) - y) ** 2).sum()

# --- loss | activation_missing
def loss(x, y, W1, b1, W2, b2):
    W, b = collapse(W1, b1, W2, b2)
    r = W @ x + b - y
    return r @ r / 2

# --- loss | wrong
def loss(x, y, W1, b1, W2, b2):
    return 0.25 * ((forward(x, W1, b1, W2, b2) - y) ** 4).sum()

# --- loss | wrong | error
def loss(x, y, W1, b1, W2, b2):
    return (0.5 * ((forward(x, W1, b1, W2, b2) - y) ** 2).sum()).item()

# --- loss | right
def loss(x, y, W1, b1, W2, b2):
    r = y - forward(x, W1, b1, W2, b2)
    return r @ r / 2

# --- loss | right
def loss(x, y, W1, b1, W2, b2):
    return torch.nn.functional.mse_loss(forward(x, W1, b1, W2, b2), y) * len(y) / 2

# --- loss | right
def loss(x, y, W1, b1, W2, b2):
    return 0.5 * torch.linalg.vector_norm(forward(x, W1, b1, W2, b2) - y) ** 2

# --- grad_by_hand | weight_transposed | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(x, d1), d1, torch.outer(d2, h), d2

# --- grad_by_hand | weight_transposed | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return d1[:, None] * x, d1, h[:, None] * d2[None, :], d2

# --- grad_by_hand | weight_transposed | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.einsum("i,j->ji", d1, x), d1, torch.einsum("i,j->ji", d2, h), d2

# --- grad_by_hand | weight_transposed | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2 @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | weight_transposed | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (d2 @ W2.T) * h * (1 - h)
    return torch.outer(x, d1), d1, torch.outer(h, d2), d2

# --- grad_by_hand | missing_hidden_slope
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = W2.T @ d2
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | missing_hidden_slope
def grad_by_hand(x, y, W1, b1, W2, b2):
    r = forward(x, W1, b1, W2, b2) - y
    up = torch.einsum("k,km->m", r, W2)
    h = (W1 @ x + b1).sigmoid()
    return torch.einsum("m,n->mn", up, x), up, r.unsqueeze(1) * h, r

# --- grad_by_hand | slope_of_activation
def grad_by_hand(x, y, W1, b1, W2, b2):
    def slope(z):
        return torch.sigmoid(z) * (1 - torch.sigmoid(z))

    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * slope(h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | slope_of_activation
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    twice = torch.sigmoid(h)
    d2 = W2 @ h + b2 - y
    d1 = (d2 @ W2) * (twice - twice**2)
    return d1[:, None] * x, d1, d2[:, None] * h, d2

# --- grad_by_hand | extra_factor_2
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = 2 * (W2 @ h + b2 - y)
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | extra_factor_2
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), 2 * d2

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = y - W2 @ h - b2
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (h - 1)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, torch.ones_like(x)), d1, torch.outer(d2, h), d2

# --- grad_by_hand | missing_input_factor | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return d1, d1, d2, d2

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, d2[:, None].expand(W2.shape), d2

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, W1, b1, W2, b2):
    y_hat = forward(x, W1, b1, W2, b2)
    h = torch.sigmoid(W1 @ x + b1)
    d1 = (y_hat @ W2) * (h - h * h)
    return d1.unsqueeze(1) @ x.unsqueeze(0), d1, y_hat.unsqueeze(1) @ h.unsqueeze(0), y_hat

# --- grad_by_hand | mean_not_sum
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = (W2 @ h + b2 - y) / len(y)
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | output_slope_added
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    o = W2 @ h + b2
    d2 = (o - y) * o * (1 - o)
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | activation_missing
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = W1 @ x + b1
    d2 = W2 @ h + b2 - y
    d1 = W2.T @ d2
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | activation_on_output
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    o = torch.sigmoid(W2 @ h + b2)
    d2 = (o - y) * o * (1 - o)
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | bias_forgotten
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x)
    d2 = W2 @ h - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | wrong_hidden_slope
def grad_by_hand(x, y, W1, b1, W2, b2):
    z = W1 @ x + b1
    h = torch.sigmoid(z)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * z * (1 - z)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | wrong_layer_input | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, x), d2

# --- grad_by_hand | wrong_layer_input
def grad_by_hand(x, y, W1, b1, W2, b2):
    z = W1 @ x + b1
    h = torch.sigmoid(z)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, z), d2

# --- grad_by_hand | wrong_weight
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = d2.sum() * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | wrong_weight | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W1.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | elementwise_not_outer | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return d1 * x, d1, d2 * h, d2

# --- grad_by_hand | order_swapped | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d2, h), d2, torch.outer(d1, x), d1

# --- grad_by_hand | order_swapped | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), torch.outer(d2, h), d1, d2

# --- grad_by_hand | extra_factor_2 + sign_flipped
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = 2 * (y - (W2 @ h + b2))
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | sign_flipped + missing_hidden_slope
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = y - W2 @ h - b2
    d1 = W2.T @ d2
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | missing_hidden_slope + weight_transposed | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = W2.T @ d2
    return torch.outer(x, d1), d1, torch.outer(h, d2), d2

# --- grad_by_hand | wrong
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h) + 0.01
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | slip:slope_twice
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * (h * (1 - h)) ** 2
    return torch.outer(d1, x), d1, torch.outer(d2, h), d2

# --- grad_by_hand | slip:upstream_ignored
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), torch.ones_like(b1), torch.outer(d2, h), torch.ones_like(b2)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, W1, b1, W2, b2):
    return tuple(torch.zeros_like(parameter) for parameter in (W1, b1, W2, b2))

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, W1, b1, W2, b2):
    return grad_by_autograd(x, y, W1, b1, W2, b2)

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, W1, b1, W2, b2):
    from torch.func import grad

    return grad(loss, argnums=(2, 3, 4, 5))(x, y, W1, b1, W2, b2)

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(W1 @ x + b1)
    d2 = W2 @ h + b2 - y
    d1 = (W2.T @ d2) * h * (1 - h)
    return torch.outer(d1, x), d1, torch.outer(d2, h)

# --- grad_by_hand | right
def grad_by_hand(x, y, W1, b1, W2, b2):
    z = W1 @ x + b1
    h = 1 / (1 + torch.exp(-z))
    r = W2 @ h + b2 - y
    up = (r.unsqueeze(0) @ W2).squeeze(0)
    dz = up * torch.exp(-z) / (1 + torch.exp(-z)) ** 2
    return [dz[:, None] * x[None, :], dz, r[:, None] * h[None, :], r]

# --- grad_by_hand | right
def grad_by_hand(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(torch.einsum("mn,n->m", W1, x) + b1)
    r = torch.einsum("km,m->k", W2, h) + b2 - y
    d = torch.einsum("k,km,m,m->m", r, W2, h, 1 - h)
    return torch.einsum("m,n->mn", d, x), d, torch.einsum("k,m->km", r, h), r

# --- grad_by_hand | right
def grad_by_hand(x, y, W1, b1, W2, b2):
    from collections import namedtuple

    Gradients = namedtuple("Gradients", "W1 b1 W2 b2")
    h = torch.sigmoid(W1 @ x + b1)
    r = forward(x, W1, b1, W2, b2) - y
    slopes = torch.diag(h * (1 - h))
    d = slopes @ W2.t() @ r
    return Gradients(torch.kron(d.unsqueeze(1), x), d, torch.ger(r, h), r)

# --- grad_by_hand | right
def grad_by_hand(x, y, W1, b1, W2, b2):
    (m, n), k = W1.shape, len(y)
    h = torch.sigmoid(W1 @ x + b1)
    r = W2 @ h + b2 - y
    gW1, gb1, gW2, gb2 = (torch.zeros_like(p) for p in (W1, b1, W2, b2))
    for i in range(k):
        gb2[i] = r[i]
        for j in range(m):
            gW2[i, j] = r[i] * h[j]
            gb1[j] += r[i] * W2[i, j] * h[j] * (1 - h[j])
    for j in range(m):
        for l in range(n):
            gW1[j, l] = gb1[j] * x[l]
    return gW1, gb1, gW2, gb2

# --- grad_by_hand | right
def grad_by_hand(x, y, W1, b1, W2, b2):
    x_, y_, W1_, b1_, W2_, b2_ = (t.double() for t in (x, y, W1, b1, W2, b2))
    h = torch.sigmoid(W1_ @ x_ + b1_)
    r = W2_ @ h + b2_ - y_
    d = (W2_ * r[:, None]).sum(dim=0) * h * (1 - h)
    return tuple(t.to(x.dtype) for t in (torch.outer(d, x_), d, torch.outer(r, h), r))

# --- grad_by_autograd | extra_factor_2
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    ((forward(x, *leaves) - y) ** 2).sum().backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | extra_factor_2
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    l = loss(x, y, *leaves)
    l.backward(retain_graph=True)
    l.backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | mean_not_sum
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    l = torch.nn.MSELoss()(forward(x, *leaves), y)
    return torch.autograd.grad(l, leaves)

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    (-loss(x, y, *leaves)).backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(x, y, W1, b1, W2, b2):
    def gain(W1, b1, W2, b2):
        return -loss(x, y, W1, b1, W2, b2)

    return torch.func.grad(gain, argnums=(0, 1, 2, 3))(W1, b1, W2, b2)

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    y_hat = forward(x, *leaves)
    (0.5 * y_hat @ y_hat).backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | target_ignored
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    return torch.autograd.grad(loss(x, torch.zeros_like(y), *leaves), leaves)

# --- grad_by_autograd | missing_hidden_slope
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    z = leaves[0] @ x + leaves[1]
    h = z + (torch.sigmoid(z) - z).detach()
    (0.5 * ((leaves[2] @ h + leaves[3] - y) ** 2).sum()).backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | activation_missing
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    (0.5 * ((forward_linear(x, *leaves) - y) ** 2).sum()).backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | activation_on_output
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    (0.5 * ((torch.sigmoid(forward(x, *leaves)) - y) ** 2).sum()).backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | weight_transposed | error
def grad_by_autograd(x, y, W1, b1, W2, b2):
    grads = torch.func.grad(loss, argnums=(2, 3, 4, 5))(x, y, W1, b1, W2, b2)
    return grads[0].T, grads[1], grads[2].T, grads[3]

# --- grad_by_autograd | weight_transposed | error
def grad_by_autograd(x, y, W1, b1, W2, b2):
    W1, b1, W2, b2 = (p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2))
    loss(x, y, W1, b1, W2, b2).backward()
    return W1.grad.T, b1.grad, W2.grad, b2.grad

# --- grad_by_autograd | order_swapped | error
def grad_by_autograd(x, y, W1, b1, W2, b2):
    W1, b1, W2, b2 = (p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2))
    loss(x, y, W1, b1, W2, b2).backward()
    return W1.grad, W2.grad, b1.grad, b2.grad

# --- grad_by_autograd | wrong | wrong_method
def grad_by_autograd(x, y, W1, b1, W2, b2):
    return grad_by_hand(x, y, W1, b1, W2, b2)

# --- grad_by_autograd | wrong | error
def grad_by_autograd(x, y, W1, b1, W2, b2):
    loss(x, y, W1, b1, W2, b2).backward()
    return W1.grad, b1.grad, W2.grad, b2.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.requires_grad_() for p in (W1, b1, W2, b2)]
    loss(x, y, *leaves).backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | wrong
def grad_by_autograd(x, y, W1, b1, W2, b2):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    torch.log(loss(x, y, *leaves)).backward()
    return tuple(leaf.grad for leaf in leaves)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, W1, b1, W2, b2):
    W1, b1, W2, b2 = (p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2))
    loss(x, y, W1, b1, W2, b2).backward()
    return W1.grad, b1.grad, W2.grad, b2.grad

# --- grad_by_autograd | right
def grad_by_autograd(x, y, W1, b1, W2, b2):
    return torch.func.grad(loss, argnums=(2, 3, 4, 5))(x, y, W1, b1, W2, b2)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, W1, b1, W2, b2):
    def of_parameters(*parameters):
        return loss(x, y, *parameters)

    return torch.autograd.functional.jacobian(of_parameters, (W1, b1, W2, b2))

# --- grad_by_autograd | right
def grad_by_autograd(x, y, W1, b1, W2, b2):
    from torch.autograd import Variable

    leaves = [Variable(p.data.clone(), requires_grad=True) for p in (W1, b1, W2, b2)]
    loss(x, y, *leaves).backward()
    return [leaf.grad.data for leaf in leaves]

# --- grad_by_autograd | right
def grad_by_autograd(x, y, W1, b1, W2, b2):
    first = torch.nn.Linear(len(x), len(b1)).to(x)
    second = torch.nn.Linear(len(b1), len(y)).to(x)
    with torch.no_grad():
        for parameter, value in zip((*first.parameters(), *second.parameters()), (W1, b1, W2, b2)):
            parameter.copy_(value)
    y_hat = second(torch.sigmoid(first(x)))
    (torch.nn.functional.mse_loss(y_hat, y, reduction="sum") / 2).backward()
    return first.weight.grad, first.bias.grad, second.weight.grad, second.bias.grad

# --- grad_by_autograd | right
def grad_by_autograd(x, y, W1, b1, W2, b2):
    value, pullback = torch.func.vjp(lambda *p: forward(x, *p), W1, b1, W2, b2)
    return pullback(value - y)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, W1, b1, W2, b2):
    return torch.func.jacfwd(loss, argnums=(2, 3, 4, 5))(x, y, W1, b1, W2, b2)

# --- count_parameters | bias_forgotten
def count_parameters(sizes):
    return sum(n * m for n, m in zip(sizes, sizes[1:]))

# --- count_parameters | bias_forgotten
def count_parameters(sizes):
    total = 0
    for i in range(len(sizes) - 1):
        total += sizes[i] * sizes[i + 1] + 1
    return total

# --- count_parameters | biases_for_inputs
def count_parameters(sizes):
    return sum(n * m for n, m in zip(sizes, sizes[1:])) + sum(sizes)

# --- count_parameters | biases_for_inputs
def count_parameters(sizes):
    return sum(n * (m + 1) for n, m in zip(sizes, sizes[1:]))

# --- count_parameters | layer_left_out
def count_parameters(sizes):
    return sum(sizes[i + 1] * (sizes[i] + 1) for i in range(len(sizes) - 2))

# --- count_parameters | layer_left_out
def count_parameters(sizes):
    return sum(sizes[i + 1] * (sizes[i] + 1) for i in range(1, len(sizes) - 1))

# --- count_parameters | weights_forgotten
def count_parameters(sizes):
    return sum(sizes)

# --- count_parameters | sum_for_product
def count_parameters(sizes):
    return sum(n + m + m for n, m in zip(sizes, sizes[1:]))

# --- count_parameters | wrong
def count_parameters(sizes):
    return 197

# --- count_parameters | wrong | error
def count_parameters(sizes):
    return float(sum(n * m + m for n, m in zip(sizes, sizes[1:])))

# --- count_parameters | wrong
def count_parameters(sizes):
    total = 0
    while len(sizes) > 1:
        n = sizes.pop(0)
        total += (n + 1) * sizes[0]
    return total

# --- count_parameters | right
def count_parameters(sizes):
    layers = [torch.nn.Linear(n, m) for n, m in zip(sizes, sizes[1:])]
    return sum(p.numel() for layer in layers for p in layer.parameters())

# --- count_parameters | right
def count_parameters(sizes):
    if len(sizes) < 2:
        return 0
    n, m, *_ = sizes
    return (n + 1) * m + count_parameters(sizes[1:])

# --- count_parameters | right
def count_parameters(sizes):
    counts = torch.tensor(sizes)
    return int((counts[:-1] * counts[1:]).sum() + counts[1:].sum())

# --- train | not_zeroed
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, *leaves)
            l.backward()
            with torch.no_grad():
                for leaf in leaves:
                    leaf -= lr * leaf.grad
        losses.append(l.detach())
    return (*leaves, torch.stack(losses))

# --- train | not_zeroed
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    optimiser = torch.optim.SGD(leaves, lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        for x, y in zip(xs, ys):
            l = loss(x, y, *leaves)
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return (*leaves, torch.stack(losses))

# --- train | not_zeroed
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    W1, b1, W2, b2 = (p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2))
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, W1, b1, W2, b2)
            l.backward()
            for p in (W1, b1, W2, b2):
                p.data -= lr * p.grad
            W1.grad.zero_()
            b1.grad.zero_()
            W2.grad.zero_()
        losses.append(l.item())
    return W1, b1, W2, b2, torch.tensor(losses, dtype=xs.dtype)

# --- train | ascent
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, W1, b1, W2, b2)
            g = grad_by_hand(x, y, W1, b1, W2, b2)
            W1, b1, W2, b2 = W1 + lr * g[0], b1 + lr * g[1], W2 + lr * g[2], b2 + lr * g[3]
        losses.append(l)
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | ascent
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    optimiser = torch.optim.SGD(leaves, lr=lr, maximize=True)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            optimiser.zero_grad()
            l = loss(x, y, *leaves)
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return (*leaves, torch.stack(losses))

# --- train | batch_not_sample
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    optimiser = torch.optim.SGD(leaves, lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        l = sum(loss(x, y, *leaves) for x, y in zip(xs, ys)) / len(xs)
        l.backward()
        optimiser.step()
        losses.append(l.detach())
    return (*leaves, torch.stack(losses))

# --- train | batch_not_sample
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        grads = [grad_by_hand(x, y, W1, b1, W2, b2) for x, y in zip(xs, ys)]
        losses.append(loss(xs[-1], ys[-1], W1, b1, W2, b2))
        g = [sum(parts) for parts in zip(*grads)]
        W1, b1, W2, b2 = W1 - lr * g[0], b1 - lr * g[1], W2 - lr * g[2], b2 - lr * g[3]
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | off_by_one_epoch | error
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs + 1):
        for x, y in zip(xs, ys):
            l = loss(x, y, W1, b1, W2, b2)
            g = grad_by_hand(x, y, W1, b1, W2, b2)
            W1, b1, W2, b2 = (p - lr * d for p, d in zip((W1, b1, W2, b2), g))
        losses.append(l)
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | off_by_one_epoch
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = torch.zeros(epochs, dtype=xs.dtype)
    for epoch in range(1, epochs):
        for x, y in zip(xs, ys):
            losses[epoch] = loss(x, y, W1, b1, W2, b2)
            g = grad_by_hand(x, y, W1, b1, W2, b2)
            W1, b1, W2, b2 = (p - lr * d for p, d in zip((W1, b1, W2, b2), g))
    return W1, b1, W2, b2, losses

# --- train | loss_after_update
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            g = grad_by_hand(x, y, W1, b1, W2, b2)
            W1, b1, W2, b2 = (p - lr * d for p, d in zip((W1, b1, W2, b2), g))
        losses.append(loss(x, y, W1, b1, W2, b2))
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | loss_after_update
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            grads = torch.autograd.grad(loss(x, y, *leaves), leaves)
            with torch.no_grad():
                for leaf, grad in zip(leaves, grads):
                    leaf -= lr * grad
                last = loss(x, y, *leaves)
        losses.append(last)
    return (*leaves, torch.stack(losses))

# --- train | second_layer_moved_first
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            h = torch.sigmoid(W1 @ x + b1)
            d2 = W2 @ h + b2 - y
            losses.append(0.5 * d2 @ d2)
            W2 = W2 - lr * torch.outer(d2, h)
            b2 = b2 - lr * d2
            d1 = (W2.T @ d2) * h * (1 - h)
            W1 = W1 - lr * torch.outer(d1, x)
            b1 = b1 - lr * d1
    return W1, b1, W2, b2, torch.stack(losses)[len(xs) - 1 :: len(xs)]

# --- train | one_after_the_other
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, W1, b1, W2, b2)
            W1 = W1 - lr * grad_by_hand(x, y, W1, b1, W2, b2)[0]
            b1 = b1 - lr * grad_by_hand(x, y, W1, b1, W2, b2)[1]
            W2 = W2 - lr * grad_by_hand(x, y, W1, b1, W2, b2)[2]
            b2 = b2 - lr * grad_by_hand(x, y, W1, b1, W2, b2)[3]
        losses.append(l)
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | missing_hidden_slope
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            h = torch.sigmoid(W1 @ x + b1)
            d2 = W2 @ h + b2 - y
            d1 = W2.T @ d2
            W1, b1 = W1 - lr * torch.outer(d1, x), b1 - lr * d1
            W2, b2 = W2 - lr * torch.outer(d2, h), b2 - lr * d2
        losses.append(0.5 * d2 @ d2)
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | extra_factor_2
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, W1, b1, W2, b2)
            g = grad_by_hand(x, y, W1, b1, W2, b2)
            W1, b1, W2, b2 = (p - 2 * lr * d for p, d in zip((W1, b1, W2, b2), g))
        losses.append(l)
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | order_swapped | error
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    *trained, losses = _right_train(xs, ys, W1, b1, W2, b2, lr, epochs)
    return (losses, *trained)

# --- train | not_updated
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    _, _, _, _, losses = _right_train(xs, ys, W1, b1, W2, b2, lr, epochs)
    return W1, b1, W2, b2, losses

# --- train | other_loss_reported
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        total = 0
        for x, y in zip(xs, ys):
            total = total + loss(x, y, W1, b1, W2, b2)
            g = grad_by_hand(x, y, W1, b1, W2, b2)
            W1, b1, W2, b2 = (p - lr * d for p, d in zip((W1, b1, W2, b2), g))
        losses.append(total)
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | not_zeroed + extra_factor_2
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = ((forward(x, *leaves) - y) ** 2).sum()
            l.backward()
            with torch.no_grad():
                for leaf in leaves:
                    leaf -= lr * leaf.grad
        losses.append(l.detach())
    return (*leaves, torch.stack(losses))

# --- train | mean_not_sum
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    optimiser = torch.optim.SGD(leaves, lr=lr)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            optimiser.zero_grad()
            l = torch.nn.functional.mse_loss(forward(x, *leaves), y)
            l.backward()
            optimiser.step()
        losses.append(l.detach())
    return (*leaves, torch.stack(losses))

# --- train | activation_missing
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = 0.5 * ((forward_linear(x, *leaves) - y) ** 2).sum()
            for leaf, grad in zip(leaves, torch.autograd.grad(l, leaves)):
                leaf.data -= lr * grad
        losses.append(l.detach())
    return (*leaves, torch.stack(losses))

# --- train | wrong
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in reversed(list(zip(xs, ys))):
            l = loss(x, y, W1, b1, W2, b2)
            g = grad_by_hand(x, y, W1, b1, W2, b2)
            W1, b1, W2, b2 = (p - lr * d for p, d in zip((W1, b1, W2, b2), g))
        losses.append(l)
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | wrong
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, W1, b1, W2, b2)
            for p, g in zip((W1, b1, W2, b2), grad_by_hand(x, y, W1, b1, W2, b2)):
                p -= lr * g
        losses.append(l)
    return W1, b1, W2, b2, torch.stack(losses)

# --- train | wrong | error
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            loss(x, y, *leaves).backward()
            for i, leaf in enumerate(leaves):
                leaves[i] = leaf - lr * leaf.grad
    return (*leaves, torch.zeros(epochs))

# --- train | right
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    leaves = [p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2)]
    optimiser = torch.optim.SGD(leaves, lr=lr)
    losses = torch.zeros(epochs, dtype=xs.dtype, device=xs.device)
    for epoch in range(epochs):
        for x, y in zip(xs, ys):
            optimiser.zero_grad()
            l = loss(x, y, *leaves)
            l.backward()
            optimiser.step()
        losses[epoch] = l.item()
    return [*leaves, losses]

# --- train | right
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    W1, b1, W2, b2 = (p.detach().clone().requires_grad_() for p in (W1, b1, W2, b2))
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, W1, b1, W2, b2)
            l.backward()
            for p in (W1, b1, W2, b2):
                p.data = p.data - lr * p.grad.data
                p.grad.data.zero_()
        losses.append(l.item())
    return W1.data, b1.data, W2.data, b2.data, torch.tensor(losses, dtype=xs.dtype)

# --- train | right
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    parameters = [p.clone() for p in (W1, b1, W2, b2)]
    losses = []
    for _ in range(epochs):
        for i in range(len(xs)):
            last = loss(xs[i], ys[i], *parameters)
            for p, g in zip(parameters, grad_by_hand(xs[i], ys[i], *parameters)):
                p.sub_(lr * g)
        losses += [last]
    return (*parameters, torch.stack(losses))

# --- train | right
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    step = torch.func.grad_and_value(loss, argnums=(2, 3, 4, 5))
    p, losses = (W1, b1, W2, b2), []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            g, l = step(x, y, *p)
            p = tuple(a - lr * d for a, d in zip(p, g))
        losses.append(l)
    return (*p, torch.stack(losses))

# --- train | right
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    first = torch.nn.Linear(W1.shape[1], W1.shape[0]).to(W1)
    second = torch.nn.Linear(W2.shape[1], W2.shape[0]).to(W1)
    model = torch.nn.Sequential(first, torch.nn.Sigmoid(), second)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), (W1, b1, W2, b2)):
            parameter.copy_(value)
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        for x, y in zip(xs, ys):
            l = torch.nn.functional.mse_loss(model(x), y, reduction="sum") / 2
            model.zero_grad()
            l.backward()
            optimiser.step()
        losses.append(l)
    return first.weight, first.bias, second.weight, second.bias, torch.stack(losses)

# --- grad_by_autograd | right
def grad_by_autograd(x, y, W1, b1, W2, b2):
    # forward mode turns 0.5 * (0-d tensor) into float64: PyTorch's doing, not the student's
    def half_square(*parameters):
        return 0.5 * ((forward(x, *parameters) - y) ** 2).sum()
    return torch.func.jacfwd(half_square, argnums=(0, 1, 2, 3))(W1, b1, W2, b2)

# --- train | wrong
def train(xs, ys, W1, b1, W2, b2, lr, epochs):
    p, out = (W1, b1, W2, b2), []
    for e in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(x, y, *p)
            p = tuple(v - lr * g for v, g in zip(p, grad_by_hand(x, y, *p)))
        out.append(l)
        if l < 1e-5: break
    out += [l] * (epochs - len(out))
    return *p, torch.stack(out)
