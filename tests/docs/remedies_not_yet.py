"""Reasons whose remedy no test does yet; it only gets shorter.

A new error comes with a test that causes it, does what its remedy says, and sees the command or the run succeed.
"""

NOT_YET: frozenset[str] = frozenset({})
