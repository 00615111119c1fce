"""Which graphics cards a model may use: the form with cards that are figures, since none are here."""

from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from app.engine.protocol import Device, LoadSettings, Planned
from app.settings import LoadChoice
from app.ui.load_settings.load_form import LoadForm

FIRST, SECOND = "0000:01:00.0", "0000:02:00.0"


def card(name: str, address: str) -> Device:
    return Device(
        name="CUDA0",
        description=name,
        backend="CUDA",
        kind="gpu",
        memory_total_bytes=12 << 30,
        memory_free_bytes=11 << 30,
        hardware_id=address,
    )


def planned(*cards: Device) -> Planned:
    return Planned(
        request_id=1,
        plan=LoadSettings(),
        notices=[],
        ram_bytes=0,
        ram_free_bytes=0,
        vram_bytes=0,
        vram_free_bytes=11 << 30,
        layers=29,
        context_limit=4096,
        can_stretch=False,
        cards=cards,
    )


BOTH = planned(card("RTX 3060", FIRST), card("RTX 3090", SECOND))


def opened(qtbot: QtBot, settings: LoadSettings = LoadSettings()) -> LoadForm:  # noqa: B008 - frozen
    form = LoadForm(LoadChoice(load=settings), 0, None)
    qtbot.addWidget(form)
    form.show()
    return form


def field(form: LoadForm, name: str) -> QComboBox:
    [found] = [one for one in form.findChildren(QComboBox) if one.accessibleName() == name]
    return found


def items(box: QComboBox) -> list[str]:
    return [box.itemText(index) for index in range(box.count())]


def test_with_one_card_there_is_nothing_to_choose(qtbot: QtBot) -> None:
    form = opened(qtbot)
    assert not field(form, "Graphics cards").isVisible()
    form.show_plan(planned(card("RTX 3060", FIRST)))
    assert not field(form, "Main card").isVisible()
    assert form.choice.load == LoadSettings()


def test_with_two_cards_both_can_be_taken_or_one(qtbot: QtBot) -> None:
    form = opened(qtbot)
    form.show_plan(BOTH)
    use, main = field(form, "Graphics cards"), field(form, "Main card")
    assert use.isVisible()
    assert items(use) == ["automatic", "one of them", "all of them", "only RTX 3060", "only RTX 3090"]
    assert items(main) == ["automatic", "RTX 3060", "RTX 3090"]
    assert form.choice.load == LoadSettings()
    with qtbot.waitSignal(form.changed):
        use.setCurrentText("all of them")
    main.setCurrentText("RTX 3090")
    assert form.choice.load == LoadSettings(card_use="all", main_card=SECOND)
    # The next plan leaves the choice as it is.
    form.show_plan(BOTH)
    use.setCurrentText("only RTX 3060")
    assert form.choice.load == LoadSettings(cards=(FIRST,), main_card=SECOND)
    form.show_choice(LoadChoice())
    assert form.choice.load == LoadSettings()


def test_cards_of_one_name_are_told_apart(qtbot: QtBot) -> None:
    form = opened(qtbot)
    form.show_plan(planned(card("RTX 3060", FIRST), card("RTX 3060", SECOND)))
    assert items(field(form, "Main card"))[1:] == [f"RTX 3060 ({FIRST})", f"RTX 3060 ({SECOND})"]


def test_a_card_that_was_chosen_and_is_gone_is_kept_and_shown(qtbot: QtBot) -> None:
    settings = LoadSettings(cards=(SECOND,), main_card=SECOND)
    form = opened(qtbot, settings)
    form.show_plan(planned(card("RTX 3060", FIRST)))
    assert field(form, "Graphics cards").isVisible()
    assert field(form, "Graphics cards").currentText() == f"only {SECOND} (not there)"
    assert form.choice.load == settings
    several = LoadSettings(cards=(FIRST, SECOND), card_use="all")
    form = opened(qtbot, several)
    form.show_plan(BOTH)
    assert field(form, "Graphics cards").currentText() == "only RTX 3060, RTX 3090"
    assert form.choice.load == several
