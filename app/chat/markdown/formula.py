"""LaTeX formulas as SVG, without LaTeX and without a web engine."""

import re

import msgspec

LONGEST_FORMULA = 4000
"""Characters; what is longer is no formula, and drawing it would take seconds."""

WIDEST_PX = 8192
HIGHEST_PX = 2048
MOST_SVG_CHARACTERS = 200_000
"""The limits of a formula: the largest of school and contest mathematics are 200 pixels wide and have 19,000
characters, a sum of sixty terms 2,400 and 190,000. Qt paints 200,000 in 45 ms, on the GUI thread.
"""

_VIEW_BOX = re.compile(r'viewBox="([-\d.e]+) ([-\d.e]+) ([-\d.e]+) ([-\d.e]+)"')
_UNKNOWN_COMMAND = re.compile(r"<m[a-z]+>\\[A-Za-z]+</m[a-z]+>")
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}")
_END = re.compile(r"\\end\{[^{}]*\}")
_RAISED_END = re.compile(r"\\end\{[^{}]*\}\s*[\^_]")
_TAG = re.compile(r"\\tag\*?\{([^{}]*)\}")
_ESCAPED = re.compile(r"\\[\\{}]")


class FormulaSvg(msgspec.Struct, frozen=True, array_like=True):
    """A drawn formula; lengths in pixels, `ascent` above and `descent` below the baseline."""

    svg: str
    width: float
    ascent: float
    descent: float


def draw_formula(latex: str, *, display: bool, pixel_size: float, colour: str) -> FormulaSvg | None:
    """The formula `latex`, without its delimiters; `display` sets it apart. `colour` is one of CSS.

    None where it is not whole, uses a command that is not known, or comes out larger than a formula is: then
    its source says more than half a picture. Takes 1 to 60 ms, and half a second the first time; minutes and
    gigabytes for a hostile one, so it is called in a process of its own (`formula_process.py`). Raises
    `MemoryError`.
    """
    if len(latex) > LONGEST_FORMULA or not is_whole(latex):
        return None
    from ziamath.config import config
    from ziamath.tex import tex2mml
    from ziamath.zmath import Math

    config.svg2 = False  # Qt's SVG reader knows no <symbol> within <defs>
    try:
        mathml: str = tex2mml(_known(latex), inline=not display)
        if _UNKNOWN_COMMAND.search(mathml):
            return None
        coloured = mathml.replace("<math ", f'<math mathcolor="{colour}" ', 1)
        svg: str = Math(coloured, size=pixel_size).svg()
    except MemoryError:
        raise
    except (Exception, RecursionError):  # noqa: BLE001 - a library that raises anything for what a model wrote
        return None
    box = _VIEW_BOX.search(svg)
    if box is None or len(svg) > MOST_SVG_CHARACTERS:
        return None
    _, top, width, height = (float(number) for number in box.groups())
    if not (0 <= width <= WIDEST_PX and 0 <= height <= HIGHEST_PX and abs(top) <= HIGHEST_PX):
        return None
    return FormulaSvg(svg, width, ascent=max(0.0, -top), descent=max(0.0, height + top))


def is_whole(latex: str) -> bool:
    """Braces and environments are closed in the order they were opened."""
    depth = 0
    for character in _ESCAPED.sub("", latex):
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    open_environments: list[str] = []
    for kind, name in _ENVIRONMENT.findall(latex):
        if kind == "begin":
            open_environments.append(name)
        elif not open_environments or open_environments.pop() != name:
            return False
    return depth == 0 and not open_environments and bool(latex.strip())


def _known(latex: str) -> str:
    """The formula in the words that the library knows."""
    for theirs, ours in (
        (r"\dfrac", r"\frac"),
        (r"\tfrac", r"\frac"),
        (r"\cfrac", r"\frac"),
        (r"\displaystyle", ""),
        (r"\nonumber", ""),
        (r"\notag", ""),
        (r"\!", ""),
        (r"\bmod", r"\;\mathrm{mod}\;"),
        (r"\implies", r"\Longrightarrow"),
        (r"\iff", r"\Longleftrightarrow"),
    ):
        end_of_name = r"(?![A-Za-z])" if theirs[-1].isalpha() else ""
        latex = re.sub(re.escape(theirs) + end_of_name, ours.replace("\\", r"\\"), latex)
    if _RAISED_END.search(latex):
        # The converter sets no exponent to an environment, but to a group that holds one.
        latex = latex.replace(r"\begin{", r"{\begin{")
        latex = _END.sub(lambda end: end[0] + "}", latex)
    return _TAG.sub(lambda tag: rf"\qquad (\text{{{tag[1]}}})", latex)
