#!/usr/bin/env bash
# Builds the images of all functions and of scripts/deploy/canary with ko and pushes them.
#
#   scripts/deploy/build.sh FILE   writes the image references, with digests, to FILE, one per line
#
#   variable   meaning                                                            default
#   REPO       repository, such as REGION-docker.pkg.dev/PROJECT/ENV-hybridbts    required
#   TAG        tag of the images                                                  latest
#   KO         path of a ko binary of the pinned version                          go run of that version
#
# Builds are reproducible: images contain no time, path or commit, so equal sources have equal digests.
set -euo pipefail
cd "$(dirname "$0")/../.."
file=${1:?usage: scripts/deploy/build.sh FILE}
: "${REPO:?set REPO to the image repository}"

# These build tags halve the start-up time of a function; see scripts/local/build.go.
export KO_DOCKER_REPO=$REPO GOFLAGS="-buildvcs=false -tags=disable_grpc_modules,grpcnotrace"
ko=(go run github.com/google/ko@v0.19.1)
if [ -n "${KO:-}" ]; then ko=("$KO"); fi
mains=()
for main in functions/*/main.go scripts/deploy/canary/main.go; do mains+=("./$(dirname "$main")"); done
"${ko[@]}" build --base-import-paths --platform=linux/amd64 --sbom=none --tags="${TAG:-latest}" --image-refs="$file" "${mains[@]}"
