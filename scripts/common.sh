# shellcheck shell=bash
# What the scripts share. Sourced, not run.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# Build products of their own for each kind of build, all under .build, which git ignores.
export SLUICE_BUILD="${SLUICE_BUILD:-$PWD/.build}"

# Every import must be declared in Package.swift: the floors of the house stay floors.
# shellcheck disable=SC2034
strict=(--explicit-target-dependency-import-check error)

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Prints the comment at the head of the calling script as its help.
help() {
  sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "scripts/$(basename "$0")"
  exit 0
}

# A TCP port that is free on this machine.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
