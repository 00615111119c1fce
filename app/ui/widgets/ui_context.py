"""The parts of the window that most of its pages use."""

from dataclasses import dataclass

from app.load_choices import LoadChoices
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.base.theme import Theme
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary


@dataclass(frozen=True, slots=True)
class UiContext:
    """Made once for each window. GUI thread.

    What is started through `bridge` ends with it: the tabs have one of their own, as another language makes
    another window. `notices` tells errors and what can be undone.
    """

    session: EngineSession
    settings: SettingsFile
    theme: Theme
    bridge: Bridge
    notices: Notices
    plots: PlotLibrary

    @property
    def load_choices(self) -> LoadChoices:
        """The settings with which each model is loaded."""
        return LoadChoices(self.settings)
