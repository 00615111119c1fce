"""What stands in the column before anything is asked."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.widgets.card import label
from app.ui.widgets.scrolled_page import ScrolledPage


class EmptyChat(ScrolledPage):
    """The words of an empty chat, and an offer below them."""

    def __init__(self) -> None:
        super().__init__()
        self._title = label(self.tr("Ask anything"), "title")
        self._hint = label("", "muted", wrap=True)
        for shown in (self._title, self._hint):
            shown.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 96, 0, 0)
        layout.addWidget(self._title)
        layout.addWidget(self._hint)

    def offer(self, widget: QWidget) -> None:
        """Show something below what is said."""
        layout = self.layout()
        assert layout is not None
        layout.addWidget(widget)

    def show_model(self, name: str, host: str, *, is_loading: bool = False) -> None:
        """Name the model that answers, and its host if not this computer; an empty name means none yet,
        unless one `is_loading`."""
        if name and host:
            self._hint.setText(
                self.tr("{model} answers on {host}. What you send leaves this computer.").format(
                    model=name, host=host
                )
            )
            return
        self._hint.setText(
            self.tr("{model} answers on this computer. Nothing you write leaves it.").format(model=name)
            if name
            else self.tr("A model is being loaded.")
            if is_loading
            else self.tr("Choose a model at the top of the window to begin.")
        )
