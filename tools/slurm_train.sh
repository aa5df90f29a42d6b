#!/usr/bin/env bash
# Train as a SLURM job.
#
#   [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS=...] tools/slurm_train.sh PARTITION JOB CONFIG [OPTIONS of tools/train.py]
#
# One process for each of GPUS; GPUS_PER_NODE of them on a machine (0: no GPU, the processes work on the CPU).
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
partition=$1 job=$2
shift 2
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
gres=()
if [ "$per_node" -gt 0 ]; then
    gres=(--gres="gpu:$per_node" --ntasks-per-node="$per_node")
fi

# shellcheck disable=SC2086 # SRUN_ARGS holds several words
exec srun -p "$partition" --job-name="$job" "${gres[@]}" --ntasks="$gpus" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "$0")/train.py" "$@" --launcher slurm
