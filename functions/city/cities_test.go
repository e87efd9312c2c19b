package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestCitiesAreListedOnceByAnyName(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	addCity(t, engine, "Pará", "BR", 2, nil) // stored without aliases
	addCity(t, engine, "Parga", "GR", 0, nil)
	h := checkedHandler(t, newServer(engine))
	for query, want := range map[string]string{
		"prefix=par":  "Paris FR 6 [Parigi 파리 巴黎]; Paris US-TX 2 []; Pará BR 2 []; ",
		"prefix=PARÍ": "Paris FR 6 [Parigi 파리 巴黎]; Paris US-TX 2 []; ",
		"prefix=파":    "Paris FR 6 [파리 Parigi 巴黎]; ", "prefix=paris": "Paris FR 6 [파리 Parigi 巴黎]; Paris US-TX 2 []; ",
		"prefix=seo": "서울 KR 5 [Seoul 서울특별시 ソウル 首尔]; ", "prefix=서울": "서울 KR 5 [서울특별시 Seoul ソウル 首尔]; ", "prefix=首": "서울 KR 5 [首尔 서울특별시 Seoul ソウル]; ",
		"prefix=sao p": "São Paulo BR 2 []; ", "prefix=são": "São Paulo BR 2 []; ", "prefix=S%C3%83O-": "São Paulo BR 2 []; ", "prefix=x": "",
		"": "Bangtan KR 1 []; Lyon FR 3 [Lione]; Paris FR 6 [파리 Parigi 巴黎]; Paris US-TX 2 []; Pará BR 2 []; 서울 KR 5 [서울특별시 Seoul ソウル 首尔]; São Paulo BR 2 []; ",
	} {
		for _, size := range []int{1, 2, 50} {
			got, token := "", ""
			for {
				p := decode[citiesPage](t, do(h, http.MethodGet, fmt.Sprintf("/v1/cities?%s&page_size=%d&page_token=%s", strings.ReplaceAll(query, " ", "%20"), size, token)), 200)
				for _, c := range p.Cities {
					got += fmt.Sprintf("%s %s %d %v; ", c.City, c.Country, c.Count, c.AlsoKnownAs)
				}
				if len(p.Cities) > size {
					t.Fatalf("page of %d cities, want %d at most", len(p.Cities), size)
				}
				if token = p.NextPageToken; token == "" {
					break
				}
			}
			if got != want {
				t.Errorf("%q in pages of %d: %q, want %q", query, size, got, want)
			}
		}
	}
}
