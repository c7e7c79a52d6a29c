# --- to_column | row_not_column | error
def to_column(values):
    return values.unsqueeze(0)

# --- to_column | row_not_column | error
def to_column(values):
    return values.view(1, -1)

# --- to_column | wrong | error
def to_column(values):
    return values

# --- to_column | wrong | error
def to_column(values):
    return values.reshape(-1, 1, 1)

# --- to_column | wrong | error
def to_column(values):
    return [[value] for value in values]

# --- to_column | wrong | error
def to_column(values):
    return values.numpy()[:, None]

# --- to_column | wrong
def to_column(values):
    return values.unsqueeze_(1)

# --- to_column | wrong
def to_column(values):
    return values.sort().values.unsqueeze(1)

# --- to_column | wrong
def to_column(values):
    return values.flip(0)[:, None]

# --- to_column | wrong | error
def to_column(values):
    return torch.tensor([[int(value)] for value in values])

# --- to_column | right
def to_column(values):
    return values.view(-1, 1)

# --- to_column | right
def to_column(values):
    return values[:, None]

# --- to_column | right
def to_column(values):
    return torch.stack([value.reshape(1) for value in values])

# --- to_column | right
def to_column(values):
    rows = [[value] for value in values.tolist()]
    return torch.tensor(rows, dtype=values.dtype, device=values.device)

# --- to_column | right
def to_column(values):
    return torch.reshape(values, (len(values), 1)).clone()

# --- LinearRegression | shared_layer
_layer = nn.Linear(1, 1)


class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = _layer

    def forward(self, x):
        return self.linear(x)

# --- LinearRegression | shared_layer
class LinearRegression(nn.Module):
    def __init__(self, layer=nn.Linear(1, 1)):
        super().__init__()
        self.linear = layer

    def forward(self, x):
        return self.linear(x)

# --- LinearRegression | activation_added
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return torch.sigmoid(self.linear(x))

# --- LinearRegression | activation_added
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.linear(x))

# --- LinearRegression | input_added
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return x + self.linear(x)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1, bias=False)

    def forward(self, x):
        return self.linear(x)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(15, 1)

    def forward(self, x):
        return self.linear(x)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(1, 1)

    def forward(self, x):
        return self.fc(x)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        self.linear(x)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x).squeeze(1)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)
        self.offset = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.linear(x) + self.offset

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 1))
        self.bias = nn.Parameter(torch.randn(1))

    def forward(self, x):
        return x @ self.weight.T + self.bias

# --- LinearRegression | wrong | error
class LinearRegression:
    def __init__(self):
        self.linear = nn.Linear(1, 1)

    def __call__(self, x):
        return self.linear(x)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x).detach()

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.linear(x)

# --- LinearRegression | wrong
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(self.linear(x))

# --- LinearRegression | wrong
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)
        self.weight, self.bias = self.linear.weight, self.linear.bias

    def forward(self, x):
        return x * self.linear.weight - self.linear.bias

# --- LinearRegression | right
class LinearRegression(torch.nn.Module):
    def __init__(self):
        super(LinearRegression, self).__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):
        y_hat = self.linear(x)
        return y_hat

# --- LinearRegression | right
class LinearRegression(nn.Module):
    def __init__(self, features=1):
        super().__init__()
        self.linear = nn.Linear(in_features=features, out_features=1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return nn.functional.linear(x, self.linear.weight, self.linear.bias)

# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        nn.Module.__init__(self)
        self.linear = nn.Linear(1, 1, dtype=torch.float64)

    def forward(self, x):
        return x * self.linear.weight + self.linear.bias

# --- LinearRegression | right
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)
        self.weight, self.bias = self.linear.weight, self.linear.bias

    def forward(self, x):
        return x @ self.linear.weight.T + self.linear.bias

# --- LinearRegression | right
class Line(nn.Linear):
    def __init__(self):
        super().__init__(1, 1)


class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = Line()
        self.layers = nn.Sequential(self.linear)
        self.train()

    def forward(self, x):
        return self.layers(x)

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return (r * x).mean().reshape(1, 1), r.mean().reshape(1)

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, weight, bias):
    n = x.shape[0]
    r = weight * x + bias - y
    return x.T @ r / n, r.sum(0) / n

# --- grad_by_hand | missing_factor_2
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return (2 * r * x).mean(0, keepdim=True), r.mean(0)

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, weight, bias):
    r = y - (x @ weight.T + bias)
    return (2 * r * x).mean().reshape(1, 1), (2 * r).mean().reshape(1)

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return -2 / len(x) * r.T @ x, -2 / len(x) * r.sum(0)

# --- grad_by_hand | sign_flipped
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return 2 / len(x) * r.T @ x, -2 / len(x) * r.sum(0)

# --- grad_by_hand | missing_factor_2 + sign_flipped
def grad_by_hand(x, y, weight, bias):
    r = y - x * weight - bias
    return (r * x).mean().view(1, 1), r.mean().view(1)

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    g = (2 * r).mean()
    return g.reshape(1, 1), g.reshape(1)

# --- grad_by_hand | missing_input_factor
def grad_by_hand(x, y, weight, bias):
    upstream = 2 * (x * weight + bias - y) / len(x)
    return upstream.sum(0, keepdim=True), upstream.sum(0)

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias
    return (2 * r * x).mean().reshape(1, 1), (2 * r).mean().reshape(1)

# --- grad_by_hand | target_ignored
def grad_by_hand(x, y, weight, bias):
    y_hat = x * weight + bias
    return 2 * y_hat.T @ x / len(y), 2 * y_hat.sum(0) / len(y)

# --- grad_by_hand | loss_returned
def grad_by_hand(x, y, weight, bias):
    loss = ((x @ weight.T + bias - y) ** 2).mean()
    return loss.reshape(1, 1), loss.reshape(1)

# --- grad_by_hand | loss_returned | error
def grad_by_hand(x, y, weight, bias):
    loss = nn.MSELoss()(x @ weight.T + bias, y)
    return loss, loss

# --- grad_by_hand | bias_like_weight
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    g = (2 * r * x).mean()
    return g.reshape(1, 1), g.reshape(1)

# --- grad_by_hand | bias_like_weight
def grad_by_hand(x, y, weight, bias):
    g = 2 / len(x) * x.T @ (x * weight + bias - y)
    return g, g[0]

# --- grad_by_hand | order_swapped | error
def grad_by_hand(x, y, weight, bias):
    upstream = 2 * (x @ weight.T + bias - y) / len(x)
    return upstream.sum(dim=0), upstream.T @ x

# --- grad_by_hand | order_swapped
def grad_by_hand(x, y, weight, bias):
    upstream = 2 * (x @ weight.T + bias - y)
    return upstream.mean().reshape(1, 1), (upstream * x).mean().reshape(1)

# --- grad_by_hand | sum_not_mean
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return 2 * r.T @ x, 2 * r.sum(0)

# --- grad_by_hand | sum_not_mean
def grad_by_hand(x, y, weight, bias):
    w, b = torch.zeros_like(weight), torch.zeros_like(bias)
    for xi, yi in zip(x, y):
        r = xi * weight[0] + bias - yi
        w = w + 2 * r * xi
        b = b + 2 * r
    return w, b

# --- grad_by_hand | sum_not_mean
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return 2 * r.T @ x / len(x), 2 * r.sum(0)

# --- grad_by_hand | missing_factor_2 + sum_not_mean
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return r.T @ x, r.sum(0)

# --- grad_by_hand | sign_flipped + sum_not_mean
def grad_by_hand(x, y, weight, bias):
    r = y - x @ weight.T - bias
    return 2 * r.T @ x, 2 * r.sum(0)

# --- grad_by_hand | broadcast_residual
def grad_by_hand(x, y, weight, bias):
    r = (x @ weight.T + bias).squeeze() - y
    return (2 * r * x).mean().reshape(1, 1), (2 * r).mean().reshape(1)

# --- grad_by_hand | broadcast_residual
def grad_by_hand(x, y, weight, bias):
    r = x * weight + bias - y.flatten()
    return 2 / len(x) * (r * x).sum().reshape(1, 1), 2 / len(x) * r.sum().reshape(1)

# --- grad_by_hand | broadcast_residual
def grad_by_hand(x, y, weight, bias):
    xs = x.squeeze(1)
    r = xs * weight + bias - y
    return (2 * r * xs).mean().reshape(1, 1), (2 * r).mean().reshape(1)

# --- grad_by_hand | broadcast_residual | error
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y.squeeze(1)
    return 2 / len(x) * x.T @ r, 2 * r.mean(0)

# --- grad_by_hand | broadcast_residual | error
def grad_by_hand(x, y, weight, bias):
    upstream = 2 * ((x @ weight.T + bias)[:, 0] - y) / len(x)
    return upstream.T @ x, upstream.sum(dim=0)

# --- grad_by_hand | missing_factor_2 + broadcast_residual
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y.view(-1)
    return (r * x).mean().view(1, 1), r.mean().view(1)

# --- grad_by_hand | not_averaged | error
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return 2 * r * x, 2 * r

# --- grad_by_hand | not_averaged | error
def grad_by_hand(x, y, weight, bias):
    upstream = 2 * (x @ weight.T + bias - y) / len(x)
    return upstream.T @ x, upstream

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return (2 * r * x).mean(), (2 * r).mean()

# --- grad_by_hand | wrong
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return (2 * r * weight).mean().reshape(1, 1), (2 * r).mean().reshape(1)

# --- grad_by_hand | slip:left_out
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T - y
    return (2 * r * x).mean().reshape(1, 1), (2 * r).mean().reshape(1)

# --- grad_by_hand | slip:wrong_count
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return 2 * r.T @ x / (len(x) - 1), 2 * r.sum(0) / (len(x) - 1)

# --- grad_by_hand | size_typed_in
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return 2 * r.T @ x / 15, 2 * r.sum(0) / 15

# --- grad_by_hand | slip:sign_lost
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias + y
    return (2 * r * x).mean().reshape(1, 1), (2 * r).mean().reshape(1)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return (2 * r).mean().reshape(1, 1) * x.mean(), (2 * r).mean().reshape(1)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, weight, bias):
    r = (x @ weight.T + bias - y).abs()
    return (2 * r * x).mean().reshape(1, 1), (2 * r).mean().reshape(1)

# --- grad_by_hand | wrong
def grad_by_hand(x, y, weight, bias):
    return torch.zeros_like(weight), torch.zeros_like(bias)

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, weight, bias):
    model = LinearRegression().to(x)
    with torch.no_grad():
        model.linear.weight.copy_(weight)
        model.linear.bias.copy_(bias)
    return grad_by_autograd(model, x, y)

# --- grad_by_hand | wrong | wrong_method
def grad_by_hand(x, y, weight, bias):
    w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    nn.MSELoss()(x @ w.T + b, y).backward()
    return w.grad, b.grad

# --- grad_by_hand | wrong | error
def grad_by_hand(x, y, weight, bias):
    r = x @ weight.T + bias - y
    return r @ x, r.sum()

# --- grad_by_hand | right
def grad_by_hand(x, y, weight, bias):
    r = weight * x + bias - y
    return (2 * r * x).mean().view(1, 1), (2 * r).mean().view(1)

# --- grad_by_hand | right
def grad_by_hand(x, y, weight, bias):
    n = x.shape[0]
    w, b = torch.zeros_like(weight), torch.zeros_like(bias)
    for i in range(n):
        r = x[i] * weight[0, 0] + bias[0] - y[i]
        w += 2 / n * r * x[i]
        b += 2 / n * r
    return [w, b]

# --- grad_by_hand | right
def grad_by_hand(x, y, weight, bias):
    ones = torch.ones_like(x)
    X = torch.cat([x, ones], dim=1)
    theta = torch.cat([weight, bias.unsqueeze(0)])
    g = 2 / len(x) * X.T @ (X @ theta - y)
    return g[:1], g[1]

# --- grad_by_hand | right
def grad_by_hand(x, y, weight, bias):
    r = nn.functional.linear(x, weight, bias) - y
    return 2 * torch.einsum("no,ni->oi", r, x) / len(x), 2 * torch.einsum("no->o", r) / len(x)

# --- grad_by_hand | right
def grad_by_hand(x, y, weight, bias):
    X, Y, w, b = x.double(), y.double(), weight.double(), bias.double()
    r = X @ w.T + b - Y
    return (2 * (r * X).mean(0, keepdim=True)).to(x.dtype), (2 * r.mean(0)).to(x.dtype)

# --- grad_by_hand | right
from typing import NamedTuple


class Grads(NamedTuple):
    weight: Tensor
    bias: Tensor


def grad_by_hand(x, y, weight, bias):
    xs, ys = x.squeeze(1), y.squeeze(1)
    r = xs * weight.item() + bias.item() - ys
    return Grads(2 * torch.dot(r, xs).reshape(1, 1) / r.numel(), 2 * r.mean().reshape(1))

# --- grad_by_hand | right
def grad_by_hand(x, y, weight, bias):
    w, b = weight.squeeze(), bias.squeeze()
    g = 2 * (w * (x * x).mean() + b * x.mean() - (x * y).mean())
    return g[None, None], 2 * (w * x.mean() + b - y.mean())[None]

# --- grad_by_autograd | missing_factor_2
def grad_by_autograd(model, x, y):
    loss = 0.5 * nn.MSELoss()(model(x), y)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | missing_factor_2
def grad_by_autograd(model, x, y):
    r = model(x) - y
    return torch.autograd.grad(r.pow(2).sum() / (2 * len(x)), tuple(model.parameters()))

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x), y)
    return torch.autograd.grad(-loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | sign_flipped
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x), y)
    grads = torch.autograd.grad(loss, list(model.parameters()))
    return tuple(-g for g in grads)

# --- grad_by_autograd | target_ignored
def grad_by_autograd(model, x, y):
    return torch.autograd.grad((model(x) ** 2).mean(), tuple(model.parameters()))

# --- grad_by_autograd | target_ignored
def grad_by_autograd(model, x, y):
    prediction = model(x)
    loss = nn.MSELoss()(prediction, torch.zeros_like(y))
    return torch.autograd.grad(loss, tuple(model.parameters()))

# --- grad_by_autograd | loss_returned | error
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x), y)
    torch.autograd.grad(loss, tuple(model.parameters()))
    return loss, loss

# --- grad_by_autograd | loss_returned
def grad_by_autograd(model, x, y):
    loss = nn.functional.mse_loss(model(x), y)
    return loss.reshape(1, 1), loss.reshape(1)

# --- grad_by_autograd | order_swapped | error
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x), y)
    return torch.autograd.grad(loss, (model.linear.bias, model.linear.weight))

# --- grad_by_autograd | order_swapped
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x), y)
    w, b = torch.autograd.grad(loss, tuple(model.parameters()))
    return b.reshape(1, 1), w.reshape(1)

# --- grad_by_autograd | sum_not_mean
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss(reduction="sum")(model(x), y)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | sum_not_mean
def grad_by_autograd(model, x, y):
    loss = sum((model(xi) - yi).pow(2).sum() for xi, yi in zip(x, y))
    return torch.autograd.grad(loss, tuple(model.parameters()))

# --- grad_by_autograd | missing_factor_2 + sum_not_mean
def grad_by_autograd(model, x, y):
    loss = 0.5 * ((model(x) - y) ** 2).sum()
    return torch.autograd.grad(loss, tuple(model.parameters()))

# --- grad_by_autograd | broadcast_residual
def grad_by_autograd(model, x, y):
    loss = ((model(x).squeeze() - y) ** 2).mean()
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | broadcast_residual
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x), y.flatten())
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | broadcast_residual
def grad_by_autograd(model, x, y):
    loss = (model(x) - y.view(-1)).square().sum() / len(x)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | sum_not_mean + broadcast_residual
def grad_by_autograd(model, x, y):
    loss = ((model(x).flatten() - y) ** 2).sum()
    return torch.autograd.grad(loss, tuple(model.parameters()))

# --- grad_by_autograd | not_zeroed
def grad_by_autograd(model, x, y):
    linear = model.linear
    kept = [p.grad if p.grad is None else p.grad.clone() for p in model.parameters()]
    nn.MSELoss()(model(x), y).backward()
    grads = linear.weight.grad.clone(), linear.bias.grad.clone()
    linear.weight.grad, linear.bias.grad = kept
    return grads

# --- grad_by_autograd | not_zeroed
def grad_by_autograd(model, x, y):
    before = [p.grad for p in model.parameters()]
    grads = torch.autograd.grad(nn.MSELoss()(model(x), y), tuple(model.parameters()))
    return [g if old is None else old + g for g, old in zip(grads, before)]

# --- grad_by_autograd | wrong
def grad_by_autograd(model, x, y):
    nn.MSELoss()(model(x), y).backward()
    return model.linear.weight.grad, model.linear.bias.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(model, x, y):
    model.zero_grad()
    nn.MSELoss()(model(x), y).backward()
    grads = model.linear.weight.grad.clone(), model.linear.bias.grad.clone()
    model.zero_grad()
    return grads

# --- grad_by_autograd | wrong
def grad_by_autograd(model, x, y):
    loss = nn.L1Loss()(model(x), y)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | wrong
def grad_by_autograd(model, x, y):
    fresh = LinearRegression().to(x)
    nn.MSELoss()(fresh(x), y).backward()
    return fresh.linear.weight.grad, fresh.linear.bias.grad

# --- grad_by_autograd | wrong
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x), y) ** 0.5
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | wrong
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(y), x)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | wrong
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x[:1]), y[:1])
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | wrong
def grad_by_autograd(model, x, y):
    weight, bias = model.linear.weight, model.linear.bias
    grads = torch.autograd.grad(nn.MSELoss()(model(x), y), (weight, bias))
    with torch.no_grad():
        weight -= 0.01 * grads[0]
    return grads

# --- grad_by_autograd | wrong | wrong_method
def grad_by_autograd(model, x, y):
    return grad_by_hand(x, y, model.linear.weight.detach(), model.linear.bias.detach())

# --- grad_by_autograd | wrong | error
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x).detach(), y)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | wrong | error
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss(reduction="none")(model(x), y)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | wrong | error
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x.squeeze(1)), y)
    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))

# --- grad_by_autograd | wrong | error
def grad_by_autograd(model, x, y):
    loss = nn.MSELoss()(model(x), y)
    return torch.autograd.grad(loss, model.linear.weight)

# --- grad_by_autograd | right
import copy


def grad_by_autograd(model, x, y):
    twin = copy.deepcopy(model)
    twin.zero_grad()
    nn.MSELoss()(twin(x), y).backward()
    return twin.linear.weight.grad, twin.linear.bias.grad

# --- grad_by_autograd | right
def grad_by_autograd(model, x, y):
    w = model.linear.weight.detach().clone().requires_grad_()
    b = model.linear.bias.detach().clone().requires_grad_()
    ((x @ w.T + b - y) ** 2).mean().backward()
    return w.grad, b.grad

# --- grad_by_autograd | right
from torch.func import functional_call, grad


def grad_by_autograd(model, x, y):
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    grads = grad(lambda p: nn.functional.mse_loss(functional_call(model, p, (x,)), y))(parameters)
    return grads["linear.weight"], grads["linear.bias"]

# --- grad_by_autograd | right
def grad_by_autograd(model, x, y):
    kept = [(p, p.grad) for p in model.parameters()]
    model.zero_grad(set_to_none=True)
    nn.MSELoss()(model(x), y).backward()
    grads = [p.grad for p in model.parameters()]
    for p, old in kept:
        p.grad = old
    return grads

# --- grad_by_autograd | right
def grad_by_autograd(model, x, y):
    def loss(w, b):
        return nn.functional.mse_loss(nn.functional.linear(x, w, b), y)

    given = (model.linear.weight.detach(), model.linear.bias.detach())
    return torch.autograd.functional.jacobian(loss, given)

# --- grad_by_autograd | right
import torch.autograd.forward_ad as fwAD


def grad_by_autograd(model, x, y):
    given = (model.linear.weight.detach(), model.linear.bias.detach())
    grads = []
    for i, p in enumerate(given):
        with fwAD.dual_level():
            duals = list(given)
            duals[i] = fwAD.make_dual(p, torch.ones_like(p))
            loss = nn.functional.mse_loss(nn.functional.linear(x, *duals), y)
            grads.append(fwAD.unpack_dual(loss).tangent.reshape(p.shape))
    return grads

# --- grad_by_autograd | right
def grad_by_autograd(model, x, y):
    loss = (model(x) - y).square().mean()
    return torch.autograd.grad(loss, tuple(model.parameters()), create_graph=True)

# --- grad_by_autograd | right
def grad_by_autograd(model, x, y):
    X, Y = x.double(), y.double()
    w = model.linear.weight.detach().double().requires_grad_()
    b = model.linear.bias.detach().double().requires_grad_()
    loss = sum((X[i] @ w.T + b - Y[i]).pow(2).sum() for i in range(len(X))) / len(X)
    gw, gb = torch.autograd.grad(loss, (w, b))
    return gw.to(x.dtype), gb.to(x.dtype)

# --- grad_by_autograd | right
def grad_by_autograd(model, x, y):
    prediction, back = torch.func.vjp(
        lambda w, b: torch.func.functional_call(model, {"linear.weight": w, "linear.bias": b}, x),
        model.linear.weight.detach(),
        model.linear.bias.detach(),
    )
    return back(2 * (prediction - y) / y.numel())

# --- train | missing_factor_2
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = 0.5 * nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | missing_factor_2
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        with torch.no_grad():
            r = model(x) - y
            losses.append((r**2).mean())
            model.linear.weight -= lr * (r * x).mean()
            model.linear.bias -= lr * r.mean()
    return torch.stack(losses)

# --- train | missing_input_factor
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        with torch.no_grad():
            r = model(x) - y
            losses.append((r**2).mean())
            model.linear.weight -= lr * 2 * r.mean()
            model.linear.bias -= lr * 2 * r.mean()
    return torch.stack(losses)

# --- train | missing_input_factor
def train(model, x, y, lr, epochs):
    losses = torch.zeros(epochs, dtype=x.dtype, device=x.device)
    w, b = model.linear.weight.data, model.linear.bias.data
    for epoch in range(epochs):
        upstream = 2 * (x @ w.T + b - y) / len(x)
        losses[epoch] = nn.functional.mse_loss(x @ w.T + b, y)
        w -= lr * upstream.sum()
        b -= lr * upstream.sum()
    return losses

# --- train | target_ignored
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = model(x).pow(2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | target_ignored
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        with torch.no_grad():
            y_hat = model(x)
            losses.append(((y_hat - y) ** 2).mean())
            model.linear.weight -= lr * (2 * y_hat * x).mean()
            model.linear.bias -= lr * (2 * y_hat).mean()
    return torch.stack(losses)

# --- train | bias_like_weight
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        with torch.no_grad():
            r = model(x) - y
            losses.append((r**2).mean())
            g = (2 * r * x).mean()
            model.linear.weight -= lr * g
            model.linear.bias -= lr * g
    return torch.stack(losses)

# --- train | bias_like_weight
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        w, b = model.linear.weight.data, model.linear.bias.data
        losses.append(nn.functional.mse_loss(x @ w.T + b, y))
        gw, _ = grad_by_hand(x, y, w, b)
        model.linear.weight.data = w - lr * gw
        model.linear.bias.data = b - lr * gw[0]
    return torch.stack(losses)

# --- train | sum_not_mean
def train(model, x, y, lr, epochs):
    criterion = nn.MSELoss(reduction="sum")
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = criterion(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | sum_not_mean
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        losses.append(nn.MSELoss()(model(x), y).detach())
        for xi, yi in zip(x, y):
            nn.MSELoss()(model(xi), yi).backward()
        optimiser.step()
    return torch.stack(losses)

# --- train | broadcast_residual
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y.squeeze())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | broadcast_residual
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        loss = ((model(x).view(-1) - y) ** 2).mean()
        gw, gb = torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))
        with torch.no_grad():
            model.linear.weight -= lr * gw
            model.linear.bias -= lr * gb
        losses.append(loss.item())
    return torch.tensor(losses, dtype=x.dtype, device=x.device)

# --- train | not_zeroed
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | not_zeroed
def train(model, x, y, lr, epochs):
    losses = []
    model.zero_grad()
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= lr * p.grad
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | not_zeroed
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        loss.backward()
        for p in model.parameters():
            p.data -= lr * p.grad
        model.linear.weight.grad.zero_()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | not_zeroed
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        loss.backward()
        optimiser.step()
        model.linear.bias.grad = None
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | ascent
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        grads = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for p, g in zip(model.parameters(), grads):
                p += lr * g
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | ascent
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, maximize=True)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | ascent
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        gw, gb = torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))
        with torch.no_grad():
            model.linear.weight -= lr * gw
            model.linear.bias += lr * gb
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | off_by_one_epoch | error
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs + 1):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | off_by_one_epoch
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = torch.zeros(epochs, dtype=x.dtype, device=x.device)
    for epoch in range(1, epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses[epoch - 1] = loss.item()
    return losses

# --- train | off_by_one_epoch
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses, epoch = [], 0
    while epoch <= epochs:
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
        epoch += 1
    return torch.stack(losses[:epochs])

# --- train | loss_after_update
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        nn.MSELoss()(model(x), y).backward()
        optimiser.step()
        losses.append(nn.MSELoss()(model(x), y).detach())
    return torch.stack(losses)

# --- train | loss_after_update
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        gw, gb = grad_by_hand(x, y, model.linear.weight.data, model.linear.bias.data)
        model.linear.weight.data -= lr * gw
        model.linear.bias.data -= lr * gb
        losses.append(((model(x) - y) ** 2).mean().item())
    return torch.tensor(losses, dtype=x.dtype, device=x.device)

# --- train | not_updated
import copy


def train(model, x, y, lr, epochs):
    model = copy.deepcopy(model)
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | not_updated
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        grads = torch.autograd.grad(loss, list(model.parameters()))
        for p, g in zip(model.parameters(), grads):
            p = p - lr * g
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | not_updated
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD([model.linear.weight], lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        model.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | stale_gradient
def train(model, x, y, lr, epochs):
    grads = grad_by_autograd(model, x, y)
    losses = []
    for _ in range(epochs):
        losses.append(nn.MSELoss()(model(x), y).detach())
        with torch.no_grad():
            for p, g in zip(model.parameters(), grads):
                p -= lr * g
    return torch.stack(losses)

# --- train | lr_ignored
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | lr_ignored
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        losses.append(nn.MSELoss()(model(x), y).detach())
        for p, g in zip(model.parameters(), grad_by_autograd(model, x, y)):
            p.data -= g
    return torch.stack(losses)

# --- train | epochs_ignored | error
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(100):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | one_after_the_other
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        losses.append(nn.MSELoss()(model(x), y).detach())
        for i, p in enumerate(model.parameters()):
            p.data -= lr * grad_by_autograd(model, x, y)[i]
    return torch.stack(losses)

# --- train | sample_not_batch
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        for xi, yi in zip(x, y):
            loss = nn.MSELoss()(model(xi), yi)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | sample_not_batch
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        losses.append(nn.MSELoss()(model(x), y).item())
        for i in range(len(x)):
            grads = grad_by_autograd(model, x[i : i + 1], y[i : i + 1])
            with torch.no_grad():
                for p, g in zip(model.parameters(), grads):
                    p -= lr * g
    return torch.tensor(losses, dtype=x.dtype)

# --- train | sum_not_mean + not_zeroed
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = (model(x) - y).pow(2).sum()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | missing_factor_2 + off_by_one_epoch
def train(model, x, y, lr, epochs):
    losses = []
    for epoch in range(epochs - 1):
        loss = (model(x) - y).pow(2).mean() / 2
        grads = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for p, g in zip(model.parameters(), grads):
                p -= lr * g
        losses.append(loss.detach())
    return torch.stack([*losses, losses[-1]])

# --- train | wrong
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | wrong
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | wrong
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=0.1)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | wrong
def train(model, x, y, lr, epochs):
    model.linear.reset_parameters()
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | wrong
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.sqrt().detach())
    return torch.stack(losses)

# --- train | wrong
def train(model, x, y, lr, epochs):
    weight, bias = closed_form(x, y)
    with torch.no_grad():
        losses = nn.MSELoss()(model(x), y).repeat(epochs)
        model.linear.weight.copy_(weight)
        model.linear.bias.copy_(bias)
    return losses

# --- train | wrong | error
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses

# --- train | wrong | error
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.detach()

# --- train | wrong | error
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

# --- train | wrong | error
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        loss.backward()
        model.linear.weight -= lr * model.linear.weight.grad
        model.linear.bias -= lr * model.linear.bias.grad
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | wrong | error
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    loss = nn.MSELoss()(model(x), y)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | wrong
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    y -= y.mean() * 1e-9
    y += 1.0
    y -= 1.0
    y *= 1.001
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y / 1.001)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | right
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.0)
    criterion = nn.MSELoss(reduction="mean")
    losses = torch.empty(epochs, dtype=x.dtype, device=x.device)
    model.train()
    for epoch in range(epochs):
        optimiser.zero_grad(set_to_none=False)
        loss = criterion(model(x), y)
        loss.backward()
        losses[epoch] = loss.item()
        optimiser.step()
    model.eval()
    return losses

# --- train | right
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        loss = nn.functional.mse_loss(model(x), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= lr * p.grad
        losses.append(loss)
    return torch.stack(losses)

# --- train | right
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        for p in model.parameters():
            p.data = p.data - lr * p.grad.data
            p.grad.data.zero_()
        losses.append(loss.data)
    return torch.stack(losses)

# --- train | right
def train(model, x, y, lr, epochs):
    parameters = tuple(model.parameters())
    losses = []
    for _ in range(epochs):
        loss = nn.MSELoss()(model(x), y)
        grads = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, g in zip(parameters, grads):
                p.sub_(g, alpha=lr)
        losses.append(loss.item())
    return torch.tensor(losses, dtype=x.dtype, device=x.device)

# --- train | right
def train(model, x, y, lr, epochs):
    losses = []
    w, b = model.linear.weight.data, model.linear.bias.data
    for _ in range(epochs):
        r = x @ w.T + b - y
        losses.append((r**2).mean())
        w -= lr * (2 * r * x).mean()
        b -= lr * (2 * r).mean()
    return torch.stack(losses)

# --- train | right
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr)

    def closure():
        optimiser.zero_grad()
        loss = nn.MSELoss()(model(x), y)
        loss.backward()
        return loss

    return torch.stack([optimiser.step(closure).detach() for _ in range(epochs)])

# --- train | right
from torch.utils.data import DataLoader, TensorDataset


def train(model, x, y, lr, epochs):
    loader = DataLoader(TensorDataset(x, y), batch_size=len(x))
    optimiser = torch.optim.SGD(params=list(model.parameters()), lr=lr)
    losses = []
    for _ in range(epochs):
        for xb, yb in loader:
            loss = nn.MSELoss()(model(xb), yb)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)

# --- train | right
from torch.func import functional_call, grad_and_value


def train(model, x, y, lr, epochs):
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    step = grad_and_value(lambda p: nn.functional.mse_loss(functional_call(model, p, (x,)), y))
    losses = []
    for _ in range(epochs):
        grads, loss = step(parameters)
        parameters = {name: p - lr * grads[name] for name, p in parameters.items()}
        losses.append(loss)
    model.load_state_dict(parameters)
    return torch.stack(losses)

# --- train | right
def train(model, x, y, lr, epochs):
    losses = []
    for _ in range(epochs):
        losses.append(nn.MSELoss()(model(x), y))
        gw, gb = grad_by_hand(x, y, model.linear.weight.detach(), model.linear.bias.detach())
        model.linear.weight = nn.Parameter(model.linear.weight.detach() - lr * gw)
        model.linear.bias = nn.Parameter(model.linear.bias.detach() - lr * gb)
    return torch.stack(losses)

# --- train | right
def train(model, x, y, lr, epochs):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        optimiser.zero_grad()
        total = 0.0
        for xi, yi in zip(x, y):
            loss = nn.MSELoss()(model(xi), yi) / len(x)
            loss.backward()
            total += loss.detach()
        optimiser.step()
        losses.append(total)
    return torch.stack(losses)

# --- closed_form | order_swapped | error
def closed_form(x, y):
    X = torch.cat([torch.ones_like(x), x], dim=1)
    solution = torch.linalg.lstsq(X, y).solution
    return solution[0], solution[1:]

# --- closed_form | order_swapped
def closed_form(x, y):
    X = torch.cat([torch.ones_like(x), x], dim=1)
    solution = torch.linalg.pinv(X) @ y
    return solution[0].reshape(1, 1), solution[1]

# --- closed_form | no_intercept
def closed_form(x, y):
    weight = torch.linalg.lstsq(x, y).solution
    return weight, torch.zeros(1, dtype=x.dtype, device=x.device)

# --- closed_form | no_intercept
def closed_form(x, y):
    weight = (x * y).sum() / (x * x).sum()
    return weight.reshape(1, 1), x.new_zeros(1)

# --- closed_form | not_centred
def closed_form(x, y):
    weight = (x * y).mean() / (x * x).mean()
    return weight.reshape(1, 1), (y - weight * x).mean().reshape(1)

# --- closed_form | not_centred
def closed_form(x, y):
    weight = torch.linalg.inv(x.T @ x) @ x.T @ y
    return weight, (y.mean() - weight * x.mean()).reshape(1)

# --- closed_form | unbiased_variance
def closed_form(x, y):
    cov = ((x - x.mean()) * (y - y.mean())).mean()
    weight = cov / x.var()
    return weight.reshape(1, 1), (y.mean() - weight * x.mean()).reshape(1)

# --- closed_form | unbiased_variance
def closed_form(x, y):
    cov = torch.cov(torch.cat([x, y], dim=1).T)[0, 1]
    weight = cov / ((x - x.mean()) ** 2).mean()
    return weight.reshape(1, 1), (y.mean() - weight * x.mean()).reshape(1)

# --- closed_form | regressed_x_on_y
def closed_form(x, y):
    Y = torch.cat([y, torch.ones_like(y)], dim=1)
    solution = torch.linalg.lstsq(Y, x).solution
    return solution[:1], solution[1]

# --- closed_form | correlation_returned
def closed_form(x, y):
    weight = torch.corrcoef(torch.cat([x, y], dim=1).T)[0, 1]
    return weight.reshape(1, 1), (y.mean() - weight * x.mean()).reshape(1)

# --- closed_form | wrong
def closed_form(x, y):
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    solution = torch.linalg.solve(X.T @ X + 0.1 * torch.eye(2).to(x), X.T @ y)
    return solution[:1], solution[1]

# --- closed_form | wrong
def closed_form(x, y):
    weight, bias = torch.zeros(1, 1).to(x), torch.zeros(1).to(x)
    for _ in range(100):
        gw, gb = grad_by_hand(x, y, weight, bias)
        weight, bias = weight - 0.01 * gw, bias - 0.01 * gb
    return weight, bias

# --- closed_form | wrong
def closed_form(x, y):
    dx, dy = x - x.mean(), y - y.mean()
    return (dx * dy).sum().reshape(1, 1) / (dx**2).sum(), y.mean().reshape(1)

# --- closed_form | sign_flipped
def closed_form(x, y):
    dx, dy = x - x.mean(), y - y.mean()
    weight = (dx * dy).sum().reshape(1, 1) / (dx**2).sum()
    return weight, y.mean().reshape(1) + weight[0] * x.mean()

# --- closed_form | wrong
def closed_form(x, y):
    weight = (y[-1] - y[0]) / (x[-1] - x[0])
    return weight.reshape(1, 1), y[0] - weight * x[0]

# --- closed_form | wrong | error
def closed_form(x, y):
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    return torch.linalg.lstsq(X, y).solution

# --- closed_form | wrong | error
def closed_form(x, y):
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    weight, bias = torch.linalg.lstsq(X, y).solution.squeeze()
    return weight, bias

# --- closed_form | wrong | error
def closed_form(x, y):
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    solution = torch.linalg.inv(X) @ y
    return solution[:1], solution[1]

# --- closed_form | right
def closed_form(x, y):
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    solution = torch.linalg.lstsq(X, y).solution
    return solution[:1], solution[1]

# --- closed_form | right
def closed_form(x, y):
    X = torch.hstack([x, torch.ones(len(x), 1, dtype=x.dtype, device=x.device)])
    w, b = (torch.linalg.pinv(X) @ y).flatten()
    return [w.view(1, 1), b.view(1)]

# --- closed_form | right
def closed_form(x, y):
    X = torch.cat([torch.ones_like(x), x], 1)
    theta = torch.inverse(X.T @ X) @ X.T @ y
    return theta[1:], theta[0]

# --- closed_form | right
def closed_form(x, y):
    X = torch.cat([x, torch.ones_like(x)], 1)
    theta = torch.linalg.solve(X.T @ X, X.T @ y)
    return theta[0:1, 0:1], theta[1]

# --- closed_form | right
def closed_form(x, y):
    weight = ((x * y).mean() - x.mean() * y.mean()) / ((x**2).mean() - x.mean() ** 2)
    return weight.reshape(1, 1), (y.mean() - weight * x.mean()).reshape(1)

# --- closed_form | right
def closed_form(x, y):
    n, sx, sy = len(x), x.sum(), y.sum()
    sxx, sxy = (x * x).sum(), (x * y).sum()
    d = n * sxx - sx**2
    return ((n * sxy - sx * sy) / d).view(1, 1), ((sxx * sy - sx * sxy) / d).view(1)

# --- closed_form | right
def closed_form(x, y):
    X = torch.cat([x, torch.ones_like(x)], 1).double()
    q, r = torch.linalg.qr(X)
    theta = torch.linalg.solve_triangular(r, q.T @ y.double(), upper=True).to(x.dtype)
    return theta[:1], theta[1]

# --- closed_form | right
import numpy as np


def closed_form(x, y):
    slope, intercept = np.polyfit(x[:, 0].cpu().numpy(), y[:, 0].cpu().numpy(), 1)
    return torch.full((1, 1), slope).to(x), torch.full((1,), intercept).to(x)

# --- closed_form | right
def closed_form(x, y):
    cov = torch.cov(torch.cat([x, y], dim=1).T)
    weight = cov[0, 1] / cov[0, 0]
    return weight[None, None], (y.mean() - weight * x.mean())[None]

# --- closed_form | right
def closed_form(x, y):
    zero, origin = torch.zeros(1, 1).to(x), torch.zeros(1).to(x)
    g = torch.cat([part.flatten() for part in grad_by_hand(x, y, zero, origin)])
    H = 2 * torch.stack([torch.stack([(x * x).mean(), x.mean()]), torch.stack([x.mean(), (x**0).mean()])])
    w, b = -torch.linalg.solve(H, g)
    return w.reshape(1, 1), b.reshape(1)


# --- LinearRegression | wrong | error
class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1).double()

    def forward(self, x):
        return self.linear(x)

# --- train | wrong
def train(model, x, y, lr, epochs):
    opt = torch.optim.SGD(model.parameters(), lr=lr)
    out = []
    for _ in range(epochs):
        l = nn.MSELoss()(model(x), y)
        out.append(l.detach())
        opt.zero_grad(); l.backward(); opt.step()
        if l < 1e-2: break
    out += [out[-1]] * (epochs - len(out))
    return torch.stack(out)

# --- grad_by_hand | size_typed_in
def grad_by_hand(x, y, weight, bias):
    n = 15
    r = x * weight + bias - y
    return (2 / n * (r * x).sum()).reshape(1, 1), (2 / n * r.sum()).reshape(1)

# --- closed_form | sign_flipped
def closed_form(x, y):
    dx, dy = x - x.mean(), y - y.mean()
    weight = (dx * dy).sum() / (dx * dx).sum()
    return weight.reshape(1, 1), (y.mean() + weight * x.mean()).reshape(1)

# --- closed_form | sign_flipped
def closed_form(x, y):
    a = torch.cat([x, -torch.ones_like(x)], dim=1)
    weight, c = torch.linalg.lstsq(a, y).solution
    return weight.reshape(1, 1), 2 * y.mean(dim=0) + c
