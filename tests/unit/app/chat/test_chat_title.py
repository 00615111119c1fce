import pytest

from app.chat.chat_title import TITLE_COLUMNS, alike, columns_of, title_from
from app.ui.reply.thinking_line import last_step


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Prove that 1/n² converges", "Prove that 1/n² converges"),
        ("\n\n## **Explain** `KV cache`\nplease", "Explain KV cache"),
        ("```python\nx = 1\n```\nWhat does this do?", "What does this do?"),
        ("为什么天空是蓝色的？", "为什么天空是蓝色的？"),
        ("   \n", ""),
        ("```\nonly code\n```", ""),
    ],
)
def test_title(text: str, title: str) -> None:
    assert title_from(text) == title


def test_a_long_title_is_cut_at_a_word() -> None:
    title = title_from("word " * 40)
    assert columns_of(title) <= TITLE_COLUMNS
    assert title.endswith("word…")
    assert columns_of(title_from("蓝" * 200)) == TITLE_COLUMNS - 1


def test_a_long_chinese_title_is_cut_at_its_punctuation() -> None:
    title = title_from("量子计算利用叠加和纠缠来处理信息，它与经典计算有本质区别，因此在某些问题上更快")
    assert title == "量子计算利用叠加和纠缠来处理信息，它与经典计算有本质区别…"


def test_last_step_is_the_last_paragraph_that_has_begun() -> None:
    assert last_step("First, I look.\n\nNext, **compare** with it\n\n") == "Next, compare with it"
    assert last_step("") == ""
    assert last_step("x " * 100_000).endswith("…")


def test_a_copy_has_the_title_with_the_first_free_number() -> None:
    assert alike("Ships", {"Ships"}) == "Ships (2)"
    assert alike("Ships (2)", {"Ships", "Ships (2)"}) == "Ships (3)"
    assert alike("", {"Ships"}) == ""
    assert alike("(2)", set()) == "(2) (2)"
