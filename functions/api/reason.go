package main

import "github.com/hybrid-bts/functions/shared/schema/review/reason"

// The reasons for not publishing a review, as the API shows them.
const (
	unknownProduct = "unknown_product"
	moderation     = "moderation"
	pending        = "pending_moderation"
	operator       = "operator"
)

// publicReason returns the reason that the API shows for a code, nil for the code of a published review. It hides which
// kind of moderation holds a review, so that nobody learns how to evade it, and the operator's words. A code that it
// does not know is a kind of moderation of a newer release.
func publicReason(code reason.Code) *string {
	shown := moderation
	switch code {
	case "":
		return nil
	case reason.UnknownProduct:
		shown = unknownProduct
	case reason.PendingModeration:
		shown = pending
	case reason.Operator, reason.EditedAfterHold, reason.EditedAfterRejection:
		shown = operator
	}
	return &shown
}
