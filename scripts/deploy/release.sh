#!/usr/bin/env bash
# Releases a function to Cloud Run: the new revision gets no traffic until a smoke test passes, then more
# and more of it, with a verdict after each stage. Whatever fails, all traffic is back at the revision
# that had it, and the exit status is 1. What is deployed already, with the same settings, is left alone.
# The tag canary is on a revision that has yet to prove itself; two releases of a function at once stop each other.
#
#   scripts/deploy/release.sh [-n] FUNCTION IMAGE@sha256:DIGEST CANARY_IMAGE@sha256:DIGEST
#
#   -n            prints the calls for a service that exists, and runs nothing
#   FUNCTION      a row of scripts/deploy/services.csv
#   CANARY_IMAGE  that of ./scripts/deploy/canary, which smoke-tests and judges as a Cloud Run job in the VPC,
#                 because the services' ingress lets nothing else in
#
#   variable   meaning                                                   default
#   ENV        environment: dev, canary or prod                          required
#   PROJECT    Google Cloud project                                      required
#   REGION     region of the services                                    asia-northeast3
#   HOST       host of the shop, as setup.sh had it                      hybridbts.tech in prod, else ENV.hybridbts.tech
#   STAGES     shares of the traffic before all of it, in percent        5 25 50
#   PAUSE      seconds at each stage, 300 or more; metrics are late      600
#   COMMIT     what was built, when there is no git, as in Cloud Build   HEAD of a clean tree
set -euo pipefail
cd "$(dirname "$0")/../.."

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
case $ENV in
  dev | canary) default=$ENV.hybridbts.tech ;;
  prod) default=hybridbts.tech ;;
  *) die "ENV is $ENV, want dev, canary or prod" ;;
esac
REGION=${REGION:-asia-northeast3} HOST=${HOST:-$default} STAGES=${STAGES-5 25 50} PAUSE=${PAUSE:-600}
[[ $PAUSE =~ ^[1-9][0-9]*$ && $PAUSE -ge 300 ]] || die "PAUSE is $PAUSE, want 300 seconds or more: metrics come minutes late"
for share in $STAGES; do
  [[ $share =~ ^[1-9][0-9]?$ ]] || die "STAGES is $STAGES, want shares of 1 to 99 percent"
done
case $image in *@sha256:*) ;; *) die "$image has no digest: what is released must be what was tested" ;; esac
case $canary_image in *@sha256:*) ;; *) die "$canary_image has no digest" ;; esac

if [ -z "${COMMIT:-}" ]; then
  changes=$(git status --porcelain) || die "this is no git clone: set COMMIT"
  [ -z "$changes" ] || die "commit first: $changes"
  COMMIT=$(git rev-parse --short HEAD)
fi
case $COMMIT in *-dirty) die "commit first: $COMMIT was built" ;; esac

row=$(awk -F, -v name="$function" 'NR > 1 && $1 == name' scripts/deploy/services.csv)
[ -n "$row" ] || die "scripts/deploy/services.csv has no $function"
IFS=, read -r _ ingress public memory timeout min max p95 smoke_path smoke_status variables secrets _ concurrency <<<"$row"
[ "$ENV" = prod ] || min=0
fill() { sed "s/{env}/$ENV/g; s/{host}/$HOST/g; s/;/,/g" <<<"$1"; }
variables="GOOGLE_CLOUD_PROJECT=$PROJECT,$(fill "$variables")"
settings=$(cksum <<<"$row,$HOST" | cut -d' ' -f1)

# What is refused for ever of the topics that it reads or publishes to, a bad revision may have caused.
dead=()
for variable in ${variables//,/ }; do
  case $variable in *_TOPIC=*) variable=${variable#*=} && dead+=("-dead=${variable%-dead}-dead") ;; esac
done

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

# address prints the service's URL.
address() { g run services describe "$service" --region="$REGION" --format='value(status.url)' | grep '^https://'; }

# ask runs the service's canary job with arguments, and fails when it does.
ask() {
  local IFS=,
  g run jobs deploy "$service-canary" --region="$REGION" --image="$canary_image" --args="$*" --max-retries=0 \
    --task-timeout=300 --service-account="$ENV-hybridbts-canary@$PROJECT.iam.gserviceaccount.com" \
    --network="$ENV-hybridbts" --subnet="$ENV-hybridbts-private" --vpc-egress=all-traffic --execute-now --wait
}

deploy() {
  local flags=(--region="$REGION" --image="$image" --revision-suffix="$revision_suffix" --service-account="$account"
    --ingress="$ingress" --memory="$memory" --cpu=1 --concurrency="$concurrency" --timeout="$timeout" --min-instances="$min" --max-instances="$max"
    --set-env-vars="$variables" --labels="env=$ENV,system=hybridbts,commit=$COMMIT,settings=$settings"
    --tag=canary)
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
  existing=$(g run services list --region="$REGION" --filter="metadata.name=$service" --format='csv[no-heading](metadata.name,status.latestReadyRevisionName)')
  if ! grep -q "^$service,." <<<"$existing"; then
    # Cloud Run refuses --no-traffic here: there is nobody else to take it. A service of which no revision ever started, such
    # as for want of a secret, is as new as one that is not there.
    deploy
    admit
    url=$(address)
    ask smoke "$url" "$url$smoke_path" "$smoke_status" || die "the first revision of $service fails its smoke test"
    g run services update-traffic "$service" --region="$REGION" --remove-tags=canary
    echo "$service: deployed for the first time"
    exit
  fi
  targets=$(traffic)
  previous=$(awk -F, '$2 == 100 { print $1 }' <<<"$targets")
  unproven=$(awk -F, '$3 == "canary" { print $1 }' <<<"$targets")
  # A first revision whose smoke test failed, or never came, has the traffic and the tag.
  if [ -z "$previous" ] || [ "${unproven:-$previous}" != "$previous" ]; then
    die "another release of $service is under way, or broke off; then end it: gcloud run services update-traffic" \
      "$service --region=$REGION --project=$PROJECT --to-revisions=REVISION=100 --remove-tags=canary"
  fi
  admit # again: a first deploy may have broken off before it
  deployed=$(g run revisions describe "$previous" --region="$REGION" --format='value[separator=","](spec.containers[0].image,metadata.labels.settings)')
  if [ -z "$unproven" ] && [ "${deployed##*@}" = "${image##*@},$settings" ]; then
    echo "$service: $previous is this image already"
    exit
  fi
fi

# back must come to its end, whatever becomes of the terminal.
back() {
  set +e
  trap '' HUP INT PIPE TERM
  echo "release.sh: back to $previous" >&2 || exec >/dev/null 2>&1
  g run services update-traffic "$service" --region="$REGION" --to-revisions="$previous=100" --remove-tags=canary ||
    echo "release.sh: COULD NOT GO BACK: give $previous all traffic by hand" >&2
  exit 1
}
trap back EXIT
trap 'exit 1' HUP INT PIPE TERM

deploy --no-traffic
if [ -z "$dry" ]; then
  url=$(address)
  tag_url=$(traffic | awk -F, -v revision="$revision" '$1 == revision && $3 == "canary" { print $4 }')
  [ -n "$tag_url" ] || die "$revision has no URL of its own: another release took the tag"
fi
ask smoke "$url" "$tag_url$smoke_path" "$smoke_status"
for share in $STAGES; do
  g run services update-traffic "$service" --region="$REGION" --to-revisions="$revision=$share,$previous=$((100 - share))"
  # A signal is handled only between commands, and at a wait.
  [ -n "$dry" ] || {
    sleep "$PAUSE" >/dev/null 2>&1 &
    wait $!
  }
  ask verdict "-project=$PROJECT" "-service=$service" "-revision=$revision" "-since=${PAUSE}s" "-p95=${p95}ms" \
    "-latency=$ENV-hybridbts-latency" \
    ${dead[@]+"${dead[@]}"}
done
g run services update-traffic "$service" --region="$REGION" --to-revisions="$revision=100" --remove-tags=canary
trap - EXIT
[ -n "$dry" ] || echo "$service: $revision has all traffic"
