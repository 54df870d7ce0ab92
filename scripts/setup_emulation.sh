#!/bin/sh
# Usage: setup_emulation.sh [--check]
# Makes targets `emulated:*` usable: qemu-user with plugins and the arm64 system libraries.
# --check installs nothing and exits 1, saying what is missing, when they are not usable.
# Without it the exit status is 0 in any case: the host target needs none of this.
set -eu

here=$(dirname "$0")
sysroot=/usr/aarch64-linux-gnu

missing() {
    if ! command -v qemu-aarch64 >/dev/null; then
        echo "qemu-aarch64 is not installed"
    elif ! qemu-aarch64 -help | grep -q -e '-plugin'; then
        echo "qemu-aarch64 was built without plugins"
    fi
    for library in ld-linux-aarch64.so.1 libc.so.6 libstdc++.so.6 libgcc_s.so.1; do
        [ -e "$sysroot/lib/$library" ] || echo "$sysroot/lib/$library is missing"
    done
}

if [ "${1:-}" != --check ] && [ -n "$(missing)" ]; then
    sh "$here/apt_install.sh" "the emulated ARM core" \
        qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross || true
fi

still=$(missing)
[ -n "$still" ] || exit 0
echo "No emulated ARM core on this machine:" >&2
echo "$still" | sed 's/^/    /' >&2
[ "${1:-}" != --check ]
