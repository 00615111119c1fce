"""The text of a reply on its way out, some tokens at a time."""

from collections.abc import Callable

from app.engine.protocol import Channel, Delta, Event, TokenLogprob

DELTA_INTERVAL_S = 1 / 45
"""New text crosses the pipe at most this often: a reply at 100 tokens a second is painted every 30 ms."""

ALL_REPLIES_INTERVAL_S = 1 / 60
"""The texts of all replies together cross it at most this often: reading it takes a core from llama.cpp."""


class DeltaStream:
    """Gathers text and tokens of one channel and sends them when it is time, or when the channel changes."""

    def __init__(self, request_id: int, emit: Callable[[Event], None]) -> None:
        self._request_id = request_id
        self._emit = emit
        self._channel: Channel = "answer"
        self._text: list[str] = []
        self._tokens = 0
        self._logprobs: list[TokenLogprob] = []
        self._sent_s = 0.0
        self._ttft_s = self._prompt_tok_per_s = 0.0

    def note_first(self, ttft_s: float, prompt_tok_per_s: float) -> None:
        """Tell with the next text how long the first token took, and how fast the prompt was."""
        self._ttft_s, self._prompt_tok_per_s = ttft_s, prompt_tok_per_s

    def add_token(self, channel: Channel, logprob: TokenLogprob | None) -> None:
        """Count a token."""
        self._turn_to(channel)
        self._tokens += 1
        if logprob is not None:
            self._logprobs.append(logprob)

    def add_text(self, stretches: list[tuple[Channel, str]]) -> None:
        """Add more text."""
        for channel, text in stretches:
            self._turn_to(channel)
            self._text.append(text)

    def is_due(self, now_s: float, replies: int = 1) -> bool:
        """Tell whether it is time to send again; `replies` run at once."""
        return now_s >= self.due_s(replies)

    def due_s(self, replies: int = 1) -> float:
        """Return when it is time to send again, as `time.perf_counter()`."""
        return self._sent_s + max(DELTA_INTERVAL_S, replies * ALL_REPLIES_INTERVAL_S)

    def send(self, now_s: float | None = None) -> None:
        """Send what there is; `now_s` counts for `is_due`."""
        if now_s is not None:
            self._sent_s = now_s
        if not self._tokens and not self._text:
            return
        self._emit(
            Delta(
                request_id=self._request_id,
                channel=self._channel,
                text="".join(self._text),
                tokens=self._tokens,
                logprobs=self._logprobs,
                ttft_s=self._ttft_s,
                prompt_tok_per_s=self._prompt_tok_per_s,
            )
        )
        self._ttft_s = self._prompt_tok_per_s = 0.0
        self._text.clear()
        self._tokens = 0
        self._logprobs = []

    def _turn_to(self, channel: Channel) -> None:
        if channel != self._channel:
            self.send()
            self._channel = channel
