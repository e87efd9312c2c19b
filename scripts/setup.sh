#!/usr/bin/env bash
# Makes what releases stand on, in one project, for one environment: APIs, registry, accounts with the least
# roles on the smallest resource, network, topics with their dead letters and pushes, buckets, Spanner with its schema
# and a daily backup, Bigtable, secrets without a value, alerts and the dashboard. What is there stays as it
# is; run it again at will.
#
#   scripts/setup.sh [-n]     -n prints the calls for an empty project, and runs nothing
#
#   variable   meaning                                     default
#   ENV        environment: dev, canary or prod            required
#   PROJECT    Google Cloud project                        required
#   MAIL       who gets alerts by mail                     required
#   REGION     region of everything                        asia-northeast3
#   HOST       host of the shop, which is probed           hybridbts.tech
#
# Every name is ENV-hybridbts-RESOURCE.
set -euo pipefail
cd "$(dirname "$0")/.."

dry=
if [ "${1:-}" = -n ]; then dry=yes; shift; fi
[ $# = 0 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2; }
: "${ENV:?set ENV to dev, canary or prod}" "${PROJECT:?set PROJECT to the Google Cloud project}" "${MAIL:?set MAIL to who gets alerts}"
REGION=${REGION:-asia-northeast3} HOST=${HOST:-hybridbts.tech}
case $ENV in dev | canary | prod) ;; *) echo "setup.sh: ENV is $ENV, want dev, canary or prod" >&2; exit 1 ;; esac
e=$ENV-hybridbts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# g runs gcloud in the project, or prints what it would run.
g() {
  set -- gcloud "$@" --project="$PROJECT" --quiet
  if [ -n "$dry" ]; then
    printf '%q ' "$@" | sed 's/\\,/,/g; s/ $//'
    echo
  else
    "$@"
  fi
}

# there tells whether something is there that a describe finds.
there() { [ -z "$dry" ] && gcloud "$@" --project="$PROJECT" --quiet --format=none >/dev/null 2>&1; }

# named prints the name of the first that a list finds with a display name.
named() {
  local display=$1
  shift
  [ -n "$dry" ] || gcloud "$@" --project="$PROJECT" --quiet --filter="displayName=\"$display\"" --format='value(name)' --limit=1
}

account() { echo "$e-$1@$PROJECT.iam.gserviceaccount.com"; }

# grant ROLE MEMBER RESOURCE… binds a role on a resource, such as "pubsub topics" and its name.
grant() {
  local role=$1 member=$2
  shift 2
  local group=() flags=()
  for word in "$@"; do case $word in --*) flags+=("$word") ;; *) group+=("$word") ;; esac; done
  local last=$((${#group[@]} - 1))
  g "${group[@]:0:last}" add-iam-policy-binding "${group[last]}" ${flags[@]+"${flags[@]}"} --role="$role" --member="serviceAccount:$member" --format=none
}

# on_project binds a role that has no smaller resource.
on_project() { g projects add-iam-policy-binding "$PROJECT" --role="$1" --member="serviceAccount:$2" --condition=None --format=none; }

apis=(artifactregistry bigtable bigtableadmin cloudbuild compute iam language logging monitoring pubsub run secretmanager spanner storage)
g services enable "${apis[@]/%/.googleapis.com}"
if [ -n "$dry" ]; then number=NUMBER; else number=$(g projects describe "$PROJECT" --format='value(projectNumber)'); fi
pubsub_agent=service-$number@gcp-sa-pubsub.iam.gserviceaccount.com
g beta services identity create --service=pubsub.googleapis.com
g beta services identity create --service=monitoring.googleapis.com

for name in alert api build canary city image push resize review sentiment; do
  there iam service-accounts describe "$(account "$name")" || g iam service-accounts create "$e-$name" --display-name="$e-$name"
done

there artifacts repositories describe "$e" --location="$REGION" ||
  g artifacts repositories create "$e" --location="$REGION" --repository-format=docker --description="images of $e"
grant roles/artifactregistry.writer "$(account build)" artifacts repositories "$e" --location="$REGION"
there storage buckets describe "gs://$e-source" ||
  g storage buckets create "gs://$e-source" --location="$REGION" --uniform-bucket-level-access --public-access-prevention
grant roles/storage.objectViewer "$(account build)" storage buckets "gs://$e-source"
on_project roles/logging.logWriter "$(account build)"
# No smaller role lets a build say who may call a service, and roles/run.admin is more.
role=$(tr - _ <<<"$e")_release
permissions=run.services.create,run.services.get,run.services.list,run.services.update,run.services.getIamPolicy,run.services.setIamPolicy
permissions+=,run.revisions.get,run.revisions.list,run.operations.get,run.jobs.create,run.jobs.get,run.jobs.update,run.jobs.run
permissions+=,run.executions.get,run.executions.list,resourcemanager.projects.get
there iam roles describe "$role" || g iam roles create "$role" --title="release of $e" --stage=GA --permissions="$permissions"
on_project "projects/$PROJECT/roles/$role" "$(account build)"
for name in alert api canary city image resize review sentiment; do # a release runs as these
  grant roles/iam.serviceAccountUser "$(account build)" iam service-accounts "$(account "$name")"
done
on_project roles/monitoring.viewer "$(account canary)"
on_project roles/serviceusage.serviceUsageConsumer "$(account sentiment)" # for the Natural Language API

there compute networks describe "$e" || g compute networks create "$e" --subnet-mode=custom
there compute networks subnets describe "$e-private" --region="$REGION" ||
  g compute networks subnets create "$e-private" --network="$e" --region="$REGION" --range=10.0.0.0/24 --enable-private-ip-google-access

# topic NAME makes a topic, its dead-letter topic, and a subscription that keeps dead letters for 7 days.
topic() {
  local t
  for t in "$e-$1" "$e-$1-dead"; do
    there pubsub topics describe "$t" || g pubsub topics create "$t" --message-retention-duration=7d
  done
  there pubsub subscriptions describe "$e-$1-dead" ||
    g pubsub subscriptions create "$e-$1-dead" --topic="$e-$1-dead" --message-retention-duration=7d --expiration-period=never
  grant roles/pubsub.publisher "$pubsub_agent" pubsub topics "$e-$1-dead"
}

# push TOPIC FUNCTION DEAD pushes a topic's messages to a function; what is refused too often goes to DEAD.
push() {
  local name=$e-$1-$2 url=https://$e-$2-$number.$REGION.run.app
  there pubsub subscriptions describe "$name" ||
    g pubsub subscriptions create "$name" --topic="$e-$1" --push-endpoint="$url/" --push-auth-service-account="$(account push)" \
      --push-auth-token-audience="$url" --ack-deadline=60 --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic="$e-$3" \
      --max-delivery-attempts=10 --message-retention-duration=7d --expiration-period=never
  grant roles/pubsub.subscriber "$pubsub_agent" pubsub subscriptions "$name"
}

grant roles/iam.serviceAccountTokenCreator "$pubsub_agent" iam service-accounts "$(account push)"
topic alerts
topic reviews
push alerts alert alerts-dead
push reviews sentiment reviews-dead
push reviews-dead alert alerts-dead
topic originals
there pubsub topics describe "$e-images" || g pubsub topics create "$e-images" --message-retention-duration=7d
push originals image originals-dead
push originals-dead alert alerts-dead
grant roles/pubsub.publisher "$(account image)" pubsub topics "$e-images"
grant roles/pubsub.publisher "$(account image)" pubsub topics "$e-originals-dead"
grant roles/pubsub.publisher "service-$number@gcp-sa-monitoring-notification.iam.gserviceaccount.com" pubsub topics "$e-alerts"
grant roles/pubsub.publisher "$(account alert)" pubsub topics "$e-alerts-dead"
grant roles/pubsub.publisher "$(account review)" pubsub topics "$e-reviews"
grant roles/pubsub.publisher "$(account sentiment)" pubsub topics "$e-reviews-dead"

for name in originals renditions archive; do
  there storage buckets describe "gs://$e-$name" ||
    g storage buckets create "gs://$e-$name" --location="$REGION" --uniform-bucket-level-access --public-access-prevention
done
sed "s/{host}/$HOST/g" scripts/cors.json >"$work/cors.json"
g storage buckets update "gs://$e-originals" --cors-file="$work/cors.json"
g storage service-agent
grant roles/pubsub.publisher "service-$number@gs-project-accounts.iam.gserviceaccount.com" pubsub topics "$e-originals"
found=
[ -n "$dry" ] || found=$(g storage buckets notifications list "gs://$e-originals" --format='value(selfLink)')
if [ -z "$found" ]; then
  g storage buckets notifications create "gs://$e-originals" --topic="projects/$PROJECT/topics/$e-originals" \
    --event-types=OBJECT_FINALIZE --payload-format=json --skip-topic-setup
fi
grant roles/storage.objectViewer "$(account api)" storage buckets "gs://$e-renditions"
grant roles/storage.objectCreator "$(account review)" storage buckets "gs://$e-originals"
grant roles/iam.serviceAccountTokenCreator "$(account review)" iam service-accounts "$(account review)" # signs uploads
for name in image resize; do
  grant roles/storage.objectViewer "$(account "$name")" storage buckets "gs://$e-originals"
  grant roles/storage.objectUser "$(account "$name")" storage buckets "gs://$e-renditions"
done
grant roles/storage.objectViewer "$(account image)" storage buckets "gs://$e-archive"
grant roles/storage.objectCreator "$(account image)" storage buckets "gs://$e-archive"

there spanner instances describe "$e-shop" ||
  g spanner instances create "$e-shop" --config="regional-$REGION" --description="$e-shop" --edition=STANDARD --processing-units=100
there spanner databases describe shop --instance="$e-shop" ||
  g spanner databases create shop --instance="$e-shop" --ddl-file=shared/spannerdb/schema/0001_reviews.sql
there spanner backup-schedules describe "$e-daily" --instance="$e-shop" --database=shop ||
  g spanner backup-schedules create "$e-daily" --instance="$e-shop" --database=shop --cron="0 18 * * *" --retention-duration=7d --backup-type=full-backup
grant roles/spanner.databaseReader "$(account api)" spanner databases shop --instance="$e-shop"
grant roles/spanner.databaseUser "$(account sentiment)" spanner databases shop --instance="$e-shop"

# scripts/customers makes the tables; the instance holds nothing else.
there bigtable instances describe "$e-customers" ||
  g bigtable instances create "$e-customers" --display-name="$e-customers" \
    --cluster-config="id=$e-customers,zone=$REGION-a,autoscaling-min-nodes=1,autoscaling-max-nodes=4,autoscaling-cpu-target=60"
grant roles/bigtable.reader "$(account city)" bigtable instances "$e-customers"

for secret in "page-token-key city" "slack-webhook alert"; do
  read -r name function <<<"$secret"
  there secrets describe "$e-$name" || g secrets create "$e-$name" --replication-policy=automatic
  grant roles/secretmanager.secretAccessor "$(account "$function")" secrets "$e-$name"
done

# channel TYPE LABEL prints the name of a channel for alerts, which it makes when it is not there.
channel() {
  local name
  name=$(named "$e-$1" beta monitoring channels list) || return
  if [ -n "$dry" ]; then
    g beta monitoring channels create --display-name="$e-$1" --type="$1" --channel-labels="$2" >&2
    name=CHANNEL_$1
  elif [ -z "$name" ]; then
    name=$(g beta monitoring channels create --display-name="$e-$1" --type="$1" --channel-labels="$2" --format='value(name)') || return
  fi
  echo "$name"
}

channels=$(channel email "email_address=$MAIL")
channels=$channels,$(channel pubsub "topic=projects/$PROJECT/topics/$e-alerts")
found=$(named "$e" monitoring uptime list-configs)
if [ -z "$found" ]; then
  g monitoring uptime create "$e" --resource-type=uptime-url --resource-labels="host=$HOST,project_id=$PROJECT" --protocol=https --path=/ --period=1
fi
for file in scripts/monitoring/policies/*.json; do
  name=$(basename "$file" .json)
  sed "s/{env}/$ENV/g; s/{host}/$HOST/g" "$file" >"$work/$name.json"
  found=$(named "$e-$name" alpha monitoring policies list)
  if [ -z "$found" ]; then
    g alpha monitoring policies create --policy-from-file="$work/$name.json" --notification-channels="$channels" --format=none
  fi
done
sed "s/{env}/$ENV/g; s/{host}/$HOST/g" scripts/monitoring/dashboard.json >"$work/dashboard.json"
found=$(named "$e" monitoring dashboards list)
if [ -z "$found" ]; then
  g monitoring dashboards create --config-from-file="$work/dashboard.json" --format=none
fi

[ -n "$dry" ] || cat <<END

$e is there. What only you know is missing, once:
  printf %s "\$WEBHOOK" | gcloud secrets versions add $e-slack-webhook --data-file=- --project=$PROJECT
  head -c 32 /dev/urandom | base64 | gcloud secrets versions add $e-page-token-key --data-file=- --project=$PROJECT
END
