"""How close is close enough: the tolerances of judge, truth and claims, in one place.

All are relative: to the size of an answer (`answer.close`) where nothing else is said. An exercise
that loses digits by nature widens RTOL by its `slack`. How values are drawn stands with the draws.
"""

from __future__ import annotations

#: A student's answer. torch.testing.assert_close starts at 1.3e-6 for float32; right work in
#: another order of operations needs about five times that.
RTOL = {"float32": 1e-5, "float64": 1e-7}
#: A node on the way back is worked out from an answer that is rounded itself: times RTOL.
NODES = 100
#: A factor, and a distance in a sentence, below which nothing is left to tell.
NOTHING = 1e-6
#: An answer that is off by less is called nearly right.
NEARLY = 1e-2
#: Small calls of a training are not drawn with care: a parameter may come close to 0 and keep few
#: digits.
QUICK_RTOL = 1e-2
#: The search for slips takes differences of the graph, which are good to this.
SEARCH_RTOL = 1e-6
#: A gradient that is read from how far a step went has lost digits: times RTOL.
STEPS = 10
#: What somebody predicts before a program runs; absolute as well.
PREDICTED = 1e-3

#: Two float64 computations of the same number; central differences are good to about 1e-9.
WITNESS_RTOL = 1e-6
#: A literal of data/ holds for the exact input; the check uses the input as float32 holds it.
LITERAL_RTOL = 2e-5
#: The step of a central difference that balances rounding (ε/h) against truncation (h²).
DIFFERENCE_STEP = 6e-6
#: A printed number is right if its value rounds to it: by how much the half of its last digit may
#: be missed. Two ways to the same number in float64 differ by less than EXACT.
HALF_A_DIGIT, EXACT = 1e-6, 1e-9
