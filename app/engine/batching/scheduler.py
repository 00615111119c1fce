"""Continuous batching over a fixed number of sequences: plan the next batch. Pure, no llama.cpp."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.engine.batching.prefix import (
    NOTHING,
    Held,
    Place,
    choose_place,
    choose_place_for_saved,
    least_copied_tokens,
    reusable,
)

CHUNK_TOKENS = 512
"""Most tokens of one prompt in a step: a GPU cannot stop within one, and others want their turn."""

IDLE_CHUNK_TOKENS = 64
"""Work ahead of a question goes in small chunks: the question that comes meanwhile takes over after one."""

LONGEST_TURN_TOKENS = 16
"""A reply has one new token to evaluate, or the few that close its thinking. More is a job that goes on after
it had to leave its sequence, which is evaluated again like a prompt."""


VARIANT_STEPS = 8
"""Other adapters cost llama.cpp a new plan of its buffers, so they do not change with every step."""


@dataclass(slots=True, eq=False)
class Job:
    """One reply on its way. `tokens` is the prompt and then every token that has to be evaluated;
    `evaluated` of them are in the KV cache.

    `draft` are guesses at the tokens that follow, which the next batch checks. A job that is `ahead` only
    evaluates its prompt, for a reply that is not asked for yet. One of the `background` leaves its sequence
    to the front, and goes on later from its `tokens`.
    """

    request_id: int
    tokens: list[int]
    prompt_length: int
    reuse_prefix: bool = True
    chat_key: str = ""
    variant: str = ""
    ahead: bool = False
    background: bool = False
    draft: list[int] = field(default_factory=list)
    saved: Held | None = None
    evaluated: int = 0
    reused: int = 0
    sequence: int = -1

    @property
    def in_prompt(self) -> bool:
        """Tell whether the prompt is not evaluated to its end."""
        return self.evaluated < self.prompt_length

    @property
    def pending(self) -> int:
        """Tokens that have to be evaluated before the next one can be drawn."""
        return len(self.tokens) - self.evaluated

    @property
    def replies(self) -> bool:
        """Tell whether the next step gives its next token."""
        return not self.in_prompt and self.pending <= LONGEST_TURN_TOKENS


class Chunk(NamedTuple):
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
        """The contents of the sequence now, also while a job uses it."""
        job = self.job
        if job is None:
            return self.held
        done = job.evaluated
        return Held(job.tokens[:done], job.chat_key, job.variant, job.tokens[done:])


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
        """Set the room of one sequence, `context_tokens`, and the most draft tokens of a batch,
        `draft_rows`."""
        self._slots = [Slot(sequence) for sequence in range(sequences)]
        self._batch_tokens = batch_tokens
        self._draft_rows = draft_rows
        self._least_copied = least_copied_tokens(context_tokens)
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        """The jobs of the slots, as they are asked for several times in each step."""
        self._pace = BackgroundPace()
        self._turn = 0
        self._uses = 0

    @property
    def busy(self) -> bool:
        """Tell whether there is work to do."""
        return bool(self._waiting or self._running)

    @property
    def runs_one(self) -> bool:
        """Tell whether the next batch is of one job."""
        return len(self._running) == 1

    @property
    def sole_reply(self) -> Job | None:
        """The only job there is, where the next batch is one token of its reply."""
        if len(self._running) != 1 or self._waiting:
            return None
        job = self._running[0]
        is_next = len(job.tokens) == job.evaluated + 1 and job.evaluated >= job.prompt_length
        return job if is_next else None

    def jobs(self) -> list[Job]:
        """Return all jobs, running and waiting."""
        return [*self._running, *self._waiting]

    def replies(self) -> list[Job]:
        """Return the jobs whose prompts are evaluated to the end."""
        return [job for job in self._running if job.replies]

    def held(self) -> list[tuple[int, Held]]:
        """Return the sequences that no job uses, with their contents; used longest ago first."""
        idle = [slot for slot in self._slots if slot.job is None and slot.held.tokens]
        return [(slot.sequence, slot.held) for slot in sorted(idle, key=lambda slot: slot.last_used)]

    def reusable(self, job: Job) -> int:
        """Count the most tokens of the job's prompt that any sequence holds."""
        return max(reusable(slot.present, job) for slot in self._slots)

    def add(self, job: Job) -> None:
        """Queue a job."""
        self._waiting.append(job)

    def admit(self) -> Admission | None:
        """Give the next waiting job a free sequence; None when no job can start. Call it until then, and
        carry out each admission before the next call: a later job may copy what this one brings."""
        if not self._waiting:
            return None
        # The front first, each in the order of its coming: `sorted` keeps it.
        waiting = sorted(self._waiting, key=lambda job: job.background)
        job = next((job for job in waiting if not self._is_evaluated_elsewhere(job)), None)
        if job is None:
            return None
        if not job.background and all(slot.job for slot in self._slots):
            self._send_one_to_wait()
        free = {slot.sequence: slot.held for slot in self._slots if slot.job is None}
        if not free:
            return None
        self._waiting.remove(job)
        busy = {slot.sequence: slot.present for slot in self._slots if slot.job is not None}
        last_used = {slot.sequence: slot.last_used for slot in self._slots}
        place = choose_place(job, free, busy, last_used, self._least_copied)
        if job.saved is not None:
            length = reusable(job.saved, job)
            if length > place.reused:
                place = choose_place_for_saved(job, length, free, busy, last_used)
            else:
                job.saved = None
        slot = self._slots[place.sequence]
        admission = Admission(job, place, slot.held)
        job.sequence = place.sequence
        job.evaluated = job.reused = place.reused
        slot.job = job
        self._running.append(job)
        slot.held = NOTHING
        slot.last_used = self._uses = self._uses + 1
        return admission

    def _send_one_to_wait(self) -> None:
        """Take the sequence from the job of the background that loses least."""
        background = [job for job in self._running if job.background]
        if background:
            job = min(background, key=lambda job: job.evaluated)
            self.remove(job)
            job.sequence = -1
            job.draft.clear()
            self._waiting.appendleft(job)

    def _is_evaluated_elsewhere(self, job: Job) -> bool:
        """Tell whether another prompt with the same beginning is being evaluated, to be copied from then."""
        enough = self.reusable(job) + self._least_copied
        return any(
            slot.job is not None
            and slot.job.in_prompt
            and reusable(Held(slot.job.tokens, slot.job.chat_key, slot.job.variant), job) >= enough
            for slot in self._slots
        )

    def forget(self, job: Job) -> None:
        """Evaluate the job's prompt from its beginning: its sequence was emptied."""
        job.evaluated = job.reused = 0

    def plan(self) -> list[Chunk]:
        """Plan the next batch: the next token of each reply first, then the prompts, which share the rest.

        Nothing changes before `evaluated`, so a batch can be planned again. It is in the order of sequences,
        because llama.cpp computes a batch in as many parts as it has runs of rising, neighbouring sequences
        (`llama_batch_allocr::split_equal`): eight replies took a third longer in two parts.
        """
        return sorted(self._chunks(), key=lambda chunk: chunk.job.sequence)

    def _chunks(self) -> list[Chunk]:
        running = self._of_one_variant(self._running)
        front = [job for job in running if not job.background]
        chunks = self._plan(front, self._room(running))
        background = [job for job in running if job.background]
        if not background:
            return chunks
        room = self._batch_tokens - sum(chunk.end - chunk.start + len(chunk.draft) for chunk in chunks)
        if not front:
            return self._plan(background, room)
        if all(job.replies for job in front):
            chunks += self._plan(background, min(room, self._pace.tokens), drafts=False)
        return chunks

    def _of_one_variant(self, jobs: list[Job]) -> list[Job]:
        """Return the jobs that can share a batch: llama.cpp evaluates all of it with the same adapters. Each
        variant has its turn for some steps, those of the front before those of the background."""
        first = [job for job in jobs if not job.background] or jobs
        variants = list(dict.fromkeys(job.variant for job in first))
        if not variants:
            return jobs
        chosen = variants[self._turn // VARIANT_STEPS % len(variants)]
        return [job for job in jobs if job.variant == chosen]

    def _room(self, running: list[Job]) -> int:
        if running and all(job.ahead for job in running):
            return min(self._batch_tokens, IDLE_CHUNK_TOKENS)
        return self._batch_tokens

    def _plan(self, jobs: list[Job], room: int, *, drafts: bool = True) -> list[Chunk]:
        chunks = []
        replies = [job for job in jobs if job.replies]
        draft_room = min(self._draft_rows, room - sum(job.pending for job in replies)) if drafts else 0
        for job in self._in_turn(replies):
            end = min(len(job.tokens), job.evaluated + room)
            if end == job.evaluated:
                break
            is_whole = end == len(job.tokens)
            draft = tuple(job.draft[: max(0, draft_room)]) if is_whole else ()
            chunks.append(Chunk(job, job.evaluated, end, logits=is_whole, draft=draft))
            draft_room -= len(draft)
            room -= end - job.evaluated + len(draft)
        prompts = self._in_turn([job for job in jobs if not job.replies and job.pending])
        for job, share in zip(
            prompts, fair_shares([job.pending for job in prompts], room, CHUNK_TOKENS), strict=True
        ):
            if share:
                end = job.evaluated + share
                logits = end == len(job.tokens) and not job.ahead
                chunks.append(Chunk(job, job.evaluated, end, logits=logits))
        return chunks

    def _in_turn(self, jobs: list[Job]) -> list[Job]:
        """Rotate the jobs from step to step, for where there is not room for all."""
        first = self._turn % len(jobs) if jobs else 0
        return jobs[first:] + jobs[:first]

    def evaluated(self, chunks: list[Chunk]) -> None:
        """Note that the batch was evaluated."""
        self._turn += 1
        for chunk in chunks:
            chunk.job.evaluated = chunk.end

    def evaluated_some(self, job: Job, tokens: int) -> None:
        """Note that some tokens of the `sole_reply` were evaluated, one by one."""
        self._turn += tokens
        job.evaluated += tokens

    def took(self, chunks: list[Chunk], seconds: float) -> None:
        """Note how long the step with this batch took."""
        running = self._running
        if len(running) > 1 and any(job.background for job in running):
            background = [chunk for chunk in chunks if chunk.job.background]
            if len(background) < len(chunks):
                self._pace.took(seconds, sum(chunk.end - chunk.start for chunk in background))

    def remove(self, job: Job) -> None:
        """End a job; what it evaluated stays in its sequence for a prompt that begins the same way."""
        if job.sequence < 0:
            self._waiting.remove(job)
            return
        slot = self._slots[job.sequence]
        slot.held = slot.present
        slot.job = None
        self._running.remove(job)

    def forget_all(self) -> list[int]:
        """Forget what idle sequences hold; those that the caller must empty."""
        held = [slot for slot in self._slots if slot.job is None and slot.held.tokens]
        for slot in held:
            slot.held = NOTHING
        return [slot.sequence for slot in held]

    def drop(self, chat_keys: Sequence[str]) -> list[int]:
        """Forget what is held for these chats; the sequences that the caller must empty."""
        dropped = [slot for slot in self._slots if slot.job is None and slot.held.chat_key in chat_keys]
        for slot in dropped:
            slot.held = NOTHING
        return [slot.sequence for slot in dropped]


def fair_shares(wanted: Sequence[int], room: int, most: int) -> list[int]:
    """Divide `room` evenly; what the short ones leave goes to the long ones. None gets over `most`; where
    there is less than one for each, the first ones get it."""
    if room < len(wanted):
        return [1] * room + [0] * (len(wanted) - room)
    shares = [0] * len(wanted)
    by_need = sorted(range(len(wanted)), key=lambda place: wanted[place])
    for index, place in enumerate(by_need):
        left = len(wanted) - index
        shares[place] = min(wanted[place], room // left, most)
        room -= shares[place]
    return shares


MOST_EXTRA_S = 0.05
"""A step may take so much longer for the background: text that comes ten times a second looks smooth."""

FIRST_TOKENS = 8
NEW_WEIGHT = 0.25


class BackgroundPace:
    """Leaves the front at least half of the time.

    A step of the front alone sets the measure. What a shared step takes beyond it is a debt, and while there
    is one, the front goes alone.
    """

    def __init__(self) -> None:
        self._alone_s = 0.0
        self._token_s = 0.0
        self._debt_s = 0.0

    @property
    def tokens(self) -> int:
        """The number of tokens of the background that may join the next step."""
        if self._debt_s > 0.0:
            return 0
        return max(1, int(MOST_EXTRA_S / self._token_s)) if self._token_s else FIRST_TOKENS

    def took(self, seconds: float, background_tokens: int) -> None:
        """Note the time of a step with a reply in front and so many tokens of the background."""
        if not background_tokens:
            self._debt_s = max(0.0, self._debt_s - seconds)
            self._alone_s += (seconds - self._alone_s) * (NEW_WEIGHT if self._alone_s else 1.0)
            return
        extra_s = max(0.0, seconds - self._alone_s)
        token_s = extra_s / background_tokens
        self._token_s += (token_s - self._token_s) * (NEW_WEIGHT if self._token_s else 1.0)
        self._debt_s += extra_s
