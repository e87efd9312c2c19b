package main

import (
	"context"
	"time"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// statusCounts is the number of reviews with each status.
type statusCounts map[wire.Status]int64

type daysInput struct {
	Days int `query:"days" doc:"Number of days up to today." minimum:"1" maximum:"90" default:"30"`
}

type daysOutput struct {
	Body struct {
		TimeZone string `json:"time_zone" doc:"Time zone of the days, an IANA name."`
		Days     []day  `json:"days" nullable:"false" doc:"Days in order; the last is today."`
	}
}

type day struct {
	Day       string `json:"day" format:"date"`
	Published int64  `json:"published"`
	Held      int64  `json:"held"`
	Rejected  int64  `json:"rejected"`
}

// seoul is the time zone of the shop. It has no daylight saving time, so a fixed offset spares a time zone database.
var seoul = time.FixedZone("Asia/Seoul", 9*60*60)

// countDays answers GET /v1/admin/days. It counts reviews by the day of their submission and by their current status.
func (m *reviewHandlers) countDays(ctx context.Context, in *daysInput) (*daysOutput, error) {
	now := m.now().In(seoul)
	from := time.Date(now.Year(), now.Month(), now.Day()+1-in.Days, 0, 0, 0, 0, seoul)
	found, err := m.store.countByDay(ctx, from, in.Days)
	if err != nil {
		return nil, err
	}
	var out daysOutput
	out.Body.TimeZone = seoul.String()
	for n, c := range found {
		out.Body.Days = append(out.Body.Days, day{from.AddDate(0, 0, n).Format(time.DateOnly), c[wire.Published], c[wire.Held], c[wire.Rejected]})
	}
	return &out, nil
}
