module github.com/datapush-go/datapush/internal/bench

go 1.26.0

replace github.com/datapush-go/datapush => ../..

require github.com/datapush-go/datapush v0.0.0-00010101000000-000000000000

require github.com/yuin/goldmark v1.8.7 // indirect
