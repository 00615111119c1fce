"""A chat's title: from the first answer, else from what was asked; cut where it is long."""

import itertools
import re
import unicodedata
from collections.abc import Collection
from typing import TYPE_CHECKING

from app.chat.markdown.markdown_math import WHOLE, without_delimiters

if TYPE_CHECKING:
    # Comes with the first text, which is after the window's first painting.
    from markdown_it.token import Token

TITLE_COLUMNS = 60
"""The most columns of a title; a Chinese character takes two."""

_CLAUSE_ENDS = "，、；：。！？"


def title_from(text: str) -> str:
    """The first line of `text` that says something, without Markdown, cut as `cut_title` does; else empty."""
    in_code = False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            in_code = not in_code
            continue
        words = " ".join(re.sub(r"^[\s#>*+-]+|[*_`]{1,3}|\\[()\[\]]", " ", line).split())
        if words and not in_code:
            return cut_title(words)
    return ""


def cut_title(text: str) -> str:
    """`text`, cut at a word or at Chinese punctuation where it takes more than `TITLE_COLUMNS`."""
    if columns_of(text) <= TITLE_COLUMNS:
        return text
    end, room = 0, TITLE_COLUMNS - 1
    while (room := room - columns_of(text[end])) >= 0:
        end += 1
    cut = text[:end]
    at_word = end if text[end] == " " else cut.rfind(" ")
    at_clause = max(cut.rfind(mark) for mark in _CLAUSE_ENDS)
    best = max(at_word, at_clause)
    return (cut[:best] if best > end // 2 else cut).rstrip(" ,;:.-" + _CLAUSE_ENDS) + "…"


def alike(title: str, others: Collection[str]) -> str:
    """`title` with the first number behind it that none of the `others` has: "Ships (2)"."""
    if not title:
        return ""
    numbered = re.fullmatch(r"(.*\S) \(\d+\)", title, re.DOTALL)
    name = numbered[1] if numbered else title
    return next(made for number in itertools.count(2) if (made := f"{name} ({number})") not in others)


def columns_of(text: str) -> int:
    """Count the columns of `text` in a font of fixed width."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def shortened(text: str, characters: int) -> str:
    """`text` on one line, cut at a word (or inside one that is long or of a script without spaces)."""
    text = " ".join(text.split())
    if len(text) <= characters:
        return text
    cut = text[: characters - 1]
    at_word = cut.rpartition(" ")[0]
    return (at_word if len(at_word) > characters // 2 else cut).rstrip(" ,;:.-") + "…"


BEGINNING_CHARACTERS = 4000
"""The beginning, in which an answer says what it is about; parsing more would only take time."""
WORDS_AT_LEAST = 3
"""A shorter line ("4", "Yes.", "Paris") tells less than the question does."""
CHINESE_PER_WORD = 2

_HOLE = "\ufffc"
"""Stands for a formula: a sentence is no title without it."""
_PLAIN_FORMULA = re.compile(r"[\w\s+\-=/().,]{1,16}")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[^\W\d_][\w'’.-]*")

_SENTENCE_END = re.compile(
    r"(?<=[。！？])"
    r"|(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\b[A-Z]\.)(?<!\b(?:Dr|Mr|vs|cf|No|St)\.)(?<!\bMrs\.)(?<!\d\.)"
    r"[\"”’)]?\s"
    r"|\n"
)


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_OPENERS = _any_of(
    # A word of courtesy or assent, with the punctuation that sets it apart.
    r"(?:okay|ok|alright|all right|sure|well),?\s+so,?\s+",
    r"(?:so|okay|ok|alright|sure|well),?\s+(?=(?:here|let)\b)",
    r"(?:sure(?: thing)?|certainly|of course|absolutely|definitely|okay|ok|alright|all right|right|great|yes"
    r"|no|(?:hello|hi|hey)(?: there)?|(?:thanks|thank you)(?: for \w+(?: \w+){0,2})?|well|indeed|so|now"
    r"|(?:that['’]?s |what )?(?:a |an )?(?:good|great|interesting|excellent) question|no problem|got it"
    r"|understood|first(?: of all)?|in (?:short|summary|brief|conclusion)|simply put|overall|generally"
    r"|to answer your question|(?:final )?answer|title|subject)"
    r"(?:\s*[,.!:;…—–]+\s*|$)",
    r"(?:当然可以|当然|好的|好|没问题|可以|是的|不是|不|嗯|你好|您好|首先|那么|明白了|明白|了解|(?:这是一?个)?(?:很)?好(?:的)?问题"
    r"|简单来说|简单地说|简而言之|总的来说|总之|(?:最终)?答案)(?:[，,。.！!：:、…～~]+\s*|$)",
)
_LEADS = _any_of(
    # What introduces the matter itself.
    r"(?:here(?:['’]s| is| are)|below (?:is|are)|the following (?:is|are))\s+",
    r"this is\s+(?=(?:a|an|the|how|why|what)\b)",
    r"(?:let me|let['’]s|let us|i['’]ll|i will|i can|i['’]m going to)\s+(?:try to\s+|briefly\s+|quickly\s+)?"
    r"(?:explain|describe|discuss|explore|look at|talk about|walk (?:you )?through|show you|tell you about"
    r"|summari[sz]e)\s+",
    r"to (?:solve|answer|address|tackle|approach) (?:this|the|your)"
    r"(?: (?:given|problem|question|task|equation))*,\s*",
    r"we (?:need|have|want) to\s+(?=\w+\s+(?:the|how|whether|all|if|what)\b)",
    r"(?:以下是|下面是|这里是|这里有|下面给出|以下为|让我来?(?!们)|我来|我将)(?:为你|为您|给你|给您|向你|向您)?"
    r"(?:简单|详细|简要)?(?:地)?(?:解释|介绍|说明|讲解|说说|总结)?(?:一下)?",
    r"这是(?=一)",
    r"我们(?:需要|要)(?:先|首先)?",
)
_TAILS = _any_of(
    # What leads on to the steps that follow.
    r",?\s+(?:(?:we|you|i|let['’]s)(?: can| need to| should)? )?follow (?:these|the(?: following)?) steps$",
    r"(?:\s+(?:are|is|includes?))?,?\s+(?:step[- ]by[- ]step|as follows)$",
    r"\s+(?:are|includes?|for you)$",
)
_SAYS_NOTHING = _any_of(
    r".*\b(?:how|what) (?:can|may|could) i (?:help|assist|do)\b.*",
    r"(?:i['’]d|i would|i['’]m|i am) (?:be )?(?:more than )?(?:happy|glad|delighted|here|excited)\b.*",
    r"(?:let['’]s|let us|let me|feel free|please|i hope|i['’]ll|i will|i can)\b.*",
    r".*\b(?:break (?:it|this|that)|this problem|the problem|the question) (?:down )?step[- ]by[- ]step\b.*",
    r"(?:step|part|phase)[- ]*(?:\d+|one)\b.*",
    r"(?:a|an|the|my|some|your|one|possible|understanding|understand|\W|short|brief|detailed|simple|clear|quick"
    r"|complete|full|final|general|structured|step|by|and|of|to|how|it|works|problem|question|explanation|solution"
    r"|answer|breakdown|guide|overview|summary|code|example|analysis|response|reasoning|approach|introduction"
    r"|conclusion|result|steps|key|points|output|proof|background|definition)+",
    r".*(?:有什么|什么)?(?:可以|能)(?:帮助|帮|为)(?:到)?(?:你|您).*[？?]",
    r"(?:很高兴|非常高兴|希望|请(?:问|注意|随时|告诉|提供)|让我们|我们来|我来|我将|接下来|如果你|如果您).*",
    r"(?:最终|详细|简短|具体|问题|解题|解决|主要|关键|的|答案|解答|解|解释|分析|步骤|总结|概述|思路|过程|方法|方案|回答|引言|介绍|结论"
    r"|示例|代码|要点|背景|定义|证明|一个|一些|\W)+",
    r"(?:第[一1]步|步骤\s*[一1]).*",
)
_POINTS_BACK = _any_of(
    # Means nothing without the question, or refuses to answer it.
    r"(?:it|its|it['’]s|they|they['’]re|that|that['’]s|this|these|those|he|she|his|her|their|there|i|i['’]m|i['’]ve"
    r"|i['’]d|my|me|you['’]re|both|neither|none)\b",
    r"(?:sorry|unfortunately|as an ai|apologies|dear|let)\b",
    r"(?:could|can|would|do) you\b.*\?",
    r"(?:so,? )?(?:the |my )?(?:final |correct )?(?:answer|result|solution) (?:is|would be)\b",
    r"(?:它|他|她|这|那(?:个|些|是|么|时|里)|该|此|我(?!们)|其|抱歉|对不起|很抱歉|非常抱歉|很遗憾|(?:答案|结果)[是为]|作为一个?(?:AI|人工智能))",
)


def answer_title(answer: str) -> str:
    """The first heading or sentence of a whole answer that says what a chat is about; empty where none does.

    Formulas, code, lists, tables and quotations give no title.
    """
    answer = answer.strip()
    if answer.startswith(("{", "[")) and answer.endswith(("}", "]")):
        return ""
    for line in _lines(answer[:BEGINNING_CHARACTERS]):
        for sentence in _SENTENCE_END.split(line):
            words = _what_is_said(sentence)
            if not words or _SAYS_NOTHING.fullmatch(words):
                continue
            if _HOLE in words or _POINTS_BACK.match(words) or _size(words) < WORDS_AT_LEAST:
                return ""
            return _as_title(words)
    return ""


def _lines(source: str) -> list[str]:
    """The words of each heading and paragraph that stands in nothing else."""
    from app.chat.markdown.markdown_parser import markdown_parser

    tokens = markdown_parser().parse(source, {WHOLE: True})
    return [_words(token) for token in tokens if token.type == "inline" and token.level == 1]


def _words(inline: "Token") -> str:
    pieces: list[str] = []
    for token in inline.children or ():
        match token.type:
            case "text" | "code_inline":
                pieces.append(token.content)
            case "math":
                formula = without_delimiters(token.content)
                pieces.append(formula if _PLAIN_FORMULA.fullmatch(formula) else _HOLE)
            case "softbreak" | "hardbreak":
                pieces.append("\n")
    return "".join(
        mark for mark in "".join(pieces) if mark == "\n" or unicodedata.category(mark) not in ("Cc", "Cf")
    )


def _what_is_said(sentence: str) -> str:
    words = " ".join(sentence.split())
    while True:
        words = re.sub(r"^[^\w\"“‘'(《「『" + _HOLE + r"]+", "", words)
        lead = _OPENERS.match(words) or _LEADS.match(words)
        if lead is None or not lead.end():
            return _TAILS.sub("", words.rstrip(" .:：")).rstrip(" .,:;!…。，：；！、～~—–-")
        words = words[lead.end() :]


def _size(words: str) -> float:
    """Count the words; Chinese counts by its characters."""
    chinese = len(_CHINESE.findall(words))
    return len(_WORD.findall(_CHINESE.sub(" ", words))) + chinese / CHINESE_PER_WORD


def _as_title(words: str) -> str:
    first = words.split(" ", 1)[0]
    if first.isalpha() and first.islower():
        words = words[0].upper() + words[1:]
    return cut_title(words)
