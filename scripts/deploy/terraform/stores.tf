locals {
  # Soft delete keeps deleted and replaced objects for some days, against mistakes; 0 disables it. Renditions can be rendered
  # again, leases last a minute, and sources are in git.
  buckets = {
    "archive"    = { lifecycle = "archive", kept_days = 7, cors = [] }
    "leases"     = { lifecycle = "", kept_days = 0, cors = [] }
    "logs"       = { lifecycle = "logs", kept_days = 7, cors = [] }
    "originals"  = { lifecycle = "", kept_days = 7, cors = jsondecode(replace(file("${path.module}/../cors.json"), "{host}", local.host)) }
    "renditions" = { lifecycle = "", kept_days = 0, cors = [] }
    "source"     = { lifecycle = "source", kept_days = 0, cors = [] }
  }
  rules = {
    for name, bucket in local.buckets : name =>
    bucket.lifecycle == "" ? [] : jsondecode(file("${path.module}/../lifecycle/${bucket.lifecycle}.json")).rule
  }

  # Comments contain semicolons, so the replacement removes them before the split.
  schema = "${path.module}/../../../shared/schema/spannerdb/schema"
  statements = flatten([
    for name in fileset(local.schema, "*.sql") : [
      for statement in split(";", replace(file("${local.schema}/${name}"), "/--[^\n]*/", "")) : trimspace(statement)
    ]
  ])

  # Column families by table, as in scripts/data/customers, which skips existing tables.
  tables = {
    "aliases"   = ["place"]
    "cities"    = ["city", "loading"]
    "customers" = ["profile", "address"]
    "homes"     = ["home"]
  }
}

resource "google_storage_bucket" "this" {
  for_each                    = local.buckets
  name                        = "${local.name}-${each.key}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  soft_delete_policy {
    retention_duration_seconds = each.value.kept_days * 86400
  }
  dynamic "lifecycle_rule" {
    for_each = local.rules[each.key]
    content {
      action {
        type          = lifecycle_rule.value.action.type
        storage_class = try(lifecycle_rule.value.action.storageClass, null)
      }
      condition {
        age = lifecycle_rule.value.condition.age
      }
    }
  }
  dynamic "cors" {
    for_each = each.value.cors
    content {
      origin          = cors.value.origin
      method          = cors.value.method
      response_header = cors.value.responseHeader
      max_age_seconds = cors.value.maxAgeSeconds
    }
  }
}

# The sink keeps the load balancer's request logs with Cloud Armor's verdicts. Logs of functions stay in the default
# log bucket for 30 days.
resource "google_logging_project_sink" "this" {
  name                   = local.name
  destination            = "storage.googleapis.com/${google_storage_bucket.this["logs"].name}"
  filter                 = "resource.type=\"http_load_balancer\" AND resource.labels.forwarding_rule_name:\"${local.name}-\""
  unique_writer_identity = true
}

resource "google_storage_bucket_iam_member" "logs" {
  bucket = google_storage_bucket.this["logs"].name
  role   = "roles/storage.objectCreator"
  member = google_logging_project_sink.this.writer_identity
}

resource "google_spanner_instance" "shop" {
  name                         = "${local.name}-shop"
  config                       = "regional-${var.region}"
  display_name                 = "${local.name}-shop"
  edition                      = "ENTERPRISE"
  processing_units             = 100
  default_backup_schedule_type = "NONE" # the schedule below is the only one
  depends_on                   = [google_project_service.this]
}

# Terraform applies a new schema file to the existing database. A change of an earlier file would recreate the database,
# which deletion_protection prevents.
resource "google_spanner_database" "shop" {
  instance            = google_spanner_instance.shop.name
  name                = "shop"
  ddl                 = compact(local.statements)
  deletion_protection = true
}

resource "google_spanner_backup_schedule" "daily" {
  instance           = google_spanner_instance.shop.name
  database           = google_spanner_database.shop.name
  name               = "${local.name}-daily"
  retention_duration = local.week
  spec {
    cron_spec {
      text = "0 18 * * *"
    }
  }
  full_backup_spec {}
}

resource "google_bigtable_instance" "customers" {
  name                = "${local.name}-customers"
  display_name        = "${local.name}-customers"
  deletion_protection = true
  cluster {
    cluster_id = "${local.name}-customers"
    zone       = "${var.region}-a"
    autoscaling_config {
      min_nodes  = 1
      max_nodes  = 4
      cpu_target = 60
    }
  }
  depends_on = [google_project_service.this]
}

resource "google_bigtable_table" "this" {
  for_each      = local.tables
  instance_name = google_bigtable_instance.customers.name
  name          = each.key
  dynamic "column_family" {
    for_each = each.value
    content {
      family = column_family.value
    }
  }
}

resource "google_bigtable_gc_policy" "place" {
  instance_name = google_bigtable_instance.customers.name
  table         = google_bigtable_table.this["aliases"].name
  column_family = "place"
  max_version {
    number = 1
  }
}

resource "google_bigtable_gc_policy" "city" {
  instance_name = google_bigtable_instance.customers.name
  table         = google_bigtable_table.this["cities"].name
  column_family = "city"
  max_version {
    number = 1
  }
}

# Garbage collection removes the rows that an interrupted load of customers left.
resource "google_bigtable_gc_policy" "loading" {
  instance_name = google_bigtable_instance.customers.name
  table         = google_bigtable_table.this["cities"].name
  column_family = "loading"
  max_age {
    duration = "168h"
  }
}
