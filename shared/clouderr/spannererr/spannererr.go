// Package spannererr maps errors of the Spanner client as clouderr does. It is separate from clouderr because the client
// adds to the start of every program that links it.
package spannererr

import (
	"errors"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/clouderr"
)

// Wrap is clouderr.Wrap for errors of the Spanner client. A missing row becomes clouderr.ErrNotFound; a missing table or
// database does not, since it is a fault of the deployment.
func Wrap(err error, format string, args ...any) error {
	if errors.Is(err, spanner.ErrRowNotFound) {
		err = clouderr.ErrNotFound
	}
	return clouderr.Wrap(err, format, args...)
}
