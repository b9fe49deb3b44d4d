#!/bin/bash
# `chariot` as the conformance tests call it (CHARIOT_TEST_BIN), for jobs in the containers host0 to host3, which are there and
# idle: a job of n PEs has n members, four at most. Called as `python`, it is that of host0. MEMBER_USER: who runs it there.
set -u
env=(--env "CHARIOT_JOB=job-$$" --env CHARIOT_HEAD=host0:7227 --env CHARIOT_SECRET_FILE=/etc/chariot/secret)
for name in $(compgen -e | grep '^CHARIOT_CONFORMANCE\|^CHARIOT_LAUNCHER_TEST'); do env+=(--env "$name"); done # marks of the tests
name=$(basename "$0") members=1
for ((i = 1; i < $#; i++)); do
    [ "${!i}" = -n ] && { next=$((i + 1)); members=${!next}; break; }
done
[ "$members" -gt 4 ] && members=4
on() { podman exec --user "${MEMBER_USER:-10001}" --workdir "$PWD" "${env[@]}" --env "CHARIOT_MEMBER=$1" --env "CHARIOT_MEMBERS=$members" "host$1" "$name" "${@:2}"; }

if [ "$name" = python ] || [ "$members" -eq 1 ]; then
    exec podman exec --user "${MEMBER_USER:-10001}" --workdir "$PWD" "${env[@]:6}" host0 "$name" "$@"
fi
for ((host = 1; host < members; host++)); do on $host "$@" </dev/null >/dev/null 2>&1 & done
on 0 "$@"
status=$?
wait
exit $status
