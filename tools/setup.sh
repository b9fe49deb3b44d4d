#!/bin/bash
# tools/setup.sh: everything that building (and with `check`, checking) Chariot needs on Debian 12.
#
#     tools/setup.sh build     system packages for the build, and .venv
#     tools/setup.sh check     the same, and what only `make check` uses (clang, CUnit ...)
#     tools/setup.sh check-more  the same, and what the long checks need, which are no part of `make check`
#     tools/setup.sh packages  the system packages for the build alone, no .venv: for images
#     tools/setup.sh system    install nothing; name the system packages that are missing, status 1 if any is
#
# As root it installs what is missing with apt-get; as anyone else it names what to install and ends with status 1.
# It does nothing when all is there, so every make target may call it. BASE_PYTHON chooses the Python of .venv.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

root=$(cd "$(dirname "$0")/.." && pwd)
base_python=${BASE_PYTHON:-/usr/bin/python3}
venv=$root/.venv
build_packages=(gcc libc6-dev pkg-config python3-dev python3-venv libgrpc-dev libssl-dev libprotobuf-c-dev protobuf-c-compiler
                libev-dev libscotch-7.0 libjansson-dev zlib1g-dev ca-certificates)
check_packages=(libcunit1-dev clang clang-format protobuf-compiler libprotobuf-dev tmux)
more_packages=(libgrpc++-dev protobuf-compiler-grpc python3-dbg valgrind openssh-server openssh-client nftables iproute2 etcd-server etcd-client
               munge slurmctld slurmd slurm-client libpmix-dev openmpi-bin
               podman buildah runc netavark aardvark-dns iptables debootstrap podman-compose)

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || echo "$package"
    done
}

# Packages of servers start them, unless this file says that nothing may be started; one that is there already stays.
without_services() {
    local policy=/usr/sbin/policy-rc.d rc=0
    [ -e "$policy" ] && { "$@"; return; }
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    "$@" || rc=$?
    rm -f "$policy"
    return $rc
}

# An install from known lists first: they are fetched only if there are none or they are too old to serve.
apt_install() {
    local quiet=(-qq -y --no-install-recommends -o Dpkg::Use-Pty=0)
    apt-get "${quiet[@]}" install "$@" >/dev/null 2>&1 && return
    apt-get -qq update
    apt-get "${quiet[@]}" install "$@" >/dev/null
}

setup_system() {
    if ! command -v dpkg-query >/dev/null; then
        echo "setup: not a Debian system: see README.md, Dependencies, for what must be there" >&2
        return
    fi
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] || [ "$mode" = system ]; then
        echo "setup: these Debian packages are missing; as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    echo "setup: installing ${missing[*]}"
    without_services apt_install "${missing[@]}"
}

# .venv sees python/ itself, and has the hook of an installation. Only written when it changes: others may be running.
write_pth() {
    local lines
    lines=$(echo "$root/python" && cat "$root/python/chariot.pth")
    [ "$(cat "$1" 2>/dev/null)" = "$lines" ] || echo "$lines" >"$1"
}

# Two stamps say what .venv was made from: .made the Python and the place, which ask for a new one when they change, and
# .setup-done the requirements. Two makes at once take turns.
setup_venv() {
    local place wanted
    exec 9<"$root/requirements.txt"
    flock 9
    place="$root $("$base_python" -VV)"
    if [ "$(cat "$venv/.made" 2>/dev/null)" != "$place" ]; then
        echo "setup: making .venv with $base_python"
        "$base_python" -m venv --clear "$venv"
        ln -sfn ../../build/release/bin/chariot "$venv/bin/chariot"
        ln -sfn ../../build/release/bin/charmrun "$venv/bin/charmrun"
        echo "$place" >"$venv/.made"
    fi
    write_pth "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/chariot.pth"
    wanted=$(sha256sum <"$root/requirements.txt")
    if [ "$(cat "$venv/.setup-done" 2>/dev/null)" != "$wanted" ]; then
        echo "setup: installing Python packages into .venv"
        rm -f "$venv/.setup-done"
        "$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$root/requirements.txt"
        echo "$wanted" >"$venv/.setup-done"
    fi
    touch "$venv/.setup-done"
}

mode=${1:-build}
case $mode in
build | check | check-more | packages | system) ;;
*)
    echo "usage: tools/setup.sh build|check|check-more|packages|system" >&2
    exit 2
    ;;
esac
wanted=("${build_packages[@]}")
[[ $mode = check* ]] && wanted+=("${check_packages[@]}")
[ "$mode" = check-more ] && wanted+=("${more_packages[@]}")
setup_system "${wanted[@]}"
[[ $mode = system || $mode = packages ]] && exit 0
setup_venv
[[ $mode = check* ]] && touch "$venv/.setup-check-done"
exit 0
