#!/bin/bash
# One process: preparing, evaluating, reporting. Nothing is to be edited here: flags come from
# conf/hardware, words from medllm/launch/slurm.py.
#
#   cpu.sh CODE ENVIRONMENT COMMAND...
code=$1 environment=$2
shift 2
echo "medllm: start $((1 + ${SLURM_RESTART_COUNT:-0})) of job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, $(date -Is)"
eval "$environment" || { echo "medllm: hardware.slurm.environment failed: $environment"; exit 2; }
# The snapshot goes before the folder of submission and before the installed package.
export PYTHONPATH="$code${PYTHONPATH:+:$PYTHONPATH}" PYTHONSAFEPATH=1
exec "$@"
