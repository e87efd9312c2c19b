package picture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"time"

	"github.com/hybrid-bts/functions/shared/engine/picture"
)

func Example() {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, image.NewGray(image.Rect(0, 0, 900, 600)), nil); err != nil {
		panic(err)
	}
	pic, err := picture.Render(context.Background(), file.Bytes(), picture.DefaultLimits(256<<20),
		[]picture.Target{{Width: 200}, {Width: 1600}})
	if err != nil {
		panic(err)
	}
	fmt.Println(pic.Type, pic.Width, pic.Height)
	for _, img := range pic.Images {
		fmt.Println(img.Type, img.Width, img.Height)
	}
	// Output:
	// image/jpeg 900 600
	// image/jpeg 200 133
	// image/jpeg 900 600
}

func ExampleRenderer_Render() {
	upload := []byte("<svg xmlns='http://www.w3.org/2000/svg'></svg>")
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(upload)), nil }

	renderer := picture.NewRenderer(256<<20, 20*time.Second)
	_, err := renderer.Render(context.Background(), int64(len(upload)), open, []picture.Target{{Width: 200}})
	var rejected *picture.RejectedError
	if errors.As(err, &rejected) {
		fmt.Println(rejected.Reason)
		fmt.Println(rejected)
	}
	// Output:
	// unknown-type
	// picture rejected: unknown-type: the file is not a JPEG, PNG, GIF or WebP
}
