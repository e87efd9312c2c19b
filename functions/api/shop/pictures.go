package shop

import (
	"fmt"
	"html/template"
	"strings"
)

// responsiveImage is a picture as the template "picture" draws it.
type responsiveImage struct {
	Placeholder   template.URL // data: URI of a blurred preview; "" if the picture has none
	Src, Srcset   string
	Width, Height int // of Src, in pixels
	Sizes, Alt    string
	AboveFold     bool // the browser loads it at once, with high priority
}

// newResponsiveImage returns the image of a picture, nil if the picture is nil or has no rendition. The argument sizes
// is the HTML attribute of that name: the width of the image on the page.
func newResponsiveImage(p *picture, sizes, alt string, aboveFold bool) *responsiveImage {
	if p == nil || len(p.Sizes) == 0 {
		return nil
	}
	var srcset []string
	for _, one := range p.Sizes {
		srcset = append(srcset, fmt.Sprintf("%s %dw", one.URL, one.Width))
	}
	smallest := p.Sizes[0]
	return &responsiveImage{
		Placeholder: placeholder(p.Thumbhash, p.Width, p.Height), Src: smallest.URL, Srcset: strings.Join(srcset, ", "),
		Width: smallest.Width, Height: smallest.Height, Sizes: sizes, Alt: alt, AboveFold: aboveFold,
	}
}
