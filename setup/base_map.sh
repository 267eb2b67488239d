#!/usr/bin/env bash
# Prepares public/base_map.bin from Natural Earth's countries at 1:50 million (npm world-atlas, pinned). The result is the
# same each time; it is committed, so that a build needs neither the source nor this step.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${MERIDIAN_CACHE:-$HOME/.cache/meridian}/base-map
mkdir -p "$folder"
cp setup/base-map/package.json setup/base-map/package-lock.json "$folder/"
npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error || {
    echo "setup: world-atlas could not be fetched: is the npm registry reachable?" >&2
    exit 1
}
cargo run --release --no-default-features --features prepare --bin prepare_base_map -- \
    "$folder/node_modules/world-atlas/countries-50m.json" public/base_map.bin
