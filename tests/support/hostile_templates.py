"""Chat templates that an attacker would put into a model's file, by kind."""

# ruff: noqa: UP031 - what is formatted is full of braces

from collections.abc import Iterator

SIZES = (10**6, 10**8, 10**10)
COUNTS = (1000, 99999)


def hostile_templates() -> list[tuple[str, str]]:
    """A name and a source each; more than 200, and no two the same."""
    found = [
        *_large_strings(),
        *_loops(),
        *_doubling(),
        *_depth(),
        *_numbers(),
        *_filters(),
        *_escapes(),
        *_nonsense(),
    ]
    assert len({source for _, source in found}) == len(found) >= 200
    return found


def _large_strings() -> Iterator[tuple[str, str]]:
    for size in SIZES:
        yield f"literal times {size}", "{{ 'a' * %d }}" % size
        yield f"content times {size}", "{{ messages[0].content * %d }}" % size
        yield f"list times {size}", "{{ ([1] * %d) | length }}" % size
        yield f"tuple times {size}", "{{ ((1, 2) * %d) | length }}" % size
        yield f"messages times {size}", "{{ (messages * %d) | length }}" % size
        yield f"percent width {size}", "{{ '%%%dd' %% messages | length }}" % size
        yield f"percent precision {size}", "{{ '%%.%df' %% 1.5 }}" % size
        yield f"format width {size}", "{{ '{:%d}'.format(messages[0].content) }}" % size
        yield f"format filter {size}", "{{ '%%%ds' | format(messages[0].content) }}" % size
        for method in ("ljust", "rjust", "center", "zfill"):
            yield f"{method} {size}", "{{ messages[0].role.%s(%d) }}" % (method, size)
        yield f"center filter {size}", "{{ messages[0].role | center(%d) }}" % size
        yield f"expandtabs {size}", "{{ ('\\t' ~ messages[0].content).expandtabs(%d) }}" % size
        yield f"indent filter {size}", "{{ ('a\\n' ~ messages[0].content) | indent(%d, true) }}" % size
        yield f"tojson indent {size}", "{{ messages | tojson(indent=%d) }}" % size
        yield f"batch {size}", "{{ messages | batch(%d, 'x') | list | length }}" % size
        yield f"slice filter {size}", "{{ messages | slice(%d) | list | length }}" % size
        yield f"lipsum {size}", "{{ lipsum(n=%d) }}" % size
        yield f"lipsum words {size}", "{{ lipsum(n=1, min=%d, max=%d) }}" % (size, size + 1)
        yield f"strftime {size}", "{{ strftime_now('%%%dd') }}" % size
        yield f"refusal of {size}", "{{ raise_exception('x' * %d) }}" % size
        yield f"to_bytes {size}", "{{ (1).to_bytes(%d, 'big') }}" % size


def _loops() -> Iterator[tuple[str, str]]:
    for count in COUNTS:
        inner = "".join("{%% for v%d in range(%d) %%}" % (depth, count) for depth in range(4))
        yield f"nested loops of {count}", inner + "x" + "{% endfor %}" * 4
        yield f"silent loops of {count}", inner + "{% set z = 1 %}" + "{% endfor %}" * 4
        yield (
            f"loops over lists of {count}",
            (
                "{%% set l = range(%d) | list %%}{%% for a in l %%}{%% for b in l %%}"
                "{%% if a > b + 1000000 %%}{{ a }}{%% endif %%}{%% endfor %%}{%% endfor %%}" % count
            ),
        )
        yield (
            f"sorting in loops of {count}",
            (
                "{%% for a in range(%d) %%}{%% set l = range(%d) | sort(reverse=true) %%}{%% endfor %%}"
                % (count, count)
            ),
        )
        yield (
            f"a macro in loops of {count}",
            (
                "{%% macro m(n) %%}{%% for a in range(%d) %%}{{ n }}{%% endfor %%}{%% endmacro %%}"
                "{%% for a in range(%d) %%}{%% set x = m(a) %%}{%% endfor %%}" % (count, count)
            ),
        )
        yield (
            f"joining in loops of {count}",
            (
                "{%% for a in range(%d) %%}{%% set x = range(%d) | join(',') %%}{%% endfor %%}"
                % (count, count)
            ),
        )
        yield (
            f"a cycler in loops of {count}",
            (
                "{%% set c = cycler('a', 'b') %%}{%% for a in range(%d) %%}{%% for b in range(%d) %%}"
                "{%% set x = c.next() %%}{%% endfor %%}{%% endfor %%}" % (count, count)
            ),
        )
        yield (
            f"tests in loops of {count}",
            (
                "{%% for a in range(%d) %%}{{ range(%d) | select('divisibleby', 7) | list | length }}"
                "{%% endfor %%}" % (count, count)
            ),
        )
        yield (
            f"groups in loops of {count}",
            (
                "{%% for a in range(%d) %%}{%% set g = range(%d) | map('string') | groupby('0') | list %%}"
                "{%% endfor %%}" % (count, count)
            ),
        )


def _doubling() -> Iterator[tuple[str, str]]:
    for count in (30, 60, 2000):
        for name, start, step in (
            ("a string", "'ab'", "n.s ~ n.s"),
            ("a list", "[1]", "n.s + n.s"),
            ("by replace", "'aa'", "n.s.replace('a', 'aa')"),
            ("by join", "'ab'", "n.s.join([n.s, n.s, n.s])"),
            ("by format", "'ab'", "'%s%s' % (n.s, n.s)"),
            ("by nesting", "[1]", "[n.s, n.s]"),
            ("by tojson", "'\"'", "n.s | tojson"),
            ("by escape", "'&'", "(n.s ~ n.s) | escape"),
            ("a number", "3", "n.s * n.s"),
        ):
            yield (
                f"doubling {name}, {count} times",
                "{%% set n = namespace(s=%s) %%}{%% for i in range(%d) %%}{%% set n.s = %s %%}{%% endfor %%}"
                "{{ n.s | string | length }}" % (start, count, step),
            )


def _depth() -> Iterator[tuple[str, str]]:
    for depth in (500, 5000, 50000):
        yield f"parentheses {depth}", "{{ " + "(" * depth + "1" + ")" * depth + " }}"
        yield f"lists {depth}", "{{ " + "[" * depth + "]" * depth + " }}"
        yield f"nots {depth}", "{{ " + "not " * depth + "1 }}"
        yield f"minus {depth}", "{{ " + "-" * depth + "1 }}"
        yield f"attributes {depth}", "{{ messages" + ".a" * depth + " }}"
        yield f"filters {depth}", "{{ 'x'" + " | trim" * depth + " }}"
        yield f"ifs {depth}", "{% if true %}" * depth + "x" + "{% endif %}" * depth
        yield f"fors {depth}", "{% for a in [1] %}" * depth + "x" + "{% endfor %}" * depth
        yield f"concatenation {depth}", "{{ 'a'" + " ~ 'a'" * depth + " }}"
        yield f"else ifs {depth}", "{% if x0 %}" + "{% elif x %}y" * depth + "{% endif %}"
        yield f"unclosed {depth}", "{% if true %}" * depth
        yield f"conditions {depth}", "{{ " + "1 if x else " * depth + "2 }}"
    yield "a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"
    yield (
        "a macro that calls itself twice",
        ("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"),
    )
    yield "a loop in itself", ("{% for a in [messages] recursive %}{{ loop([messages]) }}{% endfor %}")
    yield (
        "a caller in itself",
        (
            "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}"
            "{% endmacro %}{{ n() }}"
        ),
    )
    yield "a block in itself", "{% block a %}{{ self.a() }}{% endblock %}"
    yield "a list in itself", "{% set n = namespace(l=[]) %}{% set n.l = [n] %}{{ n.l | tojson }}{{ n }}"


def _numbers() -> Iterator[tuple[str, str]]:
    yield "a tower", "{{ 9 ** 9 ** 9 }}"
    yield "a tower at run time", "{{ (messages | length + 8) ** 9 ** 9 }}"
    yield "digits", "{{ (10 ** 5000) ~ '' }}"
    yield "digits at run time", "{{ ((messages | length * 10) ** 5000) ~ '' }}"
    yield "more digits", "{{ ((messages | length + 9) ** 3000000) % 7 }}"
    yield "shifts by powers", "{{ (2 ** 10000000) * (2 ** 10000000) % 3 }}"
    yield "division by zero", "{{ messages | length / 0 }}"
    yield "infinity", "{{ 1e308 * 10 }}"
    yield "infinity as a number", "{{ (1e308 * 10) | int }}"
    yield "a range of a tower", "{% for a in range(9 ** 9) %}{% endfor %}"
    yield "a sum", "{{ range(99999) | sum(start=10 ** 100000) }}"
    yield "a number of a string", "{{ ('9' * 4000000) | int }}"


def _filters() -> Iterator[tuple[str, str]]:
    for text in ("'a' * 2000000", "messages[0].content * 500000", "('a ' * 1000000)"):
        for call in (
            "urlize",
            "striptags",
            "wordwrap(1)",
            "wordcount",
            "title",
            "truncate(5, true, 'x' * 100000000)",
            "truncate(-1)",
            "list | random",
            "list | unique | list",
            "list | sort | join('x' * 1000)",
            "pprint",
            "xmlattr",
            "replace('', 'y' * 10000)",
            "filesizeformat",
        ):
            yield f"{call} of {text}", "{{ (%s) | %s }}" % (text, call)


def _escapes() -> Iterator[tuple[str, str]]:
    for expression in (
        "''.__class__.__mro__[1].__subclasses__()",
        "''['__class__']",
        "'' | attr('__class__')",
        "lipsum.__globals__['os'].popen('id')",
        "cycler.__init__.__globals__",
        "self._TemplateReference__context",
        "namespace.__init__",
        "joiner.__class__.__base__",
        "'{0.__class__}'.format(messages)",
        "'{0.__class__.__mro__}'.format_map({'0': messages})",
        "messages.__class__",
        "messages.append(1)",
        "messages[0].update(role='system')",
        "raise_exception.__globals__",
        "strftime_now.__code__",
        "(messages | map('attr', '__class__') | list)[0].__mro__",
        "dict.mro()",
        "range.__call__",
        "messages | map(attribute='__class__.__init__') | list",
        "self.__init__.__globals__",
    ):
        yield f"escape: {expression}", "{{ %s }}" % expression
    for statement in (
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends '/etc/passwd' %}",
        "{% from 'os' import system %}",
        "{% set messages.x = 1 %}",
        "{% do messages.append(1) %}",
    ):
        yield f"escape: {statement}", statement


def _nonsense() -> Iterator[tuple[str, str]]:
    yield from (
        ("a tag", "{% for %}"),
        ("a string without end", "{{ 'x"),
        ("zero bytes", "\0" * 1000 + "{{ 1 }}"),
        ("control characters", "\x1b]0;owned\x07{{ raise_exception('\x1b[2J\u202e' * 1000) }}"),
        ("a name of megabytes", "{{ " + "a" * 900_000 + " }}"),
        ("a megabyte of tags", "{{ x }}" * 140_000),
        ("a megabyte of text", "x" * 1_040_000),
        ("two megabytes", "y" * 2_000_000),
        ("many variables", "".join("{%% set v%d = %d %%}" % (n, n) for n in range(30_000))),
        ("many blocks", "".join("{%% block b%d %%}{%% endblock %%}" % n for n in range(10_000))),
        ("many macros", "".join("{%% macro m%d() %%}{%% endmacro %%}" % n for n in range(10_000))),
        ("trans", "{% trans %}x{% endtrans %}"),
        ("debug", "{% debug %}"),
        ("autoescape", "{% autoescape true %}{{ messages }}{% endautoescape %}"),
    )
