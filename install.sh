#!/bin/sh
# Installs kioku-mesh for the current user. Needs no root, edits no shell files, does nothing when cut off half-way.
#
#   curl -fsSL https://github.com/OWNER/REPOSITORY/releases/latest/download/install.sh | sh
#   curl -fsSL .../install.sh | sh -s -- --version 0.4.0
#   ./install.sh --source            builds and installs from this checkout (needs only Node and npm)
#
# --version V    KIOKU_VERSION      which release                        (latest)
# --dir DIR      KIOKU_INSTALL_DIR  where the binary goes                (~/.local/bin)
# --base-url U   KIOKU_BASE_URL     where releases are served from       (the repository's releases)
set -eu

repository=kioku-mesh/kioku-mesh # `bun run release` writes the one of package.json here
self=kioku-mesh

main() {
  version=${KIOKU_VERSION:-latest}
  bin=${KIOKU_INSTALL_DIR:-${HOME:+$HOME/.local/bin}}
  base=${KIOKU_BASE_URL:-https://github.com/$repository/releases}
  source=
  while [ $# -gt 0 ]; do
    case $1 in
    --source) source=$(cd "$(dirname "$0")" && pwd) ;;
    --version | --dir | --base-url)
      [ $# -gt 1 ] || die "$1 needs a value"
      case $1 in
      --version) version=$2 ;;
      --dir) bin=$2 ;;
      --base-url) base=$2 ;;
      esac
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) die "unknown option '$1' (see --help)" ;;
    esac
    shift
  done
  version=${version#v}

  [ -n "$bin" ] || die "HOME is not set: say where to install with --dir"
  { mkdir -p "$bin" && bin=$(cd "$bin" && pwd); } || die "cannot make $bin: say where to install with --dir"
  [ ! -d "$bin/$self" ] || die "$bin/$self is a folder: say where to install with --dir"
  work=$(mktemp -d "$bin/.kioku-mesh.XXXXXX") || die "cannot write to $bin: say where to install with --dir"
  # Beside the target, so that the last step is a rename: a running old binary goes on, and no half one is ever there.
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  if [ -n "$source" ]; then build; else download; fi
  prove
  mv -f "$work/$self" "$bin/$self"
  ln -s "$self" "$work/$self-mcp"
  mv -f "$work/$self-mcp" "$bin/$self-mcp"
  say "installed $self $installed to $bin/$self (and $self-mcp, for agents)"
  advise
}

usage() {
  cat <<'USAGE'
Installs kioku-mesh for the current user, from a release or (--source) from this checkout.

  --source        build this checkout and install the result (needs Bun, or npm to get it)
  --version V     which release (latest)                        KIOKU_VERSION
  --dir DIR       where the binary goes (~/.local/bin)          KIOKU_INSTALL_DIR
  --base-url URL  where releases are served from                KIOKU_BASE_URL
USAGE
}

build() {
  say "building from $source"
  "$source/build/bun.sh" build/compile.ts --host --out "$work/dist" >/dev/null
  mv "$work/dist/$self" "$work/$self"
}

download() {
  target=$(target)
  asset=$self-$target.tar.gz
  case $version in
  latest) url=$base/latest/download ;;
  *) url=$base/download/v$version ;;
  esac
  say "downloading $asset ($version)"
  fetch "$url/SHA256SUMS" "$work/SHA256SUMS"
  fetch "$url/$asset" "$work/$asset"
  verify "$work" "$asset"
  tar -xzf "$work/$asset" -C "$work" "$self" || die "cannot unpack $asset: is the disk full?"
  rm -f "$work/$asset"
}

# The new binary runs, and remembers, before it replaces one that does. In a directory of its own and by settings of its
# own: no memory is touched, and neither a project file here nor the user's variables speak of the binary.
prove() {
  chmod 755 "$work/$self"
  mkdir "$work/proof"
  : >"$work/proof/.kioku-mesh.yaml" # the nearest project file counts
  installed=$(run --version) || die "the new binary does not run on this machine"
  installed=${installed#"$self" }
  id=$(run save "kioku-mesh remembers") || die "the new binary cannot save a memory"
  run search remembers | grep -q "${id#saved: }" || die "the new binary does not find what it saved"
  say "proved: saved a memory and found it again"
}

run() (
  cd "$work/proof"
  export HOME="$work/proof" XDG_CONFIG_HOME="$work/proof" KIOKU_MESH_STATE_DIR="$work/proof/state"
  export KIOKU_MESH_BACKEND=local KIOKU_MESH_DEFAULT_VISIBILITY=mesh
  exec "$work/$self" "$@"
)

target() {
  case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) die "no release for $(uname -s); on Windows put kioku-mesh.exe of the release into a folder on PATH" ;;
  esac
  case $(uname -m) in
  x86_64 | amd64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) die "no release for $(uname -m)" ;;
  esac
  # A shell under Rosetta says x86_64 on an arm64 Mac.
  if [ "$os-$arch" = darwin-x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then arch=arm64; fi
  libc=
  if [ "$os" = linux ] && ! glibc; then libc=-musl; fi
  echo "$os-$arch$libc"
}

# What ldd says of itself decides: a glibc machine may have musl's loader installed too.
glibc() {
  case $(ldd --version 2>&1) in
  *musl*) return 1 ;;
  *) return 0 ;;
  esac
}

fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --proto-redir =https --retry 3 --output "$2" "$1" || die "could not download $1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1" || die "could not download $1"
  else
    die "need curl or wget"
  fi
}

# No tool, no line or no match: no install.
verify() {
  want=$(awk -v file="$2" '$2 == file || $2 == "*" file { print $1 }' "$1/SHA256SUMS")
  [ -n "$want" ] || die "SHA256SUMS does not list $2"
  if command -v sha256sum >/dev/null 2>&1; then
    got=$(sha256sum "$1/$2")
  elif command -v shasum >/dev/null 2>&1; then
    got=$(shasum -a 256 "$1/$2")
  else
    die "need sha256sum or shasum to check the download"
  fi
  [ "$want" = "${got%% *}" ] || die "the checksum of $2 is ${got%% *}, expected $want: nothing was installed"
}

advise() {
  case ":$PATH:" in
  *":$bin:"*) ;;
  *) say "add it to your PATH:  export PATH=\"$bin:\$PATH\"" ;;
  esac
  first=$(command -v "$self") || first=
  case $first in
  "" | "$bin/$self") ;;
  *) say "note: $first comes before it on your PATH" ;;
  esac
  say "next: $self init, then $self mcp install"
}

say() { printf 'kioku-mesh: %s\n' "$*"; }
die() {
  printf 'kioku-mesh: error: %s\n' "$*" >&2
  exit 1
}

{ main "$@"; } # last line: a download cut short, wherever, runs nothing
