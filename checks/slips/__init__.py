"""Slips: mistakes at one place of a graph, found in an answer or made on purpose.

    why(loss, gradient, *cases, wrt=("w", "b"))     which mistake gives these numbers, and where
    Inquiry(tapes, wrt).explain(answers)            the same for many answers to the same cases
    tape = record(loss, {"x": x, "w": w})           any PyTorch code, run once and followed
    tape.gradients([(slip, tape.at("h1"))])         ∂loss/∂(every node), with slips made
    OPERATIONS["sigmoid"]                           a row of the table

Read table.py first: it holds every operation with its slopes and slips, and to add one is to add a
line. operations.py says what a line means, parts.py takes functions like mse_loss apart; tape.py
records and goes back, graph.py finds places, candidates.py says what may be wrong there, search.py
tries it; answer.py reads an answer as a whole; words.py tells.
A node without a name in the user's code is called by its formula ("w1·x1"); the one that is
returned is "loss" if it has no name.
"""

from checks.slips.inquiry import Inquiry, why
from checks.slips.operations import OPERATIONS, Operation, Slip, Step, Unfit
from checks.slips.tape import NotATape, Tape, record
from checks.slips.words import Finding, Story

__all__ = ["OPERATIONS", "Finding", "Inquiry", "NotATape", "Operation", "Slip", "Step", "Story"]
__all__ += ["Tape", "Unfit", "record", "why"]
