package main

import (
	"net/url"
	"strings"
	"testing"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

func testSearch(t *testing.T, s spannerStore) {
	for id, text := range map[string][3]string{
		"butter": {"album", "BTS Single Album BUTTER [Cream + Peaches Ver.]", "방탄소년단 버터 싱글 앨범 バター 黄油"},
		"hoodie": {"clothing", "Purple Heart Hoodie", "보라색 하트 후드 후드티 パーカー"},
		"tee":    {"clothing", "Tour T-Shirt [Black]", "투어 티셔츠 Tシャツ camiseta única ÉTÉ 100%"},
	} {
		apply(t, s.db, spanner.InsertMap("Products", map[string]any{
			"Product": id, "Title": text[1], "Kind": text[0], "Price": int64(1), "Currency": "KRW", "Words": spannerdb.Words(text[1], text[2]),
		}))
	}
	apply(t, s.db, spanner.InsertMap("Products", map[string]any{
		"Product": "wordless", "Title": "Butter without words", "Kind": "video", "Price": int64(1), "Currency": "KRW"}))
	h := checked(t, &server{store: s})
	everything := []string{"butter", "hoodie", "tee", "wordless"}
	for _, tc := range []struct {
		q    string
		want []string
	}{
		{"", everything}, {" \t", everything}, {"\u3000", everything},
		{"butter", []string{"butter"}}, {"BUTT", []string{"butter"}}, {"ｂｕｔｔｅｒ", []string{"butter"}},
		{"버터", []string{"butter"}}, {"\u1107\u1165\u1110\u1165", []string{"butter"}}, {"앨범 버터", []string{"butter"}}, {"후드", []string{"hoodie"}}, {"티", []string{"hoodie", "tee"}},
		{"버터 후드", nil}, {"バター", []string{"butter"}}, {"ﾊﾞﾀｰ", []string{"butter"}}, {"ハター", nil}, {"黄", []string{"butter"}},
		{"peach cream", []string{"butter"}}, {"peaches, ver", []string{"butter"}}, {"eam", []string{"butter"}},
		{"t-shirt", []string{"tee"}}, {"unica", []string{"tee"}}, {"ÚNICA", []string{"tee"}}, {"été", []string{"tee"}}, {"e\u0301te", []string{"tee"}},
		{"100%", []string{"tee"}}, {"1_0", []string{"tee"}}, {"%", nil}, {"_", nil}, {"💜", nil}, {"💜 hoodie", []string{"hoodie"}},
		{`"butter"`, []string{"butter"}}, {`"`, nil}, {"-butter", []string{"butter"}}, {"butter OR hoodie", nil}, {"butter | hoodie", nil},
		{"' OR '1'='1", nil}, {"\\", nil}, {"*", nil}, {"a\x00b", []string{"butter", "tee"}}, {strings.Repeat("버", 200), nil}, {strings.Repeat("a ", 100), everything[:3]},
		{"butter butter butter", []string{"butter"}},
	} {
		var got []string
		for next := ""; ; {
			page := get200[productPage](t, h, "/v1/products?page_size=2&page_token="+next+"&q="+url.QueryEscape(tc.q))
			for _, p := range page.Products {
				got = append(got, p.ID)
			}
			if next = page.Next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("q=%q\n%s", tc.q, diff)
		}
	}
	var got []string
	for _, p := range get200[productPage](t, h, "/v1/products?kind=clothing&q=t").Products {
		got = append(got, p.ID)
	}
	if diff := cmp.Diff([]string{"hoodie", "tee"}, got); diff != "" {
		t.Error(diff)
	}
	if got := get200[productPage](t, h, "/v1/products?kind=household").Products; len(got) != 0 {
		t.Errorf("kind without products: %v", got)
	}
}

func TestSearchFindsProductsWithAllWords(t *testing.T) {
	t.Run("without index", func(t *testing.T) {
		spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) { testSearch(t, spannerStore{db: db, search: searchScan}) })
	})
	t.Run("with index", func(t *testing.T) {
		spannerdbtest.RunEmulator(t, func(t *testing.T, db *spanner.Client) { testSearch(t, spannerStore{db: db}) })
	})
}
