"""The window's words for quality figures and verdicts."""

from PySide6.QtCore import QCoreApplication

from app.bench.quality.comparison import FigureComparison
from app.bench.quality.figures import Figure
from app.bench.quality.item import Kind
from app.bench.quality.progress import QualityProgress
from app.bench.quality.result import QualityRun, Verdict
from app.bench.quality.words import number_text
from app.ui.base.resource_words import data_set_words, listed
from app.ui.benchmark.frame.benchmark_words import when_text


class QualityWords:
    """Texts of the context "QualityWords"."""

    @staticmethod
    def tr(text: str) -> str:
        """In the window's language."""
        return QCoreApplication.translate("QualityWords", text)

    def kind(self, kind: Kind) -> str:
        """Name a kind of question."""
        return {
            "perplexity": self.tr("Perplexity"),
            "maths": self.tr("Mathematics"),
            "dialogue": self.tr("Instructions"),
            "retention": self.tr("Long texts"),
            "intent": self.tr("Intents"),
            "code": self.tr("Code"),
        }[kind]

    def about(self, kind: Kind) -> str:
        """Explain the main figure of a kind."""
        return {
            "perplexity": self.tr("how surprised the model is by a text; less is better"),
            "maths": self.tr("right at the first try (pass@1)"),
            "dialogue": self.tr("how near it comes to a reference answer, 0 to 1 (ROUGE-L)"),
            "retention": self.tr("facts hidden in a long text that it found"),
            "intent": self.tr("messages whose purpose it recognised"),
            "code": self.tr("tasks whose tests pass"),
        }[kind]

    def number(self, figure: Figure | FigureComparison, value: float) -> str:
        """A number in the figure's unit."""
        if figure.unit == "tokens":
            return self.tr("{count} tokens").format(count=f"{value:,.0f}")
        if figure.unit == "s":
            return self.tr("{count} s").format(count=f"{value:,.1f}")
        return number_text(figure, value)

    def figure(self, key: str, kind: Kind) -> str:
        """The name of a figure that runs are compared by."""
        if key == "tokens_to_right":
            return self.tr("Tokens to answers right in all")
        if key == "seconds_to_right":
            return self.tr("Seconds to answers right in all")
        return {
            "perplexity": self.tr("Perplexity, less is better"),
            "maths": self.tr("Mathematics, pass@1"),
            "dialogue": self.tr("Instructions, ROUGE-L"),
            "retention": self.tr("Long texts, facts found"),
            "intent": self.tr("Intents named"),
            "code": self.tr("Code, tests passed"),
        }[kind]

    def model(self, run: QualityRun) -> str:
        """The model of a run, marked where it is not on this computer."""
        if run.is_elsewhere:
            return self.tr("{model}, not on this computer").format(model=run.model.name)
        return f"{run.model.name} {run.model.quantisation}".strip()

    def run(self, run: QualityRun) -> str:
        """A run by its model and its time."""
        return f"{self.model(run)} · {when_text(run.started_at)}"

    def further(self, figure: Figure) -> str:
        """A figure beside the main one, with its value; empty where there is no word for it."""
        value = self.number(figure, figure.value)
        if figure.key.startswith("recall_"):
            return self.tr("{value} in {count} words").format(
                value=value, count=f"{int(figure.key.split('_')[1]):,}"
            )
        texts = {
            "tokens_to_right": value,
            "seconds_to_right": self.tr("{value} to a right answer"),
            "bleu": self.tr("BLEU {value} of 100: word sequences in common with it"),
            "macro_f1": self.tr("macro F1 {value} of 1: each purpose counts alike"),
            "valid_syntax": self.tr("{value} valid syntax"),
            "length_ratio": self.tr("{value} times as long as the reference"),
        }
        return texts[figure.key].format(value=value) if figure.key in texts else ""

    def interval(self, figure: Figure) -> str:
        """The 95% interval and n."""
        if figure.low is None or figure.high is None:
            return self.tr("n = {n}").format(n=f"{figure.n:,}")
        return self.tr("{low} to {high}, n = {n}").format(
            low=number_text(figure, figure.low), high=number_text(figure, figure.high), n=f"{figure.n:,}"
        )

    def verdict(self, verdict: Verdict) -> str:
        """Name the verdict on an item."""
        return {
            "right": self.tr("right"),
            "wrong": self.tr("wrong"),
            "unfinished": self.tr("cut off"),
            "undecided": self.tr("not decided"),
            "failed": self.tr("engine failed"),
            "does_not_fit": self.tr("does not fit"),
            "scored": self.tr("scored"),
        }[verdict]

    def ending(self, reason: str) -> str:
        """Say why a reply ended; a reason that nobody here knows as the run's file has it."""
        return {
            "stop": self.tr("ended by itself"),
            "length": self.tr("cut off at the most tokens of an answer"),
            "context": self.tr("cut off as the context was full"),
            "cancelled": self.tr("stopped"),
            "loop": self.tr("ended as it only repeated itself"),
        }.get(reason, reason)

    def stage(self, progress: QualityProgress) -> str:
        """Say what is being done."""
        match progress.stage:
            case "identify":
                return self.tr("Reading the model file")
            case "text":
                return self.tr("Reading the text for the perplexity")
            case "load":
                return self.tr("Loading the model")
            case "ask" if not progress.judged:
                return self.tr("{done} of {total} done").format(done=progress.done, total=progress.total)
            case "ask":
                return self.tr("{done} of {total} done, {right} of {judged} right").format(
                    done=progress.done, total=progress.total, right=progress.right, judged=progress.judged
                )

    def protocol(self, run: QualityRun) -> str:
        """Say how replies were sampled, and where the items are from."""
        protocol = run.protocol
        sources = listed(
            self.tr("{name} ({licence})").format(name=data_set_words(facts.name), licence=facts.licence)
            for facts in run.collections
        )
        return self.tr(
            "One sample of each at temperature {temperature}, top-p {top_p}, seed {seed}, at most {tokens} "
            "tokens, no system prompt. Intervals are 95%; n is how many were counted: questions, and tokens "
            "for the perplexity. Items: {sources}."
        ).format(
            temperature=protocol.sampling.temperature,
            top_p=protocol.sampling.top_p,
            seed=protocol.seed,
            tokens=f"{protocol.max_tokens:,}",
            sources=sources,
        )
