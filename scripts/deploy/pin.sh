#!/usr/bin/env bash
# Writes the digests of the builder images into cloudbuild.yaml and .ci/cloudbuild.yaml, behind their tags: name:tag@digest.
# Run it after a change of a tag, and each month for the security updates behind the same tag. It needs the images'
# registries. scripts/deploy/preflight.sh admits no release without digests.
#
#   scripts/deploy/pin.sh
#
#   variable   meaning                                      default
#   CRANE      path of a crane binary of the pinned version go run of that version
set -euo pipefail
cd "$(dirname "$0")/../.."
crane=(go run github.com/google/go-containerregistry/cmd/crane@v0.22.1)
if [ -n "${CRANE:-}" ]; then crane=("$CRANE"); fi
files=(cloudbuild.yaml .ci/cloudbuild.yaml)
sed -nE 's/^ +name: ([^@ ]+).*/\1/p' "${files[@]}" | sort -u | while read -r image; do
  digest=$("${crane[@]}" digest "$image" </dev/null)
  [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || {
    echo "pin.sh: look up the digest of $image: got $digest" >&2
    exit 1
  }
  for file in "${files[@]}"; do
    sed -E "s|^( +name: )$image(@.*)?$|\1$image@$digest|" "$file" >"$file.pinned"
    mv "$file.pinned" "$file"
  done
done
