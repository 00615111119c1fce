"""The window's language."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import as_file, files
from xml.etree import ElementTree

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, Qt, QTranslator

from app.settings import Language
from app.ui.base.add_action import plain_words

log = logging.getLogger(__name__)


class Languages:
    """Installs the translations of the chosen language; widgets that exist already must be made again."""

    def __init__(self, application: QCoreApplication) -> None:
        self._application = application
        self._installed: list[QTranslator] = []
        self._spoken = ""
        self._english: Mapping[str, str] | None = None

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
        self._spoken, self._english = language, None
        if language == "en":
            return
        with as_file(files("resources").joinpath("translations", f"stillroom_{language}.qm")) as path:
            self._install(path.name, str(path.parent))
        self._install(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))

    def english_of(self, words: str) -> str:
        """Give the English texts that `words`, a title without marks, are the translation of, one behind the
        other; "" where the window speaks English, and for what is not the program's own text. GUI thread."""
        if self._english is None:
            self._english = {} if self._spoken == "en" else _english_texts(self._spoken)
        return self._english.get(words, "")

    def _install(self, name: str, folder: str) -> None:
        translator = QTranslator(self._application)
        if translator.load(name, folder):
            self._application.installTranslator(translator)
            self._installed.append(translator)
        else:
            log.warning("the translation %s is missing", name)


def _english_texts(language: str) -> Mapping[str, str]:
    """Read the catalogue of a language from its translations to their sources; takes about 20 ms."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    with files("resources").joinpath("translations", f"stillroom_{language}.ts").open("rb") as catalogue:
        for message in ElementTree.parse(catalogue).iter("message"):
            translation = plain_words(message.findtext("translation", ""))
            found[translation][plain_words(message.findtext("source", ""))] = None
    return {translation: " ".join(sources) for translation, sources in found.items()}
