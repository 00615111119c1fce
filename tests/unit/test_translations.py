"""The Chinese texts: complete, with the fields of their sources, and compiled as they stand."""

import ast
import runpy
import string
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "resources" / "translations" / "stillroom_zh_CN.ts"
TOOL = runpy.run_path(str(ROOT / "packaging" / "translations.py"))
OTHER_NAMES = {
    "原模型": "原始模型",
    "对话“": "聊天“",
    "摘要": "总结",
    "硬盘": "磁盘",
    "内置规则": "自带规则",
    "标签页": "页",
    "显卡驱动程序": "显卡驱动",
    "显卡层数": "GPU 层数",
    "此电脑": "本机",
    "这台电脑": "本机",
    "至多": "最多",
    "无法判断": "无法下结论",
    "段落": "片段",
    "误差范围": "波动范围",
    "瓦": "W",
}
"""Second names of things, and the one name that stands everywhere."""


def messages(source: Path) -> Iterator[tuple[str, str, ElementTree.Element]]:
    """Context, source text and translation element of each message."""
    for context in ElementTree.parse(source).getroot().iter("context"):
        for message in context.iter("message"):
            translation = message.find("translation")
            assert translation is not None
            yield context.findtext("name", ""), message.findtext("source", ""), translation


def fields(text: str) -> list[tuple[str, str | None, str | None]]:
    """The `{name!c:format}` fields of a template, in an order of their own."""
    parts = string.Formatter().parse(text)
    return sorted((name, form, conversion) for _, name, form, conversion in parts if name is not None)


def window_texts() -> set[str]:
    """Every constant that the window hands to `tr` or `translate`, found without lupdate."""
    texts = set()
    for path in (ROOT / "app" / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="tr")
                    | ast.Attribute(attr="translate")
                    | ast.Name(id="translate"),
                    args=[*_, ast.Constant(value=str(text))],
                ):
                    texts.add(text)
    return texts


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Context and source text of everything that the program can say now."""
    collected: Path = tmp_path_factory.mktemp("translations") / SOURCE.name
    TOOL["collect"](collected)
    return {(context, text) for context, text, _ in messages(collected)}


def test_every_text_of_the_program_is_translated(fresh: set[tuple[str, str]]) -> None:
    translated = {(context, text) for context, text, element in messages(SOURCE) if element.text}
    assert not fresh - translated, "run `make translations` and translate what is new"


def test_nothing_is_unfinished() -> None:
    unfinished = [text for _, text, element in messages(SOURCE) if element.get("type") or not element.text]
    assert unfinished == []


def test_the_collection_misses_no_text_of_the_window(fresh: set[tuple[str, str]]) -> None:
    assert not window_texts() - {text for _, text in fresh}


def test_translations_have_the_fields_of_their_sources() -> None:
    different = [text for _, text, element in messages(SOURCE) if fields(text) != fields(element.text or "")]
    assert different == []


def test_the_compiled_file_is_made_of_the_source(tmp_path: Path) -> None:
    compiled = tmp_path / "compiled.qm"
    TOOL["compile_to"](SOURCE, compiled)
    assert compiled.read_bytes() == SOURCE.with_suffix(".qm").read_bytes()


def test_the_chinese_texts_say_you_in_one_way() -> None:
    formal = "\N{CJK UNIFIED IDEOGRAPH-60A8}"
    assert [text for _, text, element in messages(SOURCE) if formal in (element.text or "")] == []


def test_a_thing_has_one_name_in_chinese() -> None:
    texts = [element.text or "" for _, _, element in messages(SOURCE)]
    assert [text for text in texts if any(name in text for name in OTHER_NAMES)] == []


def test_no_text_shows_a_mark_of_markdown(fresh: set[tuple[str, str]]) -> None:
    """Commands stand in quotation marks."""
    shown = [text for _, text in fresh] + [element.text or "" for _, _, element in messages(SOURCE)]
    assert [text for text in shown if "`" in text] == []
