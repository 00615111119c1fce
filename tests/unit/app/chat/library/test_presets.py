"""Presets and prompts: kept, renamed, undone, taken in; gaps and schemas."""

import json
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.chat.library.library import ChatLibrary
from app.chat.library.presets import BUILT_IN, PresetBook, same
from app.chat.library.prompt_library import (
    PromptBook,
    Variable,
    filled,
    matching_prompts,
    shipped_prompts,
    variables_of,
)
from app.chat.library.reply_choices import ReplyChoices
from app.chat.prompting.answer_schema import EXAMPLE, check_schema, problem_of, schema_title
from app.engine.protocol import Lora, Sampling, ThinkingLimits
from models.system.notices import NoticeInbox
from tests.support.held_disk import at_once, held_disk
from tests.support.waiting import wait_until

MINE = ReplyChoices("Be brief.", Sampling(temperature=0.3), 99, ThinkingLimits(tokens=5), (Lora("a"),), "{}")


def names(book: PresetBook) -> list[str]:
    return [preset.name for preset in book.own]


def test_the_authors_recommendation_is_always_there() -> None:
    [authors] = [built_in.choices for built_in in BUILT_IN if built_in.key == "authors"]
    assert authors.sampling is not None
    assert (authors.sampling.temperature, authors.sampling.top_p) == (0.6, 0.95)
    assert authors.system_prompt == ""


def test_a_preset_is_saved_renamed_duplicated_and_deleted_with_undo(tmp_path: Path) -> None:
    path = tmp_path / "data" / "presets.json"
    book = PresetBook(path)
    book.save("Mine", MINE)
    book.close()
    kept = PresetBook(path).find("Mine")
    assert kept is not None
    assert same(kept.choices, MINE)
    assert kept.choices.loras == ()
    book.duplicate("Mine")
    book.rename("Mine", "Mine 2")
    assert names(book) == ["Mine 2", "Mine 2 2"]
    change = book.delete("Mine 2")
    assert names(book) == ["Mine 2 2"]
    book.save("Later", MINE)
    book.undo(change)
    book.close()
    assert names(PresetBook(path)) == ["Later", "Mine 2", "Mine 2 2"]


def test_one_preset_at_a_time_begins_a_models_chats(tmp_path: Path) -> None:
    book = PresetBook(tmp_path / "presets.json")
    book.save("One", MINE)
    book.save("Two", ReplyChoices())
    book.begin_with("m", "One")
    book.begin_with("m", "Two")
    assert (found := book.for_model("m")) is not None
    assert found.name == "Two"
    book.save("Two", MINE)
    assert book.for_model("m") is not None
    book.begin_with("m", "")
    assert book.for_model("m") is None


def test_presets_are_given_away_and_taken_in_beside_those_that_are_there(tmp_path: Path) -> None:
    book = PresetBook(tmp_path / "presets.json")
    book.save("Mine", MINE)
    book.export(tmp_path / "out.json")
    change = book.add(book.read(tmp_path / "out.json"))
    assert names(book) == ["Mine", "Mine 2"]
    assert [preset.name for preset in change.added] == ["Mine 2"]
    for bad in (b"{", b'{"format": "other", "version": 1, "items": []}', b"[]", b"\xff\xfe"):
        (tmp_path / "bad.json").write_bytes(bad)
        with pytest.raises(StillroomError, match=r"bad\.json"):
            book.read(tmp_path / "bad.json")
    with pytest.raises(StillroomError, match="could not be read"):
        book.read(tmp_path / "missing.json")
    assert names(book) == ["Mine", "Mine 2"]


def test_who_changes_presets_and_prompts_waits_for_no_disk(tmp_path: Path) -> None:
    library = ChatLibrary.in_folder(tmp_path)
    book, prompts = library.presets, library.prompts
    with held_disk() as disk:
        at_once(lambda: book.save("One", MINE))
        disk.wait_for_writer()
        at_once(lambda: book.save("Two", MINE))
        change = at_once(lambda: book.delete("One"))
        at_once(lambda: book.rename("Two", "Three"))
        at_once(lambda: book.undo(change))
        at_once(lambda: book.begin_with("m", "Three"))
        at_once(lambda: prompts.save("Greet", "Say hello."))
        assert at_once(lambda: names(book)) == ["One", "Three"]
        assert not (tmp_path / "presets.json").exists()
        disk.goes_on.set()
        library.close()
    later = ChatLibrary.in_folder(tmp_path)
    assert later.presets.own == book.own
    assert (begins := later.presets.for_model("m")) is not None
    assert begins.name == "Three"
    assert [prompt.title for prompt in later.prompts.own] == ["Greet"]


def test_presets_that_cannot_be_written_are_told_of_and_kept_once_they_can_be(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("no folder")
    book, told = PresetBook(folder / "presets.json"), list[StillroomError]()
    with NoticeInbox() as inbox:
        inbox.observe(told.append)
        book.save("Mine", MINE)
        wait_until(lambda: bool(told), "the sentence")
    assert "could not be written" in str(told[0])
    assert names(book) == ["Mine"]
    folder.unlink()
    book.close()
    assert names(PresetBook(folder / "presets.json")) == ["Mine"]


def test_a_damaged_file_is_kept_and_the_list_begins_empty(tmp_path: Path) -> None:
    path = tmp_path / "presets.json"
    path.write_bytes(b"half a")
    book = PresetBook(path)
    assert book.own == ()
    [aside] = tmp_path.glob("presets.damaged-*.json")
    assert aside.read_bytes() == b"half a"


@pytest.mark.parametrize(
    "items", ["[]," * 2_000_000 + "[]", ",".join(['{"name": "x", "choices": {}}'] * 1001)]
)
def test_a_file_of_too_much_is_not_taken_in(tmp_path: Path, items: str) -> None:
    path = tmp_path / "given.json"
    path.write_text(f'{{"format": "stillroom-presets", "version": 1, "items": [{items}]}}', encoding="utf-8")
    book = PresetBook(tmp_path / "presets.json")
    with pytest.raises(StillroomError, match=r"too large|more than 1000"):
        book.read(path)


def test_gaps_have_defaults_and_choices_and_are_filled_once() -> None:
    text = "To {{language:English|Chinese}}: {{text}} {{tone: kind }} {{language}} \\boxed{} {{text}}"
    assert variables_of(text) == [
        Variable("language", "English", ("English", "Chinese")),
        Variable("text"),
        Variable("tone", "kind"),
    ]
    assert filled(text, {"text": "{{tone}}"}) == "To English: {{tone}} kind English \\boxed{} {{tone}}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_dozen_prompts_ship_in_each_language(language: str) -> None:
    prompts = shipped_prompts("en" if language == "en" else "zh")
    assert len(prompts) >= 12
    assert len({prompt.title for prompt in prompts}) == len(prompts)
    for prompt in prompts:
        assert variables_of(prompt.text), prompt.title
        left = filled(prompt.text, {variable.name: "X" for variable in variables_of(prompt.text)})
        assert "{{" not in left


def test_prompts_are_found_by_words_the_title_first(tmp_path: Path) -> None:
    book = PromptBook(tmp_path / "prompts.json", "zh")
    assert {prompt.language for prompt in book.prompts()} == {"zh"}, "each in the window's language"
    book = PromptBook(tmp_path / "prompts.json", "en")
    book.save("Greet", "Say hello and translate nothing.")
    assert book.prompts()[0].title == "Greet"
    assert book.prompts()[1].language == "en"
    assert [prompt.title for prompt in matching_prompts(book.prompts(), "translate")] == [
        "Translate",
        "Greet",
    ]
    mine = book.own[0]
    book.save("Greet", "Say hi.", in_place_of=mine)
    assert [prompt.text for prompt in book.own] == ["Say hi."]
    book.undo(book.delete(book.own[0]))
    book.close()
    assert len(PromptBook(tmp_path / "prompts.json").own) == 1


def test_an_answer_is_held_against_its_schema() -> None:
    check_schema(EXAMPLE)
    assert schema_title(EXAMPLE) == "Answer"
    assert problem_of('{"answer": "4", "confidence": "high"}', EXAMPLE) is None
    for answer, problem in (
        ("4", "$ must be object"),
        ('{"answer": "4"', "it is no JSON: a comma or a closing bracket is missing in line 1, column 15"),
        ('{"answer": "4"}', "$ lacks confidence"),
        ('{"answer": 4, "confidence": "high"}', "$.answer must be string"),
        ('{"answer": "4", "confidence": "certain"}', "$.confidence is none of"),
        ('{"answer": "4", "confidence": "high", "more": 1}', "$.more must not be there"),
    ):
        assert str(problem_of(answer, EXAMPLE)).startswith(problem)
    with pytest.raises(StillroomError):
        check_schema('{"type": "object", "patternProperties": {}}')


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ('{"type": "integer", "minimum": 1, "maximum": 3}', ["1", "3"], ["0", "4", "1.5", "true", '"1"']),
        ('{"type": "array", "items": {"type": "number"}, "minItems": 1}', ["[1.5]"], ["[]", '["a"]']),
        (
            '{"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 2}]}',
            ["null", '"ab"'],
            ['"abc"', "1"],
        ),
        ('{"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}', ["1"], ["2", "true", "1.5"]),
        ('{"type": "string", "format": "date"}', ['"2026-01-31"'], ['"soon"']),
        ('{"type": "array", "prefixItems": [{"type": "boolean"}]}', ["[true]", "[true, 1]"], ["[1]"]),
    ],
)
def test_the_keywords_of_schemas(schema: str, valid: list[str], invalid: list[str]) -> None:
    assert [answer for answer in valid if problem_of(answer, schema)] == []
    assert [answer for answer in invalid if not problem_of(answer, schema)] == []


def test_schemas_that_come_to_themselves_are_held_against_an_answer_in_bounded_time() -> None:
    ring = '{"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/a"}}}'
    assert problem_of("1", ring) is None
    assert problem_of("1", '{"type": [{}]}')
    option = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    node = {"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [option, {**option, "required": ["next"]}]}}}
    deep = '{"next": ' * 90 + "1" + "}" * 90
    assert str(problem_of(deep, json.dumps(node))) == "$ is none of the allowed kinds"
    schema = json.dumps({"type": "array", "items": {"enum": list(range(2000))}})
    assert problem_of(json.dumps([1999] * 9), schema) is None
    assert str(problem_of(json.dumps(list(range(2000))), schema)) == "it is too large to be checked"
