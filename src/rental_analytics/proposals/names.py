"""How alike two names are: whether one is another one's spelling, its synonym, or only likely the same."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher
from enum import IntEnum
from functools import lru_cache

from rental_analytics.sql.render import folded

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")
_CENTS = {"cent", "ct", "penny", "pence", "minor"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSEEN = re.compile("[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]")
_LONGEST_NAME = 255
_FEWEST_LETTERS = 4
_NEARLY = 0.85
# Databases have the same names in many tables.
_REMEMBERED = 100_000


class Likeness(IntEnum):
    """How sure it is that two names mean the same; all but the last two are for a person to decide."""

    NONE = 0
    LIKELY = 1
    SYNONYM = 2
    EXACT = 3


@lru_cache(maxsize=_REMEMBERED)
def words(name: str) -> tuple[str, ...]:
    """The words of a name in small letters and in the singular, however it joins them."""
    return tuple(_singular(word) for word in _WORD.findall(_HUMP.sub(" ", name).lower()))


def likeness(
    theirs: str, ours: str, synonyms: Iterable[str] = (), leave_out: Collection[str] = frozenset()
) -> Likeness:
    """How sure it is that the source's name means ours.

    Args:
        synonyms: other names of ours.
        leave_out: words that say nothing in their place, such as those of the table in the name of its column.
    """
    if folded(theirs) == folded(ours):
        return Likeness.EXACT
    found = words(theirs)
    rest = tuple(word for word in found if word not in leave_out)
    known, spellings = _known((ours, *synonyms))
    if any(part and spellings & _forms(part) for part in (found, rest)):
        return Likeness.SYNONYM
    return Likeness.LIKELY if any(_is_likely(found, name) for name in known) else Likeness.NONE


def is_known(theirs: str, ours: str, synonyms: Iterable[str] = ()) -> bool:
    """Whether the source's name is ours or a synonym, where no words are left out; quicker to tell than `likeness`."""
    return bool(_known((ours, *synonyms))[1] & _forms(words(theirs)))


def in_cents(name: str) -> bool:
    """Whether a name says that its amounts are a hundredth of what they seem."""
    return not _CENTS.isdisjoint(words(name))


def can_be_configured(name: str) -> bool:
    """Whether the configuration can name it: a control character, or a name without end, stands in none."""
    return 0 < len(name) <= _LONGEST_NAME and not _CONTROL.search(name)


def toml_text(text: str) -> str:
    """A text as TOML has it, on one line, with escapes for all that is not plain."""
    escaped = json.dumps(text, ensure_ascii=False)
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", escaped)


def shown_name(name: str) -> str:
    """A name in a sentence: as it is where it is plain, in quotes otherwise."""
    return name if re.fullmatch(r"[\w.]+", name, re.ASCII) else toml_text(name)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@lru_cache(maxsize=_REMEMBERED)
def _known(names: tuple[str, ...]) -> tuple[list[tuple[str, ...]], frozenset[str]]:
    known = [words(name) for name in names]
    return known, frozenset(form for name in known for form in _forms(name))


@lru_cache(maxsize=_REMEMBERED)
def _forms(name: tuple[str, ...]) -> frozenset[str]:
    """`check_in` is `checkin`, and `price_total` is `total_price`."""
    return frozenset({"".join(name), " ".join(sorted(name))})


@lru_cache(maxsize=_REMEMBERED)
def _is_likely(theirs: tuple[str, ...], ours: tuple[str, ...]) -> bool:
    one, other = "".join(theirs), "".join(ours)
    if min(len(one), len(other)) < _FEWEST_LETTERS:
        return False
    if set(theirs) <= set(ours) or set(ours) <= set(theirs):
        return True
    if 2 * min(len(one), len(other)) < _NEARLY * (len(one) + len(other)):
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return all(ratio() >= _NEARLY for ratio in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio))
