#!/usr/bin/env bash
# Releases every function that scripts/deploy/build.sh built, one after another. The first failure stops the script.
#
#   scripts/deploy/deploy.sh [-n] FILE   FILE is the output of build.sh; -n prints the calls and runs none
#
# The script reads the same variables as scripts/deploy/release.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() {
  echo "deploy.sh: $*" >&2
  exit 1
}

flags=()
if [ "${1:-}" = -n ]; then
  flags=(-n)
  shift
fi
file=${1:?usage: scripts/deploy/deploy.sh [-n] FILE}

# strip_tags removes the tag from image references that have a digest.
strip_tags() { sed -E 's/:[^:@\/]+@/@/'; }

canary=$(strip_tags <"$file" | grep /canary@) || die "find the canary image in $file: no such line"
images=$(strip_tags <"$file" | grep -v /canary@ | sort) || die "find function images in $file: no such line"
for image in $images; do
  name=${image##*/}
  scripts/deploy/release.sh ${flags[@]+"${flags[@]}"} "${name%@*}" "$image" "$canary"
done
