#!/bin/bash
# test/bare_root.sh [COMMAND...]: runs `make demo` and `make check` (or COMMAND) where a newcomer stands: in a fresh
# Debian 12 with git and make only, in a clone of what is committed here.
#
# Needs root, debootstrap and podman. The root's tarball is made once and kept in $CHARIOT_BARE_DIR (/var/tmp/chariot-bare);
# each run unpacks it anew and removes it at the end. What this machine needs to reach package servers (resolv.conf, its
# own certificate authorities, apt's and pip's settings) is passed on into the root and written nowhere else.
set -euo pipefail
export LC_ALL=C

repo=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
dir=${CHARIOT_BARE_DIR:-/var/tmp/chariot-bare}
tarball=$dir/bookworm.tar
command=${*:-make demo && make check}
[ "$(id -u)" -eq 0 ] || { echo "bare_root: needs root" >&2; exit 1; }
for tool in debootstrap podman; do
    command -v $tool >/dev/null || { echo "bare_root: needs $tool" >&2; exit 1; }
done
mkdir -p "$dir"
root=$(mktemp -d "$dir/root.XXXXXX")
trap 'rm -rf "$root"' EXIT

if [ ! -f "$tarball" ]; then
    echo "bare_root: making $tarball"
    debootstrap --variant=minbase --include=git,make bookworm "$root" >"$dir/debootstrap.log"
    tar -C "$root" -cf "$tarball.new" .
    mv "$tarball.new" "$tarball"
else
    tar -C "$root" -xf "$tarball"
fi

chmod 755 "$root" # mktemp made it for us alone, and it is everybody's / in there
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
for path in /usr/local/share/ca-certificates /etc/pip.conf $(grep -lsirE 'proxy|check-(date|valid)' /etc/apt/apt.conf.d /etc/apt/apt.conf); do
    [ -e "$path" ] || continue
    mkdir -p "$root$(dirname "$path")"
    cp -rT "$path" "$root$path"
done
pass=()
for name in http_proxy https_proxy no_proxy PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
    [ -n "${!name:-}" ] && pass+=(--env "$name")
done
git clone -q --no-hardlinks "$repo" "$root/root/chariot"

echo "bare_root: $command"
# shellcheck disable=SC2086 # CHARIOT_BARE_RUN: more options of podman's (test/containers/bare.sh)
podman --runtime runc run --rm --net host ${CHARIOT_BARE_RUN:-} --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 "${pass[@]}" \
    --workdir /root/chariot --rootfs "$root" bash -c "$command"$'\nexit $?' # bash stays, as the init that collects orphans
