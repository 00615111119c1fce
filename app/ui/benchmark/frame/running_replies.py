"""Whether the engine is writing a reply for somebody."""

from app.engine.protocol import Delta, Event, Failed, Finished, PromptProgress


class RunningReplies:
    """Which replies the engine is writing; filled on the engine client's thread, read on the GUI's."""

    def __init__(self) -> None:
        self.running: frozenset[int] = frozenset()

    def forget(self, *_: object) -> None:
        """The engine is another one."""
        self.running = frozenset()

    def on_event(self, event: Event) -> None:
        """Take an event of the engine."""
        if isinstance(event, PromptProgress | Delta):
            if event.request_id not in self.running:
                self.running |= {event.request_id}
        elif isinstance(event, Finished | Failed):
            self.running -= {event.request_id}
