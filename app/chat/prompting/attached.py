"""The text of a question with documents, as it goes to the model."""

from collections.abc import Sequence

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
    parts = []
    for number, attachment in enumerate(attachments):
        if passages is None:
            parts.append(_fenced(f"File: {attachment.name}", attachment.text))
            continue
        pieces = [passage for passage in passages if passage.document == number]
        if pieces:
            text = "\n[…]\n".join(attachment.text[piece.start : piece.end].strip() for piece in pieces)
            parts.append(_fenced(f"Passages of the file: {attachment.name}", text))
    return "\n\n".join([*parts, question])


def _fenced(title: str, text: str) -> str:
    fence = "```"
    while fence in text and len(fence) < _LONGEST_FENCE:
        fence += "`"
    return f"{title}\n{fence}\n{text.strip()}\n{fence}"
