variable "env" {
  description = "Environment."
  type        = string
  validation {
    condition     = contains(["dev", "canary", "prod"], var.env)
    error_message = "The environment is dev, canary or prod."
  }
}

variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "asia-northeast3"
}

variable "host" {
  description = "Host of the shop; by default hybridbts.tech in prod, else below it."
  type        = string
  default     = null
}

variable "mail" {
  description = "Who gets alerts by mail."
  type        = string
}

variable "auditors" {
  description = "Address of a group that may look, but not at data."
  type        = string
  default     = null
}

variable "budget" {
  description = "What a month may cost, in the currency of the billing account."
  type        = number
  default     = 1000
}

variable "released" {
  description = "Whether there are services already, without which Eventarc makes no trigger."
  type        = bool
  default     = false
}
