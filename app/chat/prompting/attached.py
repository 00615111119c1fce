"""The text of a question with documents, as it goes to the model."""

from collections.abc import Sequence

from app.chat.documents.places import PAGE_END, Place, place_of, without_heading
from app.chat.documents.retrieval import Passage
from app.chat.store.records import Attachment, StoredMessage

_LONGEST_FENCE = 100


def content_for_model(message: StoredMessage) -> str:
    """The message's words behind its documents, or behind the passages of them that were chosen."""
    return with_documents(message.content, message.attachments, message.passages)


def with_documents(
    question: str, attachments: Sequence[Attachment], passages: Sequence[Passage] | None = None
) -> str:
    """`question` behind its documents, each in a fence that its text cannot close."""
    if not attachments:
        return question
    if passages is None:
        parts = [_fenced(f"File: {each.name}", each.text) for each in attachments]
    else:
        # The document of the best passage first.
        order = dict.fromkeys(passage.document for passage in passages)
        parts = [_passages(attachments[number], number, passages) for number in order]
    return "\n\n".join([*parts, question])


def _passages(attachment: Attachment, number: int, passages: Sequence[Passage]) -> str:
    pieces = []
    for passage in passages:
        if passage.document == number:
            words = attachment.text[passage.start : passage.end].strip()
            title = _title(
                place_of(attachment.name, attachment.text, passage),
                names_heading=without_heading(words) == words,
            )
            pieces.append(f"[{title}]\n{words}" if title else words)
    return _fenced(f"Passages of the file: {attachment.name}", "\n[…]\n".join(pieces))


def _title(place: Place, *, names_heading: bool) -> str:
    """Say where a passage stands, as far as that is known and the passage does not say it itself."""
    pages = (
        f"page {place.page}" if place.page == place.last_page else f"pages {place.page} to {place.last_page}"
    )
    return ", ".join(
        said for said in (pages if place.page else "", place.heading if names_heading else "") if said
    )


def _fenced(title: str, text: str) -> str:
    text = text.replace(PAGE_END, "\n")
    fence = "```"
    while fence in text and len(fence) < _LONGEST_FENCE:
        fence += "`"
    return f"{title}\n{fence}\n{text.strip()}\n{fence}"
