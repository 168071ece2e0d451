"""jamd, a daemon that plays along.

keyboard, DAW, melody file                                          DAW, synthesiser
          │                                                         ▲
          ▼                                                         │
stage     inbox ─► clock source ─► performance ─► timeline ─► output, ledger       one process, real time
                                    │       ▲
                                  calls   actions, plans
                                    ▼       │
player    engine.listen(event), engine.generate(window)                            one process per band member
          ▲ start, replace, reload, commands: never on the note's path
desk      configuration, supervision, recording, terminal, systemd                 the main process

docs/architecture.md has the whole picture.
"""

import os

__version__ = "0.1.0"

# ONNX Runtime's wheels report every session to their maker and keep an identifier in the home folder, unless (whatever
# the environment says; child processes inherit the value):
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
