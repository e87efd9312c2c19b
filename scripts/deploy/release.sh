#!/usr/bin/env bash
# Releases one function to Cloud Run in stages. The new revision receives no traffic until its smoke test passes, then
# a growing share, with a verdict of the canary job after each stage. If any step fails, the script returns all traffic
# to the previous revision and exits with status 1. It skips a function whose image and settings are deployed already.
# The tag canary marks the revision under test. Concurrent releases of one function detect each other by it and stop.
#
#   scripts/deploy/release.sh [-n] FUNCTION IMAGE@sha256:DIGEST CANARY_IMAGE@sha256:DIGEST
#
#   -n            prints the calls for an existing service and runs none
#   FUNCTION      a row of scripts/deploy/services.csv
#   CANARY_IMAGE  image of ./scripts/deploy/canary, which runs as a Cloud Run job in the VPC because the ingress
#                 settings of the services block other callers
#
#   variable   meaning                                                   default
#   ENV        environment: dev, canary or prod                          required
#   PROJECT    Google Cloud project                                      required
#   REGION     region of the services                                    asia-northeast3
#   HOST       host name of the shop, as given to setup.sh               hybridbts.tech in prod, else ENV.hybridbts.tech
#   STAGES     traffic shares before 100, in percent                     5 25 50
#   PAUSE      seconds per stage, 300 or more; metrics arrive late       600
#   COMMIT     commit of the image; required without git (Cloud Build)   HEAD of a clean tree
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
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' scripts/deploy/release.sh >&2
  exit 2
}
function=$1 image=$2 canary_image=$3
: "${ENV:?set ENV to dev, canary or prod}" "${PROJECT:?set PROJECT to the Google Cloud project}"
case $ENV in
  dev | canary) default=$ENV.hybridbts.tech ;;
  prod) default=hybridbts.tech ;;
  *) die "unknown environment ENV=$ENV; valid values: dev, canary, prod" ;;
esac
REGION=${REGION:-asia-northeast3} HOST=${HOST:-$default} STAGES=${STAGES-5 25 50} PAUSE=${PAUSE:-600}
[[ $PAUSE =~ ^[1-9][0-9]*$ && $PAUSE -ge 300 ]] || die "invalid PAUSE=$PAUSE; want 300 seconds or more, because metrics arrive minutes late"
for share in $STAGES; do
  [[ $share =~ ^[1-9][0-9]?$ ]] || die "invalid STAGES=$STAGES; want shares of 1 to 99 percent, separated by spaces"
done
case $image in *@sha256:*) ;; *) die "image $image has no digest; a tag could name an untested image" ;; esac
case $canary_image in *@sha256:*) ;; *) die "image $canary_image has no digest" ;; esac

if [ -z "${COMMIT:-}" ]; then
  changes=$(git status --porcelain) || die "not a git clone; set COMMIT"
  [ -z "$changes" ] || die "uncommitted changes; commit them first: $changes"
  COMMIT=$(git rev-parse --short HEAD)
fi
case $COMMIT in *-dirty) die "the images were built from a dirty tree: $COMMIT; commit and build again" ;; esac

row=$(awk -F, -v name="$function" 'NR > 1 && $1 == name' scripts/deploy/services.csv)
[ -n "$row" ] || die "unknown function $function; scripts/deploy/services.csv lists the functions"
IFS=, read -r _ ingress public memory timeout min max p95 smoke_path smoke_status variables secrets _ concurrency <<<"$row"
[ "$ENV" = prod ] || min=0
expand() { sed "s/{env}/$ENV/g; s/{host}/$HOST/g; s/;/,/g" <<<"$1"; }
variables="GOOGLE_CLOUD_PROJECT=$PROJECT,$(expand "$variables")"
settings=$(cksum <<<"$row,$HOST" | cut -d' ' -f1)

# The verdict counts dead letters of every topic that the function reads from or publishes to.
dead_flags=()
for variable in ${variables//,/ }; do
  case $variable in *_TOPIC=*) variable=${variable#*=} && dead_flags+=("-dead=${variable%-dead}-dead") ;; esac
done

service=$ENV-hybridbts-$function
revision_suffix=$(date -u +%Y%m%d-%H%M%S)
revision=$service-$revision_suffix
account=$service@$PROJECT.iam.gserviceaccount.com

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

# traffic_targets prints one line per traffic target of the service: revision,percent,tag,url.
traffic_targets() {
  gcp run services describe "$service" --region="$REGION" --flatten='status.traffic[]' \
    --format='csv[no-heading](status.traffic.revisionName,status.traffic.percent,status.traffic.tag,status.traffic.url)'
}

# service_url prints the service's URL. It fails without one.
service_url() { gcp run services describe "$service" --region="$REGION" --format='value(status.url)' | grep '^https://'; }

# run_canary ARG… runs the service's canary job with arguments, waits for it, and fails if the job fails.
run_canary() {
  local IFS=,
  gcp run jobs deploy "$service-canary" --region="$REGION" --image="$canary_image" --args="$*" --max-retries=0 \
    --task-timeout=300 --service-account="$ENV-hybridbts-canary@$PROJECT.iam.gserviceaccount.com" \
    --network="$ENV-hybridbts" --subnet="$ENV-hybridbts-private" --vpc-egress=all-traffic --execute-now --wait
}

deploy() {
  local flags=(--region="$REGION" --image="$image" --revision-suffix="$revision_suffix" --service-account="$account"
    --ingress="$ingress" --memory="$memory" --cpu=1 --concurrency="$concurrency" --timeout="$timeout" --min-instances="$min" --max-instances="$max"
    --set-env-vars="$variables" --labels="env=$ENV,system=hybridbts,commit=$COMMIT,settings=$settings"
    --tag=canary)
  if [ -n "$secrets" ]; then flags+=(--set-secrets="$(expand "${secrets//;/:latest;}"):latest"); fi
  if [ "$public" = yes ]; then flags+=(--allow-unauthenticated); else flags+=(--no-allow-unauthenticated); fi
  gcp run deploy "$service" "${flags[@]}" "$@"
}

# grant_invokers lets the canary call a service without public access, and Pub/Sub push to an internal service.
grant_invokers() {
  local caller callers=()
  if [ "$public" != yes ]; then callers+=(canary); fi
  if [ "$ingress" = internal ]; then callers+=(push); fi
  for caller in ${callers[@]+"${callers[@]}"}; do
    gcp run services add-iam-policy-binding "$service" --region="$REGION" --role=roles/run.invoker \
      --member="serviceAccount:$ENV-hybridbts-$caller@$PROJECT.iam.gserviceaccount.com" --format=none
  done
}

if [ -n "$dry" ]; then
  previous=$service-PREVIOUS url=URL tag_url=TAG_URL
else
  existing=$(gcp run services list --region="$REGION" --filter="metadata.name=$service" --format='csv[no-heading](metadata.name,status.latestReadyRevisionName)')
  if ! grep -q "^$service,." <<<"$existing"; then
    # Cloud Run rejects --no-traffic for a new service. A service without a ready revision, for example because a
    # secret had no value, counts as new.
    deploy
    grant_invokers
    url=$(service_url)
    run_canary smoke "$url" "$url$smoke_path" "$smoke_status" || die "the first revision of $service failed its smoke test"
    gcp run services update-traffic "$service" --region="$REGION" --remove-tags=canary
    echo "$service: deployed for the first time"
    exit
  fi
  targets=$(traffic_targets)
  previous=$(awk -F, '$2 == 100 { print $1 }' <<<"$targets")
  canary_revision=$(awk -F, '$3 == "canary" { print $1 }' <<<"$targets")
  # If a first release stopped before or at its smoke test, one revision has all traffic and the tag.
  if [ -z "$previous" ] || [ "${canary_revision:-$previous}" != "$previous" ]; then
    die "another release of $service is running or was interrupted; if interrupted, end it:" \
      "gcloud run services update-traffic" \
      "$service --region=$REGION --project=$PROJECT --to-revisions=REVISION=100 --remove-tags=canary"
  fi
  grant_invokers # an interrupted first release may have skipped it
  deployed=$(gcp run revisions describe "$previous" --region="$REGION" --format='value[separator=","](spec.containers[0].image,metadata.labels.settings)')
  if [ -z "$canary_revision" ] && [ "${deployed##*@}" = "${image##*@},$settings" ]; then
    echo "$service: unchanged, $previous has this image and these settings"
    exit
  fi
fi

# roll_back returns all traffic to the previous revision and exits with status 1. It ignores signals and goes on
# without a terminal, so that no interruption leaves a bad revision with traffic.
roll_back() {
  set +e
  trap '' HUP INT PIPE TERM
  echo "release.sh: rolling back to $previous" >&2 || exec >/dev/null 2>&1
  gcp run services update-traffic "$service" --region="$REGION" --to-revisions="$previous=100" --remove-tags=canary ||
    echo "release.sh: ROLLBACK FAILED: send all traffic to $previous by hand" >&2
  exit 1
}
trap roll_back EXIT
trap 'exit 1' HUP INT PIPE TERM

deploy --no-traffic
if [ -z "$dry" ]; then
  url=$(service_url)
  tag_url=$(traffic_targets | awk -F, -v revision="$revision" '$1 == revision && $3 == "canary" { print $4 }')
  [ -n "$tag_url" ] || die "$revision lost the tag canary to another release"
fi
run_canary smoke "$url" "$tag_url$smoke_path" "$smoke_status"
for share in $STAGES; do
  gcp run services update-traffic "$service" --region="$REGION" --to-revisions="$revision=$share,$previous=$((100 - share))"
  # bash runs traps between commands and during wait, not during a foreground sleep.
  [ -n "$dry" ] || {
    sleep "$PAUSE" >/dev/null 2>&1 &
    wait $!
  }
  run_canary verdict "-project=$PROJECT" "-service=$service" "-revision=$revision" "-since=${PAUSE}s" "-p95=${p95}ms" \
    "-latency=$ENV-hybridbts-latency" \
    ${dead_flags[@]+"${dead_flags[@]}"}
done
gcp run services update-traffic "$service" --region="$REGION" --to-revisions="$revision=100" --remove-tags=canary
trap - EXIT
[ -n "$dry" ] || echo "$service: $revision has all traffic"
