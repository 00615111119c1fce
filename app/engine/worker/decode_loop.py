"""A loaded model at work: its replies, side by side in the sequences of one context."""

import random
import time
from collections.abc import Callable, Sequence

from app.base.errors import EngineError, RequestError
from app.engine.batching.prefix import Held
from app.engine.batching.scheduler import Admission, Chunk, Job, Scheduler
from app.engine.generation.reply import Reply, Taken
from app.engine.grammar.gbnf import GrammarError
from app.engine.kv_states.chat_states import ChatStates
from app.engine.kv_states.state_keeper import LEAST_TOKENS, StateKeeper
from app.engine.llama.backend import Backend
from app.engine.llama.candidates import Candidates
from app.engine.llama.context import DECODE_ABORTED, DECODE_NO_MEMORY, DECODE_OK, Context
from app.engine.llama.errors import NativeError
from app.engine.llama.lora import Adapters
from app.engine.llama.next_tokens import NextTokens, draws_tokens
from app.engine.llama.sampler import Drawing
from app.engine.loading.load_model import LoadedModel
from app.engine.protocol import Event, Failed, FinishReason, Generate, Prepare, Reload
from app.engine.protocol.generate_checks import check_generate
from app.engine.speculation.batch_invariance import RowProofs, can_be_alike
from app.engine.speculation.speculation import Speculations
from app.engine.supervision.exit_reason import cause_of
from app.engine.worker.preparation import Prepared

AHEAD = -1
"""The request that a job ahead has: none."""

LEAST_AHEAD_TOKENS = 16
"""Fewer are evaluated with the question itself."""


class Runner:
    """Serves the `Generate` requests of one model; lives on the engine's thread and owns the model.

    `emit` takes the replies' events. `states` keeps what was evaluated for chats on the disk.
    """

    def __init__(
        self,
        backend: Backend,
        loaded: LoadedModel,
        scheduler: Scheduler,
        emit: Callable[[Event], None],
        states: StateKeeper | None = None,
    ) -> None:
        self.loaded = loaded
        self._backend = backend
        self._scheduler = scheduler
        self._emit = emit
        self._replies: dict[int, Reply] = {}
        self._adapters = Adapters(backend, loaded.model, loaded.context)
        self._candidates = Candidates(loaded.model.vocabulary)
        context = loaded.context
        proofs = RowProofs(can_be_alike(loaded.info.plan))
        self._speculations = Speculations(context.context_tokens, context.batch_tokens, proofs, loaded.draft)
        self._states = ChatStates(context, scheduler, states) if states is not None else None
        self._next: NextTokens | None = None
        if draws_tokens() and context.writes:
            # A processor would keep everybody waiting for what a card does beside.
            ahead = bool(loaded.info.plan.gpu_layers) and loaded.model.forgets_ends
            self._next = NextTokens(loaded.model, context, self._candidates, ahead=ahead)
        self._under_way: Job | None = None
        """The reply whose last token is being evaluated, which its `evaluated` does not count."""
        self._drawn_s = 0.0
        self._ahead: Job | None = None
        self._measured_tokens = 0

    @property
    def busy(self) -> bool:
        """Tell whether there is something to evaluate."""
        return self._scheduler.busy or self._ahead is not None

    @property
    def replying(self) -> bool:
        """Tell whether a reply is waited for; else the model may be unloaded."""
        return bool(self._replies)

    @property
    def in_front(self) -> bool:
        """Tell whether a reply is waited for that is not of the background."""
        return any(reply.request.priority == "front" for reply in self._replies.values())

    @property
    def works_ahead(self) -> bool:
        """Tell whether the present work is for no request yet; any thread."""
        return self.busy and not self._replies

    def check(self, request: Generate) -> None:
        """Raise `RequestError` for what cannot be asked of this model."""
        loaded = self.loaded
        if not loaded.context.writes:
            raise RequestError(
                "{name} makes vectors of texts; it cannot write.",
                "Choose another model for chats.",
                name=loaded.info.name,
            )
        check_generate(request, loaded.info.vocabulary)

    def admit(self, request: Generate, arrived_s: float, prepared: Prepared) -> None:
        """Queue a reply that was checked; `arrived_s` is `time.perf_counter()` at its arrival."""
        beginning = prepared.beginning
        assert beginning is not None
        tokens = beginning.tokens
        seed = request.sampling.seed
        if seed is None:
            seed = random.SystemRandom().getrandbits(32)
        job = Job(
            request.request_id,
            tokens,
            len(tokens),
            reuse_prefix=request.reuse_prefix,
            chat_key=request.chat_key,
            variant=self._adapters.variant(request.loras),
            background=request.priority == "background",
        )
        self._stop_working_ahead()
        self._measured_tokens = 0
        self._replies[job.request_id] = Reply(
            request, job, self.loaded.model, self._candidates, seed, arrived_s, self._emit, beginning
        )
        exact = request.sampling.greedy or request.sampling.seed is not None
        self._speculations.begin(job, request.speculation, request.max_tokens, exact=exact)
        if self._states is None or not self._states.fetch(job):
            self._scheduler.add(job)

    def known(self, chat_key: str) -> list[Held]:
        """Return what may hold the tokens of a chat's reply: its saved states, and all sequences."""
        saved = self._states.of_chat(chat_key) if self._states is not None and chat_key else []
        return [*(held for _, held in self._scheduler.held()), *saved]

    def prepare(self, request: Prepare, tokens: list[int]) -> None:
        """Evaluate the beginning of a prompt while nobody waits for a reply."""
        if not self.loaded.context.writes:
            return
        variant = self._adapters.variant(request.loras)
        job = Job(AHEAD, tokens, len(tokens), chat_key=request.chat_key, variant=variant, ahead=True)
        is_worth = LEAST_TOKENS <= len(tokens) < self.loaded.context.context_tokens
        if is_worth and len(tokens) - self._scheduler.reusable(job) >= LEAST_AHEAD_TOKENS:
            self._stop_working_ahead()
            self._measured_tokens = 0
            self._ahead = job

    def look_at_disk(self) -> float | None:
        """Take what has come from the disk and, when idle, put there what is worth it.

        Call it before each step and when nothing is to do; seconds until the next time are returned.
        """
        return (
            self._states.look(idle=not self.busy and not self._replies) if self._states is not None else None
        )

    def drop_chats(self, chat_keys: Sequence[str]) -> None:
        """Forget what was evaluated for these chats, in memory and on the disk."""
        if self._ahead is not None and self._ahead.chat_key in chat_keys:
            self._stop_working_ahead()
        for sequence in self._scheduler.drop(chat_keys):
            self.loaded.context.remove(sequence, 0)
        if self._states is not None:
            self._states.drop(chat_keys)

    def begin_measuring(self, depth_tokens: int) -> tuple[Context, int]:
        """Prepare the context for a measurement in its sequence 0; returns how many of `depth_tokens` the
        last one left there. The rest of the context is empty. What it held for chats is evaluated again with
        their next questions. Raises `EngineError` while somebody waits for a reply."""
        if self._replies:
            raise EngineError("A reply is being written.", "Wait for its end.")
        self._stop_working_ahead()
        context, there = self.loaded.context, min(self._measured_tokens, depth_tokens)
        self._measured_tokens = 0
        for sequence in self._scheduler.forget_all():
            context.remove(sequence, 0)
        if not context.remove(0, there):
            context.remove(0, 0)
            there = 0
        return context, there

    def end_measuring(self, tokens: int) -> None:
        """Note that a measurement has left so many tokens, at least, in sequence 0."""
        self._measured_tokens = tokens

    def step(self) -> None:
        """Run one batch: admit, evaluate, draw one token for each reply whose prompt is done; or draw some
        tokens of the only one."""
        context, scheduler = self.loaded.context, self._scheduler
        if self._under_way is not None and scheduler.sole_reply is not self._under_way:
            self._take_back()
        if self._ahead is not None and not scheduler.busy:
            scheduler.add(self._ahead)
        while admission := scheduler.admit():
            if not admission.job.ahead:
                self._replies[admission.job.request_id].started()
            self._place(admission)
            if admission.place.copy_from is not None:
                # llama.cpp copies with the next decode: until then the source must stay as it is.
                break
        sole = scheduler.sole_reply
        if self._speculations.any:
            self._speculations.guess(scheduler.replies(), alone=scheduler.runs_one)
            if sole is not None and not self._speculations.goes_on_without(sole):
                sole = None
        if sole is not None:
            self._go_on(sole)
            return
        self._take_back()
        chunks = scheduler.plan()
        began_s = time.perf_counter()
        if chunks:
            self._adapters.apply(chunks[0].job.variant)
        context.start_batch()
        rows = [
            context.add(
                [*chunk.job.tokens[chunk.start : chunk.end], *chunk.draft],
                chunk.start,
                chunk.job.sequence,
                logits=1 + len(chunk.draft) if chunk.logits else 0,
            )
            for chunk in chunks
        ]
        result = context.decode()
        if result == DECODE_OK:
            scheduler.evaluated(chunks)
            for chunk, row in zip(chunks, rows, strict=True):
                if self._speculations.is_on_trial(chunk.job):
                    self._try(chunk, row - len(chunk.draft))
                elif chunk.logits:
                    self._draw(chunk, row - len(chunk.draft), alone=len(chunks) == 1)
                elif chunk.job.ahead:
                    if not chunk.job.in_prompt:
                        self._stop_working_ahead()
                else:
                    self._replies[chunk.job.request_id].prompt_progress()
            step_s = time.perf_counter() - began_s
            self._speculations.note_step(chunks, step_s)
            scheduler.took(chunks, step_s)
            return
        self._not_decoded(chunks, result)

    def _go_on(self, job: Job) -> None:
        """Run the usual step: one reply, and its next token, or as many as need not be looked at one by one.
        As little as can be, because after llama_decode all that it takes has to come from memory again."""
        began_s = self._drawn_s if self._under_way is not None else time.perf_counter()
        known, said = len(job.tokens), job.tokens
        self._adapters.apply(job.variant)
        reply = self._replies[job.request_id]
        drawing, most = reply.sampler.drawing, reply.room()
        if self._next is None or drawing is None or not most:
            self._draw_next(job)
        else:
            self._draw_some(self._next, drawing, job, most)
        if self._speculations.any and len(said) > known:
            step_s = (self._drawn_s - began_s) / (len(said) - known)
            self._speculations.went_on(job, said[known:], step_s)

    def _draw_some(self, next_tokens: NextTokens, drawing: Drawing, job: Job, most: int) -> None:
        """Draw at most so many tokens of the only reply, in one call."""
        reply = self._replies[job.request_id]
        last = min(reply.left(), self.loaded.context.context_tokens + 1 - len(job.tokens))
        tokens, times_s = next_tokens.draw(
            drawing,
            (job.tokens[-1], job.evaluated, job.sequence),
            most=min(most, last),
            last=last,
            until_s=reply.due_s(len(self._replies)),
            said=job.tokens if self._speculations.looks_up(job) else None,
        )
        self._under_way = job if next_tokens.evaluated else None
        if tokens:
            self._drawn_s = times_s[-1]
            self._scheduler.evaluated_some(job, len(tokens))
            job.tokens += tokens[:-1]
            if self._said(job, reply.take(tokens, times_s, len(self._replies))):
                return
        if next_tokens.left_one:
            # Unless other tokens came behind the one whose logits these are.
            if self._scheduler.sole_reply is job:
                self._draw_next(job)
        elif next_tokens.result != DECODE_OK:
            self._not_decoded(self._scheduler.plan(), next_tokens.result)

    def _draw_next(self, job: Job) -> None:
        """Draw the next token of the only reply."""
        context = self.loaded.context
        if self._under_way is None:
            context.set_one(job.tokens[-1], job.evaluated, job.sequence)
            result = context.decode()
            if result != DECODE_OK:
                self._not_decoded(self._scheduler.plan(), result)
                return
        self._stay()
        self._scheduler.evaluated_some(job, 1)
        taken = self._take(job, 0)
        self._drawn_s = time.perf_counter()
        if taken is not None:
            self._said(job, taken)

    def _said(self, job: Job, taken: Taken) -> bool:
        """Add what the only reply has said; True where it ended with it."""
        taken = self._within_context(job, taken)
        if taken.reason != "stop":
            job.tokens += taken.tokens
        if taken.reason is not None:
            self._finish(job.request_id, taken.reason)
        return taken.reason is not None

    def _stay(self) -> Job | None:
        """Note that no token is being evaluated that nobody has drawn from; the reply that it was of."""
        job, self._under_way = self._under_way, None
        if self._next is not None:
            self._next.forget()
        return job

    def _take_back(self) -> None:
        """Remove the last token of the reply that went on by itself: something else comes first."""
        job = self._stay()
        if job is not None:
            self.loaded.context.remove(job.sequence, job.evaluated)

    def cancel(self, request_id: int) -> None:
        """End a reply where it is one of this model's; it finishes as "cancelled"."""
        if request_id in self._replies:
            self._finish(request_id, "cancelled")

    def answer_now(self, request_id: int) -> None:
        """Close the thinking block of a reply where it is one of this model's."""
        if request_id in self._replies:
            self._replies[request_id].answer_now()

    def free(self) -> None:
        """End all replies as "cancelled" and give the model's memory back."""
        for request_id in list(self._replies):
            self._finish(request_id, "cancelled")
        self._stop_working_ahead()
        if self._states is not None:
            self._states.close()
        self._adapters.free()
        self.loaded.free()

    def _place(self, admission: Admission) -> None:
        """Bring the beginning of the job's prompt into its sequence, and nothing else."""
        context, job, place = self.loaded.context, admission.job, admission.place
        if self._states is not None:
            self._states.replace(admission)
        if place.copy_from is not None:
            context.copy(place.copy_from, place.sequence)
        if not context.remove(job.sequence, job.reused):
            context.remove(job.sequence, 0)
            self._scheduler.forget(job)

    def _try(self, chunk: Chunk, row: int) -> None:
        """Keep what the rows were, and evaluate the first of them again, alone."""
        context, job = self.loaded.context, chunk.job
        rows = range(row, row + 1 + len(chunk.draft))
        self._speculations.try_rows(job, [context.digest(each) for each in rows])
        context.remove(job.sequence, chunk.start)
        job.evaluated = chunk.start

    def _draw(self, chunk: Chunk, row: int, *, alone: bool) -> None:
        """Draw the next token from `row`, and one more for each guess that it makes true; `alone` says that
        the batch had nothing else."""
        job = chunk.job
        if job.evaluated == job.prompt_length:
            self._replies[job.request_id].prompt_progress()
        known = len(job.tokens)
        reason: FinishReason | None = None
        trial = self._speculations.trial(job)
        for guess in (*chunk.draft, None):
            taken = self._take(job, row)
            if taken is None:
                return
            if trial is not None and not (
                alone
                and taken.tokens
                and trial.goes_on(chunk.end - 1, self.loaded.context.digest(row), taken.tokens[0])
            ):
                self._speculations.end_trial(job)
            reason = taken.reason
            if reason != "stop":
                # Also the last ones of a reply that is cut off here: it may go on.
                job.tokens += taken.tokens
            if reason is not None:
                break
            if taken.tokens != [guess]:
                break
            job.evaluated += 1
            row += 1
        if job.evaluated < chunk.end + len(chunk.draft):
            # The model has seen guesses that were wrong.
            self.loaded.context.remove(job.sequence, job.evaluated)
        self._speculations.learn(job, len(chunk.draft), job.tokens[known:])
        if reason is not None:
            self._finish(job.request_id, reason)

    def _take(self, job: Job, row: int) -> Taken | None:
        """Draw the next token from `row`; None where that failed, which ended the reply."""
        try:
            taken = self._replies[job.request_id].draw(self.loaded.context, row, len(self._replies))
        except NativeError as error:
            self._fail(job, str(error), "")
            return None
        except GrammarError as error:
            self._refuse(job, str(error))
            return None
        return self._within_context(job, taken)

    def _within_context(self, job: Job, taken: Taken) -> Taken:
        if taken.reason is None and len(job.tokens) + len(taken.tokens) > self.loaded.context.context_tokens:
            return Taken(taken.tokens, "context")
        return taken

    def _not_decoded(self, chunks: list[Chunk], result: int) -> None:
        # Some of the batch may be in the cache: remove it, so that the same batch can go in again.
        for chunk in chunks:
            self.loaded.context.remove(chunk.job.sequence, chunk.start)
        if result != DECODE_ABORTED:
            self._decode_failed(chunks, result)

    def _decode_failed(self, chunks: list[Chunk], result: int) -> None:
        native = self._backend.log.reason() or f"llama_decode returned {result}"
        for chunk in chunks:
            if chunk.job.ahead:
                self._stop_working_ahead()
            else:
                self._fail(chunk.job, native, "memory" if result == DECODE_NO_MEMORY else cause_of(native))

    def _refuse(self, job: Job, reason: str) -> None:
        self._break_off(job)
        self._emit(
            Failed(
                request_id=job.request_id,
                message="The reply cannot follow its grammar any further: {reason}.",
                hint="Write the grammar, or the JSON schema, so that fewer alternatives begin alike.",
                values={"reason": reason},
                refused=True,
            )
        )

    def _break_off(self, job: Job) -> None:
        if self._under_way is job:
            self._take_back()
        self._scheduler.remove(job)
        self._replies.pop(job.request_id).break_off()
        self._speculations.end(job)

    def _fail(self, job: Job, native: str, reload: Reload) -> None:
        self._break_off(job)
        self._emit(
            Failed(
                request_id=job.request_id,
                message="The model could not go on with this reply.",
                hint="Try again; if it happens again, load the model with a smaller context "
                "or with fewer layers on the graphics card.",
                native=native,
                reload=reload,
            )
        )

    def _finish(self, request_id: int, reason: FinishReason) -> None:
        reply = self._replies.pop(request_id)
        if self._under_way is reply.job:
            self._take_back()
        if self._states is None or not self._states.stop_fetching(request_id):
            self._scheduler.remove(reply.job)
        reply.finish(reason, self._speculations.end(reply.job))

    def _stop_working_ahead(self) -> None:
        """Stop evaluating a prompt ahead; what is done stays in the cache."""
        job, self._ahead = self._ahead, None
        if job is not None and job in self._scheduler.jobs():
            self._scheduler.remove(job)
