"""Who gets into the next batch: continuous batching over a fixed number of sequences. Pure, no llama.cpp."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.engine.prefix import NOTHING, Held, Place, choose_place, least_copied_tokens, reusable

IDLE_CHUNK_TOKENS = 64
"""Work ahead of a question goes in small chunks: the question that comes meanwhile takes over after one."""


@dataclass(slots=True, eq=False)
class Job:
    """One reply on its way. `tokens` is the prompt and then every token that has to be evaluated;
    `evaluated` of them are in the KV cache.

    `draft` are guesses at the tokens that follow, which the next batch checks. A job that is `ahead` only
    evaluates its prompt, for a reply that is not asked for yet.
    """

    request_id: int
    tokens: list[int]
    prompt_length: int
    reuse_prefix: bool = True
    chat_key: str = ""
    variant: str = ""
    ahead: bool = False
    draft: list[int] = field(default_factory=list)
    saved: Held | None = None
    evaluated: int = 0
    reused: int = 0
    sequence: int = -1

    @property
    def in_prompt(self) -> bool:
        """The prompt is not evaluated to its end."""
        return self.evaluated < self.prompt_length


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens `start` to `end` of a job that go into the batch; `logits` asks for those of the last, and
    of each token of `draft`, which comes after them."""

    job: Job
    start: int
    end: int
    logits: bool
    draft: tuple[int, ...] = ()


@dataclass(slots=True)
class Slot:
    """One sequence of the KV cache. `held` is what it holds while no job uses it."""

    sequence: int
    held: Held = NOTHING
    last_used: int = 0
    job: Job | None = None

    @property
    def present(self) -> Held:
        """What it holds now, also of a job that uses it."""
        job = self.job
        return self.held if job is None else Held(job.tokens[: job.evaluated], job.chat_key, job.variant)


@dataclass(frozen=True, slots=True)
class Admission:
    """A job and its sequence. `place.copy_from` says from where its beginning must be copied; `replaced` is
    what the sequence held. From position `job.reused` on the caller must empty it, and must call `forget`
    where that is not possible."""

    job: Job
    place: Place
    replaced: Held


class Scheduler:
    """Admits jobs to sequences and plans each batch: running replies first, then prompts in turn."""

    def __init__(
        self, sequences: int, batch_tokens: int, *, context_tokens: int = 0, draft_rows: int = 0
    ) -> None:
        """`context_tokens` is the room of one sequence, `draft_rows` the most draft tokens of a batch."""
        self._slots = [Slot(sequence) for sequence in range(sequences)]
        self._batch_tokens = batch_tokens
        self._draft_rows = draft_rows
        self._least_copied = least_copied_tokens(context_tokens)
        self._waiting: deque[Job] = deque()
        self._turn = 0
        self._uses = 0

    @property
    def busy(self) -> bool:
        """There is work to do."""
        return bool(self._waiting) or any(slot.job for slot in self._slots)

    def jobs(self) -> list[Job]:
        """All jobs, running and waiting."""
        return [slot.job for slot in self._slots if slot.job] + list(self._waiting)

    def replies(self) -> list[Job]:
        """The jobs whose prompts are evaluated to the end."""
        return [slot.job for slot in self._slots if slot.job is not None and not slot.job.in_prompt]

    def held(self) -> list[tuple[int, Held]]:
        """The sequences that no job uses, with what they hold; used longest ago first."""
        idle = [slot for slot in self._slots if slot.job is None and slot.held.tokens]
        return [(slot.sequence, slot.held) for slot in sorted(idle, key=lambda slot: slot.last_used)]

    def reusable(self, job: Job) -> int:
        """Most tokens of the job's prompt that any sequence holds."""
        return max(reusable(slot.present, job) for slot in self._slots)

    def add(self, job: Job) -> None:
        """Queue a job."""
        self._waiting.append(job)

    def admit(self) -> Admission | None:
        """Give the next waiting job a free sequence; None when nobody can go. Call it until then, and do
        what it says before the next call: a later job may copy what this one brings."""
        free = {slot.sequence: slot.held for slot in self._slots if slot.job is None}
        if not free:
            return None
        job = next((job for job in self._waiting if not self._is_evaluated_elsewhere(job)), None)
        if job is None:
            return None
        self._waiting.remove(job)
        busy = {slot.sequence: slot.present for slot in self._slots if slot.job is not None}
        last_used = {slot.sequence: slot.last_used for slot in self._slots}
        place = choose_place(job, free, busy, last_used, self._least_copied)
        if job.saved is not None:
            place = self._place_for_saved(job, job.saved, place)
        slot = self._slots[place.sequence]
        admission = Admission(job, place, slot.held)
        job.sequence = place.sequence
        job.evaluated = job.reused = place.reused
        slot.job = job
        slot.held = NOTHING
        slot.last_used = self._uses = self._uses + 1
        return admission

    def _place_for_saved(self, job: Job, saved: Held, place: Place) -> Place:
        """Where the saved state of a chat goes that is read from the disk."""
        length = reusable(saved, job)
        if length <= place.reused:
            job.saved = None
            return place
        job.saved = saved
        free = [slot for slot in self._slots if slot.job is None]
        own = [slot for slot in free if job.chat_key and slot.held.chat_key == job.chat_key]
        best = min(own or free, key=lambda slot: (len(slot.held.tokens), slot.last_used))
        return Place(best.sequence, length)

    def _is_evaluated_elsewhere(self, job: Job) -> bool:
        """Another prompt with the same beginning is on its way: what it brings is copied, not computed."""
        enough = self.reusable(job) + self._least_copied
        return any(
            slot.job is not None
            and slot.job.in_prompt
            and reusable(Held(slot.job.tokens, slot.job.chat_key, slot.job.variant), job) >= enough
            for slot in self._slots
        )

    def forget(self, job: Job) -> None:
        """The job's sequence was emptied: evaluate the prompt from its beginning."""
        job.evaluated = job.reused = 0

    def plan(self) -> list[Chunk]:
        """The next batch. Nothing changes before `evaluated`, so a batch can be planned again."""
        room = self._batch_tokens
        running = [slot.job for slot in self._slots if slot.job]
        if running and all(job.ahead for job in running):
            room = min(room, IDLE_CHUNK_TOKENS)
        chunks = []
        replies = self.replies()
        draft_room = min(self._draft_rows, room - sum(len(job.tokens) - job.evaluated for job in replies))
        for job in replies:
            if room:
                draft = tuple(job.draft[: max(0, draft_room)])
                chunks.append(Chunk(job, job.evaluated, len(job.tokens), logits=True, draft=draft))
                draft_room -= len(draft)
                room -= len(job.tokens) - job.evaluated + len(draft)
        prompts = [job for job in running if job.in_prompt]
        for index in range(len(prompts)):
            if not room:
                break
            job = prompts[(self._turn + index) % len(prompts)]
            end = min(job.evaluated + room, job.prompt_length)
            logits = end == job.prompt_length and not job.ahead
            chunks.append(Chunk(job, job.evaluated, end, logits=logits))
            room -= end - job.evaluated
        self._turn += 1
        return chunks

    def evaluated(self, chunks: list[Chunk]) -> None:
        """The batch went through."""
        for chunk in chunks:
            chunk.job.evaluated = chunk.end

    def remove(self, job: Job) -> None:
        """End a job; what it evaluated stays in its sequence for a prompt that begins the same way."""
        if job.sequence < 0:
            self._waiting.remove(job)
            return
        slot = self._slots[job.sequence]
        slot.held = slot.present
        slot.job = None

    def drop(self, chat_keys: Sequence[str]) -> list[int]:
        """Forget what is held for these chats; the sequences that the caller must empty."""
        dropped = [slot for slot in self._slots if slot.job is None and slot.held.chat_key in chat_keys]
        for slot in dropped:
            slot.held = NOTHING
        return [slot.sequence for slot in dropped]
