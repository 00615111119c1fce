"""Who gets into the next batch: continuous batching over a fixed number of sequences. Pure, no llama.cpp."""

from collections import deque
from dataclasses import dataclass, field

from app.engine.prefix import reusable_length


@dataclass(slots=True, eq=False)
class Job:
    """One reply on its way. `tokens` is the prompt and then every token that has to be evaluated;
    `evaluated` of them are in the KV cache."""

    request_id: int
    tokens: list[int]
    prompt_length: int
    reuse_prefix: bool = True
    evaluated: int = 0
    reused: int = 0
    sequence: int = -1

    @property
    def in_prompt(self) -> bool:
        """The prompt is not evaluated to its end."""
        return self.evaluated < self.prompt_length


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens `start` to `end` of a job that go into the batch; `logits` asks for those of the last."""

    job: Job
    start: int
    end: int
    logits: bool


@dataclass(slots=True)
class Slot:
    """One sequence of the KV cache. `cached` are the tokens it holds while no job uses it."""

    sequence: int
    cached: list[int] = field(default_factory=list)
    job: Job | None = None


class Scheduler:
    """Admits jobs to sequences and plans each batch: running replies first, then prompts in turn."""

    def __init__(self, sequences: int, batch_tokens: int) -> None:
        self._slots = [Slot(sequence) for sequence in range(sequences)]
        self._batch_tokens = batch_tokens
        self._waiting: deque[Job] = deque()
        self._turn = 0

    @property
    def busy(self) -> bool:
        """There is work to do."""
        return bool(self._waiting) or any(slot.job for slot in self._slots)

    def jobs(self) -> list[Job]:
        """All jobs, running and waiting."""
        return [slot.job for slot in self._slots if slot.job] + list(self._waiting)

    def add(self, job: Job) -> None:
        """Queue a job."""
        self._waiting.append(job)

    def admit(self) -> list[Job]:
        """Give waiting jobs the free sequences, each the one that holds most of its prompt.

        The caller must remove everything from position `job.reused` on from `job.sequence`, and call
        `forget` where that is not possible.
        """
        admitted = []
        while self._waiting:
            free = [slot for slot in self._slots if slot.job is None]
            if not free:
                break
            job = self._waiting.popleft()
            reusable = {slot.sequence: reusable_length(slot.cached, job.tokens) for slot in free}
            if not job.reuse_prefix:
                reusable = dict.fromkeys(reusable, 0)
            # Of equals, the one that holds least: another chat may come back for what is cached.
            slot = max(free, key=lambda slot: (reusable[slot.sequence], -len(slot.cached)))
            job.sequence = slot.sequence
            job.evaluated = job.reused = reusable[slot.sequence]
            slot.job = job
            slot.cached = []
            admitted.append(job)
        return admitted

    def forget(self, job: Job) -> None:
        """The job's sequence was emptied: evaluate the prompt from its beginning."""
        job.evaluated = job.reused = 0

    def plan(self) -> list[Chunk]:
        """The next batch. Nothing changes before `evaluated`, so a batch can be planned again."""
        room = self._batch_tokens
        running = [slot.job for slot in self._slots if slot.job]
        chunks = []
        for job in running:
            if not job.in_prompt and room:
                chunks.append(Chunk(job, job.evaluated, len(job.tokens), logits=True))
                room -= len(job.tokens) - job.evaluated
        prompts = [job for job in running if job.in_prompt]
        for index in range(len(prompts)):
            if not room:
                break
            job = prompts[(self._turn + index) % len(prompts)]
            end = min(job.evaluated + room, job.prompt_length)
            chunks.append(Chunk(job, job.evaluated, end, logits=end == job.prompt_length))
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
        slot.job = None
        slot.cached = job.tokens[: job.evaluated]
