"""One item of a quality run: what was asked, thought and answered, and the verdict on it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.bench.quality.result import ItemResult
from app.ui.base.plain_text import without_blank_ends
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.widgets.card import LabelLook, label
from app.ui.widgets.scrolled_page import KeyboardRing, ScrolledPage

LONGEST_CHARACTERS = 20_000
"""A label lays out its whole text; of a longer one the beginning and the end are shown."""


class QualityItemView(QScrollArea):
    """Sections from top to bottom, all of which can be selected and copied; GUI thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = QualityWords()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        KeyboardRing(self)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("The chosen item"))
        self.show_item(None)

    def show_item(self, result: ItemResult | None) -> None:
        """Show an item, or what to do where none is chosen."""
        page = ScrolledPage(self.viewport())
        body = QVBoxLayout(page)
        body.setContentsMargins(16, 8, 16, 16)
        body.setSpacing(4)
        if result is None:
            body.addWidget(label(self.tr("Choose an item to see its prompt and answer."), "muted", wrap=True))
        else:
            self._fill(body, result)
        body.addStretch(1)
        self.setWidget(page)

    def _fill(self, body: QVBoxLayout, result: ItemResult) -> None:
        looks: dict[str, LabelLook] = {"right": "good", "wrong": "danger", "scored": "muted"}
        verdict = self._words.verdict(result.verdict)
        if result.scores:
            verdict = self.tr("ROUGE-L {rouge}, BLEU {bleu}").format(
                rouge=f"{result.scores.get('rouge_l', 0.0):.2f}", bleu=f"{result.scores.get('bleu', 0.0):.1f}"
            )
        self._section(body, self.tr("VERDICT"), verdict, looks.get(result.verdict, "warning"))
        self._section(body, self.tr("READ AS"), result.found)
        for turn in result.turns:
            self._section(body, self.tr("PROMPT"), turn.question, "muted")
            self._section(body, self.tr("THINKING"), turn.thinking, "muted")
            answer = without_blank_ends(turn.answer)
            self._section(body, self.tr("ANSWER"), answer or self.tr("(nothing)"))
            self._section(body, self.tr("EXPECTED"), turn.expected)
            self._section(
                body,
                self.tr("FIGURES"),
                self.tr("{tokens} tokens ({thinking} thinking) in {seconds} s, seed {seed}, {ending}").format(
                    tokens=f"{turn.completion_tokens:,}",
                    thinking=f"{turn.thinking_tokens:,}",
                    seconds=f"{turn.seconds:.1f}",
                    seed=turn.seed,
                    ending=self._words.ending(turn.finish_reason),
                ),
                "small",
            )

    @staticmethod
    def _section(body: QVBoxLayout, caption: str, text: str, look: LabelLook = "body") -> None:
        """Add a text and what it is; nothing where there are no words."""
        text = without_blank_ends(text)
        if not text:
            return
        if len(text) > LONGEST_CHARACTERS:
            half = LONGEST_CHARACTERS // 2
            text = f"{text[:half]}\n…\n{text[-half:]}"
        head = label(caption, "caption")
        head.setContentsMargins(0, 8, 0, 0)
        body.addWidget(head)
        body.addWidget(label(text, look, wrap=True, selectable=True))
