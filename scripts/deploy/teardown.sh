#!/usr/bin/env bash
# Deletes what scripts/deploy/setup.sh and releases made for one environment, with all its data.
#
#   scripts/deploy/teardown.sh [-n] ENV-hybridbts     -n prints the calls, and runs nothing
#
# The name is asked for because nothing brings the data back. ENV, PROJECT and REGION are as for setup.sh.
# APIs stay enabled, and the project's policy keeps for a while what pointed to deleted accounts. A custom role can be brought
# back for a week, which setup.sh does; for 30 days after that Google takes no other of its name.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

dry=
if [ "${1:-}" = -n ]; then
  dry=yes
  shift
fi
: "${ENV:?set ENV to dev, canary or prod}" "${PROJECT:?set PROJECT to the Google Cloud project}"
REGION=${REGION:-asia-northeast3}
e=$ENV-hybridbts
[ "${1:-}" = "$e" ] || {
  echo "teardown.sh: say $e to delete it with all its data" >&2
  exit 2
}

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

# answer WORD COMMAND… prints what a call answers, or the word where nothing is run.
answer() {
  if [ -n "$dry" ]; then echo "$1"; else gcloud "${@:2}" --project="$PROJECT" --quiet; fi
}

# each LIST… prints the names of what a list finds with a display name that is ours.
each() { answer NAME "$@" --filter="displayName:$e*" --format='value(name)'; }

# Whoever may not look finds nothing, which is not that nothing is there.
[ -n "$dry" ] || gcloud projects describe "$PROJECT" --quiet --format=none || {
  echo "teardown.sh: $PROJECT cannot be read; nothing is deleted" >&2
  exit 1
}

found=$(each alpha monitoring policies list) || failed=1
for name in $found; do g alpha monitoring policies delete "$name"; done
found=$(each monitoring dashboards list) || failed=1
for name in $found; do g monitoring dashboards delete "$name"; done
found=$(each monitoring uptime list-configs) || failed=1
for name in $found; do g monitoring uptime delete "$name"; done
billing=$(answer BILLING billing projects describe "$PROJECT" --format='value(billingAccountName.basename())') || failed=1
found=$(each billing budgets list --billing-account="$billing") || failed=1
for name in $found; do g billing budgets delete "$name" --billing-account="$billing"; done
found=$(each beta monitoring channels list) || failed=1
for name in $found; do g beta monitoring channels delete "$name"; done

functions=() secrets=()
while IFS=, read -r function _ _ _ _ _ _ _ _ _ _ secret _; do
  [ "$function" != function ] || continue
  functions+=("$function")
  for variable in ${secret//;/ }; do secrets+=("${variable#*=\{env\}-hybridbts-}"); done
done <scripts/deploy/services.csv

# Nothing is deleted that something else still points to: the load balancer from its front to its back.
for name in https to-https; do
  gone compute forwarding-rules describe "$e-$name" --global || g compute forwarding-rules delete "$e-$name" --global
done
gone compute target-https-proxies describe "$e" --global || g compute target-https-proxies delete "$e" --global
gone compute target-http-proxies describe "$e-to-https" --global || g compute target-http-proxies delete "$e-to-https" --global
for name in "$e" "$e-to-https"; do
  gone compute url-maps describe "$name" --global || g compute url-maps delete "$name" --global
done
for name in "${functions[@]}"; do
  gone compute backend-services describe "$e-$name" --global || g compute backend-services delete "$e-$name" --global
  gone compute network-endpoint-groups describe "$e-$name" --region="$REGION" || g compute network-endpoint-groups delete "$e-$name" --region="$REGION"
done
gone compute security-policies describe "$e" || g compute security-policies delete "$e"
for kind in ssl-certificates ssl-policies addresses; do
  gone compute "$kind" describe "$e" --global || g compute "$kind" delete "$e" --global
done
host=$(answer HOST. dns managed-zones describe "$e" --format='value(dnsName)' 2>/dev/null)
gone dns record-sets describe "$host" --zone="$e" --type=A || g dns record-sets delete "$host" --zone="$e" --type=A
gone dns managed-zones describe "$e" || g dns managed-zones delete "$e"

for name in deleted finalized; do
  gone eventarc triggers describe "$e-originals-$name" --location="$REGION" || g eventarc triggers delete "$e-originals-$name" --location="$REGION"
done
for name in "${functions[@]}"; do
  gone run services describe "$e-$name" --region="$REGION" || g run services delete "$e-$name" --region="$REGION"
  gone run jobs describe "$e-$name-canary" --region="$REGION" || g run jobs delete "$e-$name-canary" --region="$REGION"
done

while IFS=, read -r -u 3 name function _; do
  [ "$name" != topic ] || continue
  subscriptions=()
  case $name in *-dead) subscriptions+=("$e-$name") ;; esac
  [ -z "$function" ] || subscriptions+=("$e-$name-$function")
  for subscription in ${subscriptions[@]+"${subscriptions[@]}"}; do
    gone pubsub subscriptions describe "$subscription" || g pubsub subscriptions delete "$subscription"
  done
done 3<scripts/deploy/topics.csv
for name in $(sed 1d scripts/deploy/topics.csv | cut -d, -f1 | uniq); do
  gone pubsub topics describe "$e-$name" || g pubsub topics delete "$e-$name"
done

# An instance with backups is not deleted.
found=
gone spanner instances describe "$e-shop" || found=$(answer BACKUP spanner backups list --instance="$e-shop" --format='value(name.basename())') || failed=1
gone spanner backup-schedules describe "$e-daily" --instance="$e-shop" --database=shop ||
  g spanner backup-schedules delete "$e-daily" --instance="$e-shop" --database=shop
for name in $found; do g spanner backups delete "$name" --instance="$e-shop"; done
gone spanner databases describe shop --instance="$e-shop" || g spanner databases delete shop --instance="$e-shop"
gone spanner instances describe "$e-shop" || g spanner instances delete "$e-shop"
gone bigtable instances describe "$e-customers" || g bigtable instances delete "$e-customers"

for name in $(printf '%s\n' "${secrets[@]}" | sort -u); do
  gone secrets describe "$e-$name" || g secrets delete "$e-$name"
done
gone compute routers nats describe "$e" --router="$e" --region="$REGION" || g compute routers nats delete "$e" --router="$e" --region="$REGION"
gone compute routers describe "$e" --region="$REGION" || g compute routers delete "$e" --region="$REGION"
for name in deny-ingress deny-egress allow-https; do
  gone compute firewall-rules describe "$e-$name" || g compute firewall-rules delete "$e-$name"
done
for name in private public; do
  gone compute networks subnets describe "$e-$name" --region="$REGION" || g compute networks subnets delete "$e-$name" --region="$REGION"
done
gone compute networks describe "$e" || g compute networks delete "$e"
gone artifacts repositories describe "$e" --location="$REGION" || g artifacts repositories delete "$e" --location="$REGION"
for file in scripts/deploy/monitoring/metrics/*.json; do
  name=$e-$(basename "$file" .json)
  gone logging metrics describe "$name" || g logging metrics delete "$name"
done
gone logging sinks describe "$e" || g logging sinks delete "$e"
for name in archive logs originals renditions source; do
  gone storage buckets describe "gs://$e-$name" || g storage rm "gs://$e-$name" --recursive
done
for name in live release; do
  role=$(tr - _ <<<"$e")_$name
  gone iam roles describe "$role" || g iam roles delete "$role"
done
for name in "${functions[@]}" build canary push; do
  gone iam service-accounts describe "$e-$name@$PROJECT.iam.gserviceaccount.com" ||
    g iam service-accounts delete "$e-$name@$PROJECT.iam.gserviceaccount.com"
done
exit "$failed"
