#!/bin/bash
# test/containers/bare.sh [LABEL...]: the commands of docs/manual/containers.md where a newcomer stands: in a fresh Debian 12 with
# git and podman's packages only, in a clone of what is committed here. Builds the image and runs heat on 4 containers, by podman
# and by podman-compose.
#
# Needs what test/bare_root.sh needs, which makes that Debian. It runs in a container that may do anything, as podman in it must;
# the base image's tarball is shared with the tests here (engine.py), for no registry may be within reach.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${CHARIOT_CONTAINERS_DIR:-/var/tmp/chariot-containers}
packages="podman buildah runc netavark aardvark-dns iptables debootstrap podman-compose"
mkdir -p "$cache"
export CHARIOT_BARE_RUN="--privileged --volume $cache:/var/tmp/chariot-containers"
exec "$here/../bare_root.sh" "
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update && apt-get -qq -y install --no-install-recommends $packages >/dev/null &&
    python3 test/containers/page.py ${*:-image four compose}"
