"""The letters and functions of LaTeX that a final answer may hold."""

from collections.abc import Callable

import sympy

from app.bench.quality.answers.values import Expression

_GREEK_NAMES = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma "
    "tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell"
)
GREEK = frozenset(_GREEK_NAMES.split())
FUNCTIONS: dict[str, Callable[[Expression], Expression]] = {
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "cot": sympy.cot,
    "sec": sympy.sec,
    "csc": sympy.csc,
    "arcsin": sympy.asin,
    "arccos": sympy.acos,
    "arctan": sympy.atan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "exp": sympy.exp,
    "ln": sympy.log,
}
INVERSE = {"sin": sympy.asin, "cos": sympy.acos, "tan": sympy.atan}
