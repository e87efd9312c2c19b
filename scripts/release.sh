#!/usr/bin/env bash
# Releases a function to Cloud Run: the new revision gets no traffic until a smoke test passes, then more
# and more of it, with a verdict after each stage. Whatever fails, all traffic is back at the revision
# that had it, and the exit status is 1. What is deployed already is left alone.
#
#   scripts/release.sh [-n] FUNCTION IMAGE@sha256:DIGEST CANARY_IMAGE@sha256:DIGEST
#
#   -n            prints the calls for a service that exists, and runs nothing
#   FUNCTION      a row of scripts/services.csv
#   CANARY_IMAGE  that of ./scripts/canary, which smoke-tests and judges as a Cloud Run job in the VPC,
#                 because the services' ingress lets nothing else in
#
#   variable   meaning                                                   default
#   ENV        environment: dev, canary or prod                          required
#   PROJECT    Google Cloud project                                      required
#   REGION     region of the services                                    asia-northeast3
#   STAGES     shares of the traffic before all of it, in percent        5 25 50
#   PAUSE      seconds at each stage, 60 or more; metrics are late       600
#   COMMIT     what was built, when there is no git, as in Cloud Build   HEAD of a clean tree
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  echo "release.sh: $*" >&2
  exit 1
}

dry=
if [ "${1:-}" = -n ]; then
  dry=yes
  shift
fi
[ $# = 3 ] || {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
  exit 2
}
function=$1 image=$2 canary_image=$3
: "${ENV:?set ENV to dev, canary or prod}" "${PROJECT:?set PROJECT to the Google Cloud project}"
REGION=${REGION:-asia-northeast3} STAGES=${STAGES-5 25 50} PAUSE=${PAUSE:-600}
case $ENV in dev | canary | prod) ;; *) die "ENV is $ENV, want dev, canary or prod" ;; esac
[ "$PAUSE" -ge 60 ] || die "PAUSE is $PAUSE, want the 60 s of a point of the metrics or more"
case $image in *@sha256:*) ;; *) die "$image has no digest: what is released must be what was tested" ;; esac
case $canary_image in *@sha256:*) ;; *) die "$canary_image has no digest" ;; esac

if [ -z "${COMMIT:-}" ]; then
  changes=$(git status --porcelain) || die "this is no git clone: set COMMIT"
  [ -z "$changes" ] || die "commit first: $changes"
  COMMIT=$(git rev-parse --short HEAD)
fi

row=$(grep "^$function," scripts/services.csv) || die "scripts/services.csv has no $function"
IFS=, read -r _ ingress public memory timeout min max p95 smoke_path smoke_status variables secrets _ <<<"$row"
[ "$ENV" = prod ] || min=0
fill() { sed "s/{env}/$ENV/g; s/;/,/g" <<<"$1"; }
variables="GOOGLE_CLOUD_PROJECT=$PROJECT,$(fill "$variables")"

service=$ENV-hybridbts-$function
revision_suffix=$(date -u +%Y%m%d-%H%M%S)
revision=$service-$revision_suffix
account=$service@$PROJECT.iam.gserviceaccount.com

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

# traffic prints a line for each target of the service: revision,percent,tag,url.
traffic() {
  g run services describe "$service" --region="$REGION" --flatten='status.traffic[]' \
    --format='csv[no-heading](status.traffic.revisionName,status.traffic.percent,status.traffic.tag,status.traffic.url)'
}

# ask runs the canary job with arguments, and fails when it does.
ask() {
  local IFS=,
  g run jobs deploy "$ENV-hybridbts-canary" --region="$REGION" --image="$canary_image" --args="$*" --max-retries=0 \
    --task-timeout=300 --service-account="$ENV-hybridbts-canary@$PROJECT.iam.gserviceaccount.com" \
    --network="$ENV-hybridbts" --subnet="$ENV-hybridbts-private" --vpc-egress=all-traffic --execute-now --wait
}

deploy() {
  local flags=(--region="$REGION" --image="$image" --revision-suffix="$revision_suffix" --service-account="$account"
    --ingress="$ingress" --memory="$memory" --cpu=1 --concurrency=80 --timeout="$timeout" --min-instances="$min" --max-instances="$max"
    --set-env-vars="$variables" --labels="env=$ENV,system=hybridbts,commit=$COMMIT")
  if [ -n "$secrets" ]; then flags+=(--set-secrets="$(fill "${secrets//;/:latest;}"):latest"); fi
  if [ "$public" = yes ]; then flags+=(--allow-unauthenticated); else flags+=(--no-allow-unauthenticated); fi
  g run deploy "$service" "${flags[@]}" "$@"
}

# admit lets those accounts call the service that do: the canary, and Pub/Sub's pushes.
admit() {
  local caller callers=()
  if [ "$public" != yes ]; then callers+=(canary); fi
  if [ "$ingress" = internal ]; then callers+=(push); fi
  for caller in ${callers[@]+"${callers[@]}"}; do
    g run services add-iam-policy-binding "$service" --region="$REGION" --role=roles/run.invoker \
      --member="serviceAccount:$ENV-hybridbts-$caller@$PROJECT.iam.gserviceaccount.com" --format=none
  done
}

if [ -n "$dry" ]; then
  previous=$service-PREVIOUS url=URL tag_url=TAG_URL
else
  existing=$(g run services list --region="$REGION" --filter="metadata.name=$service" --format='value(metadata.name)')
  if [ -z "$existing" ]; then
    # Cloud Run refuses --no-traffic here: there is nobody else to take it.
    deploy
    admit
    url=$(g run services describe "$service" --region="$REGION" --format='value(status.url)')
    ask smoke "$url" "$url$smoke_path" "$smoke_status" || die "the first revision of $service fails its smoke test"
    echo "$service: deployed for the first time"
    exit
  fi
  previous=$(traffic | awk -F, '$2 == 100 { print $1 }')
  [ -n "$previous" ] || die "no revision of $service has all traffic: another release is under way, or broke off; give it to one first"
  admit # again: a first deploy may have broken off before it
  deployed=$(g run revisions describe "$previous" --region="$REGION" --format='value(spec.containers[0].image)')
  if [ "${deployed##*@}" = "${image##*@}" ]; then
    echo "$service: $previous is this image already"
    exit
  fi
fi

back() {
  echo "release.sh: back to $previous" >&2
  g run services update-traffic "$service" --region="$REGION" --to-revisions="$previous=100" ||
    echo "release.sh: COULD NOT GO BACK: give $previous all traffic by hand" >&2
  exit 1
}
trap back EXIT
trap 'exit 1' INT TERM

deploy --no-traffic --tag=canary
if [ -z "$dry" ]; then
  url=$(g run services describe "$service" --region="$REGION" --format='value(status.url)')
  tag_url=$(traffic | awk -F, '$3 == "canary" { print $4 }')
  [ -n "$tag_url" ] || {
    echo "release.sh: $revision has no URL of its own" >&2
    exit 1
  }
fi
ask smoke "$url" "$tag_url$smoke_path" "$smoke_status"
for share in $STAGES; do
  g run services update-traffic "$service" --region="$REGION" --to-revisions="$revision=$share,$previous=$((100 - share))"
  # A signal is handled only between commands, and at a wait.
  [ -n "$dry" ] || {
    sleep "$PAUSE" >/dev/null 2>&1 &
    wait $!
  }
  ask verdict "-project=$PROJECT" "-env=$ENV" "-service=$service" "-revision=$revision" "-since=${PAUSE}s" "-p95=${p95}ms"
done
g run services update-traffic "$service" --region="$REGION" --to-revisions="$revision=100"
trap - EXIT
g run services update-traffic "$service" --region="$REGION" --remove-tags=canary
[ -n "$dry" ] || echo "$service: $revision has all traffic"
