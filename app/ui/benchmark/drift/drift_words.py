"""The window's words for what a drift check found."""

from PySide6.QtCore import QCoreApplication

from app.bench.drift.comparison import DriftReport
from app.ui.base import figures
from app.ui.base.resource_words import enumerated, setting_words
from app.ui.benchmark.frame.benchmark_words import when_text

NO_BREAK = "\u00a0"
LISTS = ("system_info", "gpus", "rpc_servers")
"""Facts of which a run has several, with commas between them."""
DRIFT = "the drift of a model"
"""The notices that say what the page Drift shows, for `Notices.withdraw`."""


class DriftWords:
    """Texts of the context "DriftWords"."""

    @staticmethod
    def tr(text: str) -> str:
        """In the window's language."""
        return QCoreApplication.translate("DriftWords", text)

    def answers(self, report: DriftReport) -> str:
        """Say how the answers compare with the baseline's."""
        if report.is_first:
            return self.tr("Kept")
        if not report.items:
            return self.tr("Not comparable")
        return {
            "same": self.tr("As before"),
            "shifted": self.tr("Likelihoods changed"),
            "moved": self.tr("{count} of {all} differ").format(
                count=len(report.moved_items), all=len(report.items)
            ),
        }[report.answers]

    def answers_line(self, report: DriftReport) -> str:
        """A line below it."""
        if report.is_first:
            return self.tr("{count} answers, to compare the next check with").format(count=len(report.items))
        if not report.items:
            return self.tr("the questions have changed since then")
        if report.answers == "same":
            return self.tr("all {count}, token for token").format(count=len(report.items))
        return self.tr("{count} answers compared, token for token").format(count=len(report.items))

    def speed(self, report: DriftReport) -> str:
        """Say how the speed compares with the baseline's."""
        if report.is_first:
            return "–"
        return {
            "same": self.tr("As before"),
            "faster": self.tr("Faster"),
            "slower": self.tr("Slower"),
            "not_conclusive": self.tr("Not conclusive"),
        }[report.speed]

    def speed_line(self, report: DriftReport) -> str:
        """The change in per cent."""
        if report.is_first or not report.items:
            return ""
        said = self.tr("generation {decode}, prompt {prompt}, n = {n}").format(
            decode=figures.change(report.decode_change_percent),
            prompt=figures.change(report.prompt_change_percent),
            n=len(report.items),
        )
        # No figure begins a line without what it is of.
        for sign in "+−=":
            said = said.replace(f" {sign}", f"{NO_BREAK}{sign}")
        return said

    def speed_reason(self, report: DriftReport) -> str:
        """Say why the speed is not conclusive; empty where it is."""
        if report.is_first or report.speed != "not_conclusive":
            return ""
        return self.tr("Other programs used the processor during one of the checks, or the speed scatters.")

    def since(self, report: DriftReport) -> str:
        """Since when."""
        return when_text(report.since) if report.since else when_text(report.baseline_at)

    def since_line(self, report: DriftReport) -> str:
        """Say what the shown date stands for."""
        if report.since:
            return self.tr("first seen then; the same until {last}").format(last=when_text(report.last_same))
        return self.tr("when the answers were kept")

    def notice(self, report: DriftReport) -> str:
        """One sentence for the whole window."""
        model = f"{report.model} {report.quantisation}"
        if report.answers == "moved":
            return self.tr(
                "{model} does not answer as before: {count} of {all} test questions are answered differently."
            ).format(model=model, count=len(report.moved_items), all=len(report.items))
        if report.answers == "shifted":
            return self.tr(
                "{model} still answers the test questions as before, but computes them slightly differently."
            ).format(model=model)
        if report.speed == "slower":
            return self.tr("{model} is slower than before by {percent}%.").format(
                model=model, percent=f"{-min(report.decode_change_percent, report.prompt_change_percent):.0f}"
            )
        return ""

    def field(self, name: str) -> str:
        """Name a fact about a run that has changed."""
        return {
            "sha256": self.tr("Content of the file (SHA-256)"),
            "quantisation": self.tr("Quantisation"),
            "stillroom_version": self.tr("Stillroom"),
            "llama_cpp_version": self.tr("llama.cpp"),
            "system_info": self.tr("Instructions of the processor that llama.cpp uses"),
            "backend": self.tr("Back end"),
            "gpus": self.tr("Graphics cards"),
            "gpu_driver": self.tr("Graphics driver"),
            "processor": self.tr("Processor"),
            "gpu_layers": self.tr("GPU layers"),
            "threads": self.tr("Threads"),
            "prompt_threads": self.tr("Threads for prompts"),
            "batch_tokens": self.tr("Batch"),
            "kv_type": self.tr("KV cache"),
            "flash_attention": self.tr("Flash attention"),
            "context_stretch": self.tr("Stretched context"),
            "rpc_servers": self.tr("Other computers"),
        }.get(name, name)

    def value(self, name: str, text: str) -> str:
        """Say what a fact about a run was, or is."""
        said = {"": "–", "none": self.tr("none")}
        if name in LISTS:
            return said.get(text) or enumerated(text.split(", "))
        return said.get(text) or setting_words(text, name)
