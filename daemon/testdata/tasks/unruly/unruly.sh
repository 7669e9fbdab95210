#!/usr/bin/env bash
# unruly.sh: does what its model says. While there is a file "hold" in
# BENCHD_DATA_DIR, held and stubborn never end, and start processes of all
# kinds.
set -euo pipefail

say() { printf '%s\n' "$1" >&3; }
gate() { local name; read -r name token && [[ $name == "$1" ]]; }

checksum=7
say '{"type": "ready", "protocol": 1, "pid": '$$', "runtime": "'"${BASH_VERSION%%(*}"'"}'
gate start
case $WORKLOAD_MODEL in
  fails)
    echo 'the cause of it' >&2
    exit 9
    ;;
  wrong) checksum=8 ;;
  held | stubborn)
    if [[ -e $WORKLOAD_DIR/../../hold ]]; then
      [[ $WORKLOAD_MODEL == held ]] || trap '' TERM
      sleep 1000 &
      setsid sleep 1000 &
      (sleep 1000 &) # an orphan
      wait
    fi
    ;;
esac
say '{"type": "result", "token": "'"$token"'", "elapsed_seconds": 0, "items": 1, "units": 1, "checksum": '$checksum'}'
gate exit
