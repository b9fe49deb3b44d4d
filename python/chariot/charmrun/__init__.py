"""The old way to launch: `python -m charmrun.start +p4 prog.py`, where CHARIOT_CHARM4PY is set."""
