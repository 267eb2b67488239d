#!/usr/bin/env bash
# Installs cargo-fuzz into $MERIDIAN_CACHE. Does nothing when it is there. Stable Rust is enough: the targets are built for
# coverage, without a sanitizer, for there is no unsafe code in what they reach.
set -euo pipefail

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

tools=${MERIDIAN_CACHE:-$HOME/.cache/meridian}/tools
cargo_fuzz=0.13.2
command -v c++ >/dev/null || fail "a C++ compiler is missing: install g++ or clang (Debian: apt-get install g++)"
if [ ! -e "$tools/.installed/cargo-fuzz-$cargo_fuzz" ]; then
    printf 'setup: building cargo-fuzz %s (a minute, once)\n' "$cargo_fuzz"
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --root "$tools" --debug "cargo-fuzz@$cargo_fuzz" ||
        fail "cargo-fuzz $cargo_fuzz could not be built: is the crates registry reachable?"
    mkdir -p "$tools/.installed" && touch "$tools/.installed/cargo-fuzz-$cargo_fuzz"
fi
