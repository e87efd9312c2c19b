#!/usr/bin/env bash
# Builds the images of all functions, and of scripts/deploy/canary, with ko, and pushes them.
#
#   scripts/deploy/build.sh FILE   writes the images' names, each with its digest, to FILE, one a line
#
#   variable   meaning                                                            default
#   REPO       repository, such as REGION-docker.pkg.dev/PROJECT/ENV-hybridbts    required
#   TAG        tag of the images                                                  latest
#
# The same source gives the same digests: no time, path or commit is in an image.
set -euo pipefail
cd "$(dirname "$0")/../.."
file=${1:?usage: scripts/deploy/build.sh FILE}
: "${REPO:?set REPO to the repository that takes the images}"

# The tags halve the start of a function, see scripts/local/build.go.
export KO_DOCKER_REPO=$REPO GOFLAGS="-buildvcs=false -tags=disable_grpc_modules,grpcnotrace"
ko=(go run github.com/google/ko@v0.19.1)
if [ -n "${KO:-}" ]; then ko=("$KO"); fi # a ko that is there already, of that version
mains=()
for main in functions/*/main.go scripts/deploy/canary/main.go; do mains+=("./$(dirname "$main")"); done
"${ko[@]}" build --base-import-paths --platform=linux/amd64 --sbom=none --tags="${TAG:-latest}" --image-refs="$file" "${mains[@]}"
