package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// maxReports is the number of reports that a review keeps: the latest ones. It bounds the row.
const maxReports = 100

// report is a reader's report of a revision.
type report struct {
	reporter string
	revision int64
	at       time.Time
}

// reports returns the stored reports.
func (r *record) reports() (all []report) {
	for i, reporter := range r.Reporters {
		all = append(all, report{reporter, r.ReportedOn[i], r.ReportedAt[i]})
	}
	return all
}

// addReport stores a report. A client has one report of a revision, with its earliest time: an operator who published the
// review after that has answered it.
func (r *record) addReport(from review.Report) {
	added := report{from.Reporter, from.Revision, from.At}
	all := r.reports()
	i := slices.IndexFunc(all, func(other report) bool { return other.reporter == added.reporter && other.revision == added.revision })
	switch {
	case i < 0:
		all = append(all, added)
	case added.at.Before(all[i].at):
		all[i] = added
	default:
		return
	}
	slices.SortFunc(all, func(a, b report) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.reporter, b.reporter), cmp.Compare(a.revision, b.revision))
	})
	all = all[max(0, len(all)-maxReports):]
	r.Reporters, r.ReportedOn, r.ReportedAt = nil, nil, nil
	for _, one := range all {
		r.Reporters, r.ReportedOn, r.ReportedAt = append(r.Reporters, one.reporter), append(r.ReportedOn, one.revision), append(r.ReportedAt, one.at)
	}
}

// isReported reports whether enough clients reported the revision after the given time, in microseconds since 1970: the
// time at which an operator published the revision, or 0.
func (r *record) isReported(revision, published int64) bool {
	clients := 0
	for i, on := range r.ReportedOn {
		if on == revision && r.ReportedAt[i].UnixMicro() > published {
			clients++
		}
	}
	return clients >= review.ReportsToHold
}
