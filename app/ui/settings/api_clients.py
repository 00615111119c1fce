"""The programs that use the local API, as a table."""

from collections.abc import Sequence

from PySide6.QtCore import QObject

from app.server.access.stats import ClientView
from app.ui.widgets.rows_model import Column, RowsModel

NAME, ADDRESS, REQUESTS, TOKENS, STATE = range(5)


class ApiClients(RowsModel[ClientView]):
    """A row for each program, the one that asked last on top. GUI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = (
            Column(self.tr("Program"), lambda client: client.name or self.tr("without a name")),
            Column(self.tr("Address"), lambda client: client.address),
            Column(self.tr("Requests"), lambda client: f"{client.requests:,}", figures=True),
            Column(self.tr("Tokens"), lambda client: f"{client.tokens:,}", figures=True),
            Column(self.tr("Last seen"), self._seen),
        )

    def show_clients(self, clients: Sequence[ClientView]) -> None:
        """Show the programs as they are now."""
        self._renew_rows(clients)

    def _tip(self, row: ClientView, column: int) -> str:
        return self._columns[column].text(row)

    def _seen(self, client: ClientView) -> str:
        if client.running:
            return self.tr("being answered")
        if client.idle_s < 60:
            return self.tr("{seconds} s ago").format(seconds=round(client.idle_s))
        return self.tr("{minutes} min ago").format(minutes=round(client.idle_s / 60))
