#!/bin/bash
# deploy/slurm/job.sh: a batch job with a PE for each of its tasks. From where the program is, on every node the same:
#
#     sbatch --nodes 4 --ntasks-per-node 2 deploy/slurm/job.sh prog.py arguments
#
# chariot reaches the nodes by srun, and the output is the job's. Options of sbatch on the command line win over those here.
# CHARIOT names another chariot than PATH's.
#SBATCH --job-name=chariot
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=1
#SBATCH --time=00:30:00
#SBATCH --output=%x-%j.out
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: sbatch [options of sbatch] $(basename "$0") prog.py [arguments]" >&2; exit 2; }

exec "${CHARIOT:-chariot}" run "$@"
