"""When the bundle starts: a place for PySide6.QtOpenGL, which stays out.

pyqtgraph imports it and uses it only where OpenGL draws its plots, which is not so in Stillroom.
"""

import sys
from types import ModuleType

sys.modules["PySide6.QtOpenGL"] = ModuleType("PySide6.QtOpenGL")
