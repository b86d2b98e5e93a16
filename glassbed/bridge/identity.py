"""The bridge's Ed25519 key: made at pairing, never leaves. It signs, and seals what lies on the disk."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from glassbed.bridge.home import Home
from glassbed.protocol.comparison import comparison_words
from glassbed.protocol.errors import Invalid

_KEY_BYTES = 32
_NONCE_BYTES = 12


def base64url(content: bytes) -> str:
    """Encode without padding, as the server expects it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Seal:
    """AES-256-GCM with a random nonce. A label says what is inside, so that nothing can be put elsewhere."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, content: bytes, label: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, label.encode())

    def open(self, sealed: bytes, label: str) -> bytes | None:
        """Return the content, or nothing if it was damaged, moved or made with another key."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], label.encode())
        except (InvalidTag, ValueError):
            return None


class Identity:
    """Who this bridge is."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.public_key = private_key.public_key().public_bytes_raw()

    @classmethod
    def load(cls, home: Home) -> "Identity | None":
        raw = home.read("key")
        if raw is None:
            return None
        if len(raw) != _KEY_BYTES:
            raise Invalid("The bridge's key is damaged. Run `glassbed bridge forget`, then pair again.")
        return cls(Ed25519PrivateKey.from_private_bytes(raw))

    @classmethod
    def load_or_make(cls, home: Home) -> "Identity":
        identity = cls.load(home)
        if identity is None:
            private_key = Ed25519PrivateKey.generate()
            home.write("key", private_key.private_bytes_raw())
            identity = cls(private_key)
        return identity

    @property
    def words(self) -> str:
        """What a person compares between terminal and browser."""
        return comparison_words(self.public_key)

    def sign(self, text: str) -> str:
        return base64url(self._private_key.sign(text.encode()))

    def seal(self, purpose: str) -> Seal:
        """Derive the sealing key of one purpose from the private key."""
        derivation = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"glassbed-bridge:" + purpose.encode())
        return Seal(derivation.derive(self._private_key.private_bytes_raw()))
