#!/bin/sh
# Installs what some tests need from the system's packages, where root and apt are at hand and it is missing.
# Otherwise those tests are skipped, and pytest prints how many and why.

has() { command -v "$1" > /dev/null 2>&1; }

missing=""
has chromium || has chromium-browser || has google-chrome || missing="$missing chromium"
has initdb || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || missing="$missing postgresql"
has redis-server || missing="$missing redis-server"
has git || missing="$missing git"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! has apt-get; then
    echo "not installed:$missing; the tests that need them are skipped (as root: apt-get install$missing)"
    exit 0
fi

echo "apt-get install$missing"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
apt-get update > "$log" 2>&1
for package in $missing; do
    # One by one: what one system calls otherwise must not keep the others away.
    apt-get install -y --no-install-recommends "$package" >> "$log" 2>&1 \
        || { echo "could not install $package; the tests that need it are skipped:"; tail -n 3 "$log"; }
done
rm -f "$log"
