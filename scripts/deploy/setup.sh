#!/usr/bin/env bash
# Creates the infrastructure of one environment in one project: APIs, image registry, service accounts with
# least-privilege roles, network, Pub/Sub topics with their push subscriptions and dead-letter topics, buckets, Spanner
# with its schema and a daily backup, Bigtable, secrets without values, the load balancer with its certificate and DNS
# zone, a budget, alert policies and the dashboard.
#
# The script is idempotent. It leaves existing resources unchanged, except for the URL map, bucket settings and the
# database schema, which it updates from the files of this repository. scripts/deploy/terraform creates the same
# resources; a test compares the two.
#
#   scripts/deploy/setup.sh [-n]     -n prints the calls for an empty project and runs none
#
#   variable   meaning                                              default
#   ENV        environment: dev, canary or prod                     required
#   PROJECT    Google Cloud project                                 required
#   MAIL       e-mail address that receives alerts                  required
#   REGION     region of all resources                              asia-northeast3
#   HOST       host name of the shop; the uptime check probes it    hybridbts.tech in prod, else ENV.hybridbts.tech
#   AUDITORS   address of a group with read access, except to data  no group
#   ANALYSTS   address of a group that may query customers          no group
#   BUDGET     monthly budget in the billing account's currency     1000
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
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' scripts/deploy/setup.sh >&2
  exit 2
}
: "${ENV:?set ENV to dev, canary or prod}" "${PROJECT:?set PROJECT to the Google Cloud project}" "${MAIL:?set MAIL to the address that receives alerts}"
case $ENV in
  dev | canary) default=$ENV.hybridbts.tech ;;
  prod) default=hybridbts.tech ;;
  *)
    echo "setup.sh: unknown environment ENV=$ENV; valid values: dev, canary, prod" >&2
    exit 1
    ;;
esac
REGION=${REGION:-asia-northeast3} HOST=${HOST:-$default} AUDITORS=${AUDITORS:-} ANALYSTS=${ANALYSTS:-} BUDGET=${BUDGET:-1000}
e=$ENV-hybridbts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# gcp runs gcloud in the project. In a dry run it prints the command instead.
gcp() {
  set -- gcloud "$@" --project="$PROJECT" --quiet
  if [ -n "$dry" ]; then
    printf '%q ' "$@" | sed 's/\\,/,/g; s/ $//'
    echo
  else
    "$@"
  fi
}

# exists DESCRIBE… reports whether a describe command finds its resource. In a dry run no resource exists.
exists() { [ -z "$dry" ] && gcloud "$@" --project="$PROJECT" --quiet --format=none >/dev/null 2>&1; }

# find_by_display_name NAME LIST… prints the resource name of the first list entry with the display name NAME.
find_by_display_name() {
  local display=$1
  shift
  [ -n "$dry" ] || gcloud "$@" --project="$PROJECT" --quiet --filter="displayName=\"$display\"" --format='value(name)' --limit=1
}

# account_email NAME prints the e-mail address of a service account of this environment.
account_email() { echo "$e-$1@$PROJECT.iam.gserviceaccount.com"; }

# grant ROLE MEMBER RESOURCE… binds a role to a service account on a resource, such as pubsub topics NAME.
grant() {
  local role=$1 member=$2
  shift 2
  local group=() flags=()
  for word in "$@"; do case $word in --*) flags+=("$word") ;; *) group+=("$word") ;; esac done
  local last=$((${#group[@]} - 1))
  gcp "${group[@]:0:last}" add-iam-policy-binding "${group[last]}" ${flags[@]+"${flags[@]}"} --role="$role" --member="serviceAccount:$member" --format=none
}

# grant_on_project ROLE MEMBER binds a role that no narrower resource accepts.
grant_on_project() { gcp projects add-iam-policy-binding "$PROJECT" --role="$1" --member="$2" --condition=None --format=none; }

# query PLACEHOLDER COMMAND… prints the output of a gcloud command. In a dry run it prints the placeholder.
query() {
  if [ -n "$dry" ]; then echo "$1"; else gcp "${@:2}"; fi
}

# Each row of scripts/deploy/services.csv describes one function. The column cache lists the query parameters in the
# CDN's cache key: names separated by semicolons, or * for the whole query. An empty column disables the CDN.
functions=() behind_balancer=() cached=() secrets=()
while IFS=, read -r function ingress _ _ _ _ _ _ _ _ _ secret cache _; do
  [ "$function" != function ] || continue
  functions+=("$function")
  if [ "$ingress" = internal-and-cloud-load-balancing ]; then behind_balancer+=("$function") cached+=("$cache"); fi
  for variable in ${secret//;/ }; do secrets+=("${variable#*=\{env\}-hybridbts-} $function"); done
done <scripts/deploy/services.csv

apis=(artifactregistry bigtable bigtableadmin billingbudgets cloudbilling cloudbuild cloudresourcemanager cloudscheduler compute dns eventarc iam
  iamcredentials language logging monitoring pubsub run secretmanager serviceusage spanner storage vision)
apis=("${apis[@]/%/.googleapis.com}")
for ((i = 0; i < ${#apis[@]}; i += 20)); do # services enable accepts 20 APIs a call
  gcp services enable "${apis[@]:i:20}"
done
number=$(query NUMBER projects describe "$PROJECT" --format='value(projectNumber)')
pubsub_agent=service-$number@gcp-sa-pubsub.iam.gserviceaccount.com
for api in eventarc monitoring pubsub; do # create the service agents that receive roles below
  gcp beta services identity create --service="$api.googleapis.com"
done

# Log-based metrics come first: Cloud Monitoring accepts alert policies on a new metric only some minutes later.
for file in scripts/deploy/monitoring/metrics/*.json; do
  name=$(basename "$file" .json)
  sed "s/{env}/$ENV/g" "$file" >"$work/metric-$name.json"
  exists logging metrics describe "$e-$name" || gcp logging metrics create "$e-$name" --config-from-file="$work/metric-$name.json"
done

for name in "${functions[@]}" build canary push test; do
  exists iam service-accounts describe "$(account_email "$name")" || gcp iam service-accounts create "$e-$name" --display-name="$e-$name"
done

exists artifacts repositories describe "$e" --location="$REGION" ||
  gcp artifacts repositories create "$e" --location="$REGION" --repository-format=docker --description="images of $e"

# custom_role NAME TITLE PERMISSIONS ACCOUNT [RESOURCE…] creates a project role and binds it to an account, on a resource such
# as pubsub topics NAME, or else on the project. It serves accounts for which every predefined role grants too much.
custom_role() {
  local role deleted
  role=$(tr - _ <<<"$e")_$1
  if exists iam roles describe "$role"; then
    deleted=$(gcp iam roles describe "$role" --format='value(deleted)') # teardown.sh deletes roles softly
    [ -z "$deleted" ] || gcp iam roles undelete "$role"
  else
    gcp iam roles create "$role" --title="$2 of $e" --stage=GA --permissions="$3"
  fi
  role=projects/$PROJECT/roles/$role
  if [ $# -gt 4 ]; then grant "$role" "$(account_email "$4")" "${@:5}"; else grant_on_project "$role" "serviceAccount:$(account_email "$4")"; fi
}

# A build sets the IAM policy of services. Of the predefined roles only roles/run.admin allows this, and it is broader.
permissions=run.services.create,run.services.get,run.services.list,run.services.update,run.services.getIamPolicy,run.services.setIamPolicy
permissions+=,run.revisions.get,run.revisions.list,run.operations.get,run.jobs.create,run.jobs.get,run.jobs.update,run.jobs.run
permissions+=,run.executions.get,run.executions.list,resourcemanager.projects.get
custom_role release release "$permissions" build
# review signs upload addresses as itself. roles/iam.serviceAccountTokenCreator would also let it mint tokens of the account.
custom_role sign "signatures of uploads" iam.serviceAccounts.signBlob review iam service-accounts "$(account_email review)"
for name in "${functions[@]}" canary; do # a release deploys services with these accounts
  grant roles/iam.serviceAccountUser "$(account_email build)" iam service-accounts "$(account_email "$name")"
done

# Canary jobs run in the private subnet. They reach Google APIs by Private Google Access and other hosts by Cloud NAT.
# The public subnet is reserved; no resource uses it.
exists compute networks describe "$e" || gcp compute networks create "$e" --subnet-mode=custom
exists compute networks subnets describe "$e-private" --region="$REGION" ||
  gcp compute networks subnets create "$e-private" --network="$e" --region="$REGION" --range=10.0.0.0/24 --enable-private-ip-google-access
exists compute networks subnets describe "$e-public" --region="$REGION" ||
  gcp compute networks subnets create "$e-public" --network="$e" --region="$REGION" --range=10.0.1.0/24
exists compute routers describe "$e" --region="$REGION" || gcp compute routers create "$e" --network="$e" --region="$REGION"
exists compute routers nats describe "$e" --router="$e" --region="$REGION" ||
  gcp compute routers nats create "$e" --router="$e" --region="$REGION" --auto-allocate-nat-external-ips \
    --nat-custom-subnet-ip-ranges="$e-private" --enable-logging --log-filter=ERRORS_ONLY

# firewall_rule NAME FLAG… creates a firewall rule of the network.
firewall_rule() {
  exists compute firewall-rules describe "$e-$1" || gcp compute firewall-rules create "$e-$1" --network="$e" "${@:2}"
}

firewall_rule deny-ingress --direction=INGRESS --action=DENY --rules=all --source-ranges=0.0.0.0/0 --priority=65534
firewall_rule deny-egress --direction=EGRESS --action=DENY --rules=all --destination-ranges=0.0.0.0/0 --priority=65534
firewall_rule allow-https --direction=EGRESS --action=ALLOW --rules=tcp:443 --destination-ranges=0.0.0.0/0 --priority=1000

# create_topic NAME creates a topic. A dead-letter topic, whose name ends in -dead, also gets a subscription that
# retains its messages for 7 days.
create_topic() {
  exists pubsub topics describe "$e-$1" || gcp pubsub topics create "$e-$1" --message-retention-duration=7d
  case $1 in *-dead)
    exists pubsub subscriptions describe "$e-$1" ||
      gcp pubsub subscriptions create "$e-$1" --topic="$e-$1" --ack-deadline=60 --message-retention-duration=7d --expiration-period=never
    grant roles/pubsub.publisher "$pubsub_agent" pubsub topics "$e-$1"
    ;;
  esac
}

# create_push_subscription TOPIC FUNCTION DEAD pushes the messages of a topic to a function. After 10 failed delivery
# attempts Pub/Sub forwards a message to the topic DEAD.
create_push_subscription() {
  local name=$e-$1-$2 url=https://$e-$2-$number.$REGION.run.app
  exists pubsub subscriptions describe "$name" ||
    gcp pubsub subscriptions create "$name" --topic="$e-$1" --push-endpoint="$url/" --push-auth-service-account="$(account_email push)" \
      --push-auth-token-audience="$url" --ack-deadline=60 --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic="$e-$3" \
      --max-delivery-attempts=10 --message-retention-duration=7d --expiration-period=never
  grant roles/pubsub.subscriber "$pubsub_agent" pubsub subscriptions "$name"
}

# create_pull_subscriptions TOPIC FUNCTION NUMBER creates subscriptions TOPIC-FUNCTION-1 and so on, of which each instance of
# the function claims one. An instance that creates its own would need a role on the project, with access to all
# subscriptions. Messages of before a claim have no use, so the retention is the shortest that Pub/Sub accepts.
create_pull_subscriptions() {
  local i name
  for ((i = 1; i <= $3; i++)); do
    name=$e-$1-$2-$i
    exists pubsub subscriptions describe "$name" ||
      gcp pubsub subscriptions create "$name" --topic="$e-$1" --ack-deadline=10 --message-retention-duration=10m --expiration-period=never
    grant roles/pubsub.subscriber "$(account_email "$2")" pubsub subscriptions "$name"
  done
}

grant roles/iam.serviceAccountTokenCreator "$pubsub_agent" iam service-accounts "$(account_email push)"
# Each row of topics.csv declares a topic and, if it names a function, a push subscription or some pull subscriptions. A topic
# with two functions has two rows.
for name in $(sed 1d scripts/deploy/topics.csv | cut -d, -f1 | uniq); do create_topic "$name"; done
while IFS=, read -r -u 3 name function dead pulls; do
  if [ "$name" = topic ] || [ -z "$function" ]; then continue; fi
  if [ -n "$pulls" ]; then
    create_pull_subscriptions "$name" "$function" "$pulls"
  else
    create_push_subscription "$name" "$function" "$dead"
  fi
done 3<scripts/deploy/topics.csv
# The subscription keeps erasures outside the database, for longer than a backup. scripts/data/erasures applies them to a
# restored database. Nothing acknowledges them otherwise.
exists pubsub subscriptions describe "$e-commands-erasures" ||
  gcp pubsub subscriptions create "$e-commands-erasures" --topic="$e-commands" --message-filter='attributes.kind="erasure"' \
    --ack-deadline=60 --message-retention-duration=31d --expiration-period=never
# Asks sentiment to judge content again that nobody could judge. Cloud Scheduler's service agent may publish to every topic.
exists scheduler jobs describe "$e-sweep" --location="$REGION" ||
  gcp scheduler jobs create pubsub "$e-sweep" --location="$REGION" --schedule="* * * * *" --topic="$e-commands" --message-body={} \
    --attributes=kind=sweep,schema_version=2
grant roles/pubsub.publisher "service-$number@gcp-sa-monitoring-notification.iam.gserviceaccount.com" pubsub topics "$e-alerts"
grant roles/pubsub.publisher billing-budget-alert@system.gserviceaccount.com pubsub topics "$e-alerts"

# Soft delete keeps deleted and replaced objects for some days, against mistakes; 0s disables it. Renditions can be rendered
# again, leases last a minute, and sources are in git.
for name in archive leases logs originals renditions source; do
  exists storage buckets describe "gs://$e-$name" ||
    gcp storage buckets create "gs://$e-$name" --location="$REGION" --uniform-bucket-level-access --public-access-prevention
  case $name in archive | logs | originals) kept=7d ;; *) kept=0s ;; esac
  gcp storage buckets update "gs://$e-$name" --soft-delete-duration=$kept
done
for name in archive logs source; do
  gcp storage buckets update "gs://$e-$name" --lifecycle-file="scripts/deploy/lifecycle/$name.json"
done
sed "s/{host}/$HOST/g" scripts/deploy/cors.json >"$work/cors.json"
gcp storage buckets update "gs://$e-originals" --cors-file="$work/cors.json"

# The sink keeps the load balancer's request logs with Cloud Armor's verdicts. Logs of functions stay in the default
# log bucket for 30 days.
exists logging sinks describe "$e" ||
  gcp logging sinks create "$e" "storage.googleapis.com/$e-logs" \
    --log-filter="resource.type=\"http_load_balancer\" AND resource.labels.forwarding_rule_name:\"$e-\""
writer=$(query serviceAccount:WRITER logging sinks describe "$e" --format='value(writerIdentity)')
grant roles/storage.objectCreator "${writer#serviceAccount:}" storage buckets "gs://$e-logs"

# create_trigger EVENT FUNCTION DEAD delivers an event type of the originals bucket to a function. Eventarc creates the
# topic and the subscription. Its default subscription retries every 10 s and drops undelivered events after a day, so
# the update below sets the back-off, the dead-letter topic and the retention.
create_trigger() {
  local name=$e-originals-$1 subscription
  exists eventarc triggers describe "$name" --location="$REGION" ||
    gcp eventarc triggers create "$name" --location="$REGION" --destination-run-service="$e-$2" --destination-run-region="$REGION" \
      --event-filters="type=google.cloud.storage.object.v1.$1" --event-filters="bucket=$e-originals" --service-account="$(account_email push)"
  subscription=$(gcp eventarc triggers describe "$name" --location="$REGION" --format='value(transport.pubsub.subscription.basename())')
  gcp pubsub subscriptions update "$subscription" --ack-deadline=60 --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic="$e-$3" \
    --max-delivery-attempts=10 --message-retention-duration=7d --expiration-period=never
  grant roles/pubsub.subscriber "$pubsub_agent" pubsub subscriptions "$subscription"
}

gcp storage service-agent
# A trigger needs these roles before it exists, and Eventarc names its topics only then, so the roles are on the project.
grant_on_project roles/pubsub.publisher "serviceAccount:service-$number@gs-project-accounts.iam.gserviceaccount.com"
grant_on_project roles/eventarc.serviceAgent "serviceAccount:service-$number@gcp-sa-eventarc.iam.gserviceaccount.com"
grant_on_project roles/eventarc.eventReceiver "serviceAccount:$(account_email push)"
# Eventarc rejects a trigger whose service does not exist.
released=
if exists run services describe "$e-image" --region="$REGION"; then
  released=yes
  for event in deleted finalized; do create_trigger "$event" image originals-dead; done
fi

exists spanner instances describe "$e-shop" ||
  gcp spanner instances create "$e-shop" --config="regional-$REGION" --description="$e-shop" --edition=ENTERPRISE --processing-units=100 \
    --default-backup-schedule-type=NONE # the schedule below is the only one
# The table SchemaFiles has a row for each applied schema file. A file that fails half-way has no row: the next run
# fails on the statements that were applied, and the operator who repairs the database adds the row.
exists spanner databases describe shop --instance="$e-shop" ||
  gcp spanner databases create shop --instance="$e-shop" --ddl="CREATE TABLE SchemaFiles (File STRING(100) NOT NULL) PRIMARY KEY (File)"
applied=$(query "" spanner databases execute-sql shop --instance="$e-shop" --sql="SELECT File FROM SchemaFiles ORDER BY File")
for file in shared/schema/spannerdb/schema/*.sql; do
  name=$(basename "$file")
  if ! grep -qF "$name" <<<"$applied"; then
    gcp spanner databases ddl update shop --instance="$e-shop" --ddl-file="$file"
    gcp spanner databases execute-sql shop --instance="$e-shop" --sql="INSERT INTO SchemaFiles (File) VALUES ('$name')"
  fi
done
exists spanner backup-schedules describe "$e-daily" --instance="$e-shop" --database=shop ||
  gcp spanner backup-schedules create "$e-daily" --instance="$e-shop" --database=shop --cron="0 18 * * *" --retention-duration=7d --backup-type=full-backup

exists bigtable instances describe "$e-customers" ||
  gcp bigtable instances create "$e-customers" --display-name="$e-customers" \
    --cluster-config="id=$e-customers,zone=$REGION-a,autoscaling-min-nodes=1,autoscaling-max-nodes=4,autoscaling-cpu-target=60"

# create_table NAME FAMILIES creates a Bigtable table like scripts/data/customers, which skips existing tables.
create_table() {
  exists bigtable tables describe "$1" --instance="$e-customers" ||
    gcp bigtable tables create "$1" --instance="$e-customers" --column-families="$2"
}

create_table aliases place:maxversions=1
create_table cities "city:maxversions=1,loading:maxage=7d"
create_table customers profile,address
create_table homes home

for name in $(printf '%s\n' "${secrets[@]% *}" | sort -u); do
  exists secrets describe "$e-$name" || gcp secrets create "$e-$name" --replication-policy=automatic
done
for secret in "${secrets[@]}"; do
  grant roles/secretmanager.secretAccessor "$(account_email "${secret#* }")" secrets "$e-${secret% *}"
done

# A prefix of roles.csv restricts a role on a bucket to the objects whose names begin with it.
while IFS=, read -r -u 3 name role on resource prefix; do
  case $on in
    on) ;; # header row
    bucket)
      condition=None # gcloud requires the flag for a policy with conditions
      if [ -n "$prefix" ]; then
        condition="expression=resource.name.startsWith(\"projects/_/buckets/$e-$resource/objects/$prefix\"),title=$prefix"
      fi
      grant "$role" "$(account_email "$name")" storage buckets "gs://$e-$resource" --condition="$condition"
      ;;
    database) grant "$role" "$(account_email "$name")" spanner databases "$resource" --instance="$e-shop" ;;
    instance) grant "$role" "$(account_email "$name")" bigtable instances "$e-$resource" ;;
    project) grant_on_project "$role" "serviceAccount:$(account_email "$name")" ;;
    repository) grant "$role" "$(account_email "$name")" artifacts repositories "$e" --location="$REGION" ;;
    subscription) grant "$role" "$(account_email "$name")" pubsub subscriptions "$e-$resource" ;;
    topic) grant "$role" "$(account_email "$name")" pubsub topics "$e-$resource" ;;
    *)
      echo "setup.sh: scripts/deploy/roles.csv: unknown resource kind $on for $role" >&2
      exit 1
      ;;
  esac
done 3<scripts/deploy/roles.csv
# Data Access audit logs record who read and wrote data. A service that has audit logs already keeps its own settings. The
# policy contains an etag, so gcloud rejects it if another change comes in between.
audited=$(query "" projects get-iam-policy "$PROJECT" --flatten='auditConfigs[]' --format='value(auditConfigs.service)')
for service in bigtable bigtableadmin spanner storage; do
  if ! grep -qx "$service.googleapis.com" <<<"$audited"; then
    printf -- '- auditLogConfigs:\n  - logType: ADMIN_READ\n  - logType: DATA_READ\n  - logType: DATA_WRITE\n  service: %s\n' "$service.googleapis.com"
  fi
done >"$work/audit.yaml"
if [ -s "$work/audit.yaml" ]; then
  query "" projects get-iam-policy "$PROJECT" --format=yaml >"$work/before.yaml"
  grep -q '^auditConfigs:' "$work/before.yaml" || echo auditConfigs: >>"$work/before.yaml"
  sed "/^auditConfigs:/r $work/audit.yaml" "$work/before.yaml" >"$work/policy.yaml"
  gcp projects set-iam-policy "$PROJECT" "$work/policy.yaml" --format=none
fi
if [ -n "$AUDITORS" ]; then
  for role in cloudbuild.builds.viewer iam.securityReviewer logging.viewer monitoring.viewer run.viewer; do
    grant_on_project "roles/$role" "group:$AUDITORS"
  done
fi
# Cloud Run checks the ID tokens of analysts; the load balancer only forwards them.
if [ -n "$ANALYSTS" ]; then
  if exists run services describe "$e-city" --region="$REGION"; then
    gcp run services add-iam-policy-binding "$e-city" --region="$REGION" --role=roles/run.invoker --member="group:$ANALYSTS" --format=none
  else
    echo "setup.sh: run it again with ANALYSTS after the first release, which creates $e-city" >&2
  fi
fi

# The load balancer uses a Compute Engine certificate instead of Certificate Manager: one host needs no certificate
# map, and the DNS zone, which this script creates first, satisfies the validation of the certificate.
exists compute addresses describe "$e" --global || gcp compute addresses create "$e" --global
address=$(query ADDRESS compute addresses describe "$e" --global --format='value(address)')
exists dns managed-zones describe "$e" ||
  gcp dns managed-zones create "$e" --dns-name="$HOST." --description="$e" --visibility=public --dnssec-state=on
exists dns record-sets describe "$HOST." --zone="$e" --type=A ||
  gcp dns record-sets create "$HOST." --zone="$e" --type=A --ttl=300 --rrdatas="$address"
exists compute ssl-certificates describe "$e" --global || gcp compute ssl-certificates create "$e" --domains="$HOST" --global
exists compute ssl-policies describe "$e" --global || gcp compute ssl-policies create "$e" --profile=MODERN --min-tls-version=1.2 --global
exists compute security-policies describe "$e" || gcp compute security-policies create "$e" --file-name=scripts/deploy/armor.json --file-format=json

# backend_has SERVICE FIELD reports whether a field of a backend service has a value.
backend_has() { [ -n "$(query "" compute backend-services describe "$1" --global --format="value($2)")" ]; }

for i in "${!behind_balancer[@]}"; do
  name=$e-${behind_balancer[i]}
  exists compute network-endpoint-groups describe "$name" --region="$REGION" ||
    gcp compute network-endpoint-groups create "$name" --region="$REGION" --network-endpoint-type=serverless --cloud-run-service="$name"
  case ${cached[i]} in # the function's Cache-Control decides about storing
    '') cdn=(--no-enable-cdn) ;;
    '*') cdn=(--enable-cdn --cache-mode=USE_ORIGIN_HEADERS) ;;
    *) cdn=(--enable-cdn --cache-mode=USE_ORIGIN_HEADERS --cache-key-query-string-whitelist="${cached[i]//;/,}") ;;
  esac
  exists compute backend-services describe "$name" --global ||
    gcp compute backend-services create "$name" --global --load-balancing-scheme=EXTERNAL_MANAGED --enable-logging --logging-sample-rate=1 "${cdn[@]}"
  # An interrupted run may have created the service without its backend or policy.
  backend_has "$name" "backends[0].group" ||
    gcp compute backend-services add-backend "$name" --global --network-endpoint-group="$name" --network-endpoint-group-region="$REGION"
  backend_has "$name" securityPolicy || gcp compute backend-services update "$name" --global --security-policy="$e"
done

# The URL map follows the routes table. Each rule covers a path and the paths below it, as in the local gateway.
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
gcp compute url-maps import "$e" --source="$work/routes.yaml" --global
printf 'name: %s\ndefaultUrlRedirect:\n  httpsRedirect: true\n  redirectResponseCode: MOVED_PERMANENTLY_DEFAULT\n  stripQuery: false\n' "$e-to-https" >"$work/to-https.yaml"
gcp compute url-maps import "$e-to-https" --source="$work/to-https.yaml" --global
exists compute target-https-proxies describe "$e" --global ||
  gcp compute target-https-proxies create "$e" --url-map="$e" --ssl-certificates="$e" --ssl-policy="$e" --global
exists compute target-http-proxies describe "$e-to-https" --global || gcp compute target-http-proxies create "$e-to-https" --url-map="$e-to-https" --global
exists compute forwarding-rules describe "$e-https" --global ||
  gcp compute forwarding-rules create "$e-https" --global --load-balancing-scheme=EXTERNAL_MANAGED --address="$e" --target-https-proxy="$e" --ports=443
exists compute forwarding-rules describe "$e-to-https" --global ||
  gcp compute forwarding-rules create "$e-to-https" --global --load-balancing-scheme=EXTERNAL_MANAGED --address="$e" \
    --target-http-proxy="$e-to-https" --ports=80

# ensure_channel TYPE LABEL prints the name of a notification channel. It creates the channel if none exists.
ensure_channel() {
  local name
  name=$(find_by_display_name "$e-$1" beta monitoring channels list) || return
  if [ -n "$dry" ]; then
    gcp beta monitoring channels create --display-name="$e-$1" --type="$1" --channel-labels="$2" >&2
    name=CHANNEL_$1
  elif [ -z "$name" ]; then
    name=$(gcp beta monitoring channels create --display-name="$e-$1" --type="$1" --channel-labels="$2" --format='value(name)') || return
  fi
  echo "$name"
}

email=$(ensure_channel email "email_address=$MAIL")
channels=$email,$(ensure_channel pubsub "topic=projects/$PROJECT/topics/$e-alerts")
billing=$(query BILLING billing projects describe "$PROJECT" --format='value(billingAccountName.basename())')
found=$(find_by_display_name "$e" billing budgets list --billing-account="$billing")
if [ -z "$found" ]; then
  gcp billing budgets create --billing-account="$billing" --display-name="$e" --budget-amount="$BUDGET" --filter-projects="projects/$PROJECT" \
    --threshold-rule=percent=0.5 --threshold-rule=percent=0.9 --threshold-rule=percent=1.0 --threshold-rule=percent=1.0,basis=forecasted-spend \
    --notifications-rule-pubsub-topic="projects/$PROJECT/topics/$e-alerts" --notifications-rule-monitoring-notification-channels="$email" --format=none
fi
found=$(find_by_display_name "$e" monitoring uptime list-configs)
if [ -z "$found" ]; then
  gcp monitoring uptime create "$e" --resource-type=uptime-url --resource-labels="host=$HOST,project_id=$PROJECT" --protocol=https --path=/ --period=1
fi

# retry_until_metric_exists COMMAND… repeats a command that needs a log-based metric. Cloud Monitoring may take 10
# minutes to accept a new metric.
retry_until_metric_exists() {
  for _ in {1..20}; do
    "$@" && return
    echo "setup.sh: the log-based metric may not be available yet; retrying in 30 s" >&2
    sleep 30
  done
  "$@"
}

for file in scripts/deploy/monitoring/policies/*.json; do
  name=$(basename "$file" .json)
  sed "s/{env}/$ENV/g; s/{host}/$HOST/g" "$file" >"$work/$name.json"
  found=$(find_by_display_name "$e-$name" alpha monitoring policies list)
  if [ -z "$found" ]; then
    retry_until_metric_exists gcp alpha monitoring policies create --policy-from-file="$work/$name.json" --notification-channels="$channels" --format=none
  fi
done
sed "s/{env}/$ENV/g; s/{host}/$HOST/g" scripts/deploy/monitoring/dashboard.json >"$work/dashboard.json"
found=$(find_by_display_name "$e" monitoring dashboards list)
if [ -z "$found" ]; then
  gcp monitoring dashboards create --config-from-file="$work/dashboard.json" --format=none
fi

[ -z "$dry" ] || exit 0
echo
echo "$e is set up."
for name in $(printf '%s\n' "${secrets[@]% *}" | sort -u); do
  version=$(gcp secrets versions list "$e-$name" --limit=1 --format='value(name)')
  [ -z "$version" ] || continue
  value='head -c 32 /dev/urandom | base64'
  case $name in # values issued elsewhere
    oidc-audience) value="printf %s \"\$CLIENT_ID\"" ;;
    oidc-issuer) value="printf %s \"\$ISSUER\"" ;;
    slack-webhook) value="printf %s \"\$WEBHOOK\"" ;;
  esac
  echo "The secret $name has no value. Add one:"
  echo "  $value | gcloud secrets versions add $e-$name --data-file=- --project=$PROJECT"
done
echo "Delegate $HOST at its registrar, or in the parent zone, to the name servers that this command prints:"
echo "  gcloud dns managed-zones describe $e --format='value(nameServers)' --project=$PROJECT"
[ -n "$released" ] || echo "Run setup.sh again after the first release: the Eventarc triggers need the service $e-image."
