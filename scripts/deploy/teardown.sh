#!/usr/bin/env bash
# Deletes the resources that scripts/deploy/setup.sh and releases created for one environment, with all data.
#
#   scripts/deploy/teardown.sh [-n] ENV-hybridbts     -n prints the calls and runs none
#
# The argument confirms the deletion, which is irreversible. ENV, PROJECT and REGION are the same as for setup.sh.
# APIs stay enabled, and the project's IAM policy keeps bindings of deleted accounts for some weeks. setup.sh can
# restore a deleted custom role for 7 days; for 30 days after that, IAM accepts no new role of the same name.
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
  echo "teardown.sh: pass the argument $e to delete this environment with all its data" >&2
  exit 2
}

failed=0

# gcp runs gcloud in the project. In a dry run it prints the command instead. A failure sets the exit status, and the
# script continues.
gcp() {
  set -- gcloud "$@" --project="$PROJECT" --quiet
  if [ -n "$dry" ]; then
    printf '%q ' "$@" | sed 's/\\,/,/g; s/ $//'
    echo
  else
    "$@" || failed=1
  fi
}

# absent DESCRIBE… reports whether a describe command finds no resource. In a dry run every resource exists.
absent() { [ -z "$dry" ] && ! gcloud "$@" --project="$PROJECT" --quiet --format=none >/dev/null 2>&1; }

# query PLACEHOLDER COMMAND… prints the output of a gcloud command. In a dry run it prints the placeholder.
query() {
  if [ -n "$dry" ]; then echo "$1"; else gcloud "${@:2}" --project="$PROJECT" --quiet; fi
}

# list_ours LIST… prints the resource names of the list entries whose display name begins with ENV-hybridbts.
list_ours() { query NAME "$@" --filter="displayName:$e*" --format='value(name)'; }

# Without read access every resource would look absent and the script would report success.
[ -n "$dry" ] || gcloud projects describe "$PROJECT" --quiet --format=none || {
  echo "teardown.sh: read project $PROJECT: no access; nothing is deleted" >&2
  exit 1
}

found=$(list_ours alpha monitoring policies list) || failed=1
for name in $found; do gcp alpha monitoring policies delete "$name"; done
found=$(list_ours monitoring dashboards list) || failed=1
for name in $found; do gcp monitoring dashboards delete "$name"; done
found=$(list_ours monitoring uptime list-configs) || failed=1
for name in $found; do gcp monitoring uptime delete "$name"; done
billing=$(query BILLING billing projects describe "$PROJECT" --format='value(billingAccountName.basename())') || failed=1
found=$(list_ours billing budgets list --billing-account="$billing") || failed=1
for name in $found; do gcp billing budgets delete "$name" --billing-account="$billing"; done
found=$(list_ours beta monitoring channels list) || failed=1
for name in $found; do gcp beta monitoring channels delete "$name"; done

functions=() secrets=()
while IFS=, read -r function _ _ _ _ _ _ _ _ _ _ secret _; do
  [ "$function" != function ] || continue
  functions+=("$function")
  for variable in ${secret//;/ }; do secrets+=("${variable#*=\{env\}-hybridbts-}"); done
done <scripts/deploy/services.csv

# Google Cloud rejects the deletion of a referenced resource, so the load balancer goes from front end to back end.
for name in https to-https; do
  absent compute forwarding-rules describe "$e-$name" --global || gcp compute forwarding-rules delete "$e-$name" --global
done
absent compute target-https-proxies describe "$e" --global || gcp compute target-https-proxies delete "$e" --global
absent compute target-http-proxies describe "$e-to-https" --global || gcp compute target-http-proxies delete "$e-to-https" --global
for name in "$e" "$e-to-https"; do
  absent compute url-maps describe "$name" --global || gcp compute url-maps delete "$name" --global
done
for name in "${functions[@]}"; do
  absent compute backend-services describe "$e-$name" --global || gcp compute backend-services delete "$e-$name" --global
  absent compute network-endpoint-groups describe "$e-$name" --region="$REGION" || gcp compute network-endpoint-groups delete "$e-$name" --region="$REGION"
done
absent compute security-policies describe "$e" || gcp compute security-policies delete "$e"
for kind in ssl-certificates ssl-policies addresses; do
  absent compute "$kind" describe "$e" --global || gcp compute "$kind" delete "$e" --global
done
host=$(query HOST. dns managed-zones describe "$e" --format='value(dnsName)' 2>/dev/null)
absent dns record-sets describe "$host" --zone="$e" --type=A || gcp dns record-sets delete "$host" --zone="$e" --type=A
absent dns managed-zones describe "$e" || gcp dns managed-zones delete "$e"

absent scheduler jobs describe "$e-sweep" --location="$REGION" || gcp scheduler jobs delete "$e-sweep" --location="$REGION"
for name in deleted finalized; do
  absent eventarc triggers describe "$e-originals-$name" --location="$REGION" || gcp eventarc triggers delete "$e-originals-$name" --location="$REGION"
done
for name in "${functions[@]}"; do
  absent run services describe "$e-$name" --region="$REGION" || gcp run services delete "$e-$name" --region="$REGION"
  absent run jobs describe "$e-$name-canary" --region="$REGION" || gcp run jobs delete "$e-$name-canary" --region="$REGION"
done

while IFS=, read -r -u 3 name function _ pulls; do
  [ "$name" != topic ] || continue
  subscriptions=()
  case $name in *-dead) subscriptions+=("$e-$name") ;; esac
  if [ -n "$pulls" ]; then
    for ((i = 1; i <= pulls; i++)); do subscriptions+=("$e-$name-$function-$i"); done
  elif [ -n "$function" ]; then
    subscriptions+=("$e-$name-$function")
  fi
  for subscription in ${subscriptions[@]+"${subscriptions[@]}"}; do
    absent pubsub subscriptions describe "$subscription" || gcp pubsub subscriptions delete "$subscription"
  done
done 3<scripts/deploy/topics.csv
absent pubsub subscriptions describe "$e-commands-erasures" || gcp pubsub subscriptions delete "$e-commands-erasures"
for name in $(sed 1d scripts/deploy/topics.csv | cut -d, -f1 | uniq); do
  absent pubsub topics describe "$e-$name" || gcp pubsub topics delete "$e-$name"
done

# Spanner rejects the deletion of an instance that has backups.
found=
absent spanner instances describe "$e-shop" || found=$(query BACKUP spanner backups list --instance="$e-shop" --format='value(name.basename())') || failed=1
absent spanner backup-schedules describe "$e-daily" --instance="$e-shop" --database=shop ||
  gcp spanner backup-schedules delete "$e-daily" --instance="$e-shop" --database=shop
for name in $found; do gcp spanner backups delete "$name" --instance="$e-shop"; done
absent spanner databases describe shop --instance="$e-shop" || gcp spanner databases delete shop --instance="$e-shop"
absent spanner instances describe "$e-shop" || gcp spanner instances delete "$e-shop"
absent bigtable instances describe "$e-customers" || gcp bigtable instances delete "$e-customers"

for name in $(printf '%s\n' "${secrets[@]}" | sort -u); do
  absent secrets describe "$e-$name" || gcp secrets delete "$e-$name"
done
absent compute routers nats describe "$e" --router="$e" --region="$REGION" || gcp compute routers nats delete "$e" --router="$e" --region="$REGION"
absent compute routers describe "$e" --region="$REGION" || gcp compute routers delete "$e" --region="$REGION"
for name in deny-ingress deny-egress allow-https; do
  absent compute firewall-rules describe "$e-$name" || gcp compute firewall-rules delete "$e-$name"
done
for name in private public; do
  absent compute networks subnets describe "$e-$name" --region="$REGION" || gcp compute networks subnets delete "$e-$name" --region="$REGION"
done
absent compute networks describe "$e" || gcp compute networks delete "$e"
absent artifacts repositories describe "$e" --location="$REGION" || gcp artifacts repositories delete "$e" --location="$REGION"
for file in scripts/deploy/monitoring/metrics/*.json; do
  name=$e-$(basename "$file" .json)
  absent logging metrics describe "$name" || gcp logging metrics delete "$name"
done
absent logging sinks describe "$e" || gcp logging sinks delete "$e"
for name in archive leases logs originals renditions source; do
  absent storage buckets describe "gs://$e-$name" || gcp storage rm "gs://$e-$name" --recursive
done
for name in live release sign; do # live: of releases before claimed subscriptions
  role=$(tr - _ <<<"$e")_$name
  absent iam roles describe "$role" || gcp iam roles delete "$role"
done
for name in "${functions[@]}" build canary push test; do
  absent iam service-accounts describe "$e-$name@$PROJECT.iam.gserviceaccount.com" ||
    gcp iam service-accounts delete "$e-$name@$PROJECT.iam.gserviceaccount.com"
done
exit "$failed"
