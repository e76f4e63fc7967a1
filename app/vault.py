"""The vault: secrets of this user, in the system's keyring, or in an encrypted file where there is none."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from getpass import getpass
from pathlib import Path

import keyring
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.settings import data_folder
from tools.disk import write_whole, writing
from tools.errors import UserError
from tools.secrets import NAMED, SHORTEST, Secret, Secrets
from tools.url_rules import BadAddress, origin

SERVICE = "handeye"
PASSPHRASE = "HANDEYE_VAULT"  # the variable that opens the file where nobody can be asked
ADD = "python3 launch.py secrets add NAME --for https://HOST"


class Vault:
    """Names and where they are for lie in secrets.json; what they stand for in the keyring or, encrypted, beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser()
        self.index, self.file = self.folder / "secrets.json", self.folder / "secrets.enc"
        self.has_keyring = keyring.get_keyring().priority > 0

    def names(self) -> dict[str, str]:
        """Each name and the origin it is bound to."""
        if not self.index.is_file():
            return {}
        names: dict[str, str] = json.loads(self.index.read_bytes())
        return names

    def add(self, name: str, value: str, address: str) -> None:
        """Raises UserError."""
        if not NAMED.fullmatch(f"{{{{{name}}}}}"):
            raise UserError(f"{name!r} is no name for a secret; use letters, digits, - and _")
        if len(value) < SHORTEST or "\n" in value:
            raise UserError(f"a secret is one line of at least {SHORTEST} characters")
        try:
            bound = origin(address if "://" in address else f"https://{address}")
        except BadAddress as error:
            raise UserError(f"--for {address}: {error}; give it as https://host") from error
        if self.has_keyring:
            keyring.set_password(SERVICE, name, value)
        else:
            self._write({**self._read(), name: value})
        self._keep({**self.names(), name: bound})

    def remove(self, name: str) -> None:
        """Raises UserError when there is none of this name."""
        names = self.names()
        if names.pop(name, None) is None:
            raise UserError(f"there is no secret {name!r}")
        if self.has_keyring:
            keyring.delete_password(SERVICE, name)
        else:
            self._write({key: value for key, value in self._read().items() if key != name})
        self._keep(names)

    def of_task(self, task: str) -> Secrets:
        """Those that the task names, and no other. Raises UserError when one is missing."""
        wanted, names = set(NAMED.findall(task)), self.names()
        if missing := sorted(wanted - set(names)):
            raise not_there(missing[0])
        kept: Mapping[str, str | None] = {}
        if wanted:
            kept = {name: keyring.get_password(SERVICE, name) for name in wanted} if self.has_keyring else self._read()
        found = {name: Secret(value, names[name]) for name in wanted if (value := kept.get(name))}
        if lost := sorted(wanted - set(found)):
            raise not_there(lost[0])
        return Secrets(found)

    def _read(self) -> dict[str, str]:
        if not self.file.is_file():
            return {}
        salt, sealed = self.file.read_bytes().split(b"\n", 1)
        try:
            values: dict[str, str] = json.loads(lock(salt).decrypt(sealed))
        except InvalidToken as error:
            text = f"this passphrase does not open {self.file}; set {PASSPHRASE} to the one that it was made with"
            raise UserError(text, f"密码无法打开 {self.file}；请将 {PASSPHRASE} 设为创建时所用的密码") from error
        return values

    def _write(self, values: Mapping[str, str]) -> None:
        salt = self.file.read_bytes().split(b"\n", 1)[0] if self.file.is_file() else base64.b64encode(os.urandom(16))
        self._replace(self.file, salt + b"\n" + lock(salt).encrypt(json.dumps(values).encode()))

    def _keep(self, names: Mapping[str, str]) -> None:
        self._replace(self.index, json.dumps(names, indent=2).encode())

    def _replace(self, path: Path, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with writing(self.folder):
            write_whole(path, content, mode=0o600)


def not_there(name: str) -> UserError:
    add = ADD.replace("NAME", name)
    return UserError(f"there is no secret {name}; add it first: {add}", f"没有机密 {name}，请先添加：{add}")


def vault() -> Vault:
    """This user's."""
    return Vault(data_folder())


def lock(salt: bytes) -> Fernet:
    """Raises UserError when there is nobody to ask for the passphrase."""
    given = os.environ.get(PASSPHRASE) or (getpass("passphrase of the vault: ") if sys.stdin.isatty() else "")
    if not given:
        text = f"this system has no keyring; set {PASSPHRASE} to a passphrase for the encrypted file"
        raise UserError(text, f"本系统没有密钥环；请将 {PASSPHRASE} 设为加密文件的密码")
    key = Scrypt(salt=base64.b64decode(salt), length=32, n=2**15, r=8, p=1).derive(given.encode())
    return Fernet(base64.urlsafe_b64encode(key))
