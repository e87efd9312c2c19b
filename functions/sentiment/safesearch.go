package main

import (
	"context"
	"fmt"

	vision "cloud.google.com/go/vision/v2/apiv1"
	"cloud.google.com/go/vision/v2/apiv1/visionpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// photoModerator judges photos in the bucket of originals.
type photoModerator interface {
	// judge returns the flag of the photos, "" if everybody may see them. An error means that a photo is not judged, such as
	// one that is not uploaded yet.
	judge(ctx context.Context, photos ...string) (reason.Code, error)
}

// safeSearch judges photos by SafeSearch of the Cloud Vision API. It sends addresses, not bytes: the API reads the bucket with
// the account of this function. So the function image, which parses hostile files, needs no access to a paid API, and the
// verdict is where the review is.
type safeSearch struct {
	client *vision.ImageAnnotatorClient
	bucket string // name of the bucket of originals
	quota  quota
}

// parsePhotoModeration returns whether a value of PHOTO_MODERATION asks for SafeSearch.
func parsePhotoModeration(s string) (bool, error) {
	if s != "off" && s != "safe-search" {
		return false, fmt.Errorf("unknown photo moderation %q", s)
	}
	return s == "safe-search", nil
}

// openVision returns a client of the Cloud Vision API at endpoint, "" for the API's own.
func openVision(ctx context.Context, endpoint string) (*vision.ImageAnnotatorClient, error) {
	c, err := vision.NewImageAnnotatorClient(ctx, clientOptions(endpoint)...)
	if err != nil {
		return nil, fmt.Errorf("open Cloud Vision API %q: %w", endpoint, err)
	}
	c.CallOptions.BatchAnnotateImages = nil // retries would bypass the quota
	return c, nil
}

// judge implements photoModerator with one call. A review has at most 6 photos, and a call takes 16.
func (s *safeSearch) judge(ctx context.Context, photos ...string) (reason.Code, error) {
	var r visionpb.BatchAnnotateImagesRequest
	for _, photo := range photos {
		r.Requests = append(r.Requests, &visionpb.AnnotateImageRequest{
			Image:    &visionpb.Image{Source: &visionpb.ImageSource{ImageUri: "gs://" + s.bucket + "/" + photo}},
			Features: []*visionpb.Feature{{Type: visionpb.Feature_SAFE_SEARCH_DETECTION}},
		})
	}
	var found *visionpb.BatchAnnotateImagesResponse
	err := s.quota.do(ctx, func(ctx context.Context) (err error) {
		found, err = s.client.BatchAnnotateImages(ctx, &r)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("judge %d photos: %w", len(photos), err)
	}
	if n := len(found.GetResponses()); n != len(photos) {
		return "", fmt.Errorf("judge %d photos: the API returned %d responses", len(photos), n)
	}
	for i, one := range found.GetResponses() {
		if isUnsafe(one.GetSafeSearchAnnotation()) {
			return reason.UnsafePhoto, nil
		}
		// The function image rejects a file that is no picture, so nobody sees it.
		if code := codes.Code(one.GetError().GetCode()); code != codes.OK && code != codes.InvalidArgument {
			err = fmt.Errorf("judge photo %s: %w", photos[i], status.FromProto(one.GetError()).Err())
		}
	}
	return "", err
}

// isUnsafe reports whether a photo is likely or very likely to be adult, racy or violent. Spoof and medical pictures harm
// nobody.
func isUnsafe(a *visionpb.SafeSearchAnnotation) bool {
	return a.GetAdult() >= visionpb.Likelihood_LIKELY || a.GetViolence() >= visionpb.Likelihood_LIKELY || a.GetRacy() >= visionpb.Likelihood_LIKELY
}

// moderatePhotos judges the photos of a review. Photos that nobody could judge hold the review until a sweep judges them.
func (a *analyzer) moderatePhotos(ctx context.Context, photos []string) (judgement, error) {
	if a.photos == nil || len(photos) == 0 {
		return judgement{}, nil
	}
	flag, err := a.photos.judge(ctx, photos...)
	if err != nil {
		return judgement{flag: reason.PendingModeration, unjudged: true}, err
	}
	return judgement{flag: flag}, nil
}
