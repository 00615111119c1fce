"""A small model of the same family beside a large one: it guesses what the large one will say."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import llama_cpp

from app.base.errors import StillroomError
from app.engine.batching.prefix import reusable_length
from app.engine.batching.scheduler import Job
from app.engine.devices.buffer_names import without_rows
from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.candidates import Candidates
from app.engine.llama.context import DECODE_ABORTED, DECODE_OK, Context
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from app.engine.llama.next_tokens import NextTokens, draws_tokens
from app.engine.planning.gguf_shape import read_draft_shape
from app.engine.protocol import LoadNotice, LoadSettings
from app.engine.speculation.token_guess import OF_A_MODEL, Guess
from app.engine.supervision.exit_reason import names_memory
from converters.gguf.gguf_reader import check_gguf

log = logging.getLogger(__name__)

LEAST_SHARE = 0.5
"""The guess ends where the draft model's best token has a lower probability: a wrong one costs a row."""

_FORGET = 0.9


@dataclass(slots=True)
class _Track:
    """A reply whose next tokens are being guessed."""

    job: Job
    most: int
    guessed: list[int] = field(default_factory=list)


class DraftModel:
    """Guesses greedily for replies, in the same sequences as the large model's. Engine's thread.

    It keeps up with a reply by itself: what it has not seen of the tokens it evaluates first, at most one
    batch a call, so that a long prompt holds nobody up.
    """

    def __init__(
        self,
        model: Model,
        context: Context,
        vocabulary: int,
        batch_tokens: int,
        buffers: Mapping[str, int],
    ) -> None:
        """Own `model` and `context`. `vocabulary` is the large model's: tokens beyond it are padding."""
        self.buffers = dict(buffers)
        """Bytes that llama.cpp allocated, by buffer name."""
        self._model = model
        self._context = context
        self._batch_tokens = batch_tokens
        self._seen: dict[int, list[int]] = {}
        self._candidates = Candidates(min(vocabulary, model.vocabulary))
        self._next = NextTokens(model, context, self._candidates) if draws_tokens() else None
        self._works = True
        self.token_s = 0.0
        """The time that a guessed token has taken lately; 0 before the first."""

    def guess(self, wanted: Sequence[tuple[Job, int]]) -> dict[int, Guess]:
        """Guess by request, each time as many tokens at most as are wanted."""
        tracks = [_Track(job, most) for job, most in wanted if most > 0]
        if not self._works or not tracks:
            return {}
        room = self._batch_tokens
        self._context.start_batch()
        rows = []
        for track in tracks:
            seen = self._seen.get(track.job.sequence, [])
            start = reusable_length(seen, track.job.tokens)
            self._context.remove(track.job.sequence, start)
            end = min(len(track.job.tokens), start + room)
            self._seen[track.job.sequence] = track.job.tokens[:end]
            room -= end - start
            # Where the others have filled the batch, this one waits for the next call.
            if end > start:
                whole = end == len(track.job.tokens)
                row = self._context.add(
                    track.job.tokens[start:end], start, track.job.sequence, logits=int(whole)
                )
                if whole:
                    rows.append((track, row))
        began_s = time.perf_counter()
        steps = 0
        while self._decode([track for track in tracks if track.guessed or steps == 0]):
            steps += 1
            if self._next is not None and len(rows) == 1 and steps == 1:
                steps += self._go_on(self._next, *rows[0])
                break
            rows = self._continue(rows)
            if not rows:
                break
        if steps > 1:
            token_s = (time.perf_counter() - began_s) / steps
            self.token_s = self.token_s * _FORGET + token_s * (1 - _FORGET) if self.token_s else token_s
        return {
            track.job.request_id: Guess(tuple(track.guessed), (OF_A_MODEL,) * len(track.guessed))
            for track in tracks
            if track.guessed
        }

    def free(self) -> None:
        """Give the memory back."""
        self._context.free()
        self._model.free()

    def _go_on(self, next_tokens: NextTokens, track: _Track, row: int) -> int:
        """Guess for one reply in one call, from the logits of a row on; how many tokens were evaluated."""
        seen = self._seen[track.job.sequence]
        track.guessed += next_tokens.guess(
            LEAST_SHARE, row, (seen[-1], len(seen) - 1, track.job.sequence), track.most
        )
        evaluated = len(track.guessed) if next_tokens.evaluated else max(0, len(track.guessed) - 1)
        seen += track.guessed[:evaluated]
        if next_tokens.result != DECODE_OK:
            self._decode_failed([track], next_tokens.result)
        return evaluated

    def _continue(self, rows: list[tuple[_Track, int]]) -> list[tuple[_Track, int]]:
        """Take the best token of each row; the batch for the next, with its rows."""
        taken = []
        for track, row in rows:
            token = self._candidates.best_of_row(self._context.handle, row, LEAST_SHARE)
            if token is not None:
                track.guessed.append(token)
                if len(track.guessed) < track.most:
                    taken.append((track, token))
        self._context.start_batch()
        following = []
        for track, token in taken:
            seen = self._seen[track.job.sequence]
            row = self._context.add([token], len(seen), track.job.sequence, logits=1)
            seen.append(token)
            following.append((track, row))
        return following

    def _decode(self, tracks: list[_Track]) -> bool:
        result = self._context.decode()
        if result == DECODE_OK:
            return True
        self._decode_failed(tracks, result)
        return False

    def _decode_failed(self, tracks: list[_Track], result: int) -> None:
        for track in tracks:
            # Nobody knows how much of the batch went in.
            self._context.remove(track.job.sequence, 0)
            self._seen.pop(track.job.sequence, None)
        if result != DECODE_ABORTED:
            log.warning("the draft model could not go on: llama_decode returned %d", result)
            self._works = False


@dataclass(frozen=True, slots=True)
class NoDraft:
    """The reason why a model cannot guess ahead."""

    notice: LoadNotice
    lacks_memory: bool = False


def load_draft(backend: Backend, target: Model, plan: LoadSettings, abort: AbortFlag) -> DraftModel | NoDraft:
    """Load the model of `plan.draft_path`, or return why it cannot guess for `target`."""
    path = Path(plan.draft_path)
    model = context = None
    backend.log.clear()
    try:
        check_gguf(path)
        layers = plan.gpu_layers and 10_000
        model = Model(
            backend,
            path,
            gpu_layers=layers,
            mmap=plan.maps_weights,
            on_progress=lambda _: True,
            placement=target.placement.here(),
        )
        shape = read_draft_shape(backend.ggml, plan.draft_path)
        looked_up_bytes = shape.weights.looked_up(layers) if shape is not None else 0
        buffers = Counter(without_rows(backend.log.buffers(), looked_up_bytes))
        if not vocabularies_agree(target, model):
            model.free()
            return NoDraft(
                LoadNotice(
                    "{name} cannot guess ahead for this model: their vocabularies differ. Choose a small "
                    "model of the same family.",
                    {"name": path.name},
                )
            )
        backend.log.clear()
        context = Context(
            backend,
            model,
            context_tokens=plan.context_tokens,
            batch_tokens=plan.batch_tokens,
            sequences=plan.sequences,
            threads=plan.threads,
            prompt_threads=plan.prompt_threads,
            kv_type="f16",
            flash_attention=plan.flash_attention,
            abort=abort,
        )
        if not context.warm_up(max(model.bos, 0)):
            raise NativeError(backend.log.reason())
    except (NativeError, StillroomError) as error:
        for part in (context, model):
            if part is not None:
                part.free()
        return NoDraft(
            LoadNotice(
                "The model that should guess ahead, {name}, could not be loaded: {reason}",
                {"name": path.name, "reason": str(error) or "no reason given"},
            ),
            lacks_memory=isinstance(error, NativeError) and names_memory(str(error)),
        )
    buffers.update(backend.log.buffers())
    return DraftModel(model, context, target.vocabulary, plan.batch_tokens, buffers)


MOST_PADDING = 128
"""Models of one family pad their vocabularies differently (R1's Qwen distills: 151,936 and 152,064)."""

FIRST_COMPARED = 5
"""The first tokens are special ones that families number alike and name differently."""


def vocabularies_agree(target: Model, draft: Model) -> bool:
    """Check as llama.cpp's own speculative decoding does (common/speculative.cpp): kind, BOS and EOS, size
    but for padding, and every token's text."""
    for native in (
        llama_cpp.llama_vocab_type,
        llama_cpp.llama_vocab_get_add_bos,
        llama_cpp.llama_vocab_get_add_eos,
    ):
        if native(target.vocab) != native(draft.vocab):
            return False
    if target.adds_bos and target.bos != draft.bos:
        return False
    if llama_cpp.llama_vocab_get_add_eos(target.vocab) and target.eos != draft.eos:
        return False
    if abs(target.vocabulary - draft.vocabulary) > MOST_PADDING:
        return False
    text = llama_cpp.llama_vocab_get_text
    return all(
        text(target.vocab, token) == text(draft.vocab, token)
        for token in range(FIRST_COMPARED, min(target.vocabulary, draft.vocabulary))
    )
