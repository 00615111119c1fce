"""What is raised where an answer is no mathematics that can be read."""


class Unreadable(Exception):
    """The answer cannot be read as a value; it can still be compared letter by letter."""
