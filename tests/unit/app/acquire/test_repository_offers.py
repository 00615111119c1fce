from dataclasses import replace

import pytest

from app.acquire.repository_offers import MOST_FILES, best, found_fit, offers, support
from app.machine.advisor import Advisor
from models.catalogue.catalogue import catalogue
from models.hub.repository_card import RepositoryCard
from models.hub.snapshot import RemoteFile, Snapshot
from models.memory.fit import Fit, Memory, Verdict
from models.quantisation.quantisation_types import FULL_PRECISION, QUANTISATIONS

GB = 1_000_000_000
ADVISOR = Advisor(catalogue(), Memory(16 << 30, (), 40e9))
WEIGHTS = RepositoryCard("o/n", 7 * GB, architecture="Qwen2ForCausalLM", has_weights=True)
FILES = RepositoryCard("o/n-GGUF", 7 * GB, gguf_architecture="qwen2", has_gguf=True)


def file(path: str, size: int = GB) -> RemoteFile:
    return RemoteFile(path, size, None, "0" * 40)


def snapshot(
    *files: RemoteFile, card: RepositoryCard = FILES, architectures: tuple[str, ...] = ()
) -> Snapshot:
    return Snapshot(card.repo, "c" * 40, files, architectures, card)


@pytest.mark.parametrize(
    ("card", "answer"),
    [
        (WEIGHTS, "yes"),
        (replace(WEIGHTS, architecture="BertModel"), "no"),
        (FILES, "yes"),
        (replace(FILES, gguf_architecture="gemma3"), "yes"),
        (replace(FILES, gguf_architecture="of-tomorrow"), "no"),
        (replace(FILES, gguf_architecture=""), "unknown"),
        (
            replace(WEIGHTS, architecture="Gemma3ForCausalLM", has_gguf=True, gguf_architecture="gemma3"),
            "yes",
        ),
    ],
)
def test_an_architecture_is_used_by_what_the_repository_holds(card: RepositoryCard, answer: str) -> None:
    assert support(card) == answer


def test_finished_files_are_taken_as_they_are() -> None:
    found = offers(
        snapshot(file("m.Q8_0.gguf", 8 * GB), file("m.Q4_K_M.gguf", 5 * GB), file("mmproj-F16.gguf")),
        ADVISOR,
    ).listed
    assert [(offer.name, offer.kind, offer.types) for offer in found] == [
        ("m.Q4_K_M.gguf", "Q4_K_M", ()),
        ("m.Q8_0.gguf", "Q8_0", ()),
    ]
    assert found[0].model == "o/n-GGUF:m.Q4_K_M.gguf"
    assert found[0].fit is not None
    assert found[0].fit.verdict is Verdict.RAM
    assert found[0].fit.tok_per_s == pytest.approx(40 / 5, rel=0.2)
    assert best(found) == 0


def test_original_weights_are_made_into_types() -> None:
    files = (file("config.json", 700), file("tokenizer.json", 900), file("model.safetensors", 14 * GB))
    found = offers(snapshot(*files, card=WEIGHTS, architectures=("Qwen2ForCausalLM",)), ADVISOR).listed
    usual = found[best(found)]
    assert (usual.kind, usual.types, usual.model) == ("Q4_K_M", ("Q4_K_M",), "o/n")
    assert usual.download_bytes == 14 * GB + 1600
    assert usual.bytes == pytest.approx(4.7 * GB, rel=0.1)
    assert {offer.kind for offer in found} >= {"BF16", "Q8_0"}
    large = next(offer for offer in found if offer.kind == "F32")
    assert large.fit is not None
    assert large.fit.verdict is Verdict.TOO_LARGE


def test_a_model_of_the_catalogue_is_judged_by_its_own_dimensions() -> None:
    card = RepositoryCard("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", has_weights=True)
    files = (file("config.json"), file("model.safetensors", 15 * GB))
    found = offers(snapshot(*files, card=card), ADVISOR).listed
    assert not found[0].is_estimate
    assert found_fit(card, ADVISOR) is not None
    assert found_fit(RepositoryCard("o/n"), ADVISOR) is None


def test_what_cannot_be_used_is_listed_with_the_reason() -> None:
    parts = offers(snapshot(file("m-00001-of-00002.gguf"), file("m-00002-of-00002.gguf")), ADVISOR).listed
    assert [str(offer.refusal) for offer in parts] == [
        "It is in several parts, which Stillroom does not join."
    ]
    assert best(parts) == -1
    files = (file("config.json"), file("model.safetensors"))
    card = replace(WEIGHTS, architecture="BertModel")
    other = offers(snapshot(*files, card=card, architectures=("BertModel",)), None).listed
    assert "BertModel cannot be used" in str(other[0].refusal)


def test_of_thousands_of_files_only_what_is_listed_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []
    rough_fit = Advisor.rough_fit

    def counted(advisor: Advisor, file_bytes: int, kind: str, parameters: int = 0) -> Fit:
        judged.append(file_bytes)
        return rough_fit(advisor, file_bytes, kind, parameters)

    monkeypatch.setattr(Advisor, "rough_fit", counted)
    files = [file(f"m{n}.gguf", GB + n) for n in range(5000)]
    weights = (file("config.json", 700), file("model.safetensors", 14 * GB))
    card = replace(WEIGHTS, has_gguf=True)
    found = offers(snapshot(*files, *weights, card=card), ADVISOR)
    assert [offer.name for offer in found.listed[:MOST_FILES]] == [f"m{n}.gguf" for n in range(MOST_FILES)]
    assert [offer.types for offer in found.listed[MOST_FILES:]] == [
        (kind,) for kind in (*QUANTISATIONS, *FULL_PRECISION)
    ]
    assert found.left_out == 5000 - MOST_FILES
    assert len(judged) == len(found.listed)


def test_files_in_several_parts_are_cut_as_well() -> None:
    files = [file(f"m{n}-00001-of-00002.gguf") for n in range(500)]
    found = offers(snapshot(*files), ADVISOR)
    assert (len(found.listed), found.left_out) == (MOST_FILES, 500 - MOST_FILES)
