"""The gain of guessing ahead with a model of true size, whose weights may be random.

    python -m tests.perf.replayed_guesses MODEL.gguf [--draft SMALL.gguf] [--shares 0.5 0.65 0.8]

Without --draft: lookup in the twenty edits of `code_edits`. The tokens are those of the starter's own
replies, replayed: MODEL evaluates them in the batches that the engine's policy chooses (`Speculations`,
greedy, with its trials), which learns from the steps' true times and from what the reply bears out.

With --draft: SMALL evaluates a step for each guess, as `DraftModel` does, and what it would have said is
replaced by the reply's next tokens, each right with a chance of each of the shares. The reply is of
random tokens.

Drawing is left out on both sides: microseconds beside tens of milliseconds.
"""

import argparse
import itertools
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.base.children import child_command
from app.engine.batching.prefix import common_prefix_length
from app.engine.batching.scheduler import Chunk, Job
from app.engine.client.client import EngineClient
from app.engine.devices.native_log import NativeLog
from app.engine.generation.prompt_tokens import PromptTokens
from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.protocol import Delta, Generate, LoadSettings, ReplyEvent, SpeculationMode
from app.engine.speculation.batch_invariance import RowProofs
from app.engine.speculation.speculation import Speculations
from app.engine.speculation.token_guess import OF_A_MODEL, Guess
from tests.perf.code_edits import CODE_EDITS, FENCE
from tests.support.contexts import evaluate, load_model, make_context
from tests.support.engines import GREEDY, starter_path

CONTEXT_TOKENS = 2048
MOST_TOKENS = 256
DRAFTED_PROMPT, DRAFTED_REPLY = 256, 192
WORDS = range(500, 40_000)
"""Ordinary tokens of every vocabulary here."""
_FORGET = 0.9


@dataclass(frozen=True, slots=True)
class Reply:
    """Tokens of a prompt, and behind it those that the model is taken to say."""

    prompt: list[int]
    said: list[int]


@dataclass(slots=True)
class Replayed:
    """The tokens behind the first, their time, and how many were guessed and rightly so."""

    tokens: int = 0
    seconds: float = 0.0
    guessed: int = 0
    right: int = 0

    def add(self, other: "Replayed") -> None:
        """Count another reply."""
        self.tokens += other.tokens
        self.seconds += other.seconds
        self.guessed += other.guessed
        self.right += other.right


class ImitatedDraft:
    """A `Drafter` whose steps are a real model's and whose guesses are right with a chance of `share`."""

    def __init__(self, context: Context, share: float) -> None:
        self.token_s = 0.0
        self._context = context
        self._share = share
        self._random = random.Random(share)
        self._tokens: list[int] = []
        self._evaluated = 0

    def begin(self, reply: Reply) -> None:
        """Guess for this reply from now on."""
        self._tokens = [*reply.prompt, *reply.said]
        evaluate(self._context, reply.prompt, 0, outputs=1)
        self._evaluated = len(reply.prompt)

    def guess(self, wanted: Sequence[tuple[Job, int]]) -> dict[int, Guess]:
        """Evaluate what is new of the only reply, and a step for each guess but the last."""
        ((job, most),) = wanted
        length = len(job.tokens)
        most = min(most, len(self._tokens) - length)
        if most <= 0:
            return {}
        # What was guessed beyond the first wrong one is not in the reply.
        start = min(self._evaluated, length - 1)
        began_s = time.perf_counter()
        self._context.remove(0, start)
        evaluate(self._context, job.tokens[start:], start, outputs=1)
        guessed: list[int] = []
        while len(guessed) < most:
            true = self._tokens[length + len(guessed)]
            guessed.append(true if self._random.random() < self._share else true + 1)
            if len(guessed) < most:
                evaluate(self._context, guessed[-1:], length + len(guessed) - 1, outputs=1)
        took_s = (time.perf_counter() - began_s) / most
        self.token_s = self.token_s * _FORGET + took_s * (1 - _FORGET) if self.token_s else took_s
        right = common_prefix_length(guessed[:-1], self._tokens[length:])
        self._evaluated = length + right
        return {job.request_id: Guess(tuple(guessed), (OF_A_MODEL,) * len(guessed))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--draft", type=Path)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.65, 0.8])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--edits", type=int, default=len(CODE_EDITS))
    options = parser.parse_args()
    backend = Backend(NativeLog())
    replies = [] if options.draft else replies_of_the_starter(backend, options.edits)
    context = loaded(backend, options.model, options.threads)
    print(f"{options.model.stem}, {options.threads} thread(s), {options.rounds} rounds, medians", flush=True)
    if not options.draft:
        lookup(context, replies, options.rounds)
        return
    draft = loaded(backend, options.draft, options.threads)
    for share in options.shares:
        drafts(context, draft, share, options.rounds)


def lookup(context: Context, replies: list[Reply], rounds: int) -> None:
    """Print the gain of lookup over all replies."""
    gains, rates = [], []
    guessed = Replayed()
    speculations = Speculations(context.context_tokens, context.batch_tokens, RowProofs(True))
    for _ in range(rounds):
        plain, ahead = Replayed(), Replayed()
        for reply in replies:
            plain.add(replay(context, speculations, reply, "off"))
            ahead.add(replay(context, speculations, reply, "lookup"))
        gains.append(plain.seconds / ahead.seconds)
        rates.append(ahead.tokens / ahead.seconds)
        guessed.add(ahead)
    print(
        f"  lookup, {len(replies)} edits of code, {guessed.tokens // rounds} tokens: "
        f"{statistics.median(rates):.1f} tok/s, {shown(gains)}; {guessed.right / guessed.guessed:.0%} of "
        f"{guessed.guessed // rounds} guesses right"
    )


def drafts(context: Context, draft: Context, share: float, rounds: int) -> None:
    """Print the gain of a draft model whose guesses are right with this chance."""
    gains, rates = [], []
    guessed = Replayed()
    drafter = ImitatedDraft(draft, share)
    speculations = Speculations(context.context_tokens, context.batch_tokens, RowProofs(True), drafter)
    for seed in range(rounds):
        numbers = random.Random(seed)
        tokens = numbers.sample(WORDS, DRAFTED_PROMPT + DRAFTED_REPLY)
        reply = Reply(tokens[:DRAFTED_PROMPT], tokens[DRAFTED_PROMPT:])
        plain = replay(context, speculations, reply, "off")
        drafter.begin(reply)
        ahead = replay(context, speculations, reply, "draft", exact=False)
        gains.append(plain.seconds / ahead.seconds)
        rates.append(ahead.tokens / ahead.seconds)
        guessed.add(ahead)
    print(
        f"  draft, {share:.0%} right: {statistics.median(rates):.1f} tok/s, {shown(gains)}; "
        f"{guessed.right / max(1, guessed.guessed):.0%} of {guessed.guessed // rounds} guesses right",
        flush=True,
    )


def shown(gains: list[float]) -> str:
    """Say the median and the range."""
    return f"{statistics.median(gains):.2f} times ({min(gains):.2f} to {max(gains):.2f})"


def replay(
    context: Context, speculations: Speculations, reply: Reply, mode: SpeculationMode, *, exact: bool = True
) -> Replayed:
    """Have the model evaluate a reply as the engine would, step by step."""
    tokens = [*reply.prompt, *reply.said]
    evaluate(context, reply.prompt, 0, outputs=1)
    job = Job(0, tokens[: len(reply.prompt) + 1], len(reply.prompt), sequence=0, evaluated=len(reply.prompt))
    speculations.begin(job, mode, len(reply.said), exact=exact)
    began_s = time.perf_counter()
    while len(job.tokens) < len(tokens):
        speculations.guess([job], alone=True)
        step(context, speculations, job, tokens)
    seconds = time.perf_counter() - began_s
    return Replayed(len(reply.said) - 1, seconds, *speculations.end(job))


def step(context: Context, speculations: Speculations, job: Job, tokens: list[int]) -> None:
    """Evaluate the job's last token and its guesses; those that are right become part of it."""
    began_s = time.perf_counter()
    start, known = job.evaluated, len(job.tokens)
    chunk = Chunk(job, start, known, logits=True, draft=tuple(job.draft))
    first = evaluate(context, [*job.tokens[start:], *job.draft], start, outputs=1 + len(job.draft))
    job.evaluated = known
    if speculations.is_on_trial(job):
        rows = range(first, first + 1 + len(job.draft))
        speculations.try_rows(job, [context.digest(row) for row in rows])
        context.remove(0, start)
        job.evaluated = start
    else:
        right = common_prefix_length(job.draft, tokens[known:])
        new = tokens[known : known + right + 1]
        trial = speculations.trial(job)
        if trial is not None and not trial.goes_on(known - 1, context.digest(first), new[0]):
            speculations.end_trial(job)
        job.tokens += new
        job.evaluated += len(new) - 1
        context.remove(0, job.evaluated)
        speculations.learn(job, len(chunk.draft), new)
    speculations.note_step([chunk], time.perf_counter() - began_s)


def loaded(backend: Backend, file: Path, threads: int) -> Context:
    """Load a model with room for guesses."""
    context = make_context(backend, load_model(backend, file), CONTEXT_TOKENS, threads=threads)
    context.warm_up(WORDS[0])
    return context


def replies_of_the_starter(backend: Backend, edits: int) -> list[Reply]:
    """Let the starter answer, and tokenise what it said."""
    client = EngineClient(child_command("engine"))
    settings = LoadSettings(context_tokens=1024, threads=2, sequences=1)
    client.load(starter_path(), settings).future.result()
    texts: list[list[str]] = []
    for edit in itertools.islice(CODE_EDITS, edits):
        said: list[str] = []

        def note(event: ReplyEvent, said: list[str] = said) -> None:
            if isinstance(event, Delta):
                said.append(event.text)

        request = Generate(
            request_id=0, parts=edit.prompt(), sampling=GREEDY, max_tokens=MOST_TOKENS, stop=[FENCE]
        )
        client.ask(request, note).future.result()
        texts.append(said)
    client.close()
    starter = load_model(backend, Path(starter_path()), mmap=True)
    prompts = PromptTokens(starter)
    replies = [
        Reply(prompts.tokenize(edit.prompt()), starter.tokenize("".join(said).encode(), special=False))
        for edit, said in zip(CODE_EDITS, texts, strict=False)
    ]
    starter.free()
    return [reply for reply in replies if len(reply.said) > 1]


if __name__ == "__main__":
    main()
