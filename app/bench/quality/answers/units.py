"""Units as people write them behind a number, and which of them measure the same thing."""

import re
from fractions import Fraction

_LENGTHS = {
    "mm": Fraction(1, 1000),
    "cm": Fraction(1, 100),
    "dm": Fraction(1, 10),
    "m": Fraction(1),
    "km": Fraction(1000),
    "in": Fraction(254, 10000),
    "ft": Fraction(3048, 10000),
    "yd": Fraction(9144, 10000),
    "mi": Fraction(1609344, 1000),
}
_OTHERS = {
    "mg": ("mass", Fraction(1, 1000)),
    "g": ("mass", Fraction(1)),
    "kg": ("mass", Fraction(1000)),
    "s": ("time", Fraction(1)),
    "min": ("time", Fraction(60)),
    "h": ("time", Fraction(3600)),
    "day": ("time", Fraction(86400)),
    "week": ("time", Fraction(604800)),
    "ml": ("volume", Fraction(1, 1000000)),
    "l": ("volume", Fraction(1, 1000)),
    "cent": ("money", Fraction(1, 100)),
    "dollar": ("money", Fraction(1)),
    "km/h": ("speed", Fraction(1000, 3600)),
    "m/s": ("speed", Fraction(1)),
}
_NAMES = {
    "millimeter": "mm",
    "millimetre": "mm",
    "centimeter": "cm",
    "centimetre": "cm",
    "meter": "m",
    "metre": "m",
    "kilometer": "km",
    "kilometre": "km",
    "inch": "in",
    "inche": "in",
    "foot": "ft",
    "feet": "ft",
    "yard": "yd",
    "mile": "mi",
    "gram": "g",
    "kilogram": "kg",
    "milligram": "mg",
    "second": "s",
    "sec": "s",
    "minute": "min",
    "hour": "h",
    "hr": "h",
    "liter": "l",
    "litre": "l",
    "milliliter": "ml",
    "millilitre": "ml",
    "degree": "deg",
    "percent": "%",
    "per cent": "%",
    "mph": "mi/h",
    "kph": "km/h",
    "kmh": "km/h",
}
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


def unit_of(text: str) -> tuple[str, Fraction]:
    """Return a unit's quantity and size: ("length", 1/100) for "cm". An unknown one is its own name."""
    name = re.sub(r"\s+", " ", text.strip().strip(".").casefold())
    power = 1
    first, _, rest = name.partition(" ")
    if first.strip(".") in _POWERS and rest:
        name, power = rest, _POWERS[first.strip(".")]
    match = re.fullmatch(r"(.*?)\s*\^?\s*\{?([23])\}?", name)
    if match and match[1]:
        name, power = match[1], int(match[2])
    name = re.sub(r"\s+per\s+|\s*/\s*", "/", name)
    name = "/".join(_short(part.strip()) for part in name.split("/"))
    if name in _LENGTHS:
        return ("length", "area", "volume")[power - 1], _LENGTHS[name] ** power
    if power == 1 and name in _OTHERS:
        return _OTHERS[name]
    return (name if power == 1 else f"{name}^{power}"), Fraction(1)


def _short(name: str) -> str:
    singular = name[:-1] if name.endswith("s") and len(name) > 2 else name
    return _NAMES.get(name) or _NAMES.get(singular) or singular
