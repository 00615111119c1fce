"""A conversation on a terminal."""

import contextlib
from collections.abc import Iterator

from app.base.errors import EngineError, StillroomError
from app.chat.prompting.prompt import ChatMessage
from app.commands.terminal.console import Console
from app.commands.terminal.interrupt import TalkInterrupts
from app.commands.terminal.terminal_reply import Reply, Speaks

# Line editing and the history of this session; Windows' console has its own.
with contextlib.suppress(ImportError):
    import readline  # noqa: F401

HELP = (
    "/new starts over, /system TEXT sets the system prompt, /stats shows figures, /quit ends. "
    "Ctrl+C stops a reply."
)


def converse(speaker: Speaks, model: str, system: str, console: Console) -> None:
    """Talk until /quit or the end of input. Nothing of it is kept. Main thread only."""
    console.note(f"{model}, {speaker.context_tokens:,} tokens of context. {HELP}")
    with TalkInterrupts() as interrupts:
        _talk(speaker, system, console, interrupts)


def opening(system: str) -> list[ChatMessage]:
    """Return the first messages of a conversation."""
    return [ChatMessage("system", system)] if system else []


def _talk(speaker: Speaks, system: str, console: Console, interrupts: TalkInterrupts) -> None:
    messages = opening(system)
    last: Reply | None = None
    for line in _lines(console, interrupts):
        command, _, rest = line.partition(" ")
        match command:
            case "/quit" | "/exit":
                return
            case "/new":
                messages = opening(system)
                console.note("A new conversation.")
            case "/system":
                system = rest.strip()
                messages = opening(system)
                console.note("A new conversation with this system prompt." if system else "No system prompt.")
            case "/stats":
                console.note(last.figures() if last is not None else "There is no reply yet.")
            case _ if command.startswith("/") and command[1:].isalpha():
                console.note(HELP)
            case _:
                messages.append(ChatMessage("user", line))
                last = _reply(speaker, messages, console, interrupts) or last


def _reply(
    speaker: Speaks, messages: list[ChatMessage], console: Console, interrupts: TalkInterrupts
) -> Reply | None:
    """Answer the last message and add the answer; a question without one is taken back."""
    try:
        reply = speaker.reply(messages, interrupts.cancel)
    except EngineError:
        raise
    except StillroomError as error:
        console.error(error)
        messages.pop()
        return None
    if reply.broke_off():
        console.note(reply.broke_off())
    if reply.answer.strip():
        messages.append(ChatMessage("assistant", reply.answer))
    else:
        messages.pop()
    return reply


def _lines(console: Console, interrupts: TalkInterrupts) -> Iterator[str]:
    """Read the user's lines, without empty ones; Ctrl+C empties the line, Ctrl+D ends."""
    while True:
        try:
            line = interrupts.read_line("> ").strip()
        except EOFError:
            console.out.write("\n")
            return
        except KeyboardInterrupt:
            console.out.write("\n")
            continue
        if line:
            yield line
