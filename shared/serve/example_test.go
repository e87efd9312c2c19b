package serve_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/hybrid-bts/functions/shared/serve"
)

func ExampleHTTP() {
	ctx, stop := context.WithCancel(context.Background())
	stop() // as SIGTERM does in a program with Main
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	fmt.Println(serve.HTTP(ctx, "127.0.0.1:0", h))
	// Output: <nil>
}

func ExampleSplit() {
	fmt.Println(serve.Split("127.0.0.1:8080"))
	host, port := serve.Split("8080")
	fmt.Printf("%q %s\n", host, port)
	// Output:
	// 127.0.0.1 8080
	// "" 8080
}
