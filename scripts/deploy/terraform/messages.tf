locals {
  # Each row of topics.csv declares a topic. A row with a function also declares the push subscription TOPIC-FUNCTION, or the
  # pull subscriptions TOPIC-FUNCTION-1 and so on.
  topic_rows  = csvdecode(file("${path.module}/../topics.csv"))
  topics      = toset(local.topic_rows[*].topic)
  dead_topics = toset([for name in local.topics : name if endswith(name, "-dead")])
  pushes      = { for row in local.topic_rows : "${row.topic}-${row.function}" => row if row.function != "" && row.pull_subscriptions == "" }
  pulls = { for pull in flatten([
    for row in local.topic_rows : [
      for i in range(row.pull_subscriptions == "" ? 0 : tonumber(row.pull_subscriptions)) : {
        name = "${row.topic}-${row.function}-${i + 1}", topic = row.topic, function = row.function
      }
    ]
  ]) : pull.name => pull }

  # Eventarc triggers by event type of the originals bucket.
  triggers = {
    "deleted"   = { function = "image", dead = "originals-dead" }
    "finalized" = { function = "image", dead = "originals-dead" }
  }

  week = "604800s"
}

resource "google_pubsub_topic" "this" {
  for_each                   = local.topics
  name                       = "${local.name}-${each.key}"
  message_retention_duration = local.week
  depends_on                 = [google_project_service.this]
}

# Retains dead letters for 7 days.
resource "google_pubsub_subscription" "dead_letters" {
  for_each                   = local.dead_topics
  name                       = "${local.name}-${each.key}"
  topic                      = google_pubsub_topic.this[each.key].id
  ack_deadline_seconds       = 60
  message_retention_duration = local.week
  expiration_policy {
    ttl = "" # never
  }
}

# Keeps erasures outside the database, for longer than a backup. scripts/data/erasures applies them to a restored database.
# Nothing acknowledges them otherwise.
resource "google_pubsub_subscription" "erasures" {
  name                       = "${local.name}-commands-erasures"
  topic                      = google_pubsub_topic.this["commands"].id
  filter                     = "attributes.kind=\"erasure\""
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s"
  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "push" {
  for_each                   = local.pushes
  name                       = "${local.name}-${each.key}"
  topic                      = google_pubsub_topic.this[each.value.topic].id
  ack_deadline_seconds       = 60
  message_retention_duration = local.week
  push_config {
    push_endpoint = "https://${local.name}-${each.value.function}-${local.number}.${var.region}.run.app/"
    oidc_token {
      service_account_email = google_service_account.this["push"].email
      audience              = "https://${local.name}-${each.value.function}-${local.number}.${var.region}.run.app"
    }
  }
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.this[each.value.dead_letter_topic].id
    max_delivery_attempts = 10
  }
  expiration_policy {
    ttl = ""
  }
}

# Each instance of a function claims one. An instance that creates its own would need a role on the project, with access to all
# subscriptions. Messages of before a claim have no use, so the retention is the shortest that Pub/Sub accepts.
resource "google_pubsub_subscription" "pull" {
  for_each                   = local.pulls
  name                       = "${local.name}-${each.key}"
  topic                      = google_pubsub_topic.this[each.value.topic].id
  ack_deadline_seconds       = 10
  message_retention_duration = "600s"
  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription_iam_member" "pull" {
  for_each     = local.pulls
  subscription = google_pubsub_subscription.pull[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.member[each.value.function]
}

resource "google_pubsub_topic_iam_member" "dead" {
  for_each   = local.dead_topics
  topic      = google_pubsub_topic.this[each.key].name
  role       = "roles/pubsub.publisher"
  member     = local.pubsub_agent
  depends_on = [terraform_data.agent]
}

resource "google_pubsub_subscription_iam_member" "push" {
  for_each     = local.pushes
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
  depends_on   = [terraform_data.agent]
}

# Asks sentiment to judge content again that nobody could judge. Cloud Scheduler's service agent may publish to every topic.
resource "google_cloud_scheduler_job" "sweep" {
  name     = "${local.name}-sweep"
  region   = var.region
  schedule = "* * * * *"
  pubsub_target {
    topic_name = google_pubsub_topic.this["commands"].id
    data       = "e30=" # {} in base64
    attributes = {
      kind           = "sweep"
      schema_version = "2"
    }
  }
  depends_on = [google_project_service.this]
}

# Cloud Monitoring and the budget publish alerts.
resource "google_pubsub_topic_iam_member" "alerts" {
  for_each   = toset([local.monitoring_agent, local.budget_agent])
  topic      = google_pubsub_topic.this["alerts"].name
  role       = "roles/pubsub.publisher"
  member     = each.key
  depends_on = [terraform_data.agent]
}

data "google_storage_project_service_account" "this" {}

# A trigger needs these roles before it exists, and Eventarc names its topics only then, so the roles are on the project.
resource "google_project_iam_member" "storage_agent" {
  project = var.project
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.this.member
}

resource "google_project_iam_member" "eventarc_agent" {
  project    = var.project
  role       = "roles/eventarc.serviceAgent"
  member     = local.eventarc_agent
  depends_on = [terraform_data.agent]
}

resource "google_project_iam_member" "event_receiver" {
  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = local.member["push"]
}

resource "google_eventarc_trigger" "this" {
  for_each        = { for event, to in local.triggers : event => to if var.released }
  name            = "${local.name}-originals-${each.key}"
  location        = var.region
  service_account = google_service_account.this["push"].email
  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.${each.key}"
  }
  matching_criteria {
    attribute = "bucket"
    value     = google_storage_bucket.this["originals"].name
  }
  destination {
    cloud_run_service {
      service = "${local.name}-${each.value.function}"
      region  = var.region
    }
  }
  depends_on = [
    google_project_iam_member.storage_agent, google_project_iam_member.eventarc_agent, google_project_iam_member.event_receiver,
  ]
}

# Eventarc's default subscription retries every 10 s and drops undelivered events after a day. Terraform cannot manage
# that subscription, which Eventarc owns, so gcloud sets its back-off, dead-letter topic and retention, as in setup.sh.
resource "terraform_data" "delivery" {
  for_each = google_eventarc_trigger.this
  input    = basename(each.value.transport[0].pubsub[0].subscription)
  provisioner "local-exec" {
    command = join(" ", [
      "gcloud pubsub subscriptions update ${self.input}",
      "--ack-deadline=60 --min-retry-delay=10s --max-retry-delay=600s",
      "--dead-letter-topic=${google_pubsub_topic.this[local.triggers[each.key].dead].name} --max-delivery-attempts=10",
      "--message-retention-duration=7d --expiration-period=never --project=${var.project} --quiet",
    ])
  }
}

resource "google_pubsub_subscription_iam_member" "trigger" {
  for_each     = google_eventarc_trigger.this
  subscription = basename(each.value.transport[0].pubsub[0].subscription)
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
