#!/bin/bash
# One training run. srun starts its ranks; if they end for a reason that starting again mends, the
# job is queued again. Nothing is to be edited here: flags come from conf/hardware, words from
# medllm/launch/slurm.py.
#
#   train.sh CODE ENVIRONMENT PYTHON RUN_DIR COMMAND...
code=$1 environment=$2 python=$3 run_dir=$4
shift 4
echo "medllm: start $((1 + ${SLURM_RESTART_COUNT:-0})) of job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, $(date -Is)"
eval "$environment" || { echo "medllm: hardware.slurm.environment failed: $environment"; exit 2; }
# The snapshot goes before the folder of submission and before the installed package.
export PYTHONPATH="$code${PYTHONPATH:+:$PYTHONPATH}" PYTHONSAFEPATH=1
"$@"
exec "$python" -m medllm.launch.again "$run_dir" $?
