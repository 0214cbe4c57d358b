"""The keystore's format, written from its description in proxy/signer/keystore_format.h alone: scrypt and AES-256-GCM by
another library, so that the tests judge the program by the description."""
import hashlib
import os
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MAGIC = b"countersign-keys"
HEADER, SALT, NONCE, TAG, DIGEST = 64, 32, 12, 16, 32
FOR_HEADER, FOR_SEAL, FOR_API_KEY, FOR_API_SECRET = b"\1", b"\2", b"\3", b"\4"
QUICK = 14  # log2 of N: the least that the program takes


def derive(passphrase, salt, log2_n, r, p):
    return Scrypt(salt=salt, length=32, n=2**log2_n, r=r, p=p).derive(passphrase.encode())


def checksum(body):
    return body + hashlib.sha256(body).digest()


def with_new_checksum(file):
    """What somebody's hand would do: the checksum needs no key."""
    return checksum(file[:-DIGEST])


@dataclass
class Entry:
    name: str
    api_key: str
    api_secret: str
    generation: int = 1
    added: int = 1764000000
    rotated: int = 0

    def head(self):
        name = self.name.encode()
        return bytes([len(name)]) + name + struct.pack("<QQQ", self.generation, self.added, self.rotated)


@dataclass
class Keystore:
    passphrase: str
    entries: list = field(default_factory=list)
    log2_n: int = QUICK
    r: int = 8
    p: int = 1
    salt: bytes = field(default_factory=lambda: os.urandom(SALT))
    version: int = 1

    def header(self):
        return MAGIC + struct.pack("<IIII", self.version, self.log2_n, self.r, self.p) + self.salt

    def key(self):
        if not hasattr(self, "_key"):
            self._key = derive(self.passphrase, self.salt, self.log2_n, self.r, self.p)
        return self._key

    def sealed(self, plain, associated):
        nonce = os.urandom(NONCE)
        return nonce, AESGCM(self.key()).encrypt(nonce, plain, associated)

    def part(self, purpose, entry, text):
        nonce, sealed = self.sealed(text.encode(), purpose + self.header() + entry.head())
        return nonce + struct.pack("<H", len(text)) + sealed

    def encrypted(self, entry):
        return (entry.head() + self.part(FOR_API_KEY, entry, entry.api_key) +
                self.part(FOR_API_SECRET, entry, entry.api_secret))

    def assemble(self, entries):
        """The file of these entries' bytes, sealed by one who knows the passphrase."""
        body = self.header() + b"".join(self.sealed(b"", FOR_HEADER + self.header()))
        body += struct.pack("<I", len(entries)) + b"".join(entries)
        return checksum(body + b"".join(self.sealed(b"", FOR_SEAL + body)))

    def file(self):
        return self.assemble([self.encrypted(entry) for entry in self.entries])

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(self.file())
        path.chmod(0o600)
        return path


class Reader:
    """Cuts a file into its parts, checks each, and decrypts."""

    def __init__(self, file, passphrase):
        self.file, self.at = file, 0
        assert file[-DIGEST:] == hashlib.sha256(file[:-DIGEST]).digest()
        self.header = self.take(HEADER)
        assert self.header[:16] == MAGIC
        self.version, self.log2_n, self.r, self.p = struct.unpack("<IIII", self.header[16:32])
        self.key = derive(passphrase, self.header[32:], self.log2_n, self.r, self.p)
        self.open(self.take(NONCE), self.take(TAG), FOR_HEADER + self.header)
        count, = struct.unpack("<I", self.take(4))
        self.nonces = [self.file[HEADER:HEADER + NONCE]]
        self.entries = [self.entry() for _ in range(count)]
        sealed_bytes = self.file[:self.at]
        self.nonces.append(self.file[self.at:self.at + NONCE])
        self.open(self.take(NONCE), self.take(TAG), FOR_SEAL + sealed_bytes)
        assert self.at == len(file) - DIGEST

    def take(self, length):
        part = self.file[self.at:self.at + length]
        assert len(part) == length
        self.at += length
        return part

    def open(self, nonce, sealed, associated):
        return AESGCM(self.key).decrypt(nonce, sealed, associated)

    def part(self, purpose, head):
        nonce = self.take(NONCE)
        self.nonces.append(nonce)
        length, = struct.unpack("<H", self.take(2))
        return self.open(nonce, self.take(length + TAG), purpose + self.header + head).decode()

    def entry(self):
        begin = self.at
        name = self.take(self.take(1)[0]).decode()
        generation, added, rotated = struct.unpack("<QQQ", self.take(24))
        head = self.file[begin:self.at]
        return Entry(name, self.part(FOR_API_KEY, head), self.part(FOR_API_SECRET, head), generation, added, rotated)


def opens(file, passphrase):
    try:
        return bool(Reader(file, passphrase))
    except InvalidTag:
        return False
