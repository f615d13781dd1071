#!/bin/bash
# Ends what up.sh started, by the numbers it wrote down.
#
#   make slurm-down
#   bash slurm/local/down.sh --wipe      its folder goes too
#   bash slurm/local/down.sh --daemons   only slurmctld and slurmd; jobs are left to their shells
set -uo pipefail
STATE=${SLURM_LB_STATE:-/var/lib/medllm-slurm}
MARK="# <$STATE>"
export SLURM_CONF=$STATE/etc/slurm.conf

end() { # FILE NAME SECONDS: the number may be another process's by now, so the name must fit
  local number i
  [ -s "$1" ] || return 0
  number=$(cat "$1")
  rm -f "$1"
  [ "$(cat "/proc/$number/comm" 2>/dev/null)" = "$2" ] || return 0
  kill "$number"
  for ((i = 0; i < $3 * 10; i++)); do
    kill -0 "$number" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$number" 2>/dev/null
}

end_jobs() { # else their processes would outlive slurmd
  timeout 5 scontrol ping >/dev/null 2>&1 || return 0
  timeout 10 scancel --user=root
  for ((i = 0; i < 100; i++)); do
    [ -n "$(timeout 5 squeue -h)" ] || return 0
    sleep 0.1
  done
}

end_slurm() {
  local file
  for file in "$STATE"/run/slurmd-*.pid; do end "$file" slurmd 10; done
  end "$STATE/run/slurmctld.pid" slurmctld 20
}

if [ ! -d "$STATE" ]; then
  echo "slurm-down: nothing of ours is at $STATE" >&2
  exit
fi
if [ "${1:-}" = --daemons ]; then
  end_slurm
  exit 0
fi
[ ! -e "$SLURM_CONF" ] || end_jobs
end_slurm
end "$STATE/run/slurmdbd.pid" slurmdbd 20
end "$STATE/mysql/mariadbd.pid" mariadbd 30
end "$STATE/munge/munged.pid" munged 10
if grep -qF "$MARK" /etc/hosts; then
  grep -vF "$MARK" /etc/hosts >"$STATE/etc/hosts"
  cat "$STATE/etc/hosts" >/etc/hosts   # written into, not replaced: a container mounts this file
fi
for name in slurm gres cgroup; do
  [ "$(readlink "/etc/slurm/$name.conf")" = "$STATE/etc/$name.conf" ] && rm "/etc/slurm/$name.conf"
done
[ "${1:-}" = --wipe ] && rm -rf "$STATE"
echo "slurm-down: stopped${1:+ ($1)}" >&2
