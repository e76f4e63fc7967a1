"""`doctor`: prints what app/doctor.py finds."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from app.doctor import examine
from app.settings import read_settings


def run(arguments: Namespace) -> int:
    checks = examine(read_settings(vars(arguments)))
    if arguments.json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        print("\n".join(map(str, checks)))
    return 0 if all(check.ok or not check.needed for check in checks) else 1
