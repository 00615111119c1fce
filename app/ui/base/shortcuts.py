"""The keyboard shortcuts of the window and its pages.

What a field or a list does with Enter, arrows and the like stands with it.
"""

from PySide6.QtGui import QKeySequence

_Standard = QKeySequence.StandardKey

# The window, from everywhere in it.
TAB = "Ctrl+{number}"
"""The number is the tab's place."""
CHOOSE_MODEL = "Ctrl+M"
SETTINGS = "Ctrl+,"
PALETTE = "Ctrl+Shift+P"
"""Not Ctrl+K: in a text field under X11 that deletes to the end of the line."""
NEXT_PART = "F6"
PART_BEFORE = "Shift+F6"
LARGER = _Standard.ZoomIn
SMALLER = _Standard.ZoomOut
NORMAL_SIZE = "Ctrl+0"
SHORTCUT_SHEET = "F1"
QUIT = "Ctrl+Q"

# Several pages, lists and dialogs.
STOP = "Escape"
"""Stops what runs in a page."""
RENAME = "F2"
DELETE = _Standard.Delete

# The Chat tab.
NEW_CHAT = _Standard.New
NEXT_CHAT = "Ctrl+PgDown"
CHAT_BEFORE = "Ctrl+PgUp"
SEARCH_CHATS = "Ctrl+Shift+F"
END_OF_CHAT = "Ctrl+End"
ATTACH = "Ctrl+Shift+A"
BEHAVIOUR = "Ctrl+B"
PROMPTS = "Ctrl+Shift+L"
FILL_IN_PROMPT = "Ctrl+Return"
REGENERATE = "Ctrl+R"
EDIT_MESSAGE = "Ctrl+Up"
COPY_REPLY = "Ctrl+Shift+C"
COPY_WITH_THINKING = "Ctrl+Alt+C"
FOLD_THINKING = "Ctrl+T"
ANSWER_NOW = "Ctrl+J"
COMPARE = "Ctrl+Shift+M"
KEEP_ANSWER = "Alt+{number}"
"""Of the answers beside each other, by their places."""

# The Code tab: files and folders.
NEW_TEXT = "Ctrl+N"
OPEN = "Ctrl+O"
SAVE = "Ctrl+S"
SAVE_AS = "Ctrl+Shift+S"
CLOSE = "Ctrl+W"
OPEN_FOLDER = "Ctrl+Shift+O"
SHOW_FOLDER = "Ctrl+Shift+B"
GO_TO_FILE = "Ctrl+P"
NEXT_FILE = "Ctrl+Tab"
FILE_BEFORE = "Ctrl+Shift+Tab"
FILE_TO_RIGHT = "Ctrl+Shift+PgDown"
FILE_TO_LEFT = "Ctrl+Shift+PgUp"

# The Code tab: the editor.
FIND = "Ctrl+F"
REPLACE = "Ctrl+H"
FIND_NEXT = "F3"
FIND_PREVIOUS = "Shift+F3"
MATCH_CASE = "Alt+C"
WHOLE_WORDS = "Alt+W"
PATTERN = "Alt+R"
GO_TO_LINE = "Ctrl+G"
GO_TO_ERROR = "F8"
COMMENT = "Ctrl+/"
INDENT = "Ctrl+]"
DEDENT = "Ctrl+["
BACK_TO_EDITOR = "Alt+E"

# The Code tab: asking, proposals, running.
ASK = "Ctrl+L"
EXPLAIN = "Ctrl+Shift+E"
COMPLETE = "Ctrl+Return"
COMPLETE_WHILE_TYPING = "Ctrl+Alt+Space"
REFACTOR = "Ctrl+Shift+D"
WRITE_TESTS = "Ctrl+Shift+T"
FIX = "Ctrl+Shift+F"
INSERT_CODE = "Ctrl+Shift+I"
CODE_AS_CHANGES = "Ctrl+Shift+R"
CHANGES_OF_FILES = "Ctrl+Alt+R"
RUN = "F5"
RUN_NEWEST_CODE = "Ctrl+F5"
RUN_TESTS = "Shift+F5"
SHOW_TESTS = "Alt+T"
FIX_FAILURE = "F9"

# The Models tab.
INSIDE_FILE = "Ctrl+I"

# The input filter.
RULE_UP = "Alt+Up"
RULE_DOWN = "Alt+Down"
