"""Slips: mistakes at one place of a graph, made on purpose or found in an answer.

    why(loss, gradient, *cases, wrt=("w", "b"))
        what mistake gives the numbers of a gradient, and where: a Finding (.agrees, .right, .wrong,
        .stories, .remark) that prints as one paragraph and as HTML
    explain(tapes, answers, wrt, two=False)
        the same for losses that are recorded and answers that are there; two=False: no pairs
    Inquiry(tapes, wrt).explain(answers, rtol=…)
        the same for many answers to the same cases, which cost a search only once
    story.words, story.nodes, story.slips
        an explanation, the names of the nodes it is about, the ids of its slips

    tape = record(loss, {"x": x, "y": y, "w": w})
        runs any PyTorch code once and follows it, node by node
    tape.nodes
        parents first; each has .index, .name ("h1"), .at ("h1 = σ(z1)"), .formula ("σ(z1)"),
        .own_name (the name is the user's, not the formula), .operation, .parents (indices), .value
    tape["h1"], tape.inputs["w"], tape.end
        a node by its name; the indices of the inputs and of the end
    tape.gradients(), tape.backward()
        ∂end/∂node of every node on the way, by name and by index
    OPERATIONS["sigmoid"]
        a row of the table: .name, .symbol ("σ({0})"), .local (the slope in words), .slips
    tape.slope(node, i, g)
        what the node hands back to its parent i when g arrives

    apply(tape, halved("r"))                         the gradients with a slip made, by name
    apply(tape, slope_left_out("z1", "z2"), negated("r"))
    apply(tape, slope_left_out("z1", to="w1"))       on the way to one parent only
    apply(tape, of_row("half_a_slope", "h1"))        a slip of the table

The vocabulary: halved, doubled, negated, cut, slope_left_out, upstream_ignored, absent, multiplied,
read_as, computed_as, of_row, slip. A node without a name in the user's code is called by its
formula ("w1·x1"); the one that is returned is "loss" if it has no name.
"""

from checks.slips.inquiry import Inquiry, explain, why
from checks.slips.operations import OPERATIONS, Operation, Slip, Step, Unfit
from checks.slips.tape import Node, NotATape, Place, Tape, record
from checks.slips.vocabulary import (
    Declared,
    absent,
    apply,
    computed_as,
    cut,
    doubled,
    halved,
    multiplied,
    negated,
    of_row,
    read_as,
    slip,
    slope_left_out,
    upstream_ignored,
)
from checks.slips.words import Finding, Story

__all__ = [
    "OPERATIONS",
    "Declared",
    "Finding",
    "Inquiry",
    "Node",
    "NotATape",
    "Operation",
    "Place",
    "Slip",
    "Step",
    "Story",
    "Tape",
    "Unfit",
    "absent",
    "apply",
    "computed_as",
    "cut",
    "doubled",
    "explain",
    "halved",
    "multiplied",
    "negated",
    "of_row",
    "read_as",
    "record",
    "slip",
    "slope_left_out",
    "upstream_ignored",
    "why",
]
