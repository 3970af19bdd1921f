"""Text that is not ours, made safe for terminals and logs: nothing steers, nothing hides, no secret shows."""

from __future__ import annotations

import re

_STEERING = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: escape sequences begin with one of them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # change the direction of what follows
    "\u2028\u2029"  # end a line
    "\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # are not seen
    "\ud800-\udfff"  # stand for bytes that are no text
)
"""Characters that are never printed. The joiners U+200C and U+200D stay, since words of some scripts need them."""

_UNSAFE = re.compile(f"[{_STEERING}]")
_UNSAFE_IN_JSON, _NOT_ASCII = re.compile(f"(?!\n)[{_STEERING}]"), re.compile("[^\n -~]")
_HIDDEN = "***"
# What is shorter stands in many words, and hiding it would tell what it is.
_SHORTEST_HIDDEN = 4


def visible(text: str) -> str:
    r"""A text with escapes such as `\x1b` or `\n` in place of characters that steer a terminal or are not seen."""
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def visible_json(text: str, *, ascii_only: bool = False) -> str:
    r"""JSON on one or more lines with `\u001b` for what `visible` replaces; it reads as the same values."""
    unsafe = _NOT_ASCII if ascii_only else _UNSAFE_IN_JSON
    return unsafe.sub(lambda match: _json_escape(match[0]), text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


def shortened(text: str, longest: int = 120) -> str:
    """A text to name a thing by; of a long one its beginning."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"


class Secrets:
    """Texts that are shown nowhere, such as a password once it is known."""

    def __init__(self) -> None:
        self._hidden: list[str] = []

    def hide(self, secret: str) -> None:
        """Put asterisks in the place of a text from now on."""
        if len(secret) >= _SHORTEST_HIDDEN and secret not in self._hidden:
            self._hidden.append(secret)

    def forget(self) -> None:
        """Show all again, as at the beginning."""
        self._hidden.clear()

    def hidden(self, text: str) -> str:
        """A text without what is to be hidden."""
        for secret in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text
