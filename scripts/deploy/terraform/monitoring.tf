locals {
  monitoring = "${path.module}/../monitoring"
  policies = {
    for name in fileset("${local.monitoring}/policies", "*.json") : trimsuffix(name, ".json") => jsondecode(
      replace(replace(file("${local.monitoring}/policies/${name}"), "{env}", var.env), "{host}", local.host)
    )
  }
  metrics = {
    for name in fileset("${local.monitoring}/metrics", "*.json") : trimsuffix(name, ".json") => jsondecode(
      replace(file("${local.monitoring}/metrics/${name}"), "{env}", var.env)
    )
  }
}

resource "google_logging_metric" "this" {
  for_each        = local.metrics
  name            = "${local.name}-${each.key}"
  description     = each.value.description
  filter          = each.value.filter
  value_extractor = each.value.valueExtractor
  metric_descriptor {
    metric_kind = each.value.metricDescriptor.metricKind
    value_type  = each.value.metricDescriptor.valueType
    unit        = each.value.metricDescriptor.unit
  }
  bucket_options {
    exponential_buckets {
      num_finite_buckets = each.value.bucketOptions.exponentialBuckets.numFiniteBuckets
      growth_factor      = each.value.bucketOptions.exponentialBuckets.growthFactor
      scale              = each.value.bucketOptions.exponentialBuckets.scale
    }
  }
  depends_on = [google_project_service.this]
}

# Cloud Monitoring rejects alert policies on a log-based metric for up to 10 minutes after the metric's creation.
resource "terraform_data" "metric_delay" {
  for_each = google_logging_metric.this
  input    = each.value.id
  provisioner "local-exec" {
    command = "sleep 600"
  }
}

resource "google_monitoring_notification_channel" "email" {
  display_name = "${local.name}-email"
  type         = "email"
  labels       = { email_address = var.mail }
  depends_on   = [google_project_service.this]
}

resource "google_monitoring_notification_channel" "pubsub" {
  display_name = "${local.name}-pubsub"
  type         = "pubsub"
  labels       = { topic = google_pubsub_topic.this["alerts"].id }
  depends_on   = [google_project_service.this]
}

resource "google_monitoring_uptime_check_config" "this" {
  display_name = local.name
  timeout      = "60s"
  period       = "60s"
  http_check {
    use_ssl = true
    path    = "/"
    port    = 443
  }
  monitored_resource {
    type   = "uptime_url"
    labels = { host = local.host, project_id = var.project }
  }
  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "this" {
  for_each     = local.policies
  display_name = each.value.displayName
  user_labels  = each.value.userLabels
  severity     = each.value.severity
  combiner     = each.value.combiner
  notification_channels = [
    google_monitoring_notification_channel.email.name, google_monitoring_notification_channel.pubsub.name,
  ]
  documentation {
    subject   = each.value.documentation.subject
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType
    dynamic "links" {
      for_each = each.value.documentation.links
      content {
        display_name = links.value.displayName
        url          = links.value.url
      }
    }
  }
  dynamic "conditions" {
    for_each = each.value.conditions
    content {
      display_name = conditions.value.displayName
      condition_threshold {
        filter                  = conditions.value.conditionThreshold.filter
        denominator_filter      = try(conditions.value.conditionThreshold.denominatorFilter, null)
        comparison              = conditions.value.conditionThreshold.comparison
        threshold_value         = try(conditions.value.conditionThreshold.thresholdValue, 0)
        duration                = conditions.value.conditionThreshold.duration
        evaluation_missing_data = try(conditions.value.conditionThreshold.evaluationMissingData, null)
        dynamic "aggregations" {
          for_each = conditions.value.conditionThreshold.aggregations
          content {
            alignment_period     = aggregations.value.alignmentPeriod
            per_series_aligner   = aggregations.value.perSeriesAligner
            cross_series_reducer = try(aggregations.value.crossSeriesReducer, null)
            group_by_fields      = try(aggregations.value.groupByFields, null)
          }
        }
        dynamic "denominator_aggregations" {
          for_each = try(conditions.value.conditionThreshold.denominatorAggregations, [])
          content {
            alignment_period     = denominator_aggregations.value.alignmentPeriod
            per_series_aligner   = denominator_aggregations.value.perSeriesAligner
            cross_series_reducer = try(denominator_aggregations.value.crossSeriesReducer, null)
            group_by_fields      = try(denominator_aggregations.value.groupByFields, null)
          }
        }
        dynamic "trigger" {
          for_each = try([conditions.value.conditionThreshold.trigger], [])
          content {
            count   = try(trigger.value.count, null)
            percent = try(trigger.value.percent, null)
          }
        }
      }
    }
  }
  alert_strategy {
    auto_close           = each.value.alertStrategy.autoClose
    notification_prompts = try(each.value.alertStrategy.notificationPrompts, null)
  }
  depends_on = [terraform_data.metric_delay]
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = replace(replace(file("${local.monitoring}/dashboard.json"), "{env}", var.env), "{host}", local.host)
  depends_on     = [google_project_service.this]
}

resource "google_billing_budget" "this" {
  billing_account = data.google_project.this.billing_account
  display_name    = local.name
  budget_filter {
    projects = ["projects/${local.number}"]
  }
  amount {
    specified_amount {
      units = tostring(var.budget)
    }
  }
  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }
  all_updates_rule {
    pubsub_topic                     = google_pubsub_topic.this["alerts"].id
    monitoring_notification_channels = [google_monitoring_notification_channel.email.name]
  }
  depends_on = [google_project_service.this]
}
