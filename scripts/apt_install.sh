#!/bin/sh
# Usage: apt_install.sh PURPOSE PACKAGE...
# Installs what is missing of Debian's packages when root or passwordless sudo is at hand;
# otherwise says exactly what to install and exits 1.
set -eu

purpose=$1
shift

missing=
for package in "$@"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Needed for $purpose, what these packages of Debian hold:$missing" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    sudo=
elif sudo -n true 2>/dev/null; then
    sudo=sudo
else
    echo "Needed for $purpose, and only root can install it. Run:" >&2
    echo "    sudo apt-get install$missing" >&2
    exit 1
fi

echo "Installing for $purpose:$missing"
# $sudo and $missing are split into words on purpose.
# shellcheck disable=SC2086
{
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
}
