"""Real proxies with TLS in front of a server, with the configs of the guide: nginx, Caddy and HAProxy.

Their programs come from the system's packages; a test says which is missing.
"""

import asyncio
import os
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import trustme
from support.docs import DOCS, blocks

GUIDE: Final = "how-to/reach-the-server-from-elsewhere.md"
"""The page whose configs they run."""

_NGINX: Final = """
daemon off;
pid {folder}/pid;
error_log stderr;
{user}
events {{}}
http {{
access_log off;
client_body_temp_path {folder}/body;
proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi;
scgi_temp_path {folder}/scgi;
{guide}
}}
"""

_CADDY: Final = """
{{
  admin off
  auto_https off
  storage file_system {folder}/storage
}}
{guide}
"""

_HAPROXY: Final = """
defaults
  timeout connect 5s
  timeout client 50s
  timeout server 50s
{guide}
"""
"""With the times that the package of Debian sets."""


class Kind(NamedTuple):
    """A program that is a proxy."""

    package: str
    """The package of Debian that has it."""
    language: str
    """That of its block in the guide."""
    around: str
    """What stands around the guide's text in its config here."""
    places: Mapping[str, str]
    """What the guide's text names, and what takes its place here."""
    words: Callable[[str, Path], list[str]]
    """How it is started: its path, and that of its config."""


KINDS: Final = {
    "nginx": Kind(
        "nginx-light",
        "nginx",
        _NGINX,
        {
            "listen 443 ssl;": "listen 127.0.0.1:{port} ssl;",
            "server_name jobs.example.org;": "server_name localhost;",
            "/etc/ssl/jobs.pem": "{folder}/cert.pem",
            "/etc/ssl/jobs.key": "{folder}/key.pem",
        },
        lambda path, config: [path, "-c", str(config)],
    ),
    "caddy": Kind(
        "caddy",
        "caddyfile",
        _CADDY,
        {
            "jobs.example.org {": "https://localhost:{port} {\n"
            "  bind 127.0.0.1\n  tls {folder}/cert.pem {folder}/key.pem"
        },
        lambda path, config: [path, "run", "--adapter", "caddyfile", "--config", str(config)],
    ),
    "haproxy": Kind(
        "haproxy",
        "haproxy",
        _HAPROXY,
        {"bind :443": "bind 127.0.0.1:{port}", "/etc/ssl/jobs-both.pem": "{folder}/both.pem"},
        lambda path, config: [path, "-db", "-f", str(config)],
    ),
}

_PATH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


class Front(NamedTuple):
    """A proxy that is up."""

    url: str
    """Where people reach the server."""
    trust: ssl.SSLContext
    """What knows its certificate."""


def free_port() -> int:
    """A port of this machine that nothing listens on for now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def path_of(name: str) -> str:
    """The program of this proxy; the test is skipped where it is not installed."""
    path = shutil.which(name, path=_PATH)
    if path is None:
        pytest.skip(f"{name} is not here: apt-get install {KINDS[name].package}")
    return path


@asynccontextmanager
async def proxy(name: str, folder: Path, port: int, behind: int) -> AsyncIterator[Front]:
    """One at ``port``, before the server at ``behind``."""
    path, kind = path_of(name), KINDS[name]
    authority = trustme.CA()
    config = _prepared(kind, authority, folder, port, behind)
    home = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (folder / "said").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *kind.words(path, config), stdout=said, stderr=said, env=home
        )
    try:
        await _answers(process, port, folder / "said")
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        yield Front(f"https://localhost:{port}", trust)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _prepared(kind: Kind, authority: trustme.CA, folder: Path, port: int, behind: int) -> Path:
    """Its config, with all that this names."""
    folder.mkdir(exist_ok=True)
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    config = folder / "config"
    user = "user root;" if os.getuid() == 0 else ""
    guide = _of_the_guide(kind, folder, port, behind)
    config.write_text(kind.around.format(folder=folder, user=user, guide=guide))
    return config


def _of_the_guide(kind: Kind, folder: Path, port: int, behind: int) -> str:
    """The guide's own config, but for its ports, names and files."""
    [text] = [block.text for block in blocks(DOCS / GUIDE) if block.info == (kind.language,)]
    for there, here in {"127.0.0.1:1937": f"127.0.0.1:{behind}", **kind.places}.items():
        assert text.count(there) == 1, there
        text = text.replace(there, here.replace("{port}", str(port)).replace("{folder}", str(folder)))
    return text


def _said(file: Path) -> str:
    return file.read_text("utf-8", "replace")


async def _answers(process: asyncio.subprocess.Process, port: int, said: Path) -> None:
    async with asyncio.timeout(30):
        while True:
            assert process.returncode is None, _said(said)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
