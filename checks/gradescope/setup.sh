#!/usr/bin/env bash
# Runs once, when Gradescope builds the autograder: Python with torch, and what isolates submissions.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y python3 python3-venv libseccomp2
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install --quiet "torch==2.13.*" -e "/autograder/source[classroom]"
