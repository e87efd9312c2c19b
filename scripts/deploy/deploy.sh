#!/usr/bin/env bash
# Releases all that scripts/deploy/build.sh built, one function after the other; the first that fails ends it.
#
#   scripts/deploy/deploy.sh [-n] FILE   FILE is what build.sh wrote; -n prints, and runs nothing
#
# The variables are those of scripts/deploy/release.sh.
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

# plain prints a name without its tag: the digest says which image it is.
plain() { sed -E 's/:[^:@\/]+@/@/'; }

canary=$(plain <"$file" | grep /canary@) || die "$file has no canary image"
images=$(plain <"$file" | grep -v /canary@ | sort) || die "$file has no function's image"
for image in $images; do
  name=${image##*/}
  scripts/deploy/release.sh ${flags[@]+"${flags[@]}"} "${name%@*}" "$image" "$canary"
done
