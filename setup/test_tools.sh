#!/usr/bin/env bash
# Installs what the tests need: Chromium, real exporters and readers of PDFs from Debian (when root), the browser driver from npm.
# Does nothing when all of it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
say() { printf 'setup: %s\n' "$*"; }

declare -A package=(
    [chromium]=chromium [softflowd]=softflowd [pmacctd]=pmacct [nfcapd]=nfdump [sfcapd]=nfdump-sflow [openssl]=openssl
    [pdftotext]=poppler-utils [faketime]=faketime
)
missing=()
for command in "${!package[@]}"; do
    PATH=$PATH:/usr/sbin command -v "$command" >/dev/null || missing+=("${package[$command]}")
done
if ((${#missing[@]})); then
    if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then
        say "installing ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
            fail "Debian's packages ${missing[*]} could not be installed: is the package mirror reachable?"
    else
        fail "the tests need ${missing[*]}: install them (Debian, as root: apt-get install ${missing[*]}), then run make again"
    fi
fi

if ! cmp -s end2end/package-lock.json end2end/node_modules/.package-lock.copy; then
    say "fetching the browser driver"
    npm ci --prefix end2end --no-audit --no-fund --loglevel=error ||
        fail "the browser driver could not be fetched: is the npm registry reachable?"
    cp end2end/package-lock.json end2end/node_modules/.package-lock.copy
fi
