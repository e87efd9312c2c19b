#!/usr/bin/env bash
# Makes what releases stand on, in one project, for one environment: APIs, registry, accounts with the least
# roles on the smallest resource, network, topics with their dead letters and pushes, buckets, Spanner with its schema
# and a daily backup, Bigtable, secrets without a value, the load balancer with its certificate and name, a budget, alerts
# and the dashboard. What is there stays as it is, but for routes, settings of buckets and the schema, which follow
# the files here; run it again at will. scripts/deploy/terraform makes the same; a test compares the two.
#
#   scripts/deploy/setup.sh [-n]     -n prints the calls for an empty project, and runs nothing
#
#   variable   meaning                                            default
#   ENV        environment: dev, canary or prod                   required
#   PROJECT    Google Cloud project                               required
#   MAIL       who gets alerts by mail                            required
#   REGION     region of everything                               asia-northeast3
#   HOST       host of the shop, which is probed                  hybridbts.tech in prod, else ENV.hybridbts.tech
#   AUDITORS   address of a group that may look, but not at data  nobody
#   BUDGET     a month's, in the currency of the billing account  1000
#
# Every name is ENV-hybridbts-RESOURCE.
set -euo pipefail
cd "$(dirname "$0")/../.."

dry=
if [ "${1:-}" = -n ]; then
  dry=yes
  shift
fi
[ $# = 0 ] || {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
  exit 2
}
: "${ENV:?set ENV to dev, canary or prod}" "${PROJECT:?set PROJECT to the Google Cloud project}" "${MAIL:?set MAIL to who gets alerts}"
case $ENV in
  dev | canary) default=$ENV.hybridbts.tech ;;
  prod) default=hybridbts.tech ;;
  *)
    echo "setup.sh: ENV is $ENV, want dev, canary or prod" >&2
    exit 1
    ;;
esac
REGION=${REGION:-asia-northeast3} HOST=${HOST:-$default} AUDITORS=${AUDITORS:-} BUDGET=${BUDGET:-1000}
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
  for word in "$@"; do case $word in --*) flags+=("$word") ;; *) group+=("$word") ;; esac done
  local last=$((${#group[@]} - 1))
  g "${group[@]:0:last}" add-iam-policy-binding "${group[last]}" ${flags[@]+"${flags[@]}"} --role="$role" --member="serviceAccount:$member" --format=none
}

# on_project ROLE MEMBER binds a role that has no smaller resource.
on_project() { g projects add-iam-policy-binding "$PROJECT" --role="$1" --member="$2" --condition=None --format=none; }

# answer WORD COMMAND… prints what a call answers, or the word where nothing is run.
answer() {
  if [ -n "$dry" ]; then echo "$1"; else g "${@:2}"; fi
}

# A row of scripts/deploy/services.csv is a function. Its column cache is what of a query the key of the CDN's cache holds: the
# parameters, * for all of it; nothing is cached where it is empty.
functions=() behind_balancer=() cached=() secrets=()
while IFS=, read -r function ingress _ _ _ _ _ _ _ _ _ secret cache _; do
  [ "$function" != function ] || continue
  functions+=("$function")
  if [ "$ingress" = internal-and-cloud-load-balancing ]; then behind_balancer+=("$function") cached+=("$cache"); fi
  for variable in ${secret//;/ }; do secrets+=("${variable#*=\{env\}-hybridbts-} $function"); done
done <scripts/deploy/services.csv

apis=(artifactregistry bigtable bigtableadmin billingbudgets cloudbilling cloudbuild cloudresourcemanager compute dns eventarc iam
  iamcredentials language logging monitoring pubsub run secretmanager serviceusage spanner storage)
apis=("${apis[@]/%/.googleapis.com}")
for ((i = 0; i < ${#apis[@]}; i += 20)); do # Google takes 20 at a time
  g services enable "${apis[@]:i:20}"
done
number=$(answer NUMBER projects describe "$PROJECT" --format='value(projectNumber)')
pubsub_agent=service-$number@gcp-sa-pubsub.iam.gserviceaccount.com
for api in eventarc monitoring pubsub; do # their agents are asked for below
  g beta services identity create --service="$api.googleapis.com"
done

# What is measured by logs. First of all, because alerts of it can be made only minutes later.
for file in scripts/deploy/monitoring/metrics/*.json; do
  name=$(basename "$file" .json)
  sed "s/{env}/$ENV/g" "$file" >"$work/metric-$name.json"
  there logging metrics describe "$e-$name" || g logging metrics create "$e-$name" --config-from-file="$work/metric-$name.json"
done

for name in "${functions[@]}" build canary push; do
  there iam service-accounts describe "$(account "$name")" || g iam service-accounts create "$e-$name" --display-name="$e-$name"
done

there artifacts repositories describe "$e" --location="$REGION" ||
  g artifacts repositories create "$e" --location="$REGION" --repository-format=docker --description="images of $e"
# custom NAME TITLE PERMISSIONS ACCOUNT makes a role for an account on the project, where no role of Google's is as small.
custom() {
  local role deleted
  role=$(tr - _ <<<"$e")_$1
  if there iam roles describe "$role"; then
    deleted=$(g iam roles describe "$role" --format='value(deleted)') # by teardown.sh: a week long nobody may use it
    [ -z "$deleted" ] || g iam roles undelete "$role"
  else
    g iam roles create "$role" --title="$2 of $e" --stage=GA --permissions="$3"
  fi
  on_project "projects/$PROJECT/roles/$role" "serviceAccount:$(account "$4")"
}

# No smaller role lets a build say who may call a service, and roles/run.admin is more.
permissions=run.services.create,run.services.get,run.services.list,run.services.update,run.services.getIamPolicy,run.services.setIamPolicy
permissions+=,run.revisions.get,run.revisions.list,run.operations.get,run.jobs.create,run.jobs.get,run.jobs.update,run.jobs.run
permissions+=,run.executions.get,run.executions.list,resourcemanager.projects.get
custom release release "$permissions" build
# Each instance of api makes a subscription of its own; roles/pubsub.editor would let it change topics, too.
custom live "live news" pubsub.subscriptions.create,pubsub.subscriptions.consume,pubsub.subscriptions.delete api
for name in "${functions[@]}" canary; do # a release runs as these
  grant roles/iam.serviceAccountUser "$(account build)" iam service-accounts "$(account "$name")"
done

# The canary's jobs run in the private subnet, and reach what they ask by NAT or Google's own network. Nothing that
# is public is there yet.
there compute networks describe "$e" || g compute networks create "$e" --subnet-mode=custom
there compute networks subnets describe "$e-private" --region="$REGION" ||
  g compute networks subnets create "$e-private" --network="$e" --region="$REGION" --range=10.0.0.0/24 --enable-private-ip-google-access
there compute networks subnets describe "$e-public" --region="$REGION" ||
  g compute networks subnets create "$e-public" --network="$e" --region="$REGION" --range=10.0.1.0/24
there compute routers describe "$e" --region="$REGION" || g compute routers create "$e" --network="$e" --region="$REGION"
there compute routers nats describe "$e" --router="$e" --region="$REGION" ||
  g compute routers nats create "$e" --router="$e" --region="$REGION" --auto-allocate-nat-external-ips \
    --nat-custom-subnet-ip-ranges="$e-private" --enable-logging --log-filter=ERRORS_ONLY

# firewall NAME FLAG… makes a rule of the network.
firewall() {
  there compute firewall-rules describe "$e-$1" || g compute firewall-rules create "$e-$1" --network="$e" "${@:2}"
}

firewall deny-ingress --direction=INGRESS --action=DENY --rules=all --source-ranges=0.0.0.0/0 --priority=65534
firewall deny-egress --direction=EGRESS --action=DENY --rules=all --destination-ranges=0.0.0.0/0 --priority=65534
firewall allow-https --direction=EGRESS --action=ALLOW --rules=tcp:443 --destination-ranges=0.0.0.0/0 --priority=1000

# topic NAME makes a topic; what is in one of dead letters is kept for 7 days.
topic() {
  there pubsub topics describe "$e-$1" || g pubsub topics create "$e-$1" --message-retention-duration=7d
  case $1 in *-dead)
    there pubsub subscriptions describe "$e-$1" ||
      g pubsub subscriptions create "$e-$1" --topic="$e-$1" --ack-deadline=60 --message-retention-duration=7d --expiration-period=never
    grant roles/pubsub.publisher "$pubsub_agent" pubsub topics "$e-$1"
    ;;
  esac
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
# A row of topics.csv is a topic, and its push subscription where it names a function. A topic with two functions has two rows.
for name in $(sed 1d scripts/deploy/topics.csv | cut -d, -f1 | uniq); do topic "$name"; done
while IFS=, read -r -u 3 name function dead; do
  [ "$name" = topic ] || [ -z "$function" ] || push "$name" "$function" "$dead"
done 3<scripts/deploy/topics.csv
grant roles/pubsub.publisher "service-$number@gcp-sa-monitoring-notification.iam.gserviceaccount.com" pubsub topics "$e-alerts"
grant roles/pubsub.publisher billing-budget-alert@system.gserviceaccount.com pubsub topics "$e-alerts"

for name in archive logs originals renditions source; do
  there storage buckets describe "gs://$e-$name" ||
    g storage buckets create "gs://$e-$name" --location="$REGION" --uniform-bucket-level-access --public-access-prevention
done
for name in archive logs source; do
  g storage buckets update "gs://$e-$name" --lifecycle-file="scripts/deploy/lifecycle/$name.json"
done
sed "s/{host}/$HOST/g" scripts/deploy/cors.json >"$work/cors.json"
g storage buckets update "gs://$e-originals" --cors-file="$work/cors.json"

# Who asked for what, and what Cloud Armor said of it. Logs of functions stay where they are looked at, for 30 days.
there logging sinks describe "$e" ||
  g logging sinks create "$e" "storage.googleapis.com/$e-logs" \
    --log-filter="resource.type=\"http_load_balancer\" AND resource.labels.forwarding_rule_name:\"$e-\""
writer=$(answer serviceAccount:WRITER logging sinks describe "$e" --format='value(writerIdentity)')
grant roles/storage.objectCreator "${writer#serviceAccount:}" storage buckets "gs://$e-logs"

# trigger EVENT FUNCTION DEAD hands an event of the originals bucket to a function. Eventarc makes the topic and the
# subscription. How deliveries fail is said here, because by itself it asks again after 10 s, and drops after a day, without a
# word, what fails.
trigger() {
  local name=$e-originals-$1 subscription
  there eventarc triggers describe "$name" --location="$REGION" ||
    g eventarc triggers create "$name" --location="$REGION" --destination-run-service="$e-$2" --destination-run-region="$REGION" \
      --event-filters="type=google.cloud.storage.object.v1.$1" --event-filters="bucket=$e-originals" --service-account="$(account push)"
  subscription=$(g eventarc triggers describe "$name" --location="$REGION" --format='value(transport.pubsub.subscription.basename())')
  g pubsub subscriptions update "$subscription" --ack-deadline=60 --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic="$e-$3" \
    --max-delivery-attempts=10 --message-retention-duration=7d --expiration-period=never
  grant roles/pubsub.subscriber "$pubsub_agent" pubsub subscriptions "$subscription"
}

g storage service-agent
# Eventarc's topics have no names to bind these to before a trigger is there, which asks for them.
on_project roles/pubsub.publisher "serviceAccount:service-$number@gs-project-accounts.iam.gserviceaccount.com"
on_project roles/eventarc.serviceAgent "serviceAccount:service-$number@gcp-sa-eventarc.iam.gserviceaccount.com"
on_project roles/eventarc.eventReceiver "serviceAccount:$(account push)"
# Eventarc makes no trigger for a service that is not there.
released=
if there run services describe "$e-image" --region="$REGION"; then
  released=yes
  for event in deleted finalized; do trigger "$event" image originals-dead; done
fi

there spanner instances describe "$e-shop" ||
  g spanner instances create "$e-shop" --config="regional-$REGION" --description="$e-shop" --edition=ENTERPRISE --processing-units=100 \
    --default-backup-schedule-type=NONE # ours is below; there would be two
# Which files of the schema are in the database is a row each. A file that breaks off half-way has none: the
# next run fails on what is there already, and whoever mends it adds the row.
there spanner databases describe shop --instance="$e-shop" ||
  g spanner databases create shop --instance="$e-shop" --ddl="CREATE TABLE SchemaFiles (File STRING(100) NOT NULL) PRIMARY KEY (File)"
applied=$(answer "" spanner databases execute-sql shop --instance="$e-shop" --sql="SELECT File FROM SchemaFiles ORDER BY File")
for file in shared/schema/spannerdb/schema/*.sql; do
  name=$(basename "$file")
  if ! grep -qF "$name" <<<"$applied"; then
    g spanner databases ddl update shop --instance="$e-shop" --ddl-file="$file"
    g spanner databases execute-sql shop --instance="$e-shop" --sql="INSERT INTO SchemaFiles (File) VALUES ('$name')"
  fi
done
there spanner backup-schedules describe "$e-daily" --instance="$e-shop" --database=shop ||
  g spanner backup-schedules create "$e-daily" --instance="$e-shop" --database=shop --cron="0 18 * * *" --retention-duration=7d --backup-type=full-backup

there bigtable instances describe "$e-customers" ||
  g bigtable instances create "$e-customers" --display-name="$e-customers" \
    --cluster-config="id=$e-customers,zone=$REGION-a,autoscaling-min-nodes=1,autoscaling-max-nodes=4,autoscaling-cpu-target=60"

# table NAME FAMILIES makes a table as scripts/data/customers does, which leaves those alone that are there.
table() {
  there bigtable tables describe "$1" --instance="$e-customers" ||
    g bigtable tables create "$1" --instance="$e-customers" --column-families="$2"
}

table cities "city:maxversions=1,loading:maxage=7d"
table customers profile,address
table homes home

for name in $(printf '%s\n' "${secrets[@]% *}" | sort -u); do
  there secrets describe "$e-$name" || g secrets create "$e-$name" --replication-policy=automatic
done
for secret in "${secrets[@]}"; do
  grant roles/secretmanager.secretAccessor "$(account "${secret#* }")" secrets "$e-${secret% *}"
done

while IFS=, read -r -u 3 name role on resource; do
  case $on in
    on) ;; # the names of the columns
    account) grant "$role" "$(account "$name")" iam service-accounts "$(account "$resource")" ;;
    bucket) grant "$role" "$(account "$name")" storage buckets "gs://$e-$resource" ;;
    database) grant "$role" "$(account "$name")" spanner databases "$resource" --instance="$e-shop" ;;
    instance) grant "$role" "$(account "$name")" bigtable instances "$e-$resource" ;;
    project) on_project "$role" "serviceAccount:$(account "$name")" ;;
    repository) grant "$role" "$(account "$name")" artifacts repositories "$e" --location="$REGION" ;;
    subscription) grant "$role" "$(account "$name")" pubsub subscriptions "$e-$resource" ;;
    topic) grant "$role" "$(account "$name")" pubsub topics "$e-$resource" ;;
    *)
      echo "setup.sh: scripts/deploy/roles.csv has a role on a $on" >&2
      exit 1
      ;;
  esac
done 3<scripts/deploy/roles.csv
if [ -n "$AUDITORS" ]; then
  for role in cloudbuild.builds.viewer iam.securityReviewer logging.viewer monitoring.viewer run.viewer; do
    on_project "roles/$role" "group:$AUDITORS"
  done
fi

# The load balancer. A certificate of Compute Engine, and not of Certificate Manager: one host needs no map of
# certificates, and its zone, which is ours, points here before the certificate is asked for.
there compute addresses describe "$e" --global || g compute addresses create "$e" --global
address=$(answer ADDRESS compute addresses describe "$e" --global --format='value(address)')
there dns managed-zones describe "$e" ||
  g dns managed-zones create "$e" --dns-name="$HOST." --description="$e" --visibility=public --dnssec-state=on
there dns record-sets describe "$HOST." --zone="$e" --type=A ||
  g dns record-sets create "$HOST." --zone="$e" --type=A --ttl=300 --rrdatas="$address"
there compute ssl-certificates describe "$e" --global || g compute ssl-certificates create "$e" --domains="$HOST" --global
there compute ssl-policies describe "$e" --global || g compute ssl-policies create "$e" --profile=MODERN --min-tls-version=1.2 --global
there compute security-policies describe "$e" || g compute security-policies create "$e" --file-name=scripts/deploy/armor.json --file-format=json

# has SERVICE FIELD tells whether a field of a backend service has a value.
has() { [ -n "$(answer "" compute backend-services describe "$1" --global --format="value($2)")" ]; }

for i in "${!behind_balancer[@]}"; do
  name=$e-${behind_balancer[i]}
  there compute network-endpoint-groups describe "$name" --region="$REGION" ||
    g compute network-endpoint-groups create "$name" --region="$REGION" --network-endpoint-type=serverless --cloud-run-service="$name"
  case ${cached[i]} in # what is kept, and for how long, the function says
    '') cdn=(--no-enable-cdn) ;;
    '*') cdn=(--enable-cdn --cache-mode=USE_ORIGIN_HEADERS) ;;
    *) cdn=(--enable-cdn --cache-mode=USE_ORIGIN_HEADERS --cache-key-query-string-whitelist="${cached[i]//;/,}") ;;
  esac
  there compute backend-services describe "$name" --global ||
    g compute backend-services create "$name" --global --load-balancing-scheme=EXTERNAL_MANAGED --enable-logging --logging-sample-rate=1 "${cdn[@]}"
  # A run may have ended between these.
  has "$name" "backends[0].group" ||
    g compute backend-services add-backend "$name" --global --network-endpoint-group="$name" --network-endpoint-group-region="$REGION"
  has "$name" securityPolicy || g compute backend-services update "$name" --global --security-policy="$e"
done

# The table of routes, longest first, as rules of a URL map: a path and all below it, as the local gateway has it.
backend=https://www.googleapis.com/compute/v1/projects/$PROJECT/global/backendServices/$e
{
  printf 'name: %s\ndefaultService: %s\n' "$e" "$backend-api"
  printf 'hostRules:\n- hosts: [%s]\n  pathMatcher: routes\n' "$HOST"
  printf 'pathMatchers:\n- name: routes\n  defaultService: %s\n  pathRules:\n' "$backend-api"
  sed -nE 's|.*"prefix": "(/[^"]+)", "function": "([a-z]+)".*|\1 \2|p' scripts/deploy/routes/routes.json |
    while read -r prefix function; do
      printf '  - paths: ["%s", "%s/*"]\n    service: %s\n' "$prefix" "$prefix" "$backend-$function"
    done
} >"$work/routes.yaml"
g compute url-maps import "$e" --source="$work/routes.yaml" --global
printf 'name: %s\ndefaultUrlRedirect:\n  httpsRedirect: true\n  redirectResponseCode: MOVED_PERMANENTLY_DEFAULT\n  stripQuery: false\n' "$e-to-https" >"$work/to-https.yaml"
g compute url-maps import "$e-to-https" --source="$work/to-https.yaml" --global
there compute target-https-proxies describe "$e" --global ||
  g compute target-https-proxies create "$e" --url-map="$e" --ssl-certificates="$e" --ssl-policy="$e" --global
there compute target-http-proxies describe "$e-to-https" --global || g compute target-http-proxies create "$e-to-https" --url-map="$e-to-https" --global
there compute forwarding-rules describe "$e-https" --global ||
  g compute forwarding-rules create "$e-https" --global --load-balancing-scheme=EXTERNAL_MANAGED --address="$e" --target-https-proxy="$e" --ports=443
there compute forwarding-rules describe "$e-to-https" --global ||
  g compute forwarding-rules create "$e-to-https" --global --load-balancing-scheme=EXTERNAL_MANAGED --address="$e" \
    --target-http-proxy="$e-to-https" --ports=80

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

email=$(channel email "email_address=$MAIL")
channels=$email,$(channel pubsub "topic=projects/$PROJECT/topics/$e-alerts")
billing=$(answer BILLING billing projects describe "$PROJECT" --format='value(billingAccountName.basename())')
found=$(named "$e" billing budgets list --billing-account="$billing")
if [ -z "$found" ]; then
  g billing budgets create --billing-account="$billing" --display-name="$e" --budget-amount="$BUDGET" --filter-projects="projects/$PROJECT" \
    --threshold-rule=percent=0.5 --threshold-rule=percent=0.9 --threshold-rule=percent=1.0 --threshold-rule=percent=1.0,basis=forecasted-spend \
    --notifications-rule-pubsub-topic="projects/$PROJECT/topics/$e-alerts" --notifications-rule-monitoring-notification-channels="$email" --format=none
fi
found=$(named "$e" monitoring uptime list-configs)
if [ -z "$found" ]; then
  g monitoring uptime create "$e" --resource-type=uptime-url --resource-labels="host=$HOST,project_id=$PROJECT" --protocol=https --path=/ --period=1
fi

# known_later COMMAND… makes what needs a metric of logs, which Cloud Monitoring knows 10 minutes after it was made, or sooner.
known_later() {
  for _ in {1..20}; do
    "$@" && return
    echo "setup.sh: trying again in 30 s" >&2
    sleep 30
  done
  "$@"
}

for file in scripts/deploy/monitoring/policies/*.json; do
  name=$(basename "$file" .json)
  sed "s/{env}/$ENV/g; s/{host}/$HOST/g" "$file" >"$work/$name.json"
  found=$(named "$e-$name" alpha monitoring policies list)
  if [ -z "$found" ]; then
    known_later g alpha monitoring policies create --policy-from-file="$work/$name.json" --notification-channels="$channels" --format=none
  fi
done
sed "s/{env}/$ENV/g; s/{host}/$HOST/g" scripts/deploy/monitoring/dashboard.json >"$work/dashboard.json"
found=$(named "$e" monitoring dashboards list)
if [ -z "$found" ]; then
  g monitoring dashboards create --config-from-file="$work/dashboard.json" --format=none
fi

[ -z "$dry" ] || exit 0
echo
echo "$e is there."
for name in $(printf '%s\n' "${secrets[@]% *}" | sort -u); do
  version=$(g secrets versions list "$e-$name" --limit=1 --format='value(name)')
  [ -z "$version" ] || continue
  value='head -c 32 /dev/urandom | base64'
  case $name in # what others gave
    oidc-audience) value="printf %s \"\$CLIENT_ID\"" ;;
    oidc-issuer) value="printf %s \"\$ISSUER\"" ;;
    slack-webhook) value="printf %s \"\$WEBHOOK\"" ;;
  esac
  echo "What only you know is missing, a value of $name:"
  echo "  $value | gcloud secrets versions add $e-$name --data-file=- --project=$PROJECT"
done
echo "The registrar of $HOST, or the zone above it, wants the name servers that this prints:"
echo "  gcloud dns managed-zones describe $e --format='value(nameServers)' --project=$PROJECT"
[ -n "$released" ] || echo "Run this again after the first release: only then is there a service to hand pictures to."
