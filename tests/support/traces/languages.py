"""Traces in German, French and Spanish, and about language and logic."""

from itertools import pairwise
from itertools import product as every
from math import gcd

from tests.support.traces.telling import Teller, Trace, lines

_UNITS = (
    "null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf",
    "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
)  # fmt: skip
_TENS = ("zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
_DAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")


def german_equation(tell: Teller) -> Trace:
    """Solve a linear equation, told in German."""
    x, a, b = tell.number(-9, 18), tell.number(3, 13), tell.number(2, 40)
    right = a * x + b
    return Trace(
        tell.say(f"Löse die Gleichung {a}x + {b} = {right}.", f"Für welches x gilt {a} · x + {b} = {right}?"),
        lines(
            tell.say(
                f"Also, gesucht ist x. Zuerst bringe ich die {b} nach rechts: {a}x = {right} − {b} = "
                f"{right - b}.",
                f"Ich ziehe auf beiden Seiten {b} ab, dann bleibt {a}x = {right - b} stehen.",
            ),
            tell.say(
                f"Jetzt durch {a} teilen: x = {right - b} : {a} = {x}.",
                f"Geteilt durch {a} ergibt das {x}, denn {a} · ({x}) = {right - b}.",
            ),
            tell.say(
                f"Probe: {a} · ({x}) + {b} = {a * x} + {b} = {right}. Stimmt.",
                f"Eingesetzt kommt {a * x} + {b} heraus, und das sind {right}, wie verlangt.",
            ),
        ),
        tell.say(f"Die Lösung ist **x = {x}**.", f"Es gilt \\( x = {x} \\)."),
    )


def german_number(tell: Teller) -> Trace:
    """Write a number in German words."""
    hundreds, rest = tell.number(1, 9), tell.number(2, 99)
    number = 100 * hundreds + rest
    tens, ones = divmod(rest, 10)
    words = german_words(number)
    if rest < 20:
        middle = tell.say(
            f"Der Rest {rest} ist kleiner als zwanzig und hat ein eigenes Wort.",
            f"Unter zwanzig, also auch bei {rest}, gibt es kein »und«.",
        )
    elif ones:
        middle = tell.say(
            f"Bei {rest} kommen die Einer zuerst: {_UNITS[ones]}, dann »und«, dann {_TENS[tens - 2]}.",
            f"Im Deutschen steht die {ones} vor der {tens}0, verbunden mit »und«: "
            f"{_UNITS[ones]}und{_TENS[tens - 2]}.",
        )
    else:
        middle = tell.say(
            f"{rest} ist ein glatter Zehner: {_TENS[tens - 2]}.",
            f"Die {rest} heißt einfach {_TENS[tens - 2]}.",
        )
    return Trace(
        tell.say(f"Wie schreibt man {number} in Worten?", f"Schreib die Zahl {number} aus."),
        lines(
            tell.say(
                f"Vorne steht {_UNITS[hundreds]}hundert.",
                f"{hundreds} Hunderter, das fängt mit {_UNITS[hundreds]}hundert an.",
            ),
            middle,
            tell.say(
                f"Alles zusammen in einem Wort, klein: {words}, {len(words)} Buchstaben.",
                f"Zusammengeschrieben wird daraus {words}.",
            ),
        ),
        tell.say(f"**{words}**", f"Man schreibt »{words}«."),
    )


def german_weekday(tell: Teller) -> Trace:
    """Find a weekday some days later, told in German."""
    start, days = tell.number(0, 6), tell.number(20, 400)
    end = (start + days) % 7
    return Trace(
        tell.say(
            f"Heute ist {_DAYS[start]}. Welcher Wochentag ist in {days} Tagen?",
            f"Was für ein Tag ist {days} Tage nach einem {_DAYS[start]}?",
        ),
        lines(
            tell.say(
                f"Alle 7 Tage wiederholt es sich. {days} = 7 · {days // 7} + {days % 7}.",
                f"Ganze Wochen ändern nichts, und in {days} stecken {days // 7} davon, {days % 7} Tage "
                f"bleiben.",
            ),
            tell.say(
                f"Von {_DAYS[start]} aus {days % 7} Tage weiter: {_DAYS[end]}.",
                f"Von {_DAYS[start]} zähle ich {days % 7} weiter und lande bei {_DAYS[end]}.",
            ),
        ),
        tell.say(f"In {days} Tagen ist **{_DAYS[end]}**.", f"Es ist ein {_DAYS[end]}."),
    )


def german_mixture(tell: Teller) -> Trace:
    """Divide work between two people, told in German."""
    one, other = tell.numbers(2, 12, 2)
    shared = gcd(one * other, one + other)
    above, below = one * other // shared, (one + other) // shared
    minutes = round(60 * one * other / (one + other))
    a, b = tell.some(("Anna", "Uwe", "Sina", "Karl"), ("Ilse", "Jörg", "Petra", "Timo"), 2)
    return Trace(
        tell.say(
            f"{a} streicht einen Zaun in {one} Stunden, {b} in {other}. Wie lange brauchen sie zusammen?",
            f"Für denselben Garten braucht {a} {one} Stunden und {b} {other}. Wie lange dauert es zu zweit?",
        ),
        lines(
            tell.say(
                f"Mittelwert wäre falsch. In einer Stunde schafft {a} 1/{one} und {b} 1/{other}.",
                f"Zusammen erledigen sie je Stunde 1/{one} + 1/{other} der Arbeit, {a} und {b}.",
            ),
            tell.say(
                f"1/{one} + 1/{other} = {one + other}/{one * other}, also dauert es "
                f"{one * other}/{one + other} Stunden.",
                f"Auf einen Nenner gebracht sind das ({other} + {one})/{one * other}; der Kehrwert ist die "
                f"Zeit.",
            ),
            tell.say(
                f"Gekürzt {above}/{below}, rund {minutes} Minuten. Das ist weniger als {min(one, other)} "
                f"Stunden, gut so.",
                f"{above}/{below} Stunden oder etwa {minutes} Minuten, kürzer als jeder allein, wie es "
                f"sein muss.",
            ),
        ),
        tell.say(
            f"Zusammen brauchen sie etwa **{minutes} Minuten**.",
            f"Rund {minutes} Minuten ({above}/{below} h).",
        ),
    )


def german_percent(tell: Teller) -> Trace:
    """Take the tax out of a price, told in German."""
    net, rate = 100 * tell.number(2, 90), tell.of((7, 19), (8, 20))
    gross = net * (100 + rate) // 100
    wrong = gross * rate / 100
    return Trace(
        tell.say(
            f"Eine Rechnung lautet auf {gross} Euro einschließlich {rate} Prozent Steuer. Wie hoch ist die "
            f"Steuer?",
            f"Im Preis von {gross} Franken stecken {rate} % Abgabe. Wie viel ist das, und was bleibt?",
        ),
        lines(
            tell.say(
                f"Vorsicht: {rate} % von {gross} wären {wrong:.2f}, aber die Steuer bezieht sich auf den "
                f"Betrag ohne sie.",
                f"Der Preis enthält {100 + rate} Hundertstel des reinen Betrags, nicht hundert.",
            ),
            tell.say(
                f"{gross} entspricht {100 + rate} %. Ein Prozent ist {gross} : {100 + rate} = {net // 100}.",
                f"Also teile ich {gross} durch 1,{rate:02} und erhalte {net}.",
            ),
            tell.say(
                f"{rate} Prozent sind dann {rate} · {net // 100} = {gross - net}, und {gross} − "
                f"{gross - net} = {net}.",
                f"Die Abgabe ist der Rest, {gross} − {net} = {gross - net}; in der Tat sind {rate} % von "
                f"{net} genau so viel.",
            ),
        ),
        tell.say(
            f"Die Steuer beträgt **{gross - net} Euro**, netto sind es {net} Euro.",
            f"{gross - net} Franken Abgabe, es bleiben {net} Franken.",
        ),
    )


def french_share(tell: Teller) -> Trace:
    """Share a sum in a ratio, told in French."""
    one, other = tell.numbers(2, 9, 2)
    part = tell.number(7, 60)
    total = part * (one + other)
    a, b = tell.some(("Luc", "Inès", "Paul"), ("Zoé", "Rémi", "Claire"), 2)
    return Trace(
        tell.say(
            f"{a} et {b} se partagent {total} euros dans le rapport {one} à {other}. Combien reçoit chacun ?",
            f"Une somme de {total} euros est répartie entre {a} et {b} selon {one} : {other}. Quelle est "
            f"la part de {a} ?",
        ),
        lines(
            tell.say(
                f"Il y a {one} + {other} = {one + other} parts. Une part vaut {total} / {one + other} = "
                f"{part} euros.",
                f"Je compte {one + other} parts égales, donc {part} euros pour chacune.",
            ),
            tell.say(
                f"{a} : {one} × {part} = {one * part}. {b} : {other} × {part} = {other * part}. "
                f"Vérification : {one * part} + {other * part} = {total}.",
                f"Cela donne {one * part} euros d'un côté et {other * part} de l'autre, et la somme est "
                f"bien {total}.",
            ),
        ),
        tell.say(
            f"{a} reçoit **{one * part} euros** et {b} **{other * part} euros**.",
            f"La part de {a} est de {one * part} euros.",
        ),
    )


def spanish_average(tell: Teller) -> Trace:
    """Find a missing mark by the mean, told in Spanish."""
    marks = tell.numbers(3, 20, 4)
    missing = -sum(marks) % 5 + 5 * tell.number(0, 3)
    mean = (sum(marks) + missing) // 5
    shown = ", ".join(map(str, marks))
    return Trace(
        tell.say(
            f"Las notas son {shown}. ¿Qué quinta nota hace falta para que la media sea {mean}?",
            f"La media de cinco números es {mean} y cuatro de ellos son {shown}. ¿Cuál es el quinto?",
        ),
        lines(
            tell.say(
                f"Cinco notas con media {mean} suman 5 × {mean} = {5 * mean}. Las cuatro que hay suman "
                f"{sum(marks)}.",
                f"La suma total tiene que ser {5 * mean}; de momento tenemos {sum(marks)}.",
            ),
            tell.say(
                f"Falta {5 * mean} − {sum(marks)} = {missing}. Compruebo: ({sum(marks)} + {missing}) / 5 = "
                f"{mean}.",
                f"La diferencia entre {5 * mean} y {sum(marks)} es {missing}, y ese es el número.",
            ),
        ),
        tell.say(f"Haría falta un **{missing}**.", f"El quinto número es {missing}."),
    )


def liars(tell: Teller) -> Trace:
    """Find out who lies among three people."""
    names = tell.some(("Ann", "Bob", "Cleo", "Dan"), ("Pia", "Quentin", "Rosa", "Sven"), 3)
    while True:
        claims = [(tell.number(0, 2), tell.number(0, 1) == 1) for _ in names]
        worlds = list(every((True, False), repeat=3))
        fitting = [
            world
            for world in worlds
            if all(
                world[speaker] == (world[about] == honest) for speaker, (about, honest) in enumerate(claims)
            )
            and all(about != speaker for speaker, (about, _) in enumerate(claims))
        ]
        if len(fitting) == 1 or (len(fitting) == 2 and tell.number(0, 3) == 0):
            break
    said = " ".join(
        f'{names[speaker]} says: "{names[about]} {"always tells the truth" if honest else "is a liar"}."'
        for speaker, (about, honest) in enumerate(claims)
    )
    rows = []
    for world in worlds:
        wrong = [
            names[speaker]
            for speaker, (about, honest) in enumerate(claims)
            if world[speaker] != (world[about] == honest)
        ]
        shown = ", ".join(f"{name} {'T' if true else 'L'}" for name, true in zip(names, world, strict=True))
        rows.append(
            f"{shown}: "
            + (tell.say("contradiction at ", "does not fit ") + wrong[0] if wrong else "possible")
        )
    ends = [
        ", ".join(name for name, true in zip(names, world, strict=True) if true) or "nobody"
        for world in fitting
    ]
    return Trace(
        tell.say(
            f"Each of {', '.join(names)} always lies or always tells the truth. {said} Who tells the truth?",
            f"Knights and knaves: {said} Find the knights among {', '.join(names)}.",
        ),
        lines(
            tell.say(
                f"Eight cases for {names[0]}, {names[1]} and {names[2]} (T tells the truth, L lies). I go "
                f"through them all.",
                f"With {', '.join(names)} there are only eight possibilities; each claim must be true "
                f"exactly if its speaker is T.",
            ),
            *rows,
            tell.say(
                f"{'One case remains' if len(ends) == 1 else 'Two cases remain'}: {' or '.join(ends)}.",
                f"What survives: {' / '.join(ends)}.",
            ),
        ),
        tell.say(
            f"Truthful: **{ends[0]}**."
            if len(ends) == 1
            else f"It is not determined: either {ends[0]} or {ends[1]}.",
            f"Knights: {ends[0]}." if len(ends) == 1 else f"Two solutions, {ends[0]} and {ends[1]}.",
        ),
    )


def order(tell: Teller) -> Trace:
    """Put people in order by clues about neighbours."""
    names = tell.some(
        ("Mia", "Noah", "Olga", "Ravi", "Tess", "Yuri"), ("Abe", "Bea", "Cid", "Dora", "Eli", "Fay"), 5
    )
    clues = [
        tell.say(f"{left} is older than {right}.", f"{right} came into the world after {left}.")
        for left, right in pairwise(names)
    ]
    shown = sorted(clues)
    steps = []
    chain = names[:2]
    for name in names[2:]:
        steps.append(f"{' > '.join(chain)}, {chain[-1]} > {name}")
        chain = [*chain, name]
    place = tell.number(1, 3)
    return Trace(
        tell.say(
            f"{' '.join(shown)} Who is number {place + 1} from the oldest?",
            f"{' '.join(shown)} Sort them by age, the oldest first; who stands in place {place + 1}?",
        ),
        lines(
            tell.say(
                f"Chain the clues. Nobody is older than {names[0]}, so start there.",
                f"Only {names[0]} is never the younger one, which makes {names[0]} the first.",
            ),
            *steps,
            tell.say(
                f"The whole order: {' > '.join(names)}. Place {place + 1} is {names[place]}.",
                f"Complete: {', '.join(names)}. Counting, {names[place]} has place {place + 1}.",
            ),
        ),
        tell.say(f"**{names[place]}**", f"It is {names[place]} ({', '.join(names)})."),
    )


KINDS = (
    german_equation, german_number, german_weekday, german_mixture, german_percent, french_share,
    spanish_average, liars, order,
)  # fmt: skip


def german_words(number: int) -> str:
    """Write a number from 100 to 999 in German."""
    hundreds, rest = divmod(number, 100)
    head = f"{_UNITS[hundreds]}hundert"
    if not rest:
        return head
    if rest == 1:
        return head + "eins"
    if rest < 20:
        return head + _UNITS[rest]
    tens, ones = divmod(rest, 10)
    return head + (f"{_UNITS[ones]}und" if ones else "") + _TENS[tens - 2]
