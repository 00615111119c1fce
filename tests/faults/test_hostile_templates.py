"""Templates from an attacker: each costs a bounded time and memory and gets one sentence."""

import asyncio
import statistics
import time
import unicodedata

import psutil
import pytest

from app.base.children import child_command
from app.base.errors import StillroomError
from app.chat.prompting.prompt import ChatMessage, ChatTemplate, TemplateProblem
from app.chat.prompting.template_process import TemplateProcess
from tests.support.hostile_templates import hostile_templates

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

HI = [ChatMessage("system", "Be brief."), ChatMessage("user", "hi")]
MOST_S = 2.0
MOST_BYTES = 500 << 20
MOST_GAP_S = 0.05


class Heart:
    """Looks at how long the event loop is held, and at the most memory of the template process."""

    def __init__(self, process: TemplateProcess) -> None:
        self._process = process
        self.gaps_s: list[float] = []
        self.most_bytes = 0
        self.ordinary_bytes = 0

    async def beat(self) -> None:
        while True:
            began_s, before_s = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.005)
            # What the thread itself computed, and not the machine's other work.
            self.gaps_s.append(min(time.perf_counter() - began_s - 0.005, time.thread_time() - before_s))
            if (pid := self._process.process.pid) is not None:
                try:
                    self.most_bytes = max(self.most_bytes, psutil.Process(pid).memory_info().rss)
                except psutil.Error:
                    continue


async def tried(process: TemplateProcess, source: str) -> tuple[float, str]:
    """Return how long a template took, and what was said of it."""
    problems: list[TemplateProblem] = []
    template = ChatTemplate(
        process, source, bos_text="", eos_text="", model_name="Mallory 7B", on_problem=problems.append
    )
    said = ""
    began_s = time.monotonic()
    try:
        prompt = await template.render(HI)
        assert len(prompt.text) < 2_000_000
    except StillroomError as error:
        said = str(error)
    took_s = time.monotonic() - began_s
    return took_s, said or " ".join(map(str, problems))


async def all_tried(process: TemplateProcess, heart: Heart) -> dict[str, tuple[float, str]]:
    ordinary = ChatTemplate(process, "{{ messages[0].content }}", bos_text="", eos_text="")
    await ordinary.render(HI)
    beating = asyncio.ensure_future(heart.beat())
    await asyncio.sleep(0.1)
    heart.ordinary_bytes, heart.most_bytes = heart.most_bytes, 0
    heart.gaps_s.clear()
    results = {name: await tried(process, source) for name, source in hostile_templates()}
    began_s = time.monotonic()
    await ordinary.render(HI)
    assert time.monotonic() - began_s < 10
    beating.cancel()
    return results


def test_each_is_bounded_and_said_in_one_sentence() -> None:
    process = TemplateProcess(child_command("templates"))
    heart = Heart(process)
    try:
        results = asyncio.run(all_tried(process, heart))
    finally:
        process.close()
    took_s = [took for took, _ in results.values()]
    told = [said for _, said in results.values() if said]
    worst = max(results, key=lambda name: results[name][0])
    grown = heart.most_bytes - heart.ordinary_bytes
    print(
        f"\n{len(results)} hostile templates: {len(told)} told, {len(results) - len(told)} rendered within "
        f"the limits; median {statistics.median(took_s):.3f} s, most {max(took_s):.2f} s ({worst}); "
        f"{grown / 1e6:.0f} MB above the ordinary at most; the loop held for "
        f"{max(heart.gaps_s) * 1e3:.1f} ms at most"
    )
    for said in told:
        assert len(said) < 700
        assert not any(unicodedata.category(character) in ("Cc", "Cf") for character in said), said
    assert grown < MOST_BYTES
    assert max(heart.gaps_s) < MOST_GAP_S
    # The time is processor time; a machine with other work to do takes longer.
    assert statistics.median(took_s) < MOST_S
    assert max(took_s) < 4 * MOST_S
