variable "env" {
  description = "Environment: dev, canary or prod."
  type        = string
  validation {
    condition     = contains(["dev", "canary", "prod"], var.env)
    error_message = "Unknown environment; valid values: dev, canary, prod."
  }
}

variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region of all resources."
  type        = string
  default     = "asia-northeast3"
}

variable "host" {
  description = "Host name of the shop; default hybridbts.tech in prod, ENV.hybridbts.tech elsewhere."
  type        = string
  default     = null
}

variable "mail" {
  description = "E-mail address that receives alerts."
  type        = string
}

variable "auditors" {
  description = "Address of a group with read access, except to data; null for no group."
  type        = string
  default     = null
}

variable "budget" {
  description = "Monthly budget in the currency of the billing account."
  type        = number
  default     = 1000
}

variable "released" {
  description = "Whether the services exist; Eventarc rejects triggers without them."
  type        = bool
  default     = false
}
