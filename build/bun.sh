#!/bin/sh
# Runs Bun with the arguments given, in this checkout, with its dependencies installed. Takes the Bun on PATH where it is
# the version this project pins, else one from npm, kept in .cache/ of the checkout.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
pinned=$(sed -n 's/.*"packageManager": "bun@\([^"]*\)".*/\1/p' package.json)

is_pinned() { [ "$("$1" --version 2>/dev/null)" = "$pinned" ]; }

if bun=$(command -v bun) && is_pinned "$bun"; then
  :
else
  bun=$root/.cache/bun/node_modules/.bin/bun
  if ! is_pinned "$bun"; then
    command -v npm >/dev/null 2>&1 || {
      echo "error: this needs Bun $pinned, or npm to get it" >&2
      exit 1
    }
    echo "getting Bun $pinned from npm ..." >&2
    npm install --prefix "$root/.cache/bun" --no-audit --no-fund --no-update-notifier --loglevel=error "bun@$pinned" >&2
    is_pinned "$bun" || {
      echo "error: Bun $pinned does not run on this machine" >&2
      exit 1
    }
  fi
fi

PATH=$(dirname "$bun"):$PATH
export PATH
"$bun" install --frozen-lockfile --silent >&2
exec "$bun" "$@"
