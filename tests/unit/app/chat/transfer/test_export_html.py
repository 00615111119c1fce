"""A chat as a page."""

import re
from pathlib import Path

from app.chat.library.reply_choices import ReplyChoices
from app.chat.markdown.formula import FormulaSvg, draw_formula
from app.chat.store.store import ChatStore
from app.chat.transfer.export_html import to_html

REPLY = r"""Euler: \(e^{i\pi}+1=0\) and

\[
\frac{1}{2}
\]

```python
print("hi")
```

| a | b |
|---|---|
| 1 | \(x\) |

![pic](https://example.org/x.png) [link](https://example.org) <script>alert(1)</script> \(\unknown\)
"""


def draw(latex: str, display: bool, pixel_size: float, colour: str) -> FormulaSvg | None:
    return draw_formula(latex, display=display, pixel_size=pixel_size, colour=colour)


def page(tmp_path: Path, reply: str, *, with_thinking: bool = False) -> str:
    store = ChatStore(tmp_path / "chats.sqlite3")
    try:
        chat = store.create_conversation(title="A <title>", choices=ReplyChoices("Be <brief>."))
        asked = store.add_message(chat.id, None, "user", "x < y\nnext **line**")
        answer = store.add_message(chat.id, asked.id, "assistant", model="m", outcome="running")
        store.save_reply(answer.id, reply, "A *thought*.", outcome="length")
        branch = store.branch(chat.id)
        return to_html(store.conversation(chat.id), branch, draw, with_thinking=with_thinking)
    finally:
        store.close()


def test_formulas_are_drawn_and_code_is_coloured(tmp_path: Path) -> None:
    text = page(tmp_path, REPLY)
    assert text.count("<svg ") == 3
    assert 'aria-label="\\(e^{i\\pi}+1=0\\)"' in text
    assert "<code>\\(\\unknown\\)</code>" in text
    assert '<span class="nb">print</span>' in text
    assert "<td>1</td>" in text
    assert "(length)" in text


def test_nothing_in_it_runs_or_loads(tmp_path: Path) -> None:
    text = page(tmp_path, REPLY)
    assert "<script" not in text
    assert "<img" not in text
    assert "default-src &#x27;none&#x27;" in text
    assert set(re.findall(r'(?:src|href)="([^"]*)"', text)) == {
        "https://example.org/x.png",
        "https://example.org",
    }
    assert "A &lt;title&gt;" in text
    assert "x &lt; y<br>next **line**" in text


def test_thinking_goes_along_only_when_asked_for(tmp_path: Path) -> None:
    assert "thought" not in page(tmp_path, "a")
    (tmp_path / "chats.sqlite3").unlink()
    assert "<details><summary>Thinking</summary><p>A <em>thought</em>.</p>" in page(
        tmp_path, "a", with_thinking=True
    )


def test_direction_overrides_are_shown(tmp_path: Path) -> None:
    assert "⟨U+202E⟩" in page(tmp_path, "a \u202e b\n\n```\n\u202e\n```")
