"""Databases as the commands use them: looked at first, backed up last."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.base.errors import StillroomError
from app.commands.terminal.console import Console
from app.database.database import CheckedDatabase


@contextmanager
def looked_after(console: Console, *stores: CheckedDatabase) -> Iterator[None]:
    """Check the whole of each store and say what was damaged; back them up at the end. None is closed."""
    for store in stores:
        store.check()
        for notice in store.recovery.notices if store.recovery is not None else ():
            console.note(notice.sentence)
    try:
        yield
    finally:
        for store in stores:
            try:
                store.back_up_if_due()
            except StillroomError as error:
                console.note(f"stillroom: {error}")
