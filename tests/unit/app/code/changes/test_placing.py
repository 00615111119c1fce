"""Where the code of a reply goes in its text, when it holds more or less than was asked about."""

from app.code.ask import Excerpt, whole_lines
from app.code.changes.placing import Placement, places_for
from app.code.languages import language_of_file

TEXT = """import re

UNITS = {"h": 3600}


def parse(text):
    total = 0
    for number, unit in re.findall(r"(\\d+)(h)", text):
        total += int(number) * UNITS[unit]
    return total


class Clock:
    def now(self):
        return 1

    def show(self):
        return str(self.now())


def main():
    print(parse("1h"))
"""


def excerpt_of(selected: str, text: str = TEXT, name: str = "a.py") -> Excerpt:
    start = text.index(selected)
    return whole_lines(Excerpt(name, language_of_file(name), text, start, start + len(selected)))


def lines_of(part: str, text: str = TEXT) -> tuple[int, int]:
    first = text.count("\n", 0, text.index(part)) + 1
    return first, first + part.count("\n")


BODY = TEXT[TEXT.index("    total = 0") : TEXT.index("\n\n\nclass")]


def test_what_answers_the_selection_alone_takes_its_place() -> None:
    places = places_for(excerpt_of(BODY), "return sum(map(int, re.findall('.', text)))", "replace")

    assert places.fitting == places.asked
    assert places.asked.doubled == places.asked.lost == ()
    assert "def parse(text):\n    return sum(" in places.asked.text
    assert "total = 0" not in places.asked.text


def test_a_whole_file_for_five_lines_replaces_the_file_and_doubles_nothing() -> None:
    code = TEXT.replace("total = 0", "total = 0  # seconds")

    places = places_for(excerpt_of(BODY), code.rstrip("\n"), "replace")

    assert "parse" in places.asked.doubled
    assert places.fitting.text == code
    assert places.fitting.doubled == ()


def test_a_whole_function_for_some_of_its_lines_takes_the_functions_place() -> None:
    code = "def parse(text):\n    return 3600 * int(text[:-1])"

    places = places_for(excerpt_of(BODY), code, "replace")

    assert places.asked.doubled == ("parse",)
    old = TEXT[TEXT.index("def parse") : TEXT.index("\n\n\nclass")]
    assert places.fitting.text == TEXT.replace(old, code)
    assert (places.fitting.first_line, places.fitting.last_line) == lines_of(old)


def test_a_method_without_its_class_takes_the_methods_place_and_depth() -> None:
    places = places_for(excerpt_of("        return 1"), "def now(self):\n    return 2", "replace")

    assert places.fitting.text == TEXT.replace("return 1\n", "return 2\n")


def test_one_function_for_the_whole_file_leaves_the_others() -> None:
    whole = Excerpt("a.py", language_of_file("a.py"), TEXT, 0, len(TEXT))
    code = 'def main():\n    print(parse("2h"))'

    places = places_for(whole, code, "replace")

    assert places.fitting.text == TEXT.replace('"1h"', '"2h"')
    assert places.asked.text == code + "\n"


def test_two_functions_that_do_not_stand_together_go_each_to_its_own() -> None:
    code = 'def parse(text):\n    return 0\n\n\ndef main():\n    print(parse("2h"))'

    places = places_for(excerpt_of(BODY), code, "replace")

    assert places.fitting.text == TEXT.replace(BODY, "    return 0").replace('"1h"', '"2h"')
    assert (places.fitting.doubled, places.fitting.lost) == ((), ())


def test_a_completion_that_begins_with_what_is_there_does_not_double_it() -> None:
    text = TEXT + "\n\ndef unfinished(a):\n"
    at = Excerpt("a.py", language_of_file("a.py"), text, len(text), len(text))

    places = places_for(at, "def unfinished(a):\n    return a", "insert")

    assert places.asked.doubled == ("unfinished",)
    assert places.fitting.text == TEXT + "\n\ndef unfinished(a):\n    return a\n"


def test_an_insertion_of_something_new_stays_at_the_cursor() -> None:
    at = Excerpt("a.py", language_of_file("a.py"), TEXT, len(TEXT), len(TEXT))

    places = places_for(at, "def new():\n    pass", "insert")

    assert places.fitting == places.asked
    assert places.asked.doubled == ()


def test_what_can_only_be_doubled_says_so() -> None:
    text = "def f():\n    return 1\n\n\ndef f():\n    return 2\n"
    at = Excerpt("a.py", language_of_file("a.py"), text, len(text), len(text))

    assert places_for(at, "def f():\n    return 3", "insert").fitting.doubled == ("f",)


def test_a_file_without_definitions_is_replaced_where_it_came_back_whole() -> None:
    text = "[server]\nport = 1\nhost = a\n\n[client]\nport = 2\nhost = b\n"
    code = text.replace("port = 2", "port = 3").rstrip("\n")

    places = places_for(excerpt_of("port = 2", text, "a.ini"), code, "replace")

    assert places.fitting.text == text.replace("port = 2", "port = 3")


def test_other_languages_are_placed_too() -> None:
    texts: dict[str, tuple[str, str, str]] = {
        "a.c": (
            "#include <stdio.h>\n\nstatic int add(int a, int b)\n{\n    return a + b;\n}\n\n"
            "int main(void) {\n    return add(1, 2);\n}\n",
            "return a + b;",
            "static int add(int a, int b)\n{\n    return b + a;\n}",
        ),
        "a.go": (
            "package main\n\nfunc (p *P) Add(a int) int {\n\treturn a\n}\n\nfunc main() {\n}\n",
            "return a",
            "func (p *P) Add(a int) int {\n\treturn -a\n}",
        ),
        "a.rs": (
            "impl A {\n    fn x(&self) -> i32 {\n        1\n    }\n}\n\npub fn main() {\n}\n",
            "        1",
            "fn x(&self) -> i32 {\n    2\n}",
        ),
        "a.js": (
            "export const f = async (a) => {\n  return a;\n};\n\nfunction g() {\n  return f(1);\n}\n",
            "return a;",
            "export const f = async (a) => {\n  return -a;\n};",
        ),
        "A.java": (
            "public class A {\n    int f(int a) {\n        return a;\n    }\n\n    int f(long a) {\n"
            "        return 1;\n    }\n}\n",
            "return a;",
            "int f(int a) {\n    return -a;\n}",
        ),
    }
    changed = {
        "a.c": "b + a",
        "a.go": "return -a",
        "a.rs": "        2",
        "a.js": "return -a",
        "A.java": "return -a",
    }
    for name, (text, selected, code) in texts.items():
        placement: Placement = "replace"
        places = places_for(excerpt_of(selected, text, name), code, placement)
        assert places.asked.doubled, name
        assert places.fitting.doubled == (), name
        assert changed[name] in places.fitting.text, name
        assert len(places.fitting.text.split("\n")) == len(text.split("\n")), name
