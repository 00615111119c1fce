"""Markdown as widgets, one for each block that is near to what is seen; only the last changes while a reply
streams."""

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.chat.markdown.block_text import PlainText, Selectable, text_of
from app.chat.markdown.markdown_blocks import (
    CodeBlock,
    FormulaBlock,
    MarkdownStream,
    RuleBlock,
    TableBlock,
    TextBlock,
    parse_blocks,
)
from app.chat.markdown.parsing_steps import parsing_steps, takes_steps
from app.chat.markdown.text_selection import BlockPlace, BlockRange
from app.code.check import SyntaxReport
from app.ui.base.slices import Slices
from app.ui.base.theme import Theme
from app.ui.reply.block_frame import BlockFrame, Content, RuleLine, Selected
from app.ui.reply.child_order import keep_order, put_before
from app.ui.reply.code_card import CodeCard
from app.ui.reply.formula_card import FormulaCard
from app.ui.reply.link_question import ask_before_opening
from app.ui.reply.rich.block_places import BlockPlaces
from app.ui.reply.rich.rich_label import RichLabel
from app.ui.reply.rich.table_label import TableLabel
from app.ui.reply.rich.wrapped_text import WrappedText
from app.ui.reply.visible_zone import Sight, Zone, wider

Drawing = RichLabel | FormulaCard | TableLabel
UNPLACED_PX = 400
READ_CHARACTERS = 2000
"""Of a text that comes in so many are parsed in a step, after what of it is not final."""
BUILT_SCREENS, AHEAD_SCREENS, KEPT_SCREENS = 0.1, 1.0, 3.0
"""So many heights of the scroll area above and below it, blocks have widgets at once; get them between two
events; and lose them farther off."""
BUILT_AT_ONCE, CODE_COUNTS_FOR = 16, 6
"""Where a jump shows more new blocks, others get their widgets in the next turns: 16 of text take 20 ms."""


class MarkdownView(QWidget):
    """Shows Markdown, whole or as it comes. Nothing in it is fetched, links are opened after a question.

    It places its blocks itself: Qt's layouts would measure every paragraph anew with each word that comes. In
    a scroll area it has widgets for what is near to what is seen, elsewhere for all. GUI thread only.
    """

    to_code_requested = Signal(str, str)
    """Code and the language as the fence named it."""
    selected_by_keys = Signal(object, object, object)
    """With the keyboard in a code block of this view: from which `BlockPlace` to which."""

    def __init__(
        self,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        muted: bool = False,
        offers_to_code: bool = True,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._muted = muted
        self._offers_to_code = offers_to_code
        self._stream: MarkdownStream | None = None
        self._shown: list[Selectable] = []
        self._places = BlockPlaces(theme, lambda: self.fontMetrics().lineSpacing())
        self._frames: dict[int, BlockFrame] = {}
        """Of the blocks that have widgets, or had some, by their numbers: most never get any."""
        self._built: list[BlockFrame] = []
        self._reports: dict[tuple[str, str], SyntaxReport] = {}
        self._selected: BlockRange | None = None
        self.says_syntax = True
        """Code blocks say whether their syntax is valid; not where something else says it of the whole."""
        self._later = Slices(self)
        """Reads what is too long for one step."""
        self._unread: list[str] = []
        """Came while that is not done."""
        self._settled = 0
        self._height = 0
        self._placed = self._placing = self._building = False
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._sight = Sight(self)
        self._sight.moved.connect(self._on_sight_moved)
        self._ahead = QTimer(self, singleShot=True, interval=0)
        self._ahead.timeout.connect(self._build_ahead)
        theme.formulas.drawn.connect(self._on_formulas_drawn)
        # The blocks follow the theme by themselves, and are to be measured after that.
        theme.changed.connect(self._on_theme_changed, Qt.ConnectionType.QueuedConnection)

    @property
    def blocks(self) -> Sequence[Selectable]:
        """The shown blocks."""
        return self._shown

    @property
    def frames(self) -> Sequence[BlockFrame]:
        """The blocks at their places, one below the other."""
        return [self._frame(index) for index in range(len(self._shown))]

    @property
    def is_reading(self) -> bool:
        """Tell whether some of the text is still to be parsed."""
        return self._later.under_way

    def set_text(self, text: str, *, in_steps: bool = False) -> None:
        """Show a finished text; where it may come `in_steps`, a long one in the next turns."""
        self._forget_stream()
        if in_steps and takes_steps(text):
            self._later.begin(self._finish_steps(text))
        else:
            self._finish(text)

    def show_parts(self, parts: Sequence[PlainText]) -> None:
        """Show a long text that is no Markdown, as `plain_parts` divides it."""
        self._forget_stream()
        self._update(0, parts, len(parts))

    def append(self, text: str) -> None:
        """Take more of a text that is coming in; much at once is read in the next turns."""
        if self._stream is None:
            self._forget_stream()
            self._stream = MarkdownStream()
            self._update(0, [], 0)
        if self._later.under_way:
            self._unread.append(text)
        elif len(text) > READ_CHARACTERS:
            self._unread.append(text)
            self._later.begin(self._read_on(self._stream))
        else:
            self._read(self._stream, text)

    def go_on(self, text: str) -> None:
        """Take more of a finished text, which is shown: its blocks keep their widgets. A long one is read
        once more in the next turns, and what comes meanwhile after it."""
        self._forget_stream()
        self._stream = MarkdownStream()
        self._unread.append(text)
        self._later.begin(self._read_again(self._stream, len(text)))
        if len(text) <= READ_CHARACTERS:
            self._later.finish()

    def finish(self) -> None:
        """End the text that came in pieces; a long one is parsed as a whole in the next turns."""
        if self._stream is None:
            return
        source = "".join([self._stream.source, *self._unread])
        self._forget_stream()
        if takes_steps(source):
            self._later.begin(self._finish_steps(source))
        else:
            self._finish(source)

    def _read(self, stream: MarkdownStream, text: str) -> None:
        first = stream.append(text)
        self._update(first, stream.blocks, stream.final)

    def _read_on(self, stream: MarkdownStream) -> Iterator[None]:
        """Read what has come and what comes meanwhile, some of it in each step."""
        while self._unread:
            self._read(stream, self._taken(READ_CHARACTERS))
            yield

    def _read_again(self, stream: MarkdownStream, characters: int) -> Iterator[None]:
        """Read what is shown, which is the first of what is unread, and then the others."""
        for start in range(0, characters, READ_CHARACTERS):
            stream.append(self._taken(min(READ_CHARACTERS, characters - start)))
            yield
        self._settled = min(self._settled, stream.final)
        self._update(0, stream.blocks, stream.final)
        yield from self._read_on(stream)

    def _taken(self, characters: int) -> str:
        """The first of what is unread, which is read now."""
        text = "".join(self._unread)
        self._unread = [text[characters:]] if len(text) > characters else []
        return text[:characters]

    def _finish_steps(self, source: str) -> Iterator[None]:
        yield from parsing_steps(source)
        self._finish(source)

    def _finish(self, source: str) -> None:
        blocks = parse_blocks(source)
        self._update(0, blocks, len(blocks))

    def _forget_stream(self) -> None:
        self._stream = None
        self._later.stop()
        self._unread.clear()

    def show_report(self, block: CodeBlock, report: SyntaxReport) -> None:
        """Say of this code whether its syntax is valid, wherever it stands."""
        if not self.says_syntax:
            return
        self._reports[block.code, block.language] = report
        for frame in self._built:
            if isinstance(frame.content, CodeCard):
                self._report_on(frame.content)

    def show_selection(self, selected: BlockRange | None) -> None:
        """Show some of it as selected, also in blocks that have no widgets now."""
        if selected != self._selected:
            self._selected = selected
            for frame in self._built:
                self._mark(frame)

    def place_at(self, point: QPoint) -> BlockPlace:
        """The place in its text that is nearest to a point. It has blocks."""
        index = min(self._places.first_below(point.y()), len(self._shown) - 1)
        return BlockPlace(index, self._frame(index).offset_at(point))

    def caret_at(self, place: BlockPlace) -> QRect:
        """Where a caret would stand."""
        frame = self._frame(min(place.block, len(self._shown) - 1))
        return frame.caret_rect(place.offset)

    def reveal(self, place: BlockPlace) -> None:
        """Scroll code sideways to where a caret would stand."""
        frame = self._frames.get(place.block)
        if frame is not None and isinstance(frame.content, CodeCard):
            frame.content.reveal(place.offset)

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """Lines wrap."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of all blocks; each remembers its own."""
        # Layouts ask with each word what it would be at no width, as they want to know the smallest.
        if width in (0, self.width()):
            return self._height
        height = self._places.total(width)
        for frame in self._frames.values():
            if frame.is_built or frame.measured_at(width) is not None:
                height += frame.height_for(width) - frame.gap - self._places.estimate(frame.index, width)
        return height

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as its column, at which the height is known."""
        return QSize(self.width() if self._placed else UNPLACED_PX, self._height)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Any width will do."""
        return QSize(0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Lay everything out again only for another width."""
        super().resizeEvent(event)
        self._placed = True
        if event.size().width() != event.oldSize().width():
            self._place_from(0)
            self._ask_for_layout()

    def event(self, event: QEvent) -> bool:
        """Ask for the height that it needs once the layout has ended."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Now something of it can be seen."""
        super().showEvent(event)
        self._on_sight_moved()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint nothing itself; build blocks after a move that no scroll bar reported."""
        if self._missing(self._sight.zone()):
            # Not here: what is made while its parent is painted would be painted with the next frame only.
            self._ahead.start()

    def _update(self, first: int, blocks: Sequence[Selectable], final: int) -> None:
        """Change the frames from block `first` on to `blocks`, keeping every one that fits. Those before
        `final` will not change any more.
        """
        first_changed = min(first, len(blocks))
        common = min(len(blocks), len(self._shown))
        while first_changed < common and self._shown[first_changed] == blocks[first_changed]:
            first_changed += 1
        if first_changed < max(len(blocks), len(self._shown)):
            self._places.replace_from(first_changed, blocks[first_changed:])
            self._shown[first_changed:] = blocks[first_changed:]
            self._show_from(first_changed)
        for frame in self._built:
            if self._settled <= frame.index < final:
                frame.settle()
        self._settled = final
        if self._selected is not None:
            for frame in self._built:
                self._mark(frame)
        self._place_from(first_changed)

    def _show_from(self, first: int) -> None:
        """Let the frames from block `first` on show their blocks, and remove those that have none."""
        # A code block that tells of another height meanwhile is placed with the others.
        self._placing = True
        try:
            for frame in [each for each in self._frames.values() if each.index >= first]:
                if frame.index >= len(self._shown):
                    self._remove(frame)
                elif frame.block != self._shown[frame.index]:
                    before = frame.content
                    frame.show_block(self._shown[frame.index])
                    if frame.content is not before:
                        self._put_in_order(frame)
        finally:
            self._placing = False

    def _place_from(self, first: int, last: int | None = None) -> None:
        """Put the blocks from `first` on below the ones before; the others stay as they are, and so do those
        after `last` that are in their place."""
        if self._placing:
            return
        self._placing = True
        try:
            self._place(first, len(self._shown) if last is None else last)
        finally:
            self._placing = False
        if self._places.bottom != self._height:
            self._height = self._places.bottom
            self.updateGeometry()

    def _place(self, first: int, last: int) -> None:
        places, width = self._places, self.width()
        estimated = places.take_width(width)
        for frame in self._frames.values():
            height = frame.measured_at(width) if frame.index >= estimated else None
            if height is not None:
                places.set_height(frame.index, height)
        places.lay_out()
        zone = wider(self._sight.zone(), BUILT_SCREENS)
        built = sorted((frame.index for frame in self._built if frame.index >= first), reverse=True)
        index, moved_px = first, 0
        # What is below moves by as much as one is higher than it was taken to be, all of it at the end.
        while (found := self._next_to_place(index, moved_px, built, zone)) is not None:
            if found > last and not moved_px:
                return
            places.shift(index, found, moved_px)
            frame = self._frame(found)
            if not frame.is_built and not self._building:
                self._build_frame(frame)
            moved_px += places.set_height(found, frame.height_for(width))
            places.shift(found, found + 1, moved_px)
            if frame.put(width):
                again_px = places.set_height(found, frame.height_for(width))
                moved_px += again_px
                places.shift(found, found + 1, again_px)
                frame.put(width)
            index = found + 1
        places.shift(index, len(places), moved_px)

    def _next_to_place(self, first: int, moved_px: int, built: list[int], zone: Zone) -> int | None:
        """The first block from `first` on that has widgets, as those of `built` (the last one first) have, or
        is to get some, where those behind are still to be moved."""
        while built and built[-1] < first:
            built.pop()
        if not self._building and zone[0] < zone[1]:
            near = self._places.first_below(zone[0] - moved_px, first)
            if near < self._places.end_above(zone[1] - moved_px) and not (built and built[-1] <= near):
                return near
        return built[-1] if built else None

    def _on_sight_moved(self) -> None:
        """Give widgets to the blocks that are near now, and take them from those that are far."""
        if self._placing or self._building:
            return
        zone = self._sight.zone()
        if missing := self._missing(wider(zone, BUILT_SCREENS)):
            self._build(self._at_once(missing))
        self._let_go(wider(zone, KEPT_SCREENS))
        if self._missing(wider(zone, AHEAD_SCREENS)):
            self._ahead.start()

    def _build_ahead(self) -> None:
        """Build what is seen, or else the nearest that may soon be, and the others in the next turns."""
        zone = self._sight.zone()
        missing = self._missing(wider(zone, AHEAD_SCREENS))
        if seen := self._missing(zone):
            self._build(self._at_once(seen))
        elif missing:
            middle = sum(zone) // 2
            self._build([min(missing, key=lambda index: abs(self._places.top_of(index) - middle))])
        if self._missing(wider(self._sight.zone(), AHEAD_SCREENS)):
            self._ahead.start()

    def _at_once(self, indices: list[int]) -> list[int]:
        """The first of these blocks, for which one turn has time."""
        room = BUILT_AT_ONCE
        for number, index in enumerate(indices, 1):
            room -= CODE_COUNTS_FOR if isinstance(self._shown[index], CodeBlock) else 1
            if room <= 0:
                return indices[:number]
        return indices

    def _missing(self, zone: Zone) -> list[int]:
        """The blocks in the zone that have no widgets."""
        top, bottom = zone
        if top >= bottom:
            return []
        near = range(self._places.first_below(top), self._places.end_above(bottom))
        built = {frame.index for frame in self._built}
        return [index for index in near if index not in built]

    def _build(self, indices: list[int]) -> None:
        """Give these blocks widgets."""
        # No others, as they are placed and what is seen is scrolled after.
        self._building = True
        try:
            for index in indices:
                self._build_frame(self._frame(index))
            self._move_from(indices[0], indices[-1])
        finally:
            self._building = False

    def _move_from(self, first: int, last: int | None = None) -> None:
        """`_place_from`, and keep what is seen in its place."""
        seen = self._places.first_below(self._sight.zone()[0])
        before = self._places.top_of(seen)
        self._place_from(first, last)
        self._ask_for_layout()
        self._sight.follow(self._places.top_of(seen) - before)

    def _ask_for_layout(self) -> None:
        """Blocks that were estimated have widgets now. A layout that is just at work would not hear of it."""
        if self._height != self.height():
            QCoreApplication.postEvent(self, QEvent(QEvent.Type.LayoutRequest))

    def _build_frame(self, frame: BlockFrame) -> None:
        frame.build()
        self._put_in_order(frame)
        self._built.append(frame)
        if self._selected is not None:
            self._mark(frame)
        if isinstance(frame.content, CodeCard):
            self._report_on(frame.content)

    def _put_in_order(self, frame: BlockFrame) -> None:
        """Let the Tab key and a screen reader come to a block's new widgets in their place."""
        below = min(
            (built for built in self._built if built.index > frame.index),
            key=lambda built: built.index,
            default=None,
        )
        for widget in frame.widgets:
            if below is None:
                keep_order(widget)
            else:
                put_before(widget, below.widgets[0])

    def _let_go(self, zone: Zone) -> None:
        top, bottom = zone
        if top >= bottom:
            return
        kept = []
        # The mouse may have been pressed in one of them, and follows it.
        ends = {place.block for place in self._selected or ()}
        for frame in self._built:
            far = frame.bottom < top or frame.top > bottom
            if far and not frame.in_use and frame.index not in ends:
                frame.let_go()
            else:
                kept.append(frame)
        self._built = kept

    def _mark(self, frame: BlockFrame) -> None:
        """Show in a block what of it is selected."""
        if self._selected is None:
            frame.show_selected(Selected())
            return
        selected, index = self._selected, frame.index
        start, end = selected.within(index, len(text_of(frame.block)))
        from_its_start = start == 0 and selected.start.block <= index <= selected.end.block
        frame.show_selected(Selected(start, end, from_its_start and not selected.is_within_one))

    def _frame(self, index: int) -> BlockFrame:
        frame = self._frames.get(index)
        if frame is None:
            block = self._shown[index]
            frame = BlockFrame(self, self._theme, block, self._make_content, index, self._places)
            self._frames[index] = frame
        return frame

    def _make_content(self, block: Selectable) -> Content:
        match block:
            case PlainText():
                return WrappedText()
            case TextBlock():
                text = RichLabel(self._theme, muted=self._muted)
                text.linkActivated.connect(self._on_link)
                return text
            case CodeBlock():
                card = CodeCard(self._theme, offers_to_code=self._offers_to_code)
                card.to_code_requested.connect(self.to_code_requested)
                card.height_changed.connect(self._on_height_changed)
                card.selected_by_keys.connect(self._on_selected_by_keys)
                return card
            case FormulaBlock():
                return FormulaCard(self._theme, muted=self._muted)
            case TableBlock():
                table = TableLabel(self._theme)
                table.linkActivated.connect(self._on_link)
                return table
            case RuleBlock():
                return RuleLine()

    def _remove(self, frame: BlockFrame) -> None:
        if frame.is_built:
            self._built.remove(frame)
            frame.let_go()
        del self._frames[frame.index]

    def _report_on(self, card: CodeCard) -> None:
        report = self._reports.get((card.code, card.language))
        if report is not None:
            card.show_report(report)

    def _on_height_changed(self) -> None:
        """Place the blocks again, as a code block got or lost its scroll bar."""
        sender = self.sender()
        for frame in self._built:
            if frame.content is sender:
                frame.forget_height()
                self._move_from(self._places.first_below(frame.top))

    def _on_selected_by_keys(self, start: int, end: int) -> None:
        sender = self.sender()
        for frame in self._built:
            if frame.content is sender:
                ends = BlockPlace(frame.index, start), BlockPlace(frame.index, end)
                self.selected_by_keys.emit(self, *ends)

    def _on_formulas_drawn(self) -> None:
        """Show the formulas that have been drawn."""
        first = len(self._shown)
        for frame in self._built:
            content = frame.content
            if isinstance(content, Drawing) and content.waits_for_formulas:
                content.show_again()
                frame.forget_height()
                first = min(first, self._places.first_below(frame.top))
        self._move_from(first)

    def _on_theme_changed(self) -> None:
        """Place all blocks again, as the text may have another size."""
        for frame in self._frames.values():
            frame.forget_height()
        self._places.forget()
        self._place_from(0)

    def _on_link(self, address: str) -> None:
        ask_before_opening(address, self)
