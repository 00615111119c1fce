"""The window's language."""

import logging
from importlib.resources import as_file, files

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, Qt, QTranslator

from app.settings import Language

log = logging.getLogger(__name__)


class Languages:
    """Installs the translations of the chosen language; widgets that exist already must be made again."""

    def __init__(self, application: QCoreApplication) -> None:
        self._application = application
        self._installed: list[QTranslator] = []

    def choose(self, language: Language) -> None:
        """Switch to `language`; "system" takes Chinese where the desktop speaks it, else English."""
        for translator in self._installed:
            self._application.removeTranslator(translator)
        self._installed = []
        speaks_chinese = QLocale.system().language() == QLocale.Language.Chinese
        if language == "system":
            language = "zh_CN" if speaks_chinese else "en"
        # The desktop's own file dialogs speak the desktop's language.
        differs = (language == "zh_CN") != speaks_chinese
        QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs, differs)
        QLocale.setDefault(QLocale(language))
        if language == "en":
            return
        with as_file(files("resources").joinpath("translations", f"stillroom_{language}.qm")) as path:
            self._install(path.name, str(path.parent))
        self._install(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))

    def _install(self, name: str, folder: str) -> None:
        translator = QTranslator(self._application)
        if translator.load(name, folder):
            self._application.installTranslator(translator)
            self._installed.append(translator)
        else:
            log.warning("the translation %s is missing", name)
