package gazetteer

// Content returns the decompressed content of a file.
func Content(file []byte) ([]byte, error) { return decompress(file) }

// Parse returns the gazetteer of decompressed content.
func Parse(content []byte) (*Gazetteer, error) { return parse(content) }
