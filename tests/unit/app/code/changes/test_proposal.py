import pytest

from app.code.ask import Excerpt
from app.code.changes.placing import moved, placement_for, with_code
from app.code.changes.proposal import Proposal
from app.code.languages import language_of_file

OLD = "a\nb\nc\nd\ne"
NEW = "a\nB\nc\nd\nE\nf"


def test_hunks_are_decided_one_by_one() -> None:
    proposal = Proposal(OLD, NEW)
    assert proposal.waiting == [0, 1]
    proposal.decide(0, accept=True)
    proposal.decide(1, accept=False)
    assert proposal.text() == "a\nB\nc\nd\ne"
    assert proposal.waiting == []
    assert proposal.accepted == 1


def test_all_accepted_is_the_new_text_and_all_rejected_the_old() -> None:
    proposal = Proposal(OLD, NEW)
    assert proposal.text() == OLD
    proposal.decide_rest(accept=True)
    assert proposal.text() == NEW
    while proposal.can_undo:
        proposal.undo()
    proposal.decide_rest(accept=False)
    assert proposal.text() == OLD


def test_an_undone_decision_waits_again() -> None:
    proposal = Proposal(OLD, NEW)
    proposal.decide(1, accept=True)
    proposal.decide(0, accept=True)
    assert proposal.undo() == 0
    assert proposal.waiting == [0]
    assert proposal.text() == "a\nb\nc\nd\nE\nf"
    assert proposal.undo() == 1
    assert proposal.undo() == -1


def test_a_waiting_hunk_shows_both_sides_with_the_line_numbers_of_the_text() -> None:
    lines = Proposal("a\nb\nc", "a\nx\ny\nc").lines()
    assert [(line.text, line.kind, line.number, line.hunk) for line in lines] == [
        ("a", "same", 1, -1),
        ("b", "removed", 2, 0),
        ("x", "added", 0, 0),
        ("y", "added", 0, 0),
        ("c", "same", 3, -1),
    ]


def test_equal_texts_propose_nothing() -> None:
    assert Proposal(OLD, OLD).hunks == []


def excerpt(text: str, selected: str) -> Excerpt:
    start = text.index(selected)
    return Excerpt("a.py", language_of_file("a.py"), text, start, start + len(selected))


SOURCE = "class A:\n    def f(self):\n        return 1\n\n\nprint(A().f())\n"


CLASS = "class A:\n    def f(self):\n        return 1\n\nx"
METHOD = "    def f(self):\n        return 1"


@pytest.mark.parametrize(
    ("selected", "code", "expected"),
    [
        (METHOD, "def f(self):\n    return 2", CLASS.replace("return 1", "return 2")),
        # From behind the line's own space on.
        (METHOD.lstrip(), "def f(self):\n    return 2", CLASS.replace("return 1", "return 2")),
        (METHOD + "\n", "def f(self):\n    return 2", CLASS.replace("return 1", "return 2")),
        ("1", "max(1, 2)", CLASS.replace("1", "max(1, 2)")),
        (METHOD, "    def f(self):\n        return 2", CLASS.replace("return 1", "return 2")),
    ],
)
def test_code_takes_the_selections_place_and_depth(selected: str, code: str, expected: str) -> None:
    assert with_code(excerpt(CLASS, selected), code, "replace") == expected


FUNCTION = "def f():\n    x = 1\n\nz"


@pytest.mark.parametrize(
    ("at", "code", "expected"),
    [
        (
            FUNCTION.index("x"),
            "y = 2\nif y:\n    pass",
            "def f():\n    x = 1\n    y = 2\n    if y:\n        pass\n\nz",
        ),
        (len("def f():"), '"""Doc."""', 'def f():\n    """Doc."""\n    x = 1\n\nz'),
        (FUNCTION.index("\n\nz") + 1, "y", "def f():\n    x = 1\ny\nz"),
        (len(FUNCTION), "y", FUNCTION + "\ny"),
    ],
)
def test_code_is_inserted_below_the_cursors_line_at_its_depth(at: int, code: str, expected: str) -> None:
    place = Excerpt("a.py", language_of_file("a.py"), FUNCTION, at, at)
    assert with_code(place, code, "insert") == expected


def test_a_selection_is_found_again_after_other_edits() -> None:
    before = excerpt(SOURCE, "        return 1")
    now = excerpt("# new\n" + SOURCE, "# new")
    assert moved(before, now).selection == "        return 1"
    assert moved(before, excerpt("other text", "other")).selection == "other"


def test_only_a_completion_at_the_cursor_is_inserted() -> None:
    at_cursor = Excerpt("a.py", language_of_file("a.py"), SOURCE, 3, 3)
    assert placement_for("complete", at_cursor) == "insert"
    assert placement_for("complete", excerpt(SOURCE, "return 1")) == "replace"
    assert placement_for("fix", at_cursor) == "replace"
