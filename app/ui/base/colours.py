"""The colour schemes of the window: light, dark, and both with high contrast."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Colours:
    """One colour scheme, as `#RRGGBB`.

    `ground` lies behind everything, `surface` is a card, `raised` a code block or a field on a card, `track`
    what a bar fills, with the edge `track_edge`.
    `text` and `muted` reach a contrast of 4.5 on all three, in the schemes of high contrast one of 7; `faint`
    is for hints and disabled things only.
    `accent_soft` is the ground of something selected.
    """

    dark: bool
    ground: str
    surface: str
    raised: str
    line: str
    track: str
    track_edge: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    accent_soft: str
    on_accent: str
    good: str
    good_soft: str
    warning: str
    danger: str
    selection: str
    code_keyword: str
    code_name: str
    code_string: str
    code_number: str
    code_comment: str


LIGHT = Colours(
    dark=False,
    ground="#F7F5F2",
    surface="#FFFFFF",
    raised="#F4F0EA",
    line="#E6E0D8",
    track="#E6E0D8",
    track_edge="#E6E0D8",
    text="#221E1B",
    muted="#6B625A",
    faint="#A79E95",
    accent="#AD5325",
    accent_hover="#9C4A20",
    accent_soft="#F6E7DD",
    on_accent="#FFFFFF",
    good="#2B7748",
    good_soft="#DFF0E5",
    warning="#8A5A10",
    danger="#B3372F",
    selection="#EBD3C4",
    code_keyword="#A8481B",
    code_name="#2C6E8F",
    code_string="#2B7748",
    code_number="#8A5A10",
    code_comment="#6F665D",
)

DARK = Colours(
    dark=True,
    ground="#161412",
    surface="#1C1A18",
    raised="#24211E",
    line="#332E2A",
    track="#332E2A",
    track_edge="#332E2A",
    text="#EDE7E1",
    muted="#A0968D",
    faint="#6E665F",
    accent="#E0894F",
    accent_hover="#EC9C66",
    accent_soft="#3A271C",
    on_accent="#1C1009",
    good="#6CBF8B",
    good_soft="#1F3327",
    warning="#E0B050",
    danger="#E5746B",
    selection="#5A3A26",
    code_keyword="#E89A66",
    code_name="#7FB8D6",
    code_string="#8CC99F",
    code_number="#E0B050",
    code_comment="#978E85",
)

LIGHT_CONTRAST = replace(
    LIGHT,
    ground="#FFFFFF",
    raised="#F2F2F2",
    line="#5C5C5C",
    track="#FFFFFF",
    track_edge="#5C5C5C",
    text="#000000",
    muted="#2E2E2E",
    faint="#595959",
    accent="#7A2F08",
    accent_hover="#5C2205",
    accent_soft="#FFE0CC",
    good="#0B4F26",
    good_soft="#CFF0DA",
    warning="#5E3A00",
    danger="#8A120C",
    selection="#FFC9A3",
    code_keyword="#7A2F08",
    code_name="#0B4A68",
    code_string="#0B4F26",
    code_number="#5E3A00",
    code_comment="#3D3D3D",
)

DARK_CONTRAST = replace(
    DARK,
    ground="#000000",
    surface="#000000",
    raised="#141414",
    line="#A6A6A6",
    track="#000000",
    track_edge="#A6A6A6",
    text="#FFFFFF",
    muted="#DEDEDE",
    faint="#ADADAD",
    accent="#FFB380",
    accent_hover="#FFCBA6",
    accent_soft="#3A1F0D",
    on_accent="#000000",
    good="#8FF0B0",
    good_soft="#123D22",
    warning="#FFD873",
    danger="#FF9E96",
    selection="#7A431D",
    code_keyword="#FFB380",
    code_name="#9ADCFF",
    code_string="#8FF0B0",
    code_number="#FFD873",
    code_comment="#C9C9C9",
)
