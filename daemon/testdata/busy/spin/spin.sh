#!/usr/bin/env bash
# spin.sh: keeps every core busy for as long as there is a file "hold" in
# BENCHD_DATA_DIR.
set -euo pipefail

say() { printf '%s\n' "$1" >&3; }
gate() { local name; read -r name token && [[ $name == "$1" ]]; }

spin() {
  while [[ -e $WORKLOAD_DIR/../../hold ]]; do
    for ((i = 0; i < 10000; i++)); do :; done
  done
}

say '{"type": "ready", "protocol": 1, "pid": '$$', "runtime": "'"${BASH_VERSION%%(*}"'"}'
gate start
for ((core = 0; core < $(nproc); core++)); do spin & done
wait
say '{"type": "result", "token": "'"$token"'", "elapsed_seconds": 0, "items": 1, "units": 1, "checksum": 1}'
gate exit
