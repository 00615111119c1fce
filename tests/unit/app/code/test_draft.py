from pathlib import Path

from app.code.draft import Draft, DraftFile


def test_a_draft_survives(tmp_path: Path) -> None:
    draft = Draft(
        path="/x/a.py", text="x = '中\u2028'\n", language="python", cursor=3, digest="00", newline="\r\n"
    )

    DraftFile(tmp_path / "code" / "draft.json").save(draft)

    assert DraftFile(tmp_path / "code" / "draft.json").load() == draft


def test_no_draft_is_none(tmp_path: Path) -> None:
    assert DraftFile(tmp_path / "draft.json").load() is None


def test_a_damaged_draft_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    path.write_text('{"text": "half')

    assert DraftFile(path).load() is None
    [aside] = tmp_path.glob("draft.damaged-*.json")
    assert aside.read_text() == '{"text": "half'
