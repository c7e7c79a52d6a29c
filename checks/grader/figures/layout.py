"""A layered drawing of a graph, computed from the graph: Sugiyama's method.

Layers by longest path, long edges split by invisible nodes, order by barycentres, heights by least
squares under the constraint that nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

SWEEPS = 12
Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, y upwards.

    centres  of the nodes
    edges    (from, to) -> the points that the edge passes, from border to border
    size     width and height of the whole; the lower left corner is (0, 0)
    """

    centres: tuple[Point, ...]
    edges: dict[tuple[int, int], tuple[Point, ...]]
    size: Point


def layered(
    parents: Sequence[Sequence[int]],
    sizes: Sequence[Point],
    *,
    across: float,
    between: float,
) -> Layout:
    """Place nodes from left to right; parents[i] are the indices that feed i, all below i.

    sizes    width and height of each node
    across   the gap between layers
    between  the least gap between neighbours in a layer
    """
    levels = _levels(parents)
    chains, links, all_levels, all_sizes = _split(parents, levels, sizes, between)
    layers = _ordered(links, all_levels)
    heights = _heights(layers, links, all_sizes, between)
    lefts, widths = _columns(layers, all_sizes, across)
    places = [(lefts[lv] + widths[lv] / 2, heights[i]) for i, lv in enumerate(all_levels)]
    low = min(y - all_sizes[i][1] / 2 for i, (_, y) in enumerate(places))
    places = [(x, y - low) for x, y in places]
    edges = {
        edge: _route(chain, places, all_sizes, all_levels, widths) for edge, chain in chains.items()
    }
    top = max(y + all_sizes[i][1] / 2 for i, (_, y) in enumerate(places))
    return Layout(tuple(places[: len(sizes)]), edges, (lefts[-1] + widths[-1], top))


def _levels(parents: Sequence[Sequence[int]]) -> list[int]:
    """Longest path from the left; a source stands just before the first node that it feeds."""
    levels: list[int] = []
    for feeding in parents:
        levels.append(1 + max((levels[p] for p in feeding), default=-1))
    for source, feeding in enumerate(parents):
        fed = [levels[i] for i, others in enumerate(parents) if source in others]
        if not feeding and fed:
            levels[source] = min(fed) - 1
    return levels


def _split(
    parents: Sequence[Sequence[int]], levels: Sequence[int], sizes: Sequence[Point], gap: float
) -> tuple[dict[tuple[int, int], list[int]], list[tuple[int, int]], list[int], list[Point]]:
    """Edges as chains that go one layer a step, over invisible nodes where they must."""
    all_levels, all_sizes = list(levels), list(sizes)
    chains: dict[tuple[int, int], list[int]] = {}
    links: list[tuple[int, int]] = []
    for node, feeding in enumerate(parents):
        for parent in feeding:
            chain = [parent]
            for level in range(levels[parent] + 1, levels[node]):
                chain.append(len(all_levels))
                all_levels.append(level)
                all_sizes.append((0.0, gap / 4))
            chain.append(node)
            chains[parent, node] = chain
            links += zip(chain, chain[1:], strict=False)
    return chains, links, all_levels, all_sizes


def _ordered(links: Sequence[tuple[int, int]], levels: Sequence[int]) -> list[list[int]]:
    """The nodes of each layer from bottom to top, with few crossings."""
    layers = [[i for i, at in enumerate(levels) if at == k] for k in range(max(levels) + 1)]
    for layer in layers:
        layer.reverse()  # what comes first in the data stands on top
    best, fewest = [list(layer) for layer in layers], _crossings(layers, links)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            place = {node: k for row in layers for k, node in enumerate(row)}
            middle = {
                node: fmean(near)
                for node in layer
                if (near := [place[n] for n in _neighbours(node, links, forward)])
            }
            layer.sort(key=lambda node: middle.get(node, place[node]))
        crossings = _crossings(layers, links)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _neighbours(node: int, links: Sequence[tuple[int, int]], leftwards: bool) -> list[int]:
    if leftwards:
        return [a for a, b in links if b == node]
    return [b for a, b in links if a == node]


def _crossings(layers: Sequence[Sequence[int]], links: Sequence[tuple[int, int]]) -> int:
    place = {node: k for row in layers for k, node in enumerate(row)}
    level = {node: k for k, row in enumerate(layers) for node in row}
    return sum(
        level[a] == level[c] and (place[a] - place[c]) * (place[b] - place[d]) < 0
        for i, (a, b) in enumerate(links)
        for c, d in links[:i]
    )


def _heights(
    layers: Sequence[Sequence[int]],
    links: Sequence[tuple[int, int]],
    sizes: Sequence[Point],
    gap: float,
) -> list[float]:
    """The y of each node: near its neighbours, in the layer's order, the gap between."""
    heights = [0.0] * len(sizes)
    for layer in layers:
        for node, y in zip(layer, _apart([0.0] * len(layer), layer, sizes, gap), strict=True):
            heights[node] = y
    for sweep in range(2 * SWEEPS):
        forward = sweep % 2 == 1
        for layer in layers if forward else reversed(layers):
            wanted = [
                fmean([heights[n] for n in _neighbours(node, links, forward)] or [heights[node]])
                for node in layer
            ]
            for node, y in zip(layer, _apart(wanted, layer, sizes, gap), strict=True):
                heights[node] = y
    return heights


def _apart(
    wanted: Sequence[float], layer: Sequence[int], sizes: Sequence[Point], gap: float
) -> list[float]:
    """The heights nearest to the wanted ones that keep the order and the gaps.

    Without the gaps this is isotonic regression, solved by pooling neighbours that are out of
    order.
    """
    offsets = [0.0]
    for below, above in zip(layer, layer[1:], strict=False):
        offsets.append(offsets[-1] + (sizes[below][1] + sizes[above][1]) / 2 + gap)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while pools and pools[-1][0] > mean:
            other, many = pools.pop()
            mean = (mean * count + other * many) / (count + many)
            count += many
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]


def _columns(
    layers: Sequence[Sequence[int]], sizes: Sequence[Point], across: float
) -> tuple[list[float], list[float]]:
    widths = [max(sizes[node][0] for node in layer) for layer in layers]
    lefts = [sum(widths[:k]) + across * k for k in range(len(layers))]
    return lefts, widths


def _route(
    chain: Sequence[int],
    places: Sequence[Point],
    sizes: Sequence[Point],
    levels: Sequence[int],
    widths: Sequence[float],
) -> tuple[Point, ...]:
    """From the right border of the first node, straight through layers, to the last one's left."""
    first, last = chain[0], chain[-1]
    points = [(places[first][0] + sizes[first][0] / 2, places[first][1])]
    points.append((places[first][0] + widths[levels[first]] / 2, places[first][1]))
    for node in chain[1:-1]:
        x, y = places[node]
        half = widths[levels[node]] / 2
        points += [(x - half, y), (x + half, y)]
    points.append((places[last][0] - widths[levels[last]] / 2, places[last][1]))
    points.append((places[last][0] - sizes[last][0] / 2, places[last][1]))
    return tuple(points)
