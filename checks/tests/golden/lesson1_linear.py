"""A student's file half-way through lesson 1; the reports beside it are pinned by a test."""

import torch


def forward(x, w):
    return x * w


def loss(x, y, w):
    return (forward(x, w) - y) ** 2


def multiply_backward(x, w, upstream):
    return upstream * x, upstream * w


def grad_by_hand(x, y, w):
    r = forward(x, w) - y
    print("r is", r)
    return r * x


def grad_by_autograd(x, y, w):
    return loss(x, y, w).backward()


def train(xs, ys, w, lr, epochs):
    # TODO 1.6: for each epoch, for each sample: loss, gradient, step
    raise NotImplementedError("TODO 1.6: for each epoch, for each sample: loss, gradient, step")
