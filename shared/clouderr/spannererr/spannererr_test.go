package spannererr_test

import (
	"errors"
	"testing"

	"cloud.google.com/go/spanner"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/clouderr"
	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
)

func TestMissingRowIsNotFound(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	_, err := db.Single().ReadRow(t.Context(), "Products", spanner.Key{"none"}, []string{"Product"})
	if err := spannererr.Wrap(err, "read product"); !errors.Is(err, clouderr.ErrNotFound) {
		t.Errorf("missing row: %v", err)
	}
	_, err = db.Single().ReadRow(t.Context(), "NoTable", spanner.Key{"none"}, []string{"Product"})
	if err := spannererr.Wrap(err, "read product"); err == nil || errors.Is(err, clouderr.ErrNotFound) {
		t.Errorf("missing table: %v", err)
	}
}

func TestTransientErrorsAreUnavailable(t *testing.T) {
	err := spannererr.Wrap(spanner.ToSpannerError(status.Error(codes.Unavailable, "down")), "read product")
	if !errors.Is(err, clouderr.ErrUnavailable) || errors.Is(err, clouderr.ErrNotFound) {
		t.Error(err)
	}
	if err := spannererr.Wrap(nil, "read product"); err != nil {
		t.Errorf("Wrap(nil) = %v", err)
	}
}
