package cover

import (
	"bytes"
	"image"
	"testing"
)

func TestEqualArgumentsGiveEqualPictures(t *testing.T) {
	a, b := Draw("mug-galaxy", "household", "Purple Galaxy Mug 350 ml", 64), Draw("mug-galaxy", "household", "Purple Galaxy Mug 350 ml", 64)
	if !bytes.Equal(a.(*image.RGBA).Pix, b.(*image.RGBA).Pix) {
		t.Error("two drawings differ")
	}
}

func TestProductsAndKindsDiffer(t *testing.T) {
	seen := map[string]string{}
	for kind := range kinds {
		for _, id := range []string{"a", "b"} {
			pix := string(Draw(id, kind, "Title", 64).(*image.RGBA).Pix)
			if before, ok := seen[pix]; ok {
				t.Errorf("the pictures of %s and %s are equal", kind+"/"+id, before)
			}
			seen[pix] = kind + "/" + id
		}
	}
}

func TestPrintedWordIsTheLongestInCapitals(t *testing.T) {
	for title, want := range map[string]string{
		"BTS Single Album BUTTER [Cream + Peaches Ver.]": "BUTTER", "Purple Heart Hoodie": "Purple", "BTS Album MAP OF THE SOUL : 7": "SOUL",
		"": "", "Concert in Busan [DVD]": "DVD",
	} {
		if got := word(title); got != want {
			t.Errorf("word(%q) = %q, want %q", title, got, want)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	for b.Loop() {
		Draw("mug-galaxy", "household", "Purple Galaxy Mug 350 ml", 1000)
	}
}
