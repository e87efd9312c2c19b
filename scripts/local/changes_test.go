//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
)

// call sends a request, requires a status, and returns the JSON object of the answer, or nil if the answer is not an object.
func (r *running) call(t *testing.T, client *http.Client, want int, method, path, body string, header ...string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s: %s %s, want %d", method, path, resp.Status, b, want)
	}
	var got map[string]any
	_ = json.Unmarshal(b, &got) // nil if the answer is not an object
	return got
}

// eventually waits up to 30 s until a condition holds.
func eventually(t *testing.T, condition string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not within 30 s: %s", condition)
		}
	}
}

// sendPhoto uploads a photo as a browser does, and returns the name of the object.
func (r *running) sendPhoto(t *testing.T, data []byte) string {
	t.Helper()
	permission := r.call(t, http.DefaultClient, http.StatusOK, http.MethodPost, "/v1/photos", `{"content_type":"image/jpeg"}`)
	upload := permission["upload"].(map[string]any)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range upload["fields"].(map[string]any) {
		if err := w.WriteField(name, value.(string)); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", "photo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(upload["url"].(string), w.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("upload: %s", resp.Status)
	}
	return permission["object"].(string)
}

// testChanges edits and deletes a review as its author does, with its photos.
func (r *running) testChanges(t *testing.T) {
	const product = "hoodie-purple"
	db := r.spanner(t)
	files, err := storage.NewClient(t.Context(), option.WithEndpoint(r.env["image"]["STORAGE_EMULATOR_HOST"]+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	// left returns the objects of some photos in all buckets.
	left := func(photos ...string) (names []string) {
		for _, bucket := range []string{originals, renditions, archive} {
			for _, name := range list(t, files, bucket) {
				if slices.ContainsFunc(photos, func(p string) bool { return strings.Contains(name, p) }) {
					names = append(names, bucket+"/"+name)
				}
			}
		}
		return names
	}
	exact := func() {
		t.Helper()
		if got, want := ratingSums(t, db, product), recount(t, db, product); got != want {
			t.Errorf("the rating is %+v, a recount gives %+v", got, want)
		}
	}
	before := recount(t, db, product).count()

	first, second := r.sendPhoto(t, sound(t, 0)), r.sendPhoto(t, sound(t, 1))
	sent := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews",
		fmt.Sprintf(`{"product":%q,"rating":5,"text":"좋아요 💜","author":"아미","photos":[%q,%q]}`, product, first, second))
	path, token := sent["status_url"].(string), sent["author_token"].(string)
	review := func() map[string]any { return r.call(t, http.DefaultClient, http.StatusOK, http.MethodGet, path, "") }
	published(t, r.url+path)
	var pictures []any
	eventually(t, "both photos are shown", func() bool { pictures = review()["photos"].([]any); return len(pictures) == 2 })
	public := func(photo string) int {
		resp, err := http.Get(r.url + "/img/" + photo + "?p=thumb")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	unreadable := r.sendPhoto(t, []byte("no picture"))
	refused := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews",
		fmt.Sprintf(`{"product":%q,"rating":5,"text":"","photos":[%q]}`, product, unreadable))
	published(t, r.url+refused["status_url"].(string))
	eventually(t, "the author learns of the unreadable photo", func() bool {
		got := r.call(t, http.DefaultClient, http.StatusOK, http.MethodGet, refused["status_url"].(string), "", "Author-Token", refused["author_token"].(string))
		missing, _ := got["missing_photos"].([]any)
		return len(missing) == 1 && missing[0].(map[string]any)["cause"] == "unreadable"
	})
	r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodDelete, refused["status_url"].(string), "", "Author-Token", refused["author_token"].(string))
	eventually(t, "the unreadable photo is deleted from all buckets", func() bool { return len(left(unreadable)) == 0 })
	unclaimed := r.sendPhoto(t, sound(t, 5))
	eventually(t, "everybody sees the photos", func() bool { return public(first) == http.StatusOK && public(second) == http.StatusOK })
	eventually(t, "another photo is rendered", func() bool { return len(left(unclaimed)) > 2 })
	if status := public(unclaimed); status != http.StatusNotFound {
		t.Errorf("status %d of a photo that no review names, want 404", status)
	}

	r.call(t, http.DefaultClient, http.StatusForbidden, http.MethodPatch, path, `{"rating":1}`, "Author-Token", token[1:]+"A")
	edit := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPatch, path,
		fmt.Sprintf(`{"rating":1,"text":"실망이에요 😢","photos":[%q]}`, second), "Author-Token", token)
	eventually(t, "the edit is published", func() bool { return review()["edited_at"] == edit["edited_at"] })
	got := review()
	if score, _ := got["score"].(float64); got["status"] != "published" || got["rating"] != 1.0 || got["text"] != "실망이에요 😢" || got["author"] != "아미" || score >= 0 {
		t.Errorf("after the edit the review is %v", got)
	}
	eventually(t, "the removed photo is deleted from all buckets", func() bool { return len(left(first)) == 0 })
	exact()

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	helpful := func() (n int64) {
		row, err := db.Single().ReadRow(t.Context(), "Reviews", spanner.Key{product, sent["id"].(string)}, []string{"Helpful"})
		if err != nil {
			t.Fatal(err)
		}
		if err := row.Columns(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	resp, err := (&http.Client{Jar: jar}).Post(r.url+"/v1/visitor", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	time.Sleep(2500 * time.Millisecond) // a cookie of the last seconds does not count
	for range 3 {
		r.call(t, &http.Client{Jar: jar}, http.StatusAccepted, http.MethodPost, path+"/helpful", "")
		r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, path+"/helpful", "")
	}
	eventually(t, "two visitors voted helpful", func() bool { return helpful() == 2 })

	for range 2 {
		r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodDelete, path, "", "Author-Token", token)
	}
	gone := func() bool {
		resp, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusNotFound
	}
	eventually(t, "the review is deleted", gone)
	eventually(t, "its photos are deleted from all buckets", func() bool { return len(left(first, second)) == 0 })
	exact()
	if n := recount(t, db, product).count(); n != before {
		t.Errorf("%d reviews count, want %d", n, before)
	}
	r.call(t, http.DefaultClient, http.StatusGone, http.MethodPatch, path, `{"rating":5}`, "Author-Token", token)
	for _, p := range pictures {
		size := p.(map[string]any)["sizes"].([]any)[0].(map[string]any)
		r.call(t, http.DefaultClient, http.StatusNotFound, http.MethodGet, size["url"].(string), "")
	}
	time.Sleep(2 * maxDelay) // for the deliveries that -redeliver and -shuffle delay
	if !gone() || len(left(first, second)) > 0 {
		t.Errorf("the deleted review exists: %v; objects of its photos: %v", !gone(), left(first, second))
	}
	exact()
}
