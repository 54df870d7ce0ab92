#!/bin/sh
# Makes targets `emulated:*` usable: installs qemu-user and the arm64 system libraries where they are missing.
# The exit status is 0 in any case: the host target needs none of this.
set -eu

here=$(dirname "$0")

[ -n "$(sh "$here/emulation_trouble.sh")" ] || exit 0
sh "$here/apt_install.sh" "the emulated ARM core" \
    qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross || true

trouble=$(sh "$here/emulation_trouble.sh")
[ -n "$trouble" ] || exit 0
echo "No emulated ARM core on this machine:" >&2
echo "$trouble" | sed 's/^/    /' >&2
