"""Takes a statement's literals out of its text: what is left is its template, analysed once for all that share it.

The lexical rules are MySQL's (dev.mysql.com/doc/refman/8.0/en/language-structure.html) with the SQL mode that WordPress
sets: backslash escapes, double quotes for strings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

Value = str | int | Decimal | None
Parameter = Value | tuple[Value, ...]

_TOKEN = re.compile(
    r"""
    (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |(?P<quoted>`(?:[^`]|``)*`)
    |(?P<odd>0[xX][0-9A-Fa-f]+|0[bB][01]+|[xXbBnN]'[^']*')
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w$]))
    |(?P<name>@{0,2}[\w$]+)
    |(?P<versioned>/\*!|/\*M!)
    |(?P<comment>/\*.*?\*/|--(?=\s|\Z)[^\n]*|\#[^\n]*)
    |(?P<unclosed>/\*)
    |(?P<space>\s+)
    |(?P<operator><=>|<=|>=|<>|!=|:=|\|\||&&|->>|->|<<|>>)
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a", "%": "\\%", "_": "\\_"}
LONGEST_STATEMENT = 256 * 1024  # characters; what is longer is not analysed


class NotAnalysed(ValueError):
    """The statement is of no kind that is understood; the text says why."""


@dataclass(frozen=True)
class Statement:
    """A template with ``:p0``, ``:p1`` … in the places of its literals, and these. A list of an IN is one literal."""

    template: str
    parameters: tuple[Parameter, ...]


def take_out_literals(text: str) -> Statement:
    """Raises NotAnalysed for what cannot be read or is too long."""
    if len(text) > LONGEST_STATEMENT:
        raise NotAnalysed("it is too long")
    words: list[str] = []
    values: list[Parameter] = []
    open_list: list[Value] | None = None  # the literals of an IN ( … that has held nothing but literals yet
    list_at = 0
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup, match.group()
        if kind in ("space", "comment"):
            continue
        if kind in ("versioned", "odd"):
            raise NotAnalysed("it has a literal or comment of an unusual kind")
        if kind in ("string", "number"):
            value = _string(word) if kind == "string" else _number(word)
            if open_list is not None and words[-1] in ("(", ","):
                open_list.append(value)
                words.append("?")
            else:
                open_list = None
                words.append(f":p{len(values)}")
                values.append(value)
            continue
        if kind == "unclosed" or (kind == "other" and word in "'\"`"):
            raise NotAnalysed("a quote or comment is not closed")
        if word == "(" and words and words[-1].upper() == "IN":
            open_list, list_at = [], len(words) + 1
        elif word == ")" and open_list:
            words[list_at:] = [f":p{len(values)}"]
            values.append(tuple(open_list))
            open_list = None
        elif open_list is not None and not (word == "," and words[-1] == "?"):
            _give_back(words, list_at, open_list, values)
            open_list = None
        words.append(word)
    if open_list:
        raise NotAnalysed("a list is not closed")
    return Statement(_joined(words), tuple(values))


def _give_back(words: list[str], at: int, literals: list[Value], values: list[Parameter]) -> None:
    """It was no list of literals alone: each is a parameter of its own after all."""
    for index in range(at, len(words)):
        if words[index] == "?":
            words[index] = f":p{len(values)}"
            values.append(literals.pop(0))


def _joined(words: list[str]) -> str:
    text = ""
    for word in words:
        tight = word in (".", ",", ")", "(") or text.endswith((".", "("))
        text += word if tight or not text else f" {word}"
    return text


def _string(word: str) -> str:
    def meant(match: re.Match[str]) -> str:
        escaped = match.group(1)
        return match.group()[0] if escaped is None else _ESCAPED.get(escaped, escaped)

    return _ESCAPE.sub(meant, word[1:-1])


def _number(word: str) -> int | Decimal:
    return int(word) if word.isdigit() else Decimal(word)
