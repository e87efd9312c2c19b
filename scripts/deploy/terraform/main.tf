# The infrastructure of one environment, equal to the result of scripts/deploy/setup.sh. A test compares the two; use
# only one of them for an environment. scripts/deploy/release.sh owns the Cloud Run services with their images, traffic
# and invokers; this module owns every other resource.
#
#   gcloud services enable cloudresourcemanager.googleapis.com serviceusage.googleapis.com --project=PROJECT
#   gcloud storage buckets create gs://STATE --project=PROJECT --uniform-bucket-level-access --public-access-prevention
#   terraform init -backend-config=bucket=STATE -backend-config=prefix=prod-hybridbts
#   terraform apply -var=env=prod -var=project=PROJECT -var=mail=MAIL
#
# After the first release apply again with -var=released=true, which needs gcloud. The state contains no secret values:
# operators add them with gcloud.

terraform {
  required_version = ">= 1.9"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.0, < 8.0"
    }
  }
  backend "gcs" {}
}

provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project # the budgets API requires a quota project
  user_project_override = true
}

data "google_project" "this" {}

locals {
  name   = "${var.env}-hybridbts" # prefix of all resource names
  host   = coalesce(var.host, var.env == "prod" ? "hybridbts.tech" : "${var.env}.hybridbts.tech")
  number = data.google_project.this.number

  functions = { for row in csvdecode(file("${path.module}/../services.csv")) : row.function => row }
  behind_balancer = {
    for function, row in local.functions : function => row if row.ingress == "internal-and-cloud-load-balancing"
  }
  # One element per function and secret. The column secrets holds VARIABLE={env}-hybridbts-NAME pairs, separated by ";".
  secrets = flatten([
    for function, row in local.functions : [
      for variable in compact(split(";", row.secrets)) : {
        function = function
        secret   = split("={env}-hybridbts-", variable)[1]
      }
    ]
  ])

  apis = [
    "artifactregistry", "bigtable", "bigtableadmin", "billingbudgets", "cloudbilling", "cloudbuild", "cloudresourcemanager",
    "cloudscheduler", "compute", "dns", "eventarc", "iam", "iamcredentials", "language", "logging", "monitoring", "pubsub", "run",
    "secretmanager", "serviceusage", "spanner", "storage", "vision",
  ]

  # Service agents: accounts that Google's services act as in this project.
  pubsub_agent     = "serviceAccount:service-${local.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  monitoring_agent = "serviceAccount:service-${local.number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
  eventarc_agent   = "serviceAccount:service-${local.number}@gcp-sa-eventarc.iam.gserviceaccount.com"
  budget_agent     = "serviceAccount:billing-budget-alert@system.gserviceaccount.com"
}

resource "google_project_service" "this" {
  for_each           = toset(local.apis)
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false # another environment may be in the project
}

# Only the beta provider can create service agents before their first use.
resource "terraform_data" "agent" {
  for_each = toset(["eventarc", "monitoring", "pubsub"])
  input    = google_project_service.this[each.key].service
  provisioner "local-exec" {
    command = "gcloud beta services identity create --service=${self.input} --project=${var.project} --quiet"
  }
}

resource "google_artifact_registry_repository" "this" {
  repository_id = local.name
  location      = var.region
  format        = "DOCKER"
  description   = "images of ${local.name}"
  depends_on    = [google_project_service.this]
}
