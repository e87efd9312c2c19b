#!/usr/bin/env bash
# Admits a commit to a release: its builder images have digests, and .ci/cloudbuild.yaml has tested it as the account that
# cannot release. The script waits for tests that are queued, running or not started yet.
#
#   scripts/deploy/preflight.sh
#
#   variable   meaning                                              default
#   ENV        environment: dev, canary or prod                     required
#   PROJECT    Google Cloud project                                 required
#   COMMIT     the value of SHORT_SHA in the build of the tests     required
#   WAIT       longest wait for the tests, in seconds               7200
set -euo pipefail
cd "$(dirname "$0")/../.."

die() {
  echo "preflight.sh: $*" >&2
  exit 1
}

: "${ENV:?set ENV to dev, canary or prod}" "${PROJECT:?set PROJECT to the Google Cloud project}" "${COMMIT:?set COMMIT to the tested commit}"
WAIT=${WAIT:-7200}

# A tag can name another image tomorrow, and a builder image has the rights of the release.
unpinned=$(grep -hE '^ +name: ' cloudbuild.yaml .ci/cloudbuild.yaml | grep -vE '@sha256:[0-9a-f]{64}$' || true)
[ -z "$unpinned" ] || die "builder images without a digest; run scripts/deploy/pin.sh and commit the result: $unpinned"

account=projects/$PROJECT/serviceAccounts/$ENV-hybridbts-test@$PROJECT.iam.gserviceaccount.com
for ((waited = 0; ; waited += 20)); do
  states=$(gcloud builds list --project="$PROJECT" --quiet --limit=20 --format='value(status)' \
    --filter="substitutions.SHORT_SHA=\"$COMMIT\" AND substitutions._ENV=\"$ENV\" AND serviceAccount=\"$account\"")
  if grep -qx SUCCESS <<<"$states"; then
    exit
  fi
  if [ -n "$states" ] && ! grep -qxE 'PENDING|QUEUED|WORKING' <<<"$states"; then
    die "the tests of $COMMIT did not pass: $(paste -sd" " <<<"$states")"
  fi
  [ "$waited" -lt "$WAIT" ] || die "no passed tests of $COMMIT within $WAIT s; start them: gcloud builds submit --config=.ci/cloudbuild.yaml"
  sleep 20
done
