"""The child process that renders chat templates, so that a hostile one can only end this process."""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from app.base.limited_worker import Answer, serve
from app.chat.prompting.jinja_template import JinjaTemplate
from app.chat.prompting.prompt_parts import prompt_parts
from app.chat.prompting.template_messages import Failure, RenderAnswer, RenderRequest, Turn, pieces_of

MOST_SOURCE_CHARACTERS = 1 << 20
MOST_OWN_CHARACTERS = 1 << 20
"""The most characters that a template may write besides the messages; a list of tools is some kilobytes."""

MOST_REPEATS = 4
"""The most times that a template may write the messages. Ordinary ones do so once."""

MOST_REASON_CHARACTERS = 400
KEPT_TEMPLATES = 8


def main() -> None:
    """Answer until stdin closes."""
    serve(_answers)


def _answers() -> Answer:
    encoder = msgspec.msgpack.Encoder()
    decoder = msgspec.msgpack.Decoder(RenderRequest)
    templates = KeptTemplates()
    turns: list[Turn] = []

    def answer(payload: bytes) -> tuple[bytes, bool]:
        nonlocal turns
        request = decoder.decode(payload)
        turns = request.turns = [*turns[: request.kept], *request.turns]
        answer = templates.answer(request)
        # What is left of a memory that was full may be held by anything.
        return encoder.encode(answer), answer.failure != "memory"

    return answer


class KeptTemplates:
    """Compiled templates, the ones used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str], JinjaTemplate] = OrderedDict()

    def answer(self, request: RenderRequest) -> RenderAnswer:
        """Render a conversation, all of whose turns are in the request, whatever its template does."""
        try:
            template = self._template(request)
        except MemoryError:
            return _failed("memory", "")
        except (Exception, RecursionError) as error:  # noqa: BLE001 - whatever a hostile template provokes
            return _failed("invalid", _reason(error))
        answer = _rendered(template, request.turns, request.turns)
        if answer.failure == "refused" and (others := _without_system(request.turns)):
            other = _rendered(template, others, request.turns)
            return answer if other.failure == "refused" else other
        return answer

    def _template(self, request: RenderRequest) -> JinjaTemplate:
        key = (request.source, request.bos_text, request.eos_text)
        template = self._kept.get(key)
        if template is None:
            if len(request.source) > MOST_SOURCE_CHARACTERS:
                raise ValueError(f"it has more than {MOST_SOURCE_CHARACTERS} characters")
            template = self._kept[key] = JinjaTemplate(*key)
            while len(self._kept) > KEPT_TEMPLATES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return template


class _TooMuch(Exception):
    pass


def _rendered(template: JinjaTemplate, turns: Sequence[Turn], known: Sequence[Turn]) -> RenderAnswer:
    """Render `turns`; the parent knows `known`."""
    roles = [role for role, _ in turns]
    most = MOST_OWN_CHARACTERS + MOST_REPEATS * sum(len(content) for _, content in turns)

    def render(contents: Sequence[str]) -> str:
        text = template.render(roles, contents)
        if len(text) > most:
            raise _TooMuch
        return text

    try:
        return RenderAnswer(pieces_of(prompt_parts(render, [content for _, content in turns]), known))
    except MemoryError:
        return _failed("memory", "")
    except _TooMuch:
        return _failed("output", "")
    except RecursionError as error:
        return _failed("invalid", _reason(error))
    except Exception as error:  # noqa: BLE001 - whatever a hostile template provokes
        return _failed("refused", _reason(error))


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    """The system prompt put into the first question, for a template that knows no such role; empty where
    there is none."""
    if not turns or turns[0][0] != "system":
        return []
    (_, said), *rest = turns
    if rest and rest[0][0] == "user":
        said = f"{said}\n\n{rest.pop(0)[1]}"
    return [("user", said), *rest]


def _failed(failure: Failure, reason: str) -> RenderAnswer:
    return RenderAnswer(failure=failure, reason=reason)


def _reason(error: BaseException) -> str:
    """Give what an exception says, in one short line that can be sent."""
    try:
        text = str(error)[: 4 * MOST_REASON_CHARACTERS]
    except (Exception, RecursionError, MemoryError):  # noqa: BLE001 - an exception may hold a template's objects
        text = ""
    text = " ".join(text.split())[:MOST_REASON_CHARACTERS].encode("utf-8", "replace").decode()
    return text or type(error).__name__


if __name__ == "__main__":
    main()
