#!/usr/bin/env bash
# Installs what building needs into $MERIDIAN_CACHE: the wasm target, cargo-leptos, wasm-bindgen, wasm-opt, cargo-deny.
# Does nothing when all of it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${MERIDIAN_CACHE:-$HOME/.cache/meridian}
tools=$cache/tools
cargo_leptos=0.3.10
cargo_deny=0.20.2
# wasm-bindgen's two halves must be of one version: Cargo.toml says which.
wasm_bindgen=$(sed -nE 's/^wasm-bindgen = .*"=([0-9.]+)".*/\1/p' Cargo.toml)

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
say() { printf 'setup: %s\n' "$*"; }

command -v cargo >/dev/null || fail "Rust is missing: install it (rustup, stable 1.95 or newer), then run make again"
command -v cc >/dev/null || fail "a C compiler is missing: install gcc or clang (Debian: apt-get install build-essential)"
command -v npm >/dev/null || fail "Node.js with npm is missing: install Node.js 20 or newer (Debian: apt-get install nodejs npm)"
rust=$(rustc --version | sed -E 's/^rustc ([0-9]+)\.([0-9]+).*/\1 \2/')
read -r major minor <<<"$rust"
((major > 1 || minor >= 95)) || fail "Rust $major.$minor is too old: Meridian needs 1.95 (rustup update stable)"

if [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]; then
    command -v rustup >/dev/null || fail "the target wasm32-unknown-unknown is missing: install it the way Rust was installed"
    say "adding the Rust target wasm32-unknown-unknown"
    rustup target add wasm32-unknown-unknown
fi

# Unoptimised builds of these tools are ready sooner, and fast enough.
install_crate() {
    local crate=$1 version=$2
    shift 2
    local mark=$tools/.installed/$crate-$version
    [ -e "$mark" ] && return
    say "building $crate $version (minutes, once)"
    env CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$cache/tools-target" \
        cargo install --quiet --root "$tools" --debug "$@" "$crate@$version" ||
        fail "$crate $version could not be built: is the crates registry reachable?"
    mkdir -p "$tools/.installed" && touch "$mark"
}
install_crate cargo-leptos "$cargo_leptos" --locked
# Not --locked: its lock file may name versions newer than a mirror has.
install_crate wasm-bindgen-cli "$wasm_bindgen"
install_crate cargo-deny "$cargo_deny" --locked
rm -rf "$cache/tools-target"

if ! cmp -s setup/build-tools/package-lock.json "$cache/build-tools/package-lock.json" ||
    [ ! -x "$cache/build-tools/node_modules/.bin/wasm-opt" ]; then
    say "fetching wasm-opt (binaryen)"
    mkdir -p "$cache/build-tools"
    cp setup/build-tools/package.json setup/build-tools/package-lock.json "$cache/build-tools/"
    npm ci --prefix "$cache/build-tools" --no-audit --no-fund --loglevel=error ||
        fail "wasm-opt could not be fetched: is the npm registry reachable?"
fi
