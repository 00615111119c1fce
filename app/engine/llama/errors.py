"""Errors of llama.cpp."""


class NativeError(Exception):
    """llama.cpp refused; the text is its own reason, possibly empty."""


class LoadCancelled(Exception):
    """The progress callback stopped a load."""
