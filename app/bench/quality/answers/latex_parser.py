"""From the tokens of a final answer to its value, by recursive descent into sympy's own nodes.

sympy's parsers run text as Python, so none of them is used. What is built is bounded: depth here, digits in
`latex_tokens`, and large powers and factorials stay unevaluated. Time is bounded by the process around it.
"""

from collections.abc import Callable, Sequence

import sympy

from app.bench.quality.answers.latex_names import FUNCTIONS, GREEK, INVERSE
from app.bench.quality.answers.latex_numbers import factorial, in_base, raised, repeating
from app.bench.quality.answers.latex_tokens import Token
from app.bench.quality.answers.values import (
    Expression,
    Matrix,
    Ordered,
    Quantity,
    Ratio,
    Relation,
    Union,
    Unordered,
    Unreadable,
    Value,
    Words,
)

DEEPEST = 40

_RELATIONS = {"=": "=", "<": "<", ">": ">"}
_RELATION_COMMANDS = {"le": "<=", "ge": ">=", "ne": "!=", "in": "in", "approx": "=", "to": "=", "equiv": "="}
_JOINING = frozenset({"and", "or", ",", "or,", "and,"})
_MATRICES = frozenset({"pmatrix", "bmatrix", "vmatrix", "matrix", "array", "Bmatrix"})


def parse(tokens: Sequence[Token], sign: int = 1) -> Value:
    r"""The value of all `tokens`; `sign` is what \pm stands for. Raises `Unreadable`."""
    parser = _Parser(tokens, sign)
    items = parser.items()
    if parser.more:
        raise Unreadable(f"stops at {parser.here}")
    if not items:
        raise Unreadable("empty")
    return items[0] if len(items) == 1 else Unordered(tuple(items))


class _Parser:
    def __init__(self, tokens: Sequence[Token], sign: int) -> None:
        self._tokens = list(tokens)
        self._at = 0
        self._sign = sign
        self._depth = 0
        self._bars = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._tokens)

    @property
    def here(self) -> Token:
        return self._tokens[self._at] if self.more else Token("sign", "")

    def items(self) -> list[Value]:
        """Values between commas, "and" and "or"."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unreadable("too deep")
        found = [self._union()]
        while self._take_comma():
            if not self.more:
                break
            found.append(self._union())
        self._depth -= 1
        return found

    def _take_comma(self) -> bool:
        took = False
        while (
            self._is_sign(",")
            or self._is_sign(";")
            or (self.here.kind == "text" and self.here.text.strip().casefold() in _JOINING)
        ):
            self._at += 1
            took = True
        return took

    def _union(self) -> Value:
        parts = [self._relation()]
        while self._is_command("cup"):
            self._at += 1
            parts.append(self._relation())
        return parts[0] if len(parts) == 1 else Union(tuple(parts))

    def _relation(self) -> Value:
        values, operators = [self._ratio()], []
        while (operator := self._relation_here()) is not None:
            self._at += 1
            if operator in ("<", ">") and self._is_sign("="):
                self._at += 1
                operator += "="
            operators.append(operator)
            values.append(self._ratio())
        return values[0] if not operators else Relation(tuple(values), tuple(operators))

    def _relation_here(self) -> str | None:
        if self.here.kind == "command":
            return _RELATION_COMMANDS.get(self.here.text)
        return _RELATIONS.get(self.here.text) if self.here.kind == "sign" else None

    def _ratio(self) -> Value:
        first = self._value()
        terms = [first]
        while self._is_sign(":"):
            self._at += 1
            terms.append(self._value())
        if len(terms) == 1:
            return first
        return Ratio(tuple(_expression(term) for term in terms))

    def _value(self) -> Value:
        """A set, a matrix, words, or a quantity with its unit."""
        if self.here.kind == "text" and (words := self._words()) is not None:
            return words
        value = self._sum()
        if not isinstance(value, Quantity) or value.unit:
            return value
        return Quantity(value.expression, self._unit())

    def _words(self) -> Words | None:
        """Text up to the next comma, where that is all there is."""
        start, pieces = self._at, []
        while self.here.kind == "text":
            pieces.append(self.here.text)
            self._at += 1
        text = "".join(pieces).strip()
        if self.more and not (self._is_sign(",") or self._is_sign(";") or self._closes()):
            # Text in front of a value ("\text{about } 5") says nothing about the value.
            self._at = start + len(pieces)
            return None
        return Words(text)

    def _closes(self) -> bool:
        return self.here.text in (")", "]", "}") and self.here.kind in ("sign", "command")

    def _unit(self) -> str:
        pieces = []
        while self.more:
            token = self.here
            if token.kind == "text":
                if token.text.strip().casefold() in _JOINING:
                    break
                pieces.append(token.text.strip())
            elif token == Token("command", "%") or token == Token("sign", "%"):
                pieces.append("%")
            elif token == Token("command", "degree"):
                pieces.append("deg")
            elif pieces and token == Token("sign", "/"):
                pieces.append("/")
            elif pieces and token == Token("sign", "^"):
                self._at += 1
                power = self._argument()
                pieces.append(f"^{power}")
                continue
            else:
                break
            self._at += 1
        return " ".join(pieces).replace(" ^", "^").replace(" / ", "/")

    def _sum(self) -> Value:
        sign = self._leading_sign()
        first = self._product()
        if not isinstance(first, Quantity):
            if sign != 1:
                raise Unreadable("a sign in front of what is no number")
            return first
        total = sign * first.expression
        unit = first.unit
        while self._is_sign("+") or self._is_sign("-") or self._is_command("pm") or self._is_command("mp"):
            sign = self._leading_sign()
            following = self._product()
            total += sign * _expression(following)
            unit = unit or (following.unit if isinstance(following, Quantity) else "")
        return Quantity(total, unit)

    def _leading_sign(self) -> int:
        sign = 1
        while self.more:
            if self._is_sign("-"):
                sign = -sign
            elif self._is_command("pm"):
                sign *= self._sign
            elif self._is_command("mp"):
                sign *= -self._sign
            elif not self._is_sign("+"):
                break
            self._at += 1
        return sign

    def _product(self) -> Value:
        first = self._power()
        if not isinstance(first, Quantity):
            return first
        product = first.expression
        while self.more:
            if self._is_sign("*") or self._is_command("cdot") or self._is_command("times"):
                self._at += 1
                product *= self._factor()
            elif self._is_sign("/") or self._is_command("div"):
                self._at += 1
                product /= self._factor()
            elif self._starts_factor():
                mixed = self._mixed(product)
                product = mixed if mixed is not None else product * _expression(self._power())
            else:
                break
        return Quantity(product)

    def _factor(self) -> Expression:
        sign = self._leading_sign()
        return sign * _expression(self._power())

    def _mixed(self, whole: Expression) -> Expression | None:
        r"""Three and a half, where 3\frac{1}{2} is written; MATH means the sum by it."""
        before = self._tokens[self._at - 1]
        if before.kind != "number" or not self._is_command("frac") or not whole.is_Integer:
            return None
        start = self._at
        fraction = _expression(self._power())
        if fraction.is_Rational and 0 < fraction < 1:
            return whole + fraction
        self._at = start
        return None

    def _starts_factor(self) -> bool:
        token = self.here
        if token.kind in ("number", "letter"):
            return True
        if token.kind == "sign":
            return token.text in "([{" or (token.text == "|" and not self._bars)
        if token.kind == "command":
            return token.text in GREEK or token.text in FUNCTIONS or token.text in _ATOMS
        return False

    def _power(self) -> Value:
        value = self._postfix(self._atom())
        if isinstance(value, Quantity) and self._is_sign("^"):
            self._at += 1
            if self._is_sign("'"):
                raise Unreadable("a prime")
            value = self._postfix(Quantity(raised(value.expression, self._argument())))
        return value

    def _postfix(self, value: Value) -> Value:
        while self._is_sign("!"):
            self._at += 1
            value = Quantity(factorial(_expression(value)))
        return value

    def _argument(self) -> Expression:
        """Parse the argument of ^, _ or a command: a group in braces, or one token."""
        if self._is_sign("{"):
            return self._group("{", "}")
        token = self.here
        sign = -1 if self._is_sign("-") else 1
        if sign == -1:
            self._at += 1
            token = self.here
        if token.kind == "number" and len(token.text) > 1 and sign == 1 and "." not in token.text:
            # \frac12 is one half, and 2^10 in LaTeX is 2^1 0; people mean the whole number by it.
            self._at += 1
            return sympy.Integer(token.text)
        return sign * _expression(self._atom())

    def _fraction_argument(self) -> Expression:
        token = self.here
        if token.kind == "number" and token.text.isdigit() and len(token.text) > 1:
            self._tokens[self._at] = Token("number", token.text[1:])
            return sympy.Integer(token.text[0])
        return self._argument()

    def _group(self, opening: str, closing: str) -> Expression:
        self._expect(opening)
        items = self.items()
        self._expect(closing)
        if len(items) != 1:
            raise Unreadable("several values where one is needed")
        return _expression(items[0])

    def _atom(self) -> Value:
        token = self.here
        self._at += 1
        match token:
            case Token("number", digits):
                return Quantity(self._number(digits))
            case Token("letter", name):
                return Quantity(self._symbol(name))
            case Token("sign", "(" | "["):
                self._at -= 1
                return self._bracketed()
            case Token("sign", "{"):
                self._at -= 1
                return Quantity(self._group("{", "}"))
            case Token("sign", "|"):
                self._bars += 1
                inside = _expression(self._single())
                self._bars -= 1
                self._expect("|")
                return Quantity(sympy.Abs(inside))
            case Token("text", _):
                # Words in front of a value.
                return self._power()
            case Token("command", name):
                return self._command(name)
        raise Unreadable(f"cannot begin with {token.text!r}")

    def _single(self) -> Value:
        items = self.items()
        if len(items) != 1:
            raise Unreadable("several values where one is needed")
        return items[0]

    def _number(self, digits: str) -> Expression:
        if "overline" in digits:
            return repeating(digits)
        if self._is_sign("_"):
            self._at += 1
            if self.here.kind == "text":
                raise Unreadable("a base in words")
            braced = self._is_sign("{")
            if braced and self._at + 1 < len(self._tokens) and self._tokens[self._at + 1].kind == "text":
                raise Unreadable("a base in words")
            return in_base(digits, self._argument())
        return sympy.Rational(digits) if "." in digits else sympy.Integer(digits)

    def _symbol(self, name: str) -> Expression:
        if self._is_sign("_"):
            self._at += 1
            return sympy.Symbol(f"{name}_{self._argument()}")
        if name == "e":
            return sympy.E
        if name == "i":
            return sympy.I
        if name in "fgh" and self._is_sign("(") and self._at + 2 < len(self._tokens):
            variable, closing = self._tokens[self._at + 1 : self._at + 3]
            if variable.kind == "letter" and closing == Token("sign", ")"):
                self._at += 3
                return sympy.Symbol(f"{name}({variable.text})")
        return sympy.Symbol(name)

    def _bracketed(self) -> Value:
        opening = self.here.text
        self._at += 1
        bars, self._bars = self._bars, 0
        items = self.items()
        self._bars = bars
        closing = self.here.text
        if closing not in (")", "]"):
            raise Unreadable("a bracket that is not closed")
        self._at += 1
        if len(items) == 1:
            return items[0]
        return Ordered(tuple(items), opening, closing)

    def _command(self, name: str) -> Value:
        if name in GREEK:
            return Quantity(self._symbol_named(name))
        if name in FUNCTIONS or name == "log":
            return Quantity(self._function(name))
        make = _ATOMS.get(name)
        if make is None:
            raise Unreadable(f"the command {name}")
        return make(self)

    def _symbol_named(self, name: str) -> Expression:
        if self._is_sign("_"):
            self._at += 1
            return sympy.Symbol(f"{name}_{self._argument()}")
        return sympy.Symbol(name)

    def _function(self, name: str) -> Expression:
        base: Expression = None
        power: Expression = None
        while self._is_sign("_") or self._is_sign("^"):
            is_base = self._is_sign("_")
            self._at += 1
            if is_base:
                base = self._argument()
            else:
                power = self._argument()
        inside = self._function_argument()
        if name == "log":
            value = sympy.log(inside) if base is None else sympy.log(inside) / sympy.log(base)
            if base is None:
                value = sympy.log(inside) / sympy.log(10)
        elif power == -1 and name in INVERSE:
            return INVERSE[name](inside)
        else:
            value = FUNCTIONS[name](inside)
        return value if power is None else raised(value, power)

    def _function_argument(self) -> Expression:
        if self._is_sign("(") or self._is_sign("{"):
            return _expression(self._power())
        # \sin 2x takes the product; it ends at a sign, a bracket or another function.
        value = _expression(self._power())
        while self.here.kind in ("number", "letter") or (
            self.here.kind == "command" and (self.here.text in GREEK or self.here.text in ("pi", "frac"))
        ):
            value *= _expression(self._power())
        if self._is_command("degree"):
            self._at += 1
            value = value * sympy.pi / 180
        return value

    def _frac(self) -> Value:
        above = self._fraction_argument()
        below = self._fraction_argument()
        return Quantity(above / below)

    def _sqrt(self) -> Value:
        index: Expression = sympy.Integer(2)
        if self._is_sign("["):
            self._at += 1
            index = _expression(self._single())
            self._expect("]")
        return Quantity(raised(self._argument(), 1 / index))

    def _binom(self) -> Value:
        above, below = self._argument(), self._argument()
        small = above.is_Integer and below.is_Integer and abs(above) <= 1000
        return Quantity(sympy.binomial(above, below, evaluate=bool(small)))

    def _set(self) -> Value:
        if self._is_command("}"):
            self._at += 1
            return Unordered(())
        items = self.items()
        if not self._is_command("}"):
            raise Unreadable("a set that is not closed")
        self._at += 1
        return Unordered(tuple(items))

    def _angle(self) -> Value:
        items = self.items()
        if not self._is_command("rangle"):
            raise Unreadable("an angle bracket that is not closed")
        self._at += 1
        return Ordered(tuple(items), "(", ")")

    def _rounded(self, closing: str, function: Callable[[Expression], Expression]) -> Value:
        inside = _expression(self._single())
        if not self._is_command(closing):
            raise Unreadable("a bracket that is not closed")
        self._at += 1
        return Quantity(function(inside))

    def _matrix(self) -> Value:
        name = self._name_in_braces()
        if name not in _MATRICES:
            raise Unreadable(f"the environment {name}")
        if name == "array":
            self._name_in_braces()
        rows: list[tuple[Value, ...]] = []
        row: list[Value] = []
        while not self._is_command("end"):
            if self._is_sign("&"):
                self._at += 1
            elif self._is_command("\\"):
                self._at += 1
                rows.append(tuple(row))
                row = []
            else:
                row.append(self._union())
        self._at += 1
        self._name_in_braces()
        if row:
            rows.append(tuple(row))
        return Matrix(tuple(rows))

    def _name_in_braces(self) -> str:
        self._expect("{")
        letters = ""
        while self.here.kind == "letter" or (self.here.text in "*|" and self.here.text):
            letters += self.here.text
            self._at += 1
        self._expect("}")
        return letters

    def _reals(self) -> Value:
        self._expect("{")
        name = self.here.text
        self._at += 1
        self._expect("}")
        if name != "R":
            return Words(name)
        return Ordered((Quantity(-sympy.oo), Quantity(sympy.oo)), "(", ")")

    def _expect(self, sign: str) -> None:
        if not self._is_sign(sign):
            raise Unreadable(f"no {sign}")
        self._at += 1

    def _is_sign(self, sign: str) -> bool:
        return self.here == Token("sign", sign) and self.more

    def _is_command(self, name: str) -> bool:
        return self.here == Token("command", name)


_ATOMS: dict[str, Callable[[_Parser], Value]] = {
    "frac": _Parser._frac,
    "sqrt": _Parser._sqrt,
    "binom": _Parser._binom,
    "{": _Parser._set,
    "langle": _Parser._angle,
    "lfloor": lambda parser: parser._rounded("rfloor", sympy.floor),
    "lceil": lambda parser: parser._rounded("rceil", sympy.ceiling),
    "begin": _Parser._matrix,
    "mathbb": _Parser._reals,
    "pi": lambda parser: Quantity(sympy.pi),
    "infty": lambda parser: Quantity(sympy.oo),
    "emptyset": lambda parser: Unordered(()),
}


def _expression(value: Value) -> Expression:
    if isinstance(value, Quantity):
        return value.expression
    raise Unreadable("no number")
