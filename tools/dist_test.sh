#!/usr/bin/env bash
# Test with several processes on this machine, or on several machines.
#
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [OPTIONS of tools/test.py]
#
# Several machines: run it on each with NNODES (their number), NODE_RANK (0, 1, ...), MASTER_ADDR (the first one) and
# PORT set. Without a GPU the processes work on the CPU.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
config=$1 checkpoint=$2 gpus=$3
shift 3
set -- "$config" "$checkpoint" "$@"

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    --nproc_per_node="$gpus" \
    "$(dirname "$0")/test.py" "$@" --launcher pytorch
