"""With --offline nothing beyond this machine is reached: tried in a process of its own, as there is no way back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from conftest import Site

ROOT = Path(__file__).parents[1]
TRIES = """
import asyncio, json, socket, sys, urllib.request
from app import cli
assert cli.main(["parse", "no.pdf", "--offline"]) == 2
from huggingface_hub import snapshot_download

def datagram(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        out.sendto(b"x", address)

async def stream(host, port):
    (await asyncio.open_connection(host, port))[1].close()

def connect(family, address):
    with socket.socket(family) as out:
        out.settimeout(5)
        out.connect(address)

site = int(sys.argv[1])
ways = {
    "connect": lambda: connect(socket.AF_INET, ("192.0.2.1", 80)),
    "connect by name": lambda: socket.create_connection(("example.com", 80), 5),
    "connect 6": lambda: connect(socket.AF_INET6, ("2001:db8::1", 80)),
    "datagram": lambda: datagram(socket.AF_INET, ("192.0.2.1", 53)),
    "datagram 6": lambda: datagram(socket.AF_INET6, ("2001:db8::1", 53)),
    "name": lambda: socket.getaddrinfo("example.com", 80),
    "old name": lambda: socket.gethostbyname("example.com"),
    "url": lambda: urllib.request.urlopen("http://192.0.2.1/", timeout=5),
    "asyncio": lambda: asyncio.run(stream("192.0.2.1", 80)),
    "asyncio by name": lambda: asyncio.run(stream("example.com", 80)),
    "hub": lambda: snapshot_download("nobody/nothing"),
    "HERE url": lambda: urllib.request.urlopen(f"http://127.0.0.1:{site}/a", timeout=5),
    "HERE localhost": lambda: connect(socket.AF_INET, ("localhost", site)),
    "HERE asyncio": lambda: asyncio.run(stream("127.0.0.1", site)),
    "HERE datagram": lambda: datagram(socket.AF_INET, ("127.0.0.1", 9)),
}
came = {}
for name, way in ways.items():
    try:
        way()
        came[name] = "reached"
    except Exception as error:
        came[name] = f"{type(error).__name__}: {error}"
print(json.dumps(came))
"""


def test_nothing_beyond_this_machine_is_reached(site: Site) -> None:
    site.put("/a", "here")
    port = site.address.rpartition(":")[2]
    done = subprocess.run([sys.executable, "-c", TRIES, port], cwd=ROOT, capture_output=True, text=True, check=True)
    came = json.loads(done.stdout.splitlines()[-1])
    assert {name: what for name, what in came.items() if name.startswith("HERE") and what != "reached"} == {}
    beyond = {name: what for name, what in came.items() if not name.startswith("HERE")}
    said = ("offline: ", "OfflineModeIsEnabled", "LocalEntryNotFoundError")
    assert len(beyond) == 11 and all(any(word in what for word in said) for what in beyond.values()), beyond


RESUME = """
import socket, sys
from pathlib import Path
from PIL import Image
from agent.store import Recording
from agent.trajectory import Step
from app import cli
from tools.environment import Screenshot
settings = {"offline": True, "url": "about:blank"}
with Recording(Path(sys.argv[1]), "Look", "tiny", "tiny", settings) as recording:
    recording.outcome(Step(0, Screenshot(Image.new("RGB", (8, 6)))))
assert cli.main(["act", "--resume", str(recording.folder), "--model", "no/such model"]) == 2
with socket.socket() as out:
    out.settimeout(5)
    out.connect(("192.0.2.1", 80))
"""


def test_a_run_that_was_offline_goes_on_offline(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", RESUME, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert "Offline: offline: 192.0.2.1 is not contacted" in done.stderr, done.stderr
