"""`app`: the page, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from argparse import Namespace
from types import FrameType

from app.serve import Door, can_open, open_page, served
from app.settings import data_folder, read_settings


def run(arguments: Namespace) -> int:
    settings = read_settings(vars(arguments))
    door = Door(arguments.host, arguments.port, os.environ.get("HANDEYE_PASSWORD", ""))
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)
    with served(settings, data_folder(), door) as address:
        print(f"Handeye is at {address}\nCtrl-C stops it.", flush=True)
        if arguments.open if arguments.open is not None else can_open():
            open_page(address)
        while not stopped.wait(1):  # a wait without end would not hear the signals on Windows
            pass
    print("stopped")
    return 0
