"""Fix it: what went wrong goes back to the model, and each answer is run, until it works."""

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from app.code.ask import Excerpt
from app.code.changes.placing import places_for
from app.code.fixing import USUAL_ROUNDS
from app.ui.code.conversation.code_block_row import BlockRow
from app.ui.code.conversation.code_conversation import CodeConversation
from app.ui.code.running.code_run_card import CodeRunCard
from app.ui.code.running.code_run_words import ending_sentence
from app.ui.code.running.code_runner import CodeRunner


class CodeFixer(QObject):
    """Asks and runs in turn for one click; every round is seen in the conversation. GUI thread only."""

    running_changed = Signal(bool)

    def __init__(self, conversation: CodeConversation, runner: CodeRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._conversation = conversation
        self._runner = runner
        self._running = False
        self._stopped = False
        self.rounds = USUAL_ROUNDS

    @property
    def running(self) -> bool:
        """Tell whether a round is under way."""
        return self._running

    def stop(self) -> None:
        """Begin no further round; the one under way is stopped by the conversation and the runner."""
        self._stopped = True

    async def fix(self, program: Excerpt, card: CodeRunCard) -> str | None:
        """The program, whose problem `card` shows, as it came out of the last round, working or not; None
        when no round gave one.

        Raises `StillroomError`, such as when no model is loaded.
        """
        if self._running or self._conversation.running or self._runner.running:
            return None
        self._running, self._stopped = True, False
        self.running_changed.emit(True)
        try:
            return await self._rounds(program, card)
        finally:
            self._running = False
            self.running_changed.emit(False)

    async def _rounds(self, program: Excerpt, card: CodeRunCard) -> str | None:
        code, problem = program.text, card.problem
        result = None
        for number in range(1, self.rounds + 1):
            title = self.tr("Fix it, round {number} of {rounds}").format(number=number, rounds=self.rounds)
            asked = replace(program, text=code, start=0, end=len(code))
            exchange = await self._conversation.repair(asked, problem, title)
            if exchange is None or self._stopped or exchange.ended not in ("stop", "length"):
                break
            row = exchange.rows[-1] if exchange.rows else None
            if row is None:
                break
            # An answer may hold only the function that it corrects.
            code = result = _whole(asked, row.block.code)
            if await self._works(row, asked.language.key, code, card) or self._stopped:
                break
            problem = card.problem
        return result

    async def _works(self, row: BlockRow, language: str, code: str, card: CodeRunCard) -> bool:
        """Run the tests, or the program where there are none, and say at the code what came of it."""
        if card.tests.text().strip():
            tested = await card.test_code(code, language)
            if tested is None:
                return False
            trial, sentence = tested
            row.show_outcome(sentence, ok=trial.ok)
            return trial.ok
        result = await card.run_code(code, language)
        if result is None:
            return False
        row.show_outcome(ending_sentence(result, self._runner.limits), ok=result.ok)
        return result.ok


def _whole(program: Excerpt, code: str) -> str:
    """Return the whole program with the code of an answer in its place."""
    places = places_for(program, code, "replace")
    return code if places.fitting == places.asked else places.fitting.text
