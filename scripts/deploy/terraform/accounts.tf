resource "google_service_account" "this" {
  for_each     = toset(concat(keys(local.functions), ["build", "canary", "push", "test"]))
  account_id   = "${local.name}-${each.key}"
  display_name = "${local.name}-${each.key}"
  depends_on   = [google_project_service.this]
}

locals {
  # The rows of roles.csv, grouped by kind of resource.
  rows = csvdecode(file("${path.module}/../roles.csv"))
  roles = {
    for on in distinct(local.rows[*].on) : on => {
      for row in local.rows : join(" ", [row.account, row.role, row.name]) => row if row.on == on
    }
  }
  member = { for name, account in google_service_account.this : name => "serviceAccount:${account.email}" }
}

# A build sets the IAM policy of services. Of the predefined roles only roles/run.admin allows this, and it is broader.
resource "google_project_iam_custom_role" "release" {
  role_id = "${replace(local.name, "-", "_")}_release"
  title   = "release of ${local.name}"
  stage   = "GA"
  permissions = [
    "run.services.create", "run.services.get", "run.services.list", "run.services.update", "run.services.getIamPolicy",
    "run.services.setIamPolicy", "run.revisions.get", "run.revisions.list", "run.operations.get", "run.jobs.create",
    "run.jobs.get", "run.jobs.update", "run.jobs.run", "run.executions.get", "run.executions.list",
    "resourcemanager.projects.get",
  ]
}

resource "google_project_iam_member" "release" {
  project = var.project
  role    = google_project_iam_custom_role.release.name
  member  = local.member["build"]
}

# review signs upload addresses as itself. roles/iam.serviceAccountTokenCreator would also let it mint tokens of the account.
resource "google_project_iam_custom_role" "sign" {
  role_id     = "${replace(local.name, "-", "_")}_sign"
  title       = "signatures of uploads of ${local.name}"
  stage       = "GA"
  permissions = ["iam.serviceAccounts.signBlob"]
}

resource "google_service_account_iam_member" "sign" {
  service_account_id = google_service_account.this["review"].name
  role               = google_project_iam_custom_role.sign.name
  member             = local.member["review"]
}

# A release deploys services and canary jobs with these accounts.
resource "google_service_account_iam_member" "release" {
  for_each           = toset(concat(keys(local.functions), ["canary"]))
  service_account_id = google_service_account.this[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = local.member["build"]
}

resource "google_service_account_iam_member" "push" {
  service_account_id = google_service_account.this["push"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
  depends_on         = [terraform_data.agent]
}

resource "google_project_iam_member" "this" {
  for_each = local.roles["project"]
  project  = var.project
  role     = each.value.role
  member   = local.member[each.value.account]
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each   = local.roles["repository"]
  repository = google_artifact_registry_repository.this.name
  location   = var.region
  role       = each.value.role
  member     = local.member[each.value.account]
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local.roles["bucket"]
  bucket   = google_storage_bucket.this[each.value.name].name
  role     = each.value.role
  member   = local.member[each.value.account]
  dynamic "condition" {
    for_each = each.value.prefix == "" ? [] : [each.value.prefix]
    content {
      title      = condition.value
      expression = "resource.name.startsWith(\"projects/_/buckets/${local.name}-${each.value.name}/objects/${condition.value}\")"
    }
  }
}

resource "google_pubsub_topic_iam_member" "this" {
  for_each = local.roles["topic"]
  topic    = google_pubsub_topic.this[each.value.name].name
  role     = each.value.role
  member   = local.member[each.value.account]
}

resource "google_pubsub_subscription_iam_member" "this" {
  for_each     = local.roles["subscription"]
  subscription = google_pubsub_subscription.dead_letters[each.value.name].name
  role         = each.value.role
  member       = local.member[each.value.account]
}

resource "google_spanner_database_iam_member" "this" {
  for_each = local.roles["database"]
  instance = google_spanner_instance.shop.name
  database = google_spanner_database.shop.name
  role     = each.value.role
  member   = local.member[each.value.account]
}

resource "google_bigtable_instance_iam_member" "this" {
  for_each = local.roles["instance"]
  instance = google_bigtable_instance.customers.name
  role     = each.value.role
  member   = local.member[each.value.account]
}

resource "google_secret_manager_secret" "this" {
  for_each  = toset(local.secrets[*].secret)
  secret_id = "${local.name}-${each.key}"
  replication {
    auto {}
  }
  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each  = { for row in local.secrets : "${row.function} ${row.secret}" => row }
  secret_id = google_secret_manager_secret.this[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member[each.value.function]
}

# Data Access audit logs record who read and wrote data.
resource "google_project_iam_audit_config" "this" {
  for_each = toset(["bigtable", "bigtableadmin", "spanner", "storage"])
  project  = var.project
  service  = "${each.key}.googleapis.com"
  audit_log_config {
    log_type = "ADMIN_READ"
  }
  audit_log_config {
    log_type = "DATA_READ"
  }
  audit_log_config {
    log_type = "DATA_WRITE"
  }
}

resource "google_project_iam_member" "auditors" {
  for_each = toset(var.auditors == null ? [] : [
    "cloudbuild.builds.viewer", "iam.securityReviewer", "logging.viewer", "monitoring.viewer", "run.viewer",
  ])
  project = var.project
  role    = "roles/${each.key}"
  member  = "group:${var.auditors}"
}
