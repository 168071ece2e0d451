"""jamd, a daemon that plays along.

keyboard, DAW, melody file                                    DAW, synth
          │                                                       ▲
          ▼                                                       │
stage     midi_in ─► clock ─► (stamp in beats)      scheduler ─► midi_out      one process, real time
                                    │                   ▲
                             what was played      notes to play
                                    ▼                   │
player    engine.listen(event), engine.generate(window) ┘                      one process per band member
          ▲ start, supervise, settings, status: never on the note's path
desk      config, supervision, recording, systemd                              the main process
"""

import os

__version__ = "0.1.0"

# ONNX Runtime's wheels report every session to their maker and keep an identifier in the home folder, unless:
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
