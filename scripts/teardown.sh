#!/usr/bin/env bash
# Deletes what scripts/setup.sh and releases made for one environment, with all its data.
#
#   scripts/teardown.sh [-n] ENV-hybridbts     -n prints the calls, and runs nothing
#
# The name is asked for because nothing brings the data back. ENV, PROJECT and REGION are as for setup.sh.
# APIs stay enabled; a custom role and the project's policy keep for a while what pointed to deleted accounts.
set -uo pipefail
cd "$(dirname "$0")/.."

dry=
if [ "${1:-}" = -n ]; then dry=yes; shift; fi
: "${ENV:?set ENV to dev, canary or prod}" "${PROJECT:?set PROJECT to the Google Cloud project}"
REGION=${REGION:-asia-northeast3}
e=$ENV-hybridbts
[ "${1:-}" = "$e" ] || { echo "teardown.sh: say $e to delete it with all its data" >&2; exit 2; }

failed=0

# g runs gcloud in the project, or prints what it would run. A failure does not keep the rest.
g() {
  set -- gcloud "$@" --project="$PROJECT" --quiet
  if [ -n "$dry" ]; then
    printf '%q ' "$@" | sed 's/\\,/,/g; s/ $//'
    echo
  else
    "$@" || failed=1
  fi
}

# gone DESCRIBE… tells whether something is not there.
gone() { [ -z "$dry" ] && ! gcloud "$@" --project="$PROJECT" --quiet --format=none >/dev/null 2>&1; }

# each LIST… prints the names of what a list finds with a display name that is ours.
each() {
  if [ -n "$dry" ]; then
    echo NAME
  else
    gcloud "$@" --project="$PROJECT" --quiet --filter="displayName:$e*" --format='value(name)'
  fi
}

for name in $(each alpha monitoring policies list); do g alpha monitoring policies delete "$name"; done
for name in $(each monitoring dashboards list); do g monitoring dashboards delete "$name"; done
for name in $(each monitoring uptime list-configs); do g monitoring uptime delete "$name"; done
for name in $(each beta monitoring channels list); do g beta monitoring channels delete "$name"; done

while IFS=, read -r function _; do
  [ "$function" != function ] || continue
  gone run services describe "$e-$function" --region="$REGION" || g run services delete "$e-$function" --region="$REGION"
done <scripts/services.csv
gone run jobs describe "$e-canary" --region="$REGION" || g run jobs delete "$e-canary" --region="$REGION"

for name in alerts-alert alerts-dead originals-image originals-dead originals-dead-alert reviews-sentiment reviews-dead reviews-dead-alert; do
  gone pubsub subscriptions describe "$e-$name" || g pubsub subscriptions delete "$e-$name"
done
for name in alerts alerts-dead images originals originals-dead reviews reviews-dead; do
  gone pubsub topics describe "$e-$name" || g pubsub topics delete "$e-$name"
done

# An instance with backups is not deleted.
if [ -n "$dry" ]; then backups=BACKUP; else backups=$(gcloud spanner backups list --instance="$e-shop" --project="$PROJECT" --quiet --format='value(name.basename())'); fi
gone spanner backup-schedules describe "$e-daily" --instance="$e-shop" --database=shop ||
  g spanner backup-schedules delete "$e-daily" --instance="$e-shop" --database=shop
for name in $backups; do g spanner backups delete "$name" --instance="$e-shop"; done
gone spanner databases describe shop --instance="$e-shop" || g spanner databases delete shop --instance="$e-shop"
gone spanner instances describe "$e-shop" || g spanner instances delete "$e-shop"
gone bigtable instances describe "$e-customers" || g bigtable instances delete "$e-customers"

for name in page-token-key slack-webhook; do
  gone secrets describe "$e-$name" || g secrets delete "$e-$name"
done
gone compute networks subnets describe "$e-private" --region="$REGION" || g compute networks subnets delete "$e-private" --region="$REGION"
gone compute networks describe "$e" || g compute networks delete "$e"
gone artifacts repositories describe "$e" --location="$REGION" || g artifacts repositories delete "$e" --location="$REGION"
for name in archive originals renditions source; do
  gone storage buckets describe "gs://$e-$name" || g storage rm "gs://$e-$name" --recursive
done
role=$(tr - _ <<<"$e")_release
gone iam roles describe "$role" || g iam roles delete "$role"
for name in alert api build canary city image push resize review sentiment; do
  gone iam service-accounts describe "$e-$name@$PROJECT.iam.gserviceaccount.com" ||
    g iam service-accounts delete "$e-$name@$PROJECT.iam.gserviceaccount.com"
done
exit "$failed"
