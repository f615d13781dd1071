#!/bin/bash
# A real Slurm cluster on one Debian 12 machine: slurmctld, and a slurmd for each pretended node, on
# the loopback. Wants root; does without systemd and cgroups, so it runs in a container too.
#
#   make slurm-up                      what is up is left as it is; `make slurm-down` ends it
#   SLURM_LB_NODES=4 make slurm-up     other knobs: the first lines below
set -euo pipefail

STATE=${SLURM_LB_STATE:-/var/lib/medllm-slurm}   # configuration, logs, everything
NODES=${SLURM_LB_NODES:-2}
PREFIX=${SLURM_LB_PREFIX:-sn}                    # the nodes are sn1, sn2, ...
CPUS=${SLURM_LB_CPUS:-8}                         # of a node; may be more than the machine has
MEM=${SLURM_LB_MEM:-64000}                       # MiB of a node; likewise
GPUS=${SLURM_LB_GPUS:-8}                         # pretended, of a node; 0 for none
DBD=${SLURM_LB_DBD:-0}                           # 1: sacct works too, by MariaDB and slurmdbd
PORT=${SLURM_LB_PORT:-16817}                     # the first one used; 9 + NODES more follow
HERE=$(dirname "$(readlink -f "$0")")
HOST=$(hostname -s)
CONF=$STATE/etc/slurm.conf
SOCKET=$STATE/munge/socket
MARK="# <$STATE>"                                # ends our line in /etc/hosts

say() { echo "slurm-up: $*" >&2; }
die() { say "$*"; tail -n 20 "$STATE"/log/*.log >&2; exit 1; }
is_alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }   # by the file with its number

until_it() { # SECONDS WHAT COMMAND...
  local tries=$(($1 * 10)) what=$2 i
  shift 2
  for ((i = 0; i < tries; i++)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  die "waited in vain for $what"
}

install_missing() { # COMMAND:PACKAGE...
  local missing=() pair policy=/usr/sbin/policy-rc.d
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "apt-get install ${missing[*]}"
  # Where there is an init, the packages would start daemons of their own.
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get update -qq || say "no new package lists; trying with those that are here"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >"$STATE/log/apt.log" 2>&1 || die "apt-get install failed"
}

name_nodes() { # the first host of a job is where its ranks meet, so it must resolve
  local line
  line="127.0.0.1 $(seq -s ' ' -f "$PREFIX%g" 1 "$NODES") $MARK"
  if ! grep -qxF "$line" /etc/hosts; then
    { grep -vF "$MARK" /etc/hosts || true; echo "$line"; } >"$STATE/etc/hosts"
    cat "$STATE/etc/hosts" >/etc/hosts   # written into, not replaced: a container mounts this file
  fi
}

start_munge() { # who is who; with a key and a socket of our own
  local key=$STATE/munge/key
  if [ ! -s "$key" ]; then
    (umask 077; head -c 1024 /dev/urandom >"$key")
    chown munge:munge "$key"
  fi
  if ! munge -S "$SOCKET" -n >/dev/null 2>&1; then
    rm -f "$SOCKET" "$SOCKET.lock"
    runuser -u munge -- munged --socket="$SOCKET" --key-file="$key" --num-threads=2 \
      --pid-file="$STATE/munge/munged.pid" --log-file="$STATE/munge/munged.log" \
      --seed-file="$STATE/munge/seed"
    until_it 10 munged munge -S "$SOCKET" -n
  fi
}

slurm_conf() {
  cat <<END
# written by slurm/local/up.sh
ClusterName=loopback
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A job that is queued again starts only after its old credential has run out: else 120 seconds.
AuthInfo=socket=$SOCKET,cred_expire=5
StateSaveLocation=$STATE/ctld
SlurmdSpoolDir=$STATE/spool/%n
SlurmctldPidFile=$STATE/run/slurmctld.pid
SlurmdPidFile=$STATE/run/slurmd-%n.pid
SlurmctldLogFile=$STATE/log/slurmctld.log
SlurmdLogFile=$STATE/log/slurmd-%n.log
# Neither cgroups nor binding: a container has none to give.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1000
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=5
# squeue still knows tomorrow what ended today.
MinJobAge=86400
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=100000,bf_interval=2
JobCompType=jobcomp/filetxt
JobCompLoc=$STATE/log/jobs.txt
END
  # Where the name of this machine is the loopback's, nothing else need listen.
  case $(getent ahostsv4 "$HOST" | awk '{print $1; exit}') in
    127.*) echo CommunicationParameters=NoCtldInAddrAny,NoInAddrAny ;;
  esac
  if [ "$DBD" = 1 ]; then
    echo AccountingStorageType=accounting_storage/slurmdbd
    echo AccountingStorageHost=127.0.0.1
    echo AccountingStoragePort=$((PORT + 1))
    echo "AccountingStoragePass=$SOCKET"
    echo AccountingStorageEnforce=associations,qos
  fi
  [ "$GPUS" = 0 ] || echo GresTypes=gpu
  local i
  for ((i = 1; i <= NODES; i++)); do
    echo "NodeName=$PREFIX$i NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((PORT + 9 + i))" \
      "CPUs=$CPUS Boards=1 SocketsPerBoard=1 CoresPerSocket=$CPUS ThreadsPerCore=1" \
      "RealMemory=$MEM $([ "$GPUS" = 0 ] || echo "Gres=gpu:$GPUS") State=UNKNOWN"
  done
  echo "PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
  echo "PartitionName=gpu Nodes=ALL MaxTime=INFINITE State=UP"
  echo "PartitionName=short Nodes=ALL MaxTime=10 State=UP"
}

gres_conf() { # a GPU without a device counts for nothing; any device will do
  local i g device
  for ((i = 1; i <= NODES; i++)); do
    mkdir -p "$STATE/dev/$PREFIX$i"
    for ((g = 0; g < GPUS; g++)); do
      device=$STATE/dev/$PREFIX$i/gpu$g
      [ -e "$device" ] || mknod "$device" c 1 3 2>/dev/null || : >"$device"
      echo "NodeName=$PREFIX$i AutoDetect=off Name=gpu File=$device"
    done
  done
}

configure() { # and end daemons that run on another configuration
  local new=$STATE/etc/new
  mkdir -p "$new"
  slurm_conf >"$new/slurm.conf"
  gres_conf >"$new/gres.conf"
  printf 'CgroupPlugin=autodetect\nConstrainCores=no\nConstrainRAMSpace=no\n' >"$new/cgroup.conf"
  local name
  for name in slurm gres cgroup; do
    cmp -s "$new/$name.conf" "$STATE/etc/$name.conf" && continue
    bash "$HERE/down.sh" --daemons
    cp "$new"/*.conf "$STATE/etc"
    return
  done
}

start_slurm() {
  local i
  is_alive "$STATE/run/slurmctld.pid" || slurmctld -f "$CONF"
  until_it 20 slurmctld scontrol ping
  for ((i = 1; i <= NODES; i++)); do
    is_alive "$STATE/run/slurmd-$PREFIX$i.pid" || slurmd -f "$CONF" -N "$PREFIX$i"
  done
  until_it 30 "the nodes" are_up
}

are_up() {
  local ready
  ready=$(sinfo -h -N -p debug -o '%T' | grep -cE '^(idle|mixed|allocated|completing)$')
  [ "$ready" -ge "$NODES" ] && return
  # Left down by a crash, or by an earlier configuration.
  scontrol update nodename="$PREFIX[1-$NODES]" state=resume
  return 1
}

link() { # so that no shell needs SLURM_CONF, unless another cluster is configured here
  local name
  if [ -e /etc/slurm/slurm.conf ] && [ "$(readlink /etc/slurm/slurm.conf)" != "$CONF" ]; then
    say "/etc/slurm is another cluster's; to reach this one: export SLURM_CONF=$CONF"
    return
  fi
  mkdir -p /etc/slurm
  for name in slurm gres cgroup; do
    ln -sfn "$STATE/etc/$name.conf" "/etc/slurm/$name.conf"
  done
}

# A cluster that we did not make is left alone, unless a place for ours is named.
if [ -z "${SLURM_LB_STATE:-}" ] && [ ! -e "$CONF" ] && timeout 5 sinfo >/dev/null 2>&1; then
  say "a cluster answers here already, and is left as it is"
  exec sinfo
fi
[ "$(id -u)" = 0 ] || { say "needs root"; exit 1; }
export SLURM_CONF=$CONF
mkdir -p "$STATE"/{etc,log,run,munge,ctld,spool}
install_missing slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client munged:munge
chown munge:munge "$STATE/munge"
chmod 711 "$STATE/munge"   # munged refuses a folder that others may write to
name_nodes
start_munge
[ "$DBD" = 0 ] || . "$HERE/accounting.sh"
configure
[ "$DBD" = 0 ] || register
start_slurm
link
sinfo -N -o '%N %P %T %c %m %G %l'
