# The house. `make` alone says what there is.
SHELL       := /bin/bash -o pipefail
GO          ?= go
FUZZTIME    ?= 30s
TESTTIMEOUT ?= 40m

WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f ! -name '*.go' -print 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help versions run build release web quick test test-long lint format check vuln fmt fuzz bench cover api deps clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

versions:
	@GO=$(GO) scripts/versions.sh

run: versions deps-run build ## Build, and serve with a demo stream: open the link it prints
	./bin/pse serve --demo

build: web ## Build bin/pse with the pages in it
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags '-s -w' -o bin/pse ./cmd/pse

release: versions web ## Make what is published of a version, in dist/: programs, Debian packages, checksums
	@GO=$(GO) scripts/release.sh

web: versions web/node_modules/.built ## Build the pages into web/dist

quick: format web bin/s3/versitygw ## Vet, and the tests that take less than a second: for each change
	@GO=$(GO) scripts/quick.sh

test: versions format deps web clients ## Everything that must hold: format, vet, lint, all tests with the race detector
	@GO=$(GO) TESTTIMEOUT=$(TESTTIMEOUT) scripts/test.sh

test-long: versions deps check clients bin/s3/minio ## The same with the long versions: kills, fuzzed sessions, every profile, models for an hour each
	PSE_LONG=1 $(GO) test -timeout 150m -p 1 ./...

# First of all, since it takes seconds: it is no use to hear of it after ten minutes.
format:
	@files=$$($(GO) tool gofumpt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not gofumpt'ed, run make fmt:"; echo "$$files"; exit 1; fi

check: format web
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -run Stack ./edge # which the race detector would enlarge
	$(GO) test ./internal/housetest
	cd web && npm test

lint: check vuln ## Format, vet, staticcheck, govulncheck (exit code 2 and "NOT CHECKED" without its database)

vuln:
	@scripts/vuln.sh

fmt: ## Format all Go files
	$(GO) tool gofumpt -w $$(git ls-files '*.go')

fuzz: ## Fuzz every fuzz target for FUZZTIME (30s) each
	FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

bench: versions deps-bench build ## Measure side by side with peers; prints tables
	scripts/bench.sh

cover: web ## Print how much of each package the quick tests run, the least first
	@GO=$(GO) scripts/cover.sh

api: web ## Print what changed in what packages export since BASE (the newest tag), breaking changes first
	@GO=$(GO) scripts/api.sh $(BASE)

deps: ## Install the Debian packages that the tests need, if missing
	@scripts/deps.sh test

.PHONY: deps-run deps-bench clients
deps-run:
	@scripts/deps.sh run

deps-bench:
	@scripts/deps.sh bench

clean: ## Remove what was built
	rm -rf bin dist artifacts web/node_modules edge/clienttest/node_modules signal/socketio/clienttest/node_modules transfer/clienttest/node_modules docs/examples/node/node_modules bench/signal/peer/node_modules
	find web/dist -mindepth 1 ! -name .keep -delete

# Socket.IO's own clients, that of tus and those of NATS, players, and S3-compatible servers, which the tests of calls, files, examples and video run.
clients: bin/s3/versitygw signal/socketio/clienttest/node_modules/.package-lock.json transfer/clienttest/node_modules/.package-lock.json edge/clienttest/node_modules/.package-lock.json \
	docs/examples/node/node_modules/.package-lock.json

docs/examples/node/node_modules/.package-lock.json: docs/examples/node/package.json docs/examples/node/package-lock.json
	cd docs/examples/node && npm ci --no-audit --no-fund
	@touch $@

# The servers are no part of go.mod: who uses PSE would get their hundreds of modules. The checksum database vouches for the versions.
bin/s3/versitygw: Makefile
	GOBIN=$(CURDIR)/bin/s3 GOFLAGS= CGO_ENABLED=0 $(GO) install github.com/versity/versitygw/cmd/versitygw@v1.8.0
	@touch $@

bin/s3/minio: Makefile
	GOBIN=$(CURDIR)/bin/s3 GOFLAGS= CGO_ENABLED=0 $(GO) install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
	@touch $@

%/clienttest/node_modules/.package-lock.json: %/clienttest/package.json %/clienttest/package-lock.json
	cd $*/clienttest && npm ci --no-audit --no-fund
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

# vite empties dist, so .keep is put back for git.
web/node_modules/.built: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && npm run build
	@touch web/dist/.keep $@
