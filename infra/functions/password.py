"""What MySQL keeps of a password by `caching_sha2_password`: SHA-crypt, which Python's library has no more.

A statement with the password itself would stand in the audit log of the database.
"""

import hashlib
import secrets
import string

ROUNDS = 5_000
SALT_LENGTH = 20
_ALPHABET = "./" + string.digits + string.ascii_uppercase + string.ascii_lowercase
_ORDER = [(0, 10, 20), (21, 1, 11), (12, 22, 2), (3, 13, 23), (24, 4, 14), (15, 25, 5), (6, 16, 26), (27, 7, 17)]
_ORDER += [(18, 28, 8), (9, 19, 29)]


def hashed(password: str, salt: str | None = None) -> str:
    """The text behind `IDENTIFIED WITH caching_sha2_password AS`; it holds no quote, backslash or colon."""
    salt = salt or "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(SALT_LENGTH))
    return f"$A${ROUNDS // 1000:03}${salt}{_encoded(_digest(password.encode(), salt.encode()))}"


def _digest(password: bytes, salt: bytes) -> bytes:
    """As https://www.akkadia.org/drepper/SHA-crypt.txt has it, step by step."""
    length, other = len(password), _sha256(password + salt + password)
    mixed = password + salt + _filled(other, length)
    for bit in reversed(f"{length:b}") if length else "":
        mixed += other if bit == "1" else password
    digest = _sha256(mixed)
    word = _filled(_sha256(password * length), length)
    grain = _filled(_sha256(salt * (16 + digest[0])), len(salt))
    for number in range(ROUNDS):
        mixed = word if number % 2 else digest
        mixed += grain if number % 3 else b""
        mixed += word if number % 7 else b""
        digest = _sha256(mixed + (digest if number % 2 else word))
    return digest


def _encoded(digest: bytes) -> str:
    groups = [(digest[first] << 16 | digest[second] << 8 | digest[third], 4) for first, second, third in _ORDER]
    groups.append((digest[31] << 8 | digest[30], 3))
    return "".join(_ALPHABET[value >> 6 * place & 63] for value, length in groups for place in range(length))


def _sha256(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def _filled(text: bytes, length: int) -> bytes:
    return (text * (length // len(text) + 1))[:length]
