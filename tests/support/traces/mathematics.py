"""Traces of mathematics in English: arithmetic, algebra, numbers, counting, words."""

from fractions import Fraction
from math import comb, gcd, isqrt

from tests.support.traces.telling import Teller, Trace, lines

NAMES = (
    ("Mara", "Jonas", "Priya", "Tomas", "Lena", "Omar", "Ruth", "Felix"),
    ("Ada", "Bruno", "Chen", "Dalia", "Emil", "Farah", "Greta", "Hugo"),
)


def product(tell: Teller) -> Trace:
    """Multiply two numbers by parts and check by another way."""
    a, b = tell.number(23, 989), tell.number(12, 98)
    tens, ones = b // 10 * 10, b % 10
    nines = (a * b) % 9
    thinking = lines(
        tell.say(
            f"Okay, I need {a} times {b}. I split {b} into {tens} and {ones}.",
            f"The product of {a} and {b} is wanted. Breaking the smaller factor up gives {tens} + {ones}.",
        ),
        f"{a} × {tens} = {a * tens}, {a} × {ones} = {a * ones}.",
        f"{a * tens} + {a * ones} = {a * b}.",
        tell.say(
            f"Let me check with remainders by nine: {a} leaves {a % 9}, {b} leaves {b % 9}, and "
            f"{a % 9} × {b % 9} = {(a % 9) * (b % 9)} leaves {nines}. The product {a * b} leaves {nines} "
            f"too. Good.",
            f"Casting out nines as a test: {a} → {a % 9} and {b} → {b % 9}, so the result must give {nines}. "
            f"It does, since {a * b} = 9 × {a * b // 9} + {nines}.",
        ),
    )
    answer = tell.say(f"{a} · {b} = **{a * b}**.", f"\\( {a} \\times {b} = \\boxed{{{a * b}}} \\)")
    return Trace(
        tell.say(f"What is {a} times {b}?", f"Compute {a} × {b} without a calculator."), thinking, answer
    )


def division(tell: Teller) -> Trace:
    """Divide with a remainder, digit by digit."""
    divisor, number = tell.number(6, 37), tell.number(1200, 98000)
    steps: list[str] = []
    rest = 0
    for digit in str(number):
        before = rest * 10 + int(digit)
        part, rest = divmod(before, divisor)
        if steps or part:
            steps.append(
                tell.say(
                    f"bring down {digit}: {before} holds {divisor} {part} times, {rest} left",
                    f"with the {digit} it is {before}, that is {part} · {divisor} and {rest} over",
                )
            )
    quotient = number // divisor
    thinking = lines(
        tell.say(
            f"Long division of {number} by {divisor}, digit by digit.",
            f"I go through the digits of {number} from the left and divide by {divisor}.",
        ),
        "; ".join(steps) + ".",
        tell.say(
            f"So the quotient should be {quotient}, remainder {rest}. Check: {quotient} × {divisor} = "
            f"{quotient * divisor}, and with {rest} it is {number}. Right.",
            f"That reads {quotient} remainder {rest}. Backwards: {divisor} · {quotient} + {rest} = "
            f"{number}, as it must be.",
        ),
    )
    return Trace(
        tell.say(
            f"Divide {number} by {divisor}.", f"How often does {divisor} go into {number}, and what is left?"
        ),
        thinking,
        tell.say(
            f"{number} : {divisor} = **{quotient}**, remainder **{rest}**.",
            f"It goes {quotient} times, and {rest} is left over.",
        ),
    )


def linear(tell: Teller) -> Trace:
    """Solve a x + b = c x + d."""
    x, a, c = tell.number(-12, 15), tell.number(5, 14), tell.number(-3, 4)
    b = tell.number(-30, 30)
    d = a * x + b - c * x
    left, right = f"{a}x {_signed(b)}", f"{_times(c)} {_signed(d)}" if c else str(d)
    thinking = lines(
        tell.say(
            f"We need to solve {left} = {right}. Collect x on the left: subtract {_times(c) if c else 0} "
            f"on both sides.",
            f"An equation of the first degree: {left} = {right}. I bring the unknown to one side.",
        ),
        f"{_times(a - c)} {_signed(b)} = {d}" if c else "",
        f"{_times(a - c)} = {d} {_signed(-b)} = {d - b}",
        f"x = {d - b}/{a - c} = {x}",
        tell.say(
            f"Check: left {a}·({x}) {_signed(b)} = {a * x + b}, right {c}·({x}) {_signed(d)} = "
            f"{c * x + d}. They agree.",
            f"Put {x} in: one side is {a * x + b}, the other {c * x + d}. Fine.",
        ),
    )
    question = tell.say(f"Solve for x: {left} = {right}", f"Which x satisfies {left} = {right}?")
    return Trace(question, thinking, tell.say(f"x = **{x}**", f"\\( x = \\boxed{{{x}}} \\)"))


def euclid(tell: Teller) -> Trace:
    """Find a greatest common divisor, and the least common multiple with it."""
    shared = tell.number(2, 36)
    a, b = shared * tell.number(11, 60), shared * tell.number(5, 50)
    rows: list[str] = []
    left, right = max(a, b), min(a, b)
    while right:
        rows.append(f"{left} = {left // right} · {right} + {left % right}")
        left, right = right, left % right
    found = gcd(a, b)
    multiple = a * b // found
    thinking = lines(
        tell.say(
            f"I use Euclid's algorithm on {a} and {b}; factoring would be slower.",
            f"Remainders again and again, starting from the pair ({a}, {b}):",
        ),
        *rows,
        tell.say(
            f"The last remainder that is not zero is {found}, so gcd({a}, {b}) = {found}. "
            f"Then lcm = {a} / {found} · {b} = {a // found} · {b} = {multiple}.",
            f"It ends at {found}. For the multiple I take {a} · {b} = {a * b} and divide by {found}, which "
            f"is {multiple}.",
        ),
    )
    return Trace(
        tell.say(
            f"Find the greatest common divisor and the least common multiple of {a} and {b}.",
            f"gcd and lcm of {a}, {b}?",
        ),
        thinking,
        tell.say(
            f"gcd = **{found}**, lcm = **{multiple}**", f"The gcd is {found} and the lcm is {multiple}."
        ),
    )


def power_remainder(tell: Teller) -> Trace:
    """Find a power modulo a small number by squaring."""
    base, exponent, modulus = tell.number(2, 19), tell.number(20, 140), tell.number(7, 97)
    rows: list[str] = []
    value, power = base % modulus, 1
    values = {1: value}
    rows.append(f"{base}^1 ≡ {value}")
    while power * 2 <= exponent:
        rows.append(f"{base}^{power * 2} ≡ {value}² = {value * value} ≡ {value * value % modulus}")
        value, power = value * value % modulus, power * 2
        values[power] = value
    parts = [power for power in values if exponent & power]
    result = 1
    for power in parts:
        result = result * values[power] % modulus
    assert result == pow(base, exponent, modulus)
    thinking = lines(
        tell.say(
            f"We want {base}^{exponent} mod {modulus}. Repeated squaring, everything modulo {modulus}:",
            f"The power itself is huge, but only its remainder by {modulus} matters. Squares first:",
        ),
        *rows,
        tell.say(
            f"In binary {exponent} = {' + '.join(map(str, parts))}, so I multiply "
            f"{' · '.join(str(values[power]) for power in parts)} and reduce: {result}.",
            f"Since {' + '.join(map(str, parts))} makes {exponent}, the factors are "
            f"{', '.join(str(values[power]) for power in parts)}. Their product is {result} modulo "
            f"{modulus}.",
        ),
    )
    return Trace(
        tell.say(
            f"What is the remainder of {base}^{exponent} when it is divided by {modulus}?",
            f"Compute {base}^{exponent} (mod {modulus}).",
        ),
        thinking,
        tell.say(
            f"The remainder is \\boxed{{{result}}}.", f"{base}^{exponent} ≡ **{result}** (mod {modulus})"
        ),
    )


def quadratic(tell: Teller) -> Trace:
    """Find the whole roots of a quadratic equation."""
    first, second = sorted(tell.numbers(-14, 15, 2))
    b, c = -(first + second), first * second
    discriminant = b * b - 4 * c
    equation = f"x² {_signed_times(b)}{_signed(c)} = 0"
    root = isqrt(discriminant)
    thinking = lines(
        tell.say(
            f"The equation is {equation}. Do two whole numbers have the sum {-b} and the product {c}?",
            f"First the discriminant of {equation}, to see what kind of roots there are.",
        ),
        tell.say(
            f"{first} and {second}: the sum is {first + second}, the product {first * second}. Yes, that "
            f"fits (Vieta).",
            f"D = ({b})² − 4 · ({c}) = {b * b} {_signed(-4 * c)} = {discriminant}, and √{discriminant} = "
            f"{root}, a whole number.",
        ),
        tell.say(
            f"To be safe, insert x = {second}: {second * second} {_signed(b * second)} {_signed(c)} = 0. "
            f"Correct.",
            f"x = ({-b} ± {root}) / 2, which is {first} or {second}. Their product {first * second} is the "
            f"constant term.",
        ),
    )
    return Trace(
        tell.say(f"Solve {equation}.", f"Find all real x with {equation}."),
        thinking,
        tell.say(f"x = **{first}** or x = **{second}**", f"\\( x_1 = {first},\\quad x_2 = {second} \\)"),
    )


def two_unknowns(tell: Teller) -> Trace:
    """Solve a story with two kinds of things."""
    dear, cheap = tell.number(6, 14), tell.number(2, 5)
    many, few = tell.numbers(7, 60, 2)
    total, money = many + few, many * dear + few * cheap
    thing = tell.of(("tickets", "jars", "plants"), ("lamps", "notebooks", "chairs"))
    rest = money - cheap * total
    thinking = lines(
        tell.say(
            f"Let x be the number of large {thing} and y that of small ones. Then x + y = {total} and "
            f"{dear}x + {cheap}y = {money}.",
            f"Suppose all {total} {thing} had been small. That would be {cheap} · {total} = {cheap * total}.",
        ),
        tell.say(
            f"From the first y = {total} − x. Put in: {dear}x + {cheap * total} − {cheap}x = {money}, so "
            f"{dear - cheap}x = {rest} and x = {many}. Then y = {few}.",
            f"Really it was {money}, which is {rest} more. Each large one adds {dear} − {cheap} = "
            f"{dear - cheap}, "
            f"and {rest} / {dear - cheap} = {many}. The other {few} are small.",
        ),
        tell.say(
            f"Wait, check the money: {many}·{dear} = {many * dear}, {few}·{cheap} = {few * cheap}, "
            f"together {money}. Good.",
            f"Does the sum come out? {many * dear} + {few * cheap} = {money}. It does.",
        ),
    )
    return Trace(
        tell.say(
            f"A shop sold {total} {thing}: large ones at {dear} euros, small ones at {cheap}. It took "
            f"{money} euros. "
            "How many of each were there?",
            f"{total} {thing} cost {money} dollars in all; a large one is {dear} dollars, a small one "
            f"{cheap}. "
            "How many are large?",
        ),
        thinking,
        tell.say(
            f"**{many}** large and **{few}** small {thing}.",
            f"There are {many} large ones (and {few} small).",
        ),
    )


def percentages(tell: Teller) -> Trace:
    """Raise and lower a price by percent."""
    price, up, down = 20 * tell.number(4, 90), 5 * tell.number(1, 8), 5 * tell.number(1, 8)
    raised = Fraction(price) * (100 + up) / 100
    lowered = raised * (100 - down) / 100
    change = (lowered / price - 1) * 100
    what = tell.of(("coat", "bicycle", "rent"), ("carpet", "guitar", "ticket"))
    thinking = lines(
        tell.say(
            f"The trap is that {up}% up and {down}% down do not refer to the same number.",
            "Each percentage belongs to the price at that moment, so I multiply factors.",
        ),
        tell.say(
            f"After the rise: {price} · {_decimal(Fraction(100 + up, 100))} = {_decimal(raised)}.",
            f"{price} becomes {_decimal(raised)} when {up}% of it, {_decimal(Fraction(price * up, 100))}, "
            f"is added.",
        ),
        tell.say(
            f"After the cut: {_decimal(raised)} · {_decimal(Fraction(100 - down, 100))} = "
            f"{_decimal(lowered)}.",
            f"Then {down}% of {_decimal(raised)} is {_decimal(raised * down / 100)}, which leaves "
            f"{_decimal(lowered)}.",
        ),
        tell.say(
            f"Against the {price} of the beginning that is {_decimal(change)}%.",
            f"Compared with {price} at first: a change of {_decimal(change)}%.",
        ),
    )
    return Trace(
        tell.say(
            f"A {what} costs {price}. The price rises by {up}% and then falls by {down}%. What does it "
            f"cost now?",
            f"The price of a {what}, {price} at first, goes up {up} percent, later down {down} percent. "
            "By how much has it changed in all?",
        ),
        thinking,
        tell.say(
            f"It costs **{_decimal(lowered)}** now, {_decimal(change)}% against the first price.",
            f"It is {_decimal(lowered)} in the end: {_decimal(change)}%.",
        ),
    )


def meeting(tell: Teller) -> Trace:
    """Let two travellers meet."""
    one, other = tell.numbers(4, 26, 2)
    hours = Fraction(tell.number(3, 16), 4)
    way = (one + other) * hours
    a, b = tell.some(*NAMES, 2)
    thinking = lines(
        tell.say(
            f"{a} and {b} come towards each other, so the gap closes at {one} + {other} = {one + other} "
            f"km/h.",
            f"Seen from {a}, {b} comes nearer by {one + other} km in each hour.",
        ),
        tell.say(
            f"The way is {_decimal(way)} km, so it takes {_decimal(way)} / {one + other} = "
            f"{_decimal(hours)} hours.",
            f"{_decimal(way)} km divided by {one + other} km/h makes {_decimal(hours)} h.",
        ),
        tell.say(
            f"In that time {a} covers {one} · {_decimal(hours)} = {_decimal(one * hours)} km and {b} "
            f"{_decimal(other * hours)} km; the sum is {_decimal(way)} km again.",
            f"Then {a} has gone {_decimal(one * hours)} km. {b}'s part is {_decimal(other * hours)} km, "
            f"and both add up.",
        ),
    )
    return Trace(
        tell.say(
            f"{a} and {b} start {_decimal(way)} km apart and ride towards each other at {one} and {other} "
            f"km/h. "
            f"When do they meet, and how far has {a} come?",
            f"Two friends, {a} ({one} km/h) and {b} ({other} km/h), are {_decimal(way)} km apart and set "
            f"out to meet. "
            f"After how long do they, and where?",
        ),
        thinking,
        tell.say(
            f"After **{_decimal(hours)} hours**; {a} has come **{_decimal(one * hours)} km**.",
            f"They meet after {_decimal(hours)} h, {_decimal(one * hours)} km from where {a} started.",
        ),
    )


def prime(tell: Teller) -> Trace:
    """Decide if a number is prime by trial division."""
    number = 2 * tell.number(101, 900) + 1
    rows: list[str] = []
    divisor = 0
    for candidate in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43):
        if candidate * candidate > number:
            break
        rows.append(f"{candidate} · {number // candidate} = {number // candidate * candidate}")
        if number % candidate == 0:
            divisor = candidate
            break
        rows[-1] += tell.say(f", {number % candidate} left", f" (rest {number % candidate})")
    limit = isqrt(number)
    end = (
        tell.say(
            f"So {divisor} divides it, and {number} is not prime.",
            f"No rest for {divisor}: {number} is composite.",
        )
        if divisor
        else tell.say(
            f"Nothing up to {limit} divides it, so {number} is a prime.",
            f"All primes to {limit} are used up without success; {number} must be prime.",
        )
    )
    thinking = lines(
        tell.say(
            f"√{number} is a little over {limit}, so I try the primes up to {limit}. It is odd, 2 is out.",
            f"To decide about {number} it is enough to divide by odd primes not above {limit}.",
        ),
        "; ".join(rows) + ".",
        end,
    )
    answer = (
        tell.say(
            f"No: {number} = {divisor} · {number // divisor}.",
            f"{number} = {divisor} × {number // divisor}, not prime.",
        )
        if divisor
        else tell.say(f"Yes, {number} is prime.", f"{number} is a prime number.")
    )
    return Trace(tell.say(f"Is {number} a prime number?", f"Prime or not: {number}?"), thinking, answer)


def binary(tell: Teller) -> Trace:
    """Write a number in another base."""
    number, base = tell.number(60, 3000), tell.of((2, 8), (3, 16, 5))
    digits = "0123456789ABCDEF"
    rows: list[str] = []
    written, left = "", number
    while left:
        rows.append(f"{left} = {base} · {left // base} + {left % base}")
        written = digits[left % base] + written
        left //= base
    return Trace(
        tell.say(f"Write {number} in base {base}.", f"Convert the decimal number {number} to base {base}."),
        lines(
            tell.say(
                f"Divide by {base} again and again and keep the remainders; the last one is the first digit.",
                f"The digits to base {base} come out backwards if one keeps dividing:",
            ),
            *rows,
            tell.say(f"Read from below: {written}.", f"Upwards that spells {written}."),
        ),
        tell.say(f"{number} is **{written}** in base {base}.", f"\\( {number} = ({written})_{{{base}}} \\)"),
    )


def series(tell: Teller) -> Trace:
    """Add up an arithmetic series."""
    first, step, count = tell.number(1, 40), tell.number(2, 12), tell.number(12, 80)
    last = first + (count - 1) * step
    total = (first + last) * count // 2
    return Trace(
        tell.say(
            f"Add up {first} + {first + step} + {first + 2 * step} + … + {last}.",
            f"What is the sum of the numbers from {first} to {last} in steps of {step}?",
        ),
        lines(
            tell.say(
                f"The steps are {step}, so it is an arithmetic series. How many terms? ({last} − {first}) "
                f"/ {step} + 1 = {count}.",
                f"From {first} to {last} there are {count - 1} steps of {step}, hence {count} numbers.",
            ),
            tell.say(
                f"First and last make {first + last}, and so does each pair. {count} · {first + last} / 2 "
                f"= {total}.",
                f"Their mean is ({first} + {last}) / 2 = {_decimal(Fraction(first + last, 2))}, times "
                f"{count} is {total}.",
            ),
        ),
        tell.say(f"The sum is \\boxed{{{total}}}.", f"**{total}**"),
    )


def committee(tell: Teller) -> Trace:
    """Count choices with a condition."""
    people, wanted = tell.number(8, 15), tell.number(3, 5)
    all_ways, without = comb(people, wanted), comb(people - 2, wanted - 2)
    a, b = tell.some(*NAMES, 2)
    return Trace(
        tell.say(
            f"{wanted} of {people} people are chosen. {a} and {b} do not want to serve together. How many "
            f"ways are there?",
            f"In how many ways can a team of {wanted} be picked out of {people} if {a} and {b} must not "
            f"both be in it?",
        ),
        lines(
            tell.say(
                f"Without the condition: C({people}, {wanted}) = {all_ways}.",
                f"All teams first, that is {people} over {wanted}, which makes {all_ways}.",
            ),
            tell.say(
                f"With both {a} and {b} in, {wanted - 2} more come from the other {people - 2}: "
                f"C({people - 2}, {wanted - 2}) = {without}. These are not allowed.",
                f"The forbidden ones contain the pair and {wanted - 2} of {people - 2} others: {without} "
                f"teams.",
            ),
            tell.say(
                f"{all_ways} − {without} = {all_ways - without}. Another way: neither, C({people - 2}, "
                f"{wanted}) = "
                f"{comb(people - 2, wanted)}, or exactly one, 2 · C({people - 2}, {wanted - 1}) = "
                f"{2 * comb(people - 2, wanted - 1)}. The sum is the same.",
                f"So {all_ways} less {without}, which is {all_ways - without}.",
            ),
        ),
        tell.say(f"**{all_ways - without}** ways.", f"\\( \\boxed{{{all_ways - without}}} \\)"),
    )


def dice(tell: Teller) -> Trace:
    """Find the probability of a sum of two dice."""
    wanted = tell.number(3, 11)
    pairs = [(one, wanted - one) for one in range(1, 7) if 1 <= wanted - one <= 6]
    chance = Fraction(len(pairs), 36)
    shown = ", ".join(f"({one}, {other})" for one, other in pairs)
    throws = tell.number(2, 4)
    never = (1 - chance) ** throws
    return Trace(
        tell.say(
            f"Two dice are thrown {throws} times. How likely is it that the sum {wanted} comes at least "
            f"once?",
            f"What is the chance that among {throws} throws of two dice at least one shows a total of "
            f"{wanted}?",
        ),
        lines(
            tell.say(
                f"The sum {wanted} comes from {shown}: {len(pairs)} of 36 pairs, so p = {chance}.",
                f"Ordered pairs with total {wanted} are {shown}: {len(pairs)} of the 36, so {chance} a "
                f"throw.",
            ),
            tell.say(
                f"At least once is the opposite of never, and never has probability (1 − "
                f"{chance})^{throws} = {never}.",
                f"It misses each time with {1 - chance}, and {throws} times in a row with {never}.",
            ),
            tell.say(
                f"1 − {never} = {1 - never}, about {float(1 - never):.3f}.",
                f"What remains is {1 - never} ≈ {float(1 - never):.3f}.",
            ),
        ),
        tell.say(
            f"The probability is {1 - never} ≈ **{float(1 - never):.3f}**.",
            f"{1 - never}, roughly {100 * float(1 - never):.1f}%.",
        ),
    )


def induction(tell: Teller) -> Trace:
    """Prove a formula for a sum by induction."""
    a = tell.number(2, 9)
    b = tell.number(1, 8)
    # sum over k to n of (2 a k + b) = a n² + (a + b) n
    return Trace(
        tell.say(
            f"Prove that the sum of {2 * a}k + {b} for k from 1 to n is {a}n² + {a + b}n.",
            f"Show by induction: Σ ({2 * a}k + {b}), k = 1, …, n, equals {a}n² + {a + b}n.",
        ),
        lines(
            tell.say(
                f"For n = 1 the sum is {2 * a} + {b} = {2 * a + b}, the formula gives {a} + {a + b} = "
                f"{2 * a + b}. Good.",
                f"Start: one term, {2 * a + b}, against {a}·1 + {a + b}·1, which is {2 * a + b} as well.",
            ),
            tell.say(
                f"Step: assume it for n and add the next term {2 * a}(n + 1) + {b} = {2 * a}n + {2 * a + b}.",
                f"Now suppose that it holds up to n; the term for n + 1 is {2 * a}n + {2 * a + b}.",
            ),
            f"{a}n² + {a + b}n + {2 * a}n + {2 * a + b} = {a}n² + {3 * a + b}n + {2 * a + b}.",
            tell.say(
                f"The formula for n + 1 is {a}(n + 1)² + {a + b}(n + 1) = {a}n² + {2 * a}n + {a} + "
                f"{a + b}n + {a + b}, "
                "and that is the same. Done.",
                f"Expanding {a}(n² + 2n + 1) + {a + b}n + {a + b} brings exactly these coefficients, "
                f"{3 * a + b} and {2 * a + b}.",
            ),
        ),
        tell.say(
            f"True for n = 1, and from n follows n + 1, since {a}n² + {a + b}n plus the next term is {a}(n "
            f"+ 1)² + {a + b}(n + 1). ∎",
            f"The claim holds at 1 and is handed on from each n to n + 1 (both sides are {a}n² + "
            f"{3 * a + b}n + {2 * a + b}). ∎",
        ),
    )


KINDS = (
    product, division, linear, euclid, power_remainder, quadratic, two_unknowns, percentages, meeting, prime,
    binary, series, committee, dice, induction,
)  # fmt: skip


def _signed(value: int) -> str:
    return f"+ {value}" if value >= 0 else f"− {-value}"


def _times(value: int) -> str:
    return {1: "x", -1: "−x"}.get(value, f"{value}x")


def _signed_times(value: int) -> str:
    if not value:
        return ""
    return f"{'+' if value > 0 else '−'} {_times(abs(value))} "


def _decimal(value: Fraction | int) -> str:
    value = Fraction(value)
    text = f"{float(value):.4f}".rstrip("0").rstrip(".")
    return text if Fraction(text) == value else f"{float(value):.2f}"
