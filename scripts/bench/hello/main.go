// Hello is a minimal function of the Functions Framework, the baseline of the cold-start benchmark.
//
// It listens on 127.0.0.1 and the port of the variable PORT.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
)

func main() {
	// The handler answers all paths, so /healthz too, by which the benchmark recognizes that the process serves.
	functions.HTTP("Hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	if err := os.Setenv("FUNCTION_TARGET", "Hello"); err != nil {
		log.Fatal(err)
	}
	log.Fatal(funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")))
}
