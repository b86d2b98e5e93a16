"""A bridge's public key as people compare it: at the terminal and in the browser, letter by letter.

The words are proquints (Wilkerson 2009: 16 bits as five letters that can be said aloud); no word list.
"""

import hashlib

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"
_WORDS = 5


def comparison_words(public_key: bytes) -> str:
    """Return 80 bits of the key's hash as five words: "lusab-babad-gutih-tugad-kivop"."""
    digest = hashlib.sha256(b"glassbed-comparison:" + public_key).digest()
    return "-".join(_word(int.from_bytes(digest[2 * i : 2 * i + 2])) for i in range(_WORDS))


def _word(bits: int) -> str:
    """Say 16 bits: consonant, vowel, consonant, vowel, consonant."""
    return (
        _CONSONANTS[bits >> 12]
        + _VOWELS[bits >> 10 & 3]
        + _CONSONANTS[bits >> 6 & 15]
        + _VOWELS[bits >> 4 & 3]
        + _CONSONANTS[bits & 15]
    )
