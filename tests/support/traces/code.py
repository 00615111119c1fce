"""Traces of code: programs that are really run, followed line by line, mended and written."""

from tests.support.traces.telling import Teller, Trace, lines

WORDS = (
    (
        "lantern",
        "harbour",
        "pepper",
        "banana",
        "committee",
        "riverbed",
        "glass",
        "tomorrow",
        "address",
        "coffee",
    ),
    (
        "mirror",
        "cabbage",
        "bookkeeper",
        "saddle",
        "orchard",
        "balloon",
        "pigeon",
        "assembly",
        "cellar",
        "butter",
    ),
)


def loop(tell: Teller) -> Trace:
    """Follow a loop with two variables."""
    start, step, limit, turn = tell.number(1, 9), tell.number(2, 6), tell.number(20, 60), tell.number(2, 4)
    name, other = tell.of((("total", "count"), ("acc", "i")), (("state", "rounds"), ("level", "k")))
    code = lines(
        "```python",
        f"{name}, {other} = {start}, 0",
        f"while {name} < {limit}:",
        f"    {name} += {step} if {other} % {turn} else {step + 1}",
        f"    {other} += 1",
        f"print({name}, {other})",
        "```",
    )
    rows: list[str] = []
    value, count = start, 0
    while value < limit:
        added = step if count % turn else step + 1
        rows.append(f"{other}={count}: {count} % {turn} = {count % turn}, +{added}, {name}={value + added}")
        value, count = value + added, count + 1
    return Trace(
        tell.say("What does this print?", "Predict the output of this program.") + "\n\n" + code,
        lines(
            tell.say(
                f"I follow it by hand. {name} begins at {start}, {other} at 0.",
                f"A table of {other} and {name}, from ({start}, 0) on:",
            ),
            *rows,
            tell.say(
                f"Now {name} = {value} is not below {limit}, the loop ends.",
                f"{value} < {limit} is false, so that was the last round.",
            ),
        ),
        tell.say(f"It prints `{value} {count}`.", f"The output is `{value} {count}`."),
    )


def search(tell: Teller) -> Trace:
    """Follow a binary search."""
    values = sorted(tell.numbers(1, 99, tell.number(9, 15)))
    wanted = values[tell.number(0, len(values) - 1)] + tell.number(0, 1)
    low, high = 0, len(values)
    rows: list[str] = []
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            rows.append(f"lo={low}, hi={high}, mid={middle}: {values[middle]} < {wanted}, lo = {middle + 1}")
            low = middle + 1
        else:
            rows.append(f"lo={low}, hi={high}, mid={middle}: {values[middle]} >= {wanted}, hi = {middle}")
            high = middle
    found = low < len(values) and values[low] == wanted
    there = f"that is the place of {wanted}" if found else f"{wanted} would have to go there"
    return Trace(
        tell.say(
            f"Which index does `bisect_left({values}, {wanted})` return, and which elements are compared?",
            f"Trace a binary search for the first place of {wanted} in {values}.",
        ),
        lines(
            tell.say(
                f"The list has {len(values)} elements, so lo = 0 and hi = {len(values)}. mid is the half, "
                f"rounded down.",
                f"Half-open range [0, {len(values)}). I halve it until it is empty.",
            ),
            *rows,
            tell.say(
                f"lo and hi are both {low}. "
                f"{'There stands ' + str(wanted) if found else str(wanted) + ' is not in the list'}.",
                f"The range is empty at {low}; {there}.",
            ),
        ),
        tell.say(
            f"It returns **{low}** after {len(rows)} comparisons.",
            f"Index {low}, {'found' if found else 'not found'}, {len(rows)} elements looked at.",
        ),
    )


def sorting(tell: Teller) -> Trace:
    """Follow an insertion sort, or the passes of bubble sort."""
    values = tell.numbers(1, 60, tell.number(5, 7))
    rows: list[str] = []
    now = list(values)
    moves = 0
    for place in range(1, len(now)):
        left = place
        while left and now[left - 1] > now[left]:
            now[left - 1], now[left] = now[left], now[left - 1]
            left -= 1
            moves += 1
        rows.append(
            tell.say(
                f"{now[left]} goes to place {left}: {now}",
                f"take {now[left]}, {place - left} step(s) left → {now}",
            )
        )
    inversions = sum(a > b for index, a in enumerate(values) for b in values[index + 1 :])
    assert inversions == moves
    return Trace(
        tell.say(
            f"Sort {values} by insertion and count the swaps of neighbours.",
            f"How many exchanges does insertion sort make on {values}? Show each round.",
        ),
        lines(
            tell.say(
                f"Start: {values}. The part on the left is always sorted.",
                f"At the beginning only {values[0]} is in order. One element after the other comes in.",
            ),
            *rows,
            tell.say(
                f"Swaps: {moves}. Check: that must be the number of inversions, pairs in the wrong order; "
                f"counting them gives {inversions}.",
                f"In total {moves}, and indeed {inversions} pairs stand the wrong way round at first.",
            ),
        ),
        tell.say(f"{now}, with **{moves}** swaps.", f"It makes {moves} exchanges and ends with {now}."),
    )


def counting(tell: Teller) -> Trace:
    """Count the letters of a word as a dictionary does."""
    word = tell.of(*WORDS)
    counts: dict[str, int] = {}
    rows: list[str] = []
    for letter in word:
        counts[letter] = counts.get(letter, 0) + 1
        rows.append(f"{letter}→{counts[letter]}")
    most = max(counts.values())
    best = sorted(letter for letter, count in counts.items() if count == most)
    repeated = {letter: count for letter, count in counts.items() if count > 1}
    return Trace(
        tell.say(
            f'Which letters occur more than once in "{word}"? Write a Python function, too.',
            f'Give a function that returns the repeated letters of a word, and what it returns for "{word}".',
        ),
        lines(
            tell.say(
                f'Letter by letter through "{word}": {", ".join(rows)}.',
                f'Spelling "{word}" out: {" ".join(rows)}.',
            ),
            tell.say(
                f"More than once: {repeated or 'none'}. The largest count is {most} ({', '.join(best)}).",
                f"Kept are those above one: {repeated or 'nothing'}. Length {len(word)}, different letters "
                f"{len(counts)}.",
            ),
            tell.say(
                "A Counter does the counting; a comprehension filters.",
                "Plain loops are enough here, and the order of first appearance is kept by dict.",
            ),
        ),
        lines(
            "```python",
            tell.say("import collections\n\n", "")
            + tell.say("def repeated(word: str) -> dict[str, int]:", "def doubles(text: str):"),
            tell.say(
                "    return "
                "{letter: count for letter, count in collections.Counter(word).items() if count > 1}",
                "    seen: dict[str, int] = {}\n    for sign in text:\n        seen[sign] = seen.get(sign, "
                "0) + 1\n"
                "    return {sign: times for sign, times in seen.items() if times > 1}",
            ),
            "```",
            tell.say(f'For "{word}" that is `{repeated}`.', f'`doubles("{word}")` gives `{repeated}`.'),
        ),
    )


def recursion(tell: Teller) -> Trace:
    """Unfold a recursive function."""
    a, b, n = tell.number(1, 4), tell.number(0, 3), tell.number(5, 8)
    name = tell.say("f", "g")
    first, second = tell.number(0, 3), tell.number(1, 4)
    values = [first, second]
    rows: list[str] = []
    for index in range(2, n + 1):
        values.append(a * values[-1] + values[-2] + b)
        rows.append(f"{name}({index}) = {a}·{values[-2]} + {values[-3]} + {b} = {values[-1]}")
    calls = [1, 1]
    while len(calls) <= n:
        calls.append(1 + calls[-1] + calls[-2])
    return Trace(
        tell.say(
            "What is the result, and how many calls does it take?",
            "Give the value that is printed and the number of calls.",
        )
        + "\n\n"
        + lines(
            "```python",
            f"def {name}(n):",
            f"    if n < 2:\n        return ({first}, {second})[n]",
            f"    return {a} * {name}(n - 1) + {name}(n - 2) + {b}",
            f"print({name}({n}))",
            "```",
        ),
        lines(
            tell.say(
                f"Bottom up, because the recursion itself repeats work. {name}(0) = {first}, {name}(1) = "
                f"{second}.",
                f"From the two anchors {first} and {second} I climb to n = {n}.",
            ),
            *rows,
            tell.say(
                f"Calls: c(0) = c(1) = 1 and c(n) = 1 + c(n−1) + c(n−2), so {', '.join(map(str, calls))}.",
                f"Number of calls by n: {', '.join(map(str, calls))}; each is one more than the sum of the "
                f"two before it.",
            ),
        ),
        tell.say(
            f"`{values[n]}`, with {calls[n]} calls. With `functools.cache` it would be {n + 1}.",
            f"It prints {values[n]} and calls itself up to {calls[n]} times in all; memoised, {n + 1} "
            f"would do.",
        ),
    )


def off_by_one(tell: Teller) -> Trace:
    """Find what a wrong range leaves out."""
    values = tell.numbers(2, 40, tell.number(4, 6))
    fault = tell.number(0, 1)
    span = ("range(1, len({0}))", "range(len({0}) - 1)")[fault]
    name = tell.of(("prices", "steps", "rows"), ("weights", "grades", "widths"))
    left_out = values[0] if fault == 0 else values[-1]
    wrong = sum(values) - left_out
    function = tell.say("summed", "added_up")
    return Trace(
        tell.say(
            f"This should add up the list but gives {wrong} for {values}. Why?",
            f"For {values} I expect {sum(values)} and get {wrong}. Where is the mistake?",
        )
        + "\n\n"
        + lines(
            "```python",
            f"def {function}({name}):",
            "    result = 0",
            f"    for place in {span.format(name)}:",
            f"        result += {name}[place]",
            "    return result",
            "```",
        ),
        lines(
            tell.say(
                f"Expected: {' + '.join(map(str, values))} = {sum(values)}. Difference to {wrong}: "
                f"{left_out}.",
                f"{sum(values)} − {wrong} = {left_out}, and {left_out} is an element of the list.",
            ),
            tell.say(
                f"That is the {('first', 'last')[fault]} element, so the range is too short at that end: "
                f"{span.format(name)} "
                f"gives the places "
                f"{list(range(len(values)))[1:] if fault == 0 else list(range(len(values)))[:-1]}.",
                f"It stands {('at the beginning', 'at the end')[fault]}. With length {len(values)} the "
                f"loop runs over "
                f"{list(range(len(values)))[1:] if fault == 0 else list(range(len(values)))[:-1]} only.",
            ),
            tell.say(
                "Indices are not needed at all; sum does it.",
                "Better than mending the bounds is a loop over the values themselves.",
            ),
        ),
        tell.say(
            f"The range leaves out {left_out}. `range(len({name}))` would be right, `return sum({name})` "
            f"is simpler: {sum(values)}.",
            f"`{span.format(name)}` skips one place, here the one of {left_out}. Write `for value in "
            f"{name}: result += value`, which gives {sum(values)}.",
        ),
    )


def bits(tell: Teller) -> Trace:
    """Compute with bits."""
    a, b, shift = tell.number(20, 250), tell.number(20, 250), tell.number(1, 3)
    return Trace(
        tell.say(
            f"What are `{a} & {b}`, `{a} | {b}`, `{a} ^ {b}` and `{a} >> {shift}`?",
            f"Evaluate by hand: {a} AND {b}, {a} OR {b}, {a} XOR {b}, {a} shifted right by {shift}.",
        ),
        lines(
            tell.say(
                f"{a} = {a:08b}, {b} = {b:08b} in binary.", f"As bytes: {a:08b} ({a}) and {b:08b} ({b})."
            ),
            f"& {a & b:08b} = {a & b}",
            f"| {a | b:08b} = {a | b}",
            f"^ {a ^ b:08b} = {a ^ b}",
            tell.say(
                f"Check: and plus or must be the sum, {a & b} + {a | b} = {a + b}. Yes. The shift divides "
                f"by {1 << shift}: {a >> shift}.",
                f"Since a + b = (a ^ b) + 2 (a & b): {a ^ b} + 2 · {a & b} = {a + b}, fine. {a} // "
                f"{1 << shift} = {a >> shift}.",
            ),
        ),
        f"{a & b}, {a | b}, {a ^ b}, {a >> shift}",
    )


def stack(tell: Teller) -> Trace:
    """Evaluate an expression in reverse Polish notation."""
    a, b, c, d = (tell.number(2, 15) for _ in range(4))
    tokens = tell.of(
        ([a, b, "+", c, "*", d, "-"], [a, b, c, "*", "+", d, "-"]),
        ([a, b, c, d, "+", "*", "-"], [a, b, "*", c, d, "*", "-"]),
    )
    rows: list[str] = []
    held: list[int] = []
    for token in tokens:
        if isinstance(token, int):
            held.append(token)
        else:
            right, left = held.pop(), held.pop()
            held.append(left + right if token == "+" else left - right if token == "-" else left * right)
        rows.append(f"{token}: {held}")
    text = " ".join(map(str, tokens))
    return Trace(
        tell.say(
            f"Evaluate the postfix expression `{text}`.", f"What value has {text} in reverse Polish notation?"
        ),
        lines(
            tell.say(
                f"A stack: numbers are pushed, an operator takes the two on top. {len(tokens)} tokens.",
                f"I keep a stack, its top on the right, while reading {text}.",
            ),
            *rows,
            tell.say(
                f"One number is left: {held[0]}.",
                f"At the end only {held[0]} remains, so it was well formed.",
            ),
        ),
        tell.say(f"It is **{held[0]}**.", f"The value is {held[0]}."),
    )


KINDS = (loop, search, sorting, counting, recursion, off_by_one, bits, stack)
