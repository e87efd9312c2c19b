locals {
  routes = jsondecode(file("${path.module}/../routes/routes.json"))
  armor  = jsondecode(file("${path.module}/../armor.json"))
}

resource "google_compute_global_address" "this" {
  name       = local.name
  depends_on = [google_project_service.this]
}

resource "google_dns_managed_zone" "this" {
  name        = local.name
  dns_name    = "${local.host}."
  description = local.name
  visibility  = "public"
  dnssec_config {
    state = "on"
  }
  depends_on = [google_project_service.this]
}

resource "google_dns_record_set" "this" {
  name         = google_dns_managed_zone.this.dns_name
  managed_zone = google_dns_managed_zone.this.name
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.this.address]
}

# The load balancer uses a Compute Engine certificate instead of Certificate Manager: one host needs no certificate map,
# and the DNS zone, a dependency, satisfies the validation of the certificate.
resource "google_compute_managed_ssl_certificate" "this" {
  name = local.name
  managed {
    domains = [local.host]
  }
  depends_on = [google_dns_record_set.this]
}

resource "google_compute_ssl_policy" "this" {
  name            = local.name
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
  depends_on      = [google_project_service.this]
}

resource "google_compute_security_policy" "this" {
  name        = local.name
  type        = local.armor.type
  description = local.armor.description
  dynamic "rule" {
    for_each = local.armor.rules
    content {
      priority    = rule.value.priority
      description = rule.value.description
      action      = rule.value.action
      match {
        versioned_expr = try(rule.value.match.versionedExpr, null)
        dynamic "config" {
          for_each = try([rule.value.match.config], [])
          content {
            src_ip_ranges = config.value.srcIpRanges
          }
        }
        dynamic "expr" {
          for_each = try([rule.value.match.expr], [])
          content {
            expression = expr.value.expression
          }
        }
      }
      dynamic "rate_limit_options" {
        for_each = try([rule.value.rateLimitOptions], [])
        content {
          conform_action = rate_limit_options.value.conformAction
          exceed_action  = rate_limit_options.value.exceedAction
          enforce_on_key = rate_limit_options.value.enforceOnKey
          rate_limit_threshold {
            count        = rate_limit_options.value.rateLimitThreshold.count
            interval_sec = rate_limit_options.value.rateLimitThreshold.intervalSec
          }
        }
      }
    }
  }
  depends_on = [google_project_service.this]
}

# The group references a service by name, because the first release creates the service later.
resource "google_compute_region_network_endpoint_group" "this" {
  for_each              = local.behind_balancer
  name                  = "${local.name}-${each.key}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = "${local.name}-${each.key}"
  }
  depends_on = [google_project_service.this]
}

resource "google_compute_backend_service" "this" {
  for_each              = local.behind_balancer
  name                  = "${local.name}-${each.key}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  security_policy       = google_compute_security_policy.this.id
  enable_cdn            = each.value.cache != ""
  backend {
    group = google_compute_region_network_endpoint_group.this[each.key].id
  }
  log_config {
    enable      = true
    sample_rate = 1
  }
  # The function's Cache-Control decides about storing.
  dynamic "cdn_policy" {
    for_each = each.value.cache == "" ? [] : [each.value.cache]
    content {
      cache_mode = "USE_ORIGIN_HEADERS"
      cache_key_policy {
        include_host           = true
        include_protocol       = true
        include_query_string   = true
        query_string_whitelist = cdn_policy.value == "*" ? null : split(";", cdn_policy.value)
      }
    }
  }
}

# The URL map follows the routes table. Each rule covers a path and the paths below it, as in the local gateway.
resource "google_compute_url_map" "this" {
  name            = local.name
  default_service = google_compute_backend_service.this["api"].id
  host_rule {
    hosts        = [local.host]
    path_matcher = "routes"
  }
  path_matcher {
    name            = "routes"
    default_service = google_compute_backend_service.this["api"].id
    dynamic "path_rule" {
      for_each = [for route in local.routes : route if route.prefix != "/"]
      content {
        paths   = [path_rule.value.prefix, "${path_rule.value.prefix}/*"]
        service = google_compute_backend_service.this[path_rule.value.function].id
      }
    }
  }
}

resource "google_compute_url_map" "to_https" {
  name = "${local.name}-to-https"
  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }
  depends_on = [google_project_service.this]
}

resource "google_compute_target_https_proxy" "this" {
  name             = local.name
  url_map          = google_compute_url_map.this.id
  ssl_certificates = [google_compute_managed_ssl_certificate.this.id]
  ssl_policy       = google_compute_ssl_policy.this.id
}

resource "google_compute_target_http_proxy" "to_https" {
  name    = "${local.name}-to-https"
  url_map = google_compute_url_map.to_https.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "${local.name}-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.this.id
  target                = google_compute_target_https_proxy.this.id
  port_range            = "443"
}

resource "google_compute_global_forwarding_rule" "to_https" {
  name                  = "${local.name}-to-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.this.id
  target                = google_compute_target_http_proxy.to_https.id
  port_range            = "80"
}

output "name_servers" {
  description = "Name servers to which the registrar or the parent zone must delegate the host."
  value       = google_dns_managed_zone.this.name_servers
}
