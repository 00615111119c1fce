"""The input filter and the audit log, which every request passes on its way out."""

from collections.abc import Sequence

from app.audit.entries import AuditTrail, Source
from app.engine.protocol import ModelInfo
from app.engine.protocol.reply_source import Answers
from app.filters.filter_file import FilterFile
from app.filters.screen import Screened, screen
from app.filters.verdict import BlockedError, Hit


class Gate:
    """The filter and the log of this program. Any thread."""

    def __init__(self, filters: FilterFile, trail: AuditTrail) -> None:
        self.filters = filters
        self.trail = trail

    def screen(
        self, texts: Sequence[str], source: Source, model: ModelInfo | None, client: str = ""
    ) -> Screened:
        """As `app.filters.screen.screen`; a refusal is noted in the log. Not for the GUI thread."""
        try:
            return screen(self.filters, texts)
        except BlockedError as error:
            self.trail.refused(source, model, error.hits, texts, client)
            raise

    def follow(
        self,
        answers: Answers,
        source: Source,
        model: ModelInfo | None,
        hits: Sequence[Hit] = (),
        client: str = "",
    ) -> Answers:
        """As `AuditTrail.follow`."""
        return self.trail.follow(answers, source, model, hits, client)
