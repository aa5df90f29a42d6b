#!/usr/bin/env bash
# Train with several processes on this machine, or on several machines.
#
#   tools/dist_train.sh CONFIG GPUS [OPTIONS of tools/train.py]
#
# Several machines: run it on each with NNODES (their number), NODE_RANK (0, 1, ...), MASTER_ADDR (the first one) and
# PORT set. Without a GPU the processes work on the CPU.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
config=$1 gpus=$2
shift 2
set -- "$config" "$@"

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    --nproc_per_node="$gpus" \
    "$(dirname "$0")/train.py" "$@" --launcher pytorch
