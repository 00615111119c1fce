"""The child process that draws formulas, so that a hostile one can only end this process."""

import msgspec

from app.base.limited_worker import Answer, serve
from app.chat.markdown.formula import FormulaSvg, draw_formula


class FormulaRequest(msgspec.Struct, array_like=True):
    """A formula without its delimiters, and its look; see `draw_formula`."""

    latex: str
    display: bool
    pixel_size: float
    colour: str


def main() -> None:
    """Answer until stdin closes."""
    serve(_answers)


def _answers() -> Answer:
    encoder = msgspec.msgpack.Encoder()
    decoder = msgspec.msgpack.Decoder(FormulaRequest)
    # Loads the library and its font, before the limit of memory.
    draw_formula("x", display=False, pixel_size=16, colour="#000")

    def answer(payload: bytes) -> tuple[bytes, bool]:
        request = decoder.decode(payload)
        svg: FormulaSvg | None = None
        goes_on = True
        try:
            svg = draw_formula(
                request.latex,
                display=request.display,
                pixel_size=request.pixel_size,
                colour=request.colour,
            )
        except MemoryError:
            goes_on = False
        return encoder.encode(svg), goes_on

    return answer


if __name__ == "__main__":
    main()
