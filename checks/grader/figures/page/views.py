"""Where the nodes of a page stand: boxes and the edges between them, in pixels, y downwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from checks.grader.figures.layout import layered
from checks.grader.figures.recorded import Recorded
from checks.grader.figures.recording import Node, label
from checks.grader.language import figure

#: A character of the page's monospaced letters, and a line of them.
CHARACTER, LINE = 8.0, 18.0
#: Room for a number with four digits and a sign; longer ones are written more tightly.
NUMBER = 8
PADDING = 8.0
#: Matrices of more entries are shortened, as the page shortens them.
MOST_ENTRIES = 8
#: Around everything; above a box, room for a mark on it.
MARGIN = 18.0
#: Between the rows of a net.
DOWN = 150.0
#: Where a weight stands on its line: on a level one, on one that crosses others.
MIDDLE, CROSSING = 0.5, 0.3
#: Between the last column and what comes after it, between its boxes, and a line around one.
AFTER, BELOW, BEND = 90.0, 24.0, 22.0

#: What follows a product within the same layer.
GOES_ON = ("add", "sigmoid", "tanh", "relu")

View = dict[str, Any]


def graph_view(found: Recorded, wrong: AbstractSet[int]) -> View:
    """Every shown node in a box, from left to right.

    wrong  the nodes beside whose gradient another one will stand
    """
    nodes = found.shown
    rows = [_row(node.index, label(nodes, i), wrong) for i, node in enumerate(nodes)]
    sizes = [_size([row], nodes, [i in found.data]) for i, row in enumerate(rows)]
    layout = layered([node.sources for node in nodes], sizes, across=36.0, between=20.0)
    boxes = [
        _box(x - w / 2, layout.size[1] - y - h / 2, w, h, [row])
        for (x, y), (w, h), row in zip(layout.centres, sizes, rows, strict=True)
    ]
    edges = [
        {
            "from": [nodes[a].index],
            "to": [nodes[b].index],
            "points": [[x + MARGIN, layout.size[1] - y + MARGIN] for x, y in points],
            "cut": found.shown[a].grad is None and a not in found.data,
        }
        for (a, b), points in layout.edges.items()
    ]
    return _view("graph", layout.size, boxes, edges)


def net_view(found: Recorded, net: figure.Net | None, wrong: AbstractSet[int]) -> View | None:
    """The units in columns, the weights on the lines between; None where there is no net."""
    if net is None:
        return matrix_net_view(found, wrong)
    named = {node.name: node for node in found.shown}
    units = [[[unit] for unit in layer] for layer in net.layers]
    weights = {edge: f"{net.weights}{i}" for i, edge in enumerate(net.edges, start=1)}
    sums = {unit: _sum_of(found, named, unit) for layer in net.layers[1:] for unit in layer}
    wanted = {*weights.values(), *sums, *sums.values(), *net.layers[0]}
    if not wanted <= named.keys():
        return None
    for layer in units[1:]:
        for rows in layer:
            rows.insert(0, sums[rows[0]])
    columns = [
        [[_row(named[name].index, name, wrong) for name in rows] for rows in la] for la in units
    ]
    place = {unit: (c, r) for c, layer in enumerate(net.layers) for r, unit in enumerate(layer)}
    lines = [
        (place[a], place[b], _row(named[name].index, name, wrong))
        for (a, b), name in weights.items()
    ]
    return _net(found, columns, lines, wrong)


def _sum_of(found: Recorded, named: Mapping[str, Node], unit: str) -> str:
    """The name of what the activation is taken of."""
    sources = named[unit].sources if unit in named else ()
    return found.shown[sources[0]].name if len(sources) == 1 else ""


def matrix_net_view(found: Recorded, wrong: AbstractSet[int]) -> View | None:
    """A net whose weights are matrices: W @ v (+ b), then perhaps a function, and again."""
    layers = list(_matrix_layers(found.shown))
    if not layers:
        return None
    position = {node.index: i for i, node in enumerate(found.shown)}
    columns: list[list[list[dict[str, Any]]]] = []
    lines = []
    for c, (weight, before, rows) in enumerate(layers):
        value = weight.value
        assert value is not None
        outputs, inputs = value.shape
        names = [label(found.shown, position[node.index]) for node in rows]
        texts = [node.name or f"({name})" for node, name in zip(rows, names, strict=True)]
        if not columns:
            columns.append([[_entry(before, before.name, i, inputs, wrong)] for i in range(inputs)])
        columns.append(
            [
                [_entry(n, text, i, outputs, wrong) for n, text in zip(rows, texts, strict=True)]
                for i in range(outputs)
            ]
        )
        lines += [
            (
                (c, j),
                (c + 1, i),
                _row(weight.index, f"{weight.name}[{i + 1},{j + 1}]", wrong, i * inputs + j),
            )
            for i in range(outputs)
            for j in range(inputs)
        ]
    return _net(found, columns, lines, wrong)


def _matrix_layers(nodes: Sequence[Node]) -> list[tuple[Node, Node, list[Node]]]:
    """(weights, what they multiply, the product with bias, sum and activation) layer by layer."""
    layers: list[tuple[Node, Node, list[Node]]] = []
    for i, node in enumerate(nodes):
        if node.row.name != "matmul" or len(node.sources) != 2:
            continue
        weight, before = (nodes[p] for p in node.sources)
        if weight.sources or weight.value is None or weight.value.dim() != 2:
            continue
        if before.value is None or before.value.dim() != 1 or weight.value.numel() > 12:
            continue
        rows, last = [node], i
        while len(users := [k for k, other in enumerate(nodes) if last in other.sources]) == 1:
            user = nodes[users[0]]
            if user.row.name not in GOES_ON:
                break
            rows += [nodes[p] for p in user.sources if p != last and not nodes[p].sources]
            rows.append(user)
            last = users[0]
        layers.append((weight, before, rows))
    return layers


def _net(
    found: Recorded,
    columns: Sequence[Sequence[Sequence[dict[str, Any]]]],
    lines: Sequence[tuple[tuple[int, int], tuple[int, int], dict[str, Any]]],
    wrong: AbstractSet[int],
) -> View:
    """Units in columns, weights on lines, and at the right all that comes after the units."""
    data = {found.shown[i].index for i in found.data}
    tallest = max(len(column) for column in columns)
    height = max(len(rows) for column in columns for rows in column)
    step = max(DOWN, LINE * (3 * height + 1) + 46)
    sizes = [
        [_size(rows, (), [row["node"] in data for row in rows]) for rows in column]
        for column in columns
    ]
    labels = [_weight_size(row) for *_, row in lines]
    widths = [max(w for w, _ in column) for column in sizes]
    gaps = [
        (max(w for (w, _), ((k, _), _, _) in zip(labels, lines, strict=True) if k == c) + BELOW)
        / (2 * CROSSING)
        for c in range(len(columns) - 1)
    ]
    boxes, place = [], {}
    for c, column in enumerate(columns):
        for r, (rows, size) in enumerate(zip(column, sizes[c], strict=True)):
            y = (r + (tallest - len(column)) / 2) * step + (step - size[1]) / 2
            x = sum(widths[:c]) + sum(gaps[:c]) + (widths[c] - size[0]) / 2
            boxes.append(_box(x, y, *size, rows))
            place[c, r] = boxes[-1]
    edges = []
    for (start, end, row), size in zip(lines, labels, strict=True):
        a, b = place[start], place[end]
        points = [[a["x"] + a["w"], a["y"] + a["h"] / 2], [b["x"], b["y"] + b["h"] / 2]]
        level = abs(points[0][1] - points[1][1]) < 1
        along = MIDDLE if level else CROSSING
        x, y = (points[0][k] + along * (points[1][k] - points[0][k]) for k in (0, 1))
        corner = x - size[0] / 2 - MARGIN, y - size[1] / 2 - MARGIN
        boxes.append(_box(*corner, *size, [row], weight=True))
        feeds = [unit["node"] for unit in a["rows"]]
        ends = [unit["node"] for unit in b["rows"]]
        edges.append({"from": [row["node"], *feeds], "to": ends, "points": points})
    left = max(box["x"] + box["w"] for box in place.values()) + AFTER
    _add_rest(found, boxes, edges, (left, tallest * step), wrong)
    right = max(box["x"] + box["w"] for box in boxes) + BEND
    bottom = max(box["y"] + box["h"] for box in boxes)
    return _view("net", (right, bottom), boxes, edges)


def _weight_size(row: Mapping[str, Any]) -> tuple[float, float]:
    characters = max(len(row["label"]) + NUMBER + 4, 2 * NUMBER + 10 if row["wrong"] else 0)
    return characters * CHARACTER, 2 * LINE + PADDING / 2


def _add_rest(
    found: Recorded,
    boxes: list[dict[str, Any]],
    edges: list[dict[str, Any]],
    room: tuple[float, float],
    wrong: AbstractSet[int],
) -> None:
    """What comes after the units, one below the other, with lines from what feeds it.

    room  where it begins, and how high the net is
    """
    units = {row["node"]: box for box in boxes if not box["weight"] for row in box["rows"]}
    used = {row["node"] for box in boxes for row in box["rows"]}
    rest = [
        (i, node)
        for i, node in enumerate(found.shown)
        if node.index not in used and not _only_gathers(found, i, used)
    ]
    rows = [_row(node.index, label(found.shown, i), wrong) for i, node in rest]
    sizes = [
        _size([row], found.shown, [i in found.data]) for row, (i, _) in zip(rows, rest, strict=True)
    ]
    y = max(0.0, (room[1] - sum(h + BELOW for _, h in sizes)) / 2)
    stacked: dict[int, dict[str, Any]] = {}
    for row, size, (_, node) in zip(rows, sizes, rest, strict=True):
        stacked[node.index] = box = _box(room[0] - MARGIN, y, *size, [row])
        for feeds, source in _behind(found, node, {**units, **stacked}):
            edges.append({"from": feeds, "to": [node.index], "points": _joined(source, box)})
        boxes.append(box)
        y += size[1] + BELOW


def _behind(
    found: Recorded, node: Node, boxes: Mapping[int, dict[str, Any]]
) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """The boxes that a node is computed from, over nodes that only gather them, and the nodes."""
    for p in node.sources:
        source = found.shown[p]
        if source.index in boxes:
            yield [source.index], boxes[source.index]
        else:
            for feeds, box in _behind(found, source, boxes):
                yield [source.index, *feeds], box


def _joined(a: Mapping[str, float], b: Mapping[str, float]) -> list[list[float]]:
    """From one box to another: to the right, straight down, or around what stands between."""
    if a["x"] + a["w"] < b["x"]:
        return [[a["x"] + a["w"], a["y"] + a["h"] / 2], [b["x"], b["y"] + b["h"] / 2]]
    if b["y"] - a["y"] - a["h"] < 2 * BELOW:
        x = min(a["x"] + a["w"] / 2, b["x"] + b["w"] / 2)
        return [[x, a["y"] + a["h"]], [x, b["y"]]]
    right = max(a["x"] + a["w"], b["x"] + b["w"]) + BEND
    start, end = a["y"] + a["h"] / 2, b["y"] + b["h"] / 2
    return [[a["x"] + a["w"], start], [right, (start + end) / 2], [b["x"] + b["w"], end]]


def _only_gathers(found: Recorded, i: int, used: set[int]) -> bool:
    """Whether a node only puts units together that are shown already."""
    node = found.shown[i]
    return node.moves and all(found.shown[p].index in used for p in node.sources)


def _row(
    index: int, text: str, wrong: AbstractSet[int], entry: int | None = None
) -> dict[str, Any]:
    return {"node": index, "label": text, "entry": entry, "wrong": index in wrong}


def _entry(
    node: Node, text: str, entry: int, count: int, wrong: AbstractSet[int]
) -> dict[str, Any]:
    """One entry of a node's value: x2, b1[2], (W1 @ x)2."""
    if count > 1:
        text += f"[{entry + 1}]" if text[-1].isdigit() else str(entry + 1)
    return _row(node.index, text.strip("()") if count == 1 else text, wrong, entry)


def _size(
    rows: Sequence[dict[str, Any]], nodes: Sequence[Node], data: Sequence[bool]
) -> tuple[float, float]:
    """Room for each row's label, value and, unless it is data, gradient."""
    widths, lines = [], 0
    by_index = {node.index: node for node in nodes}
    for row, is_data in zip(rows, data, strict=True):
        node = by_index.get(row["node"])
        high, wide = _extent(node) if row["entry"] is None and node is not None else (1, 1)
        lines += 1 + high * (1 if is_data else 2)
        narrow = NUMBER + 3 + (NUMBER + 7) * row["wrong"]
        widths += [len(row["label"]) + 1, (NUMBER + 2) * wide if wide > 1 else narrow]
    return max(widths) * CHARACTER + 2 * PADDING, lines * LINE + PADDING


def _extent(node: Node) -> tuple[int, int]:
    """Lines, and numbers in a line, of a value."""
    value = node.value
    if value is None or value.dim() == 0 or value.numel() == 1:
        return 1, 1
    if value.numel() > MOST_ENTRIES:
        return 1, 2
    return (1, value.numel()) if value.dim() == 1 else (value.shape[0], value.shape[-1])


def _box(
    x: float, y: float, w: float, h: float, rows: Sequence[dict[str, Any]], weight: bool = False
) -> dict[str, Any]:
    numbers = (x + MARGIN, y + MARGIN, w, h)
    place = dict(zip("xywh", (round(number, 1) for number in numbers), strict=True))
    return {**place, "rows": list(rows), "weight": weight}


def _view(
    name: str,
    size: tuple[float, float],
    boxes: Sequence[dict[str, Any]],
    edges: Sequence[dict[str, Any]],
) -> View:
    whole = [round(length + 2 * MARGIN) for length in size]
    for edge in edges:
        edge["points"] = [[round(x, 1), round(y, 1)] for x, y in edge["points"]]
    return {"name": name, "size": whole, "boxes": list(boxes), "edges": list(edges)}
