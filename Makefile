# Two commands matter: `make serve` and `make test`. Both install first what is missing (.ci/setup says what).
# Arguments for the program or the tests: make serve ARGS='--listen 127.0.0.1:8080', make test ARGS='--filter Wire'.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
CONFIG ?= proxy.conf
ARGS ?=
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help serve build test property soak lint bench lab clean setup

help:
	@echo "make serve   build in release mode and serve on the addresses of $(CONFIG) (127.0.0.1:3128 by default)"
	@echo "make test    run every test"
	@echo "make property FillPlan and ByteRangeSet against a simple model, a million steps each"
	@echo "make soak    SECONDS=1800 SEED=7: clients, faults and kills at random, every byte compared (docs/soak.md)"
	@echo "make build   build .build/release/holdfast"
	@echo "make lint    check imports and format"
	@echo "make bench   measure (Benchmarks/run)"
	@echo "make lab     the fault laboratory through Holdfast and its peers (Benchmarks/laboratory)"
	@echo "make clean   remove what was built; the cache stays"

setup:
	@.ci/setup

# The Swift libraries inside the binary start faster and need no toolchain where it runs; not every toolchain has them.
build: setup
	@echo "Building in release mode; the first time takes some minutes."
	@if [ -d "$$(dirname "$$(readlink -f "$$(command -v swift)")")/../lib/swift_static" ]; then \
	    swift build -c release --product holdfast --static-swift-stdlib; \
	else \
	    swift build -c release --product holdfast; \
	fi

serve: build
	@echo
	@echo "Next, in another shell (the start-up line below names the address, if $(CONFIG) has another):"
	@echo "    export http_proxy=http://127.0.0.1:3128"
	@echo "    export https_proxy=http://127.0.0.1:3128"
	@echo "    curl -O http://example.org/large-file              # twice: the second time comes from the cache"
	@echo "    .build/release/holdfast ls                         # what is held"
	@echo "http is cached; https is tunnelled, and not cached so far. Ctrl-C stops, after running responses."
	@echo
	@exec .build/release/holdfast serve --config $(CONFIG) $(ARGS)

test: setup
	@output=$$(mktemp); trap 'rm -f "$$output"' EXIT; \
	if ! swift test --explicit-target-dependency-import-check error $(ARGS) 2>&1 | tee "$$output"; then \
	    printf '\nWhat failed, again:\n'; \
	    grep -aE -A 2 '✘ Test .* recorded an issue|error: ' "$$output" | grep -avE '^--$$|^[◇✔] ' | head -100; \
	    grep -a 'Test run with' "$$output"; exit 1; \
	fi
	@[ -n "$$CI" ] || echo "Next: make serve, and in another shell: export http_proxy=http://127.0.0.1:3128 (https is tunnelled, not cached so far)"

# Each fails with the seed and the step, which are the same in every run; PROPERTY_STEPS is for more, or fewer.
property: setup
	@PROPERTY_STEPS=$${PROPERTY_STEPS:-1000000} swift test --explicit-target-dependency-import-check error \
	    --filter 'FillPlanPropertyTests|ByteRangeSetTests|FillStateMachinePropertyTests' $(ARGS)

# In release mode, as it is used. Without SEED the time of day is one; it is printed, and repeats the decisions.
soak: setup
	@swift build -c release --product holdfast
	@swift build -c release --product holdfast-lab
	@swift build -c release --product holdfast-soak
	@.build/release/holdfast-soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

lint: setup
	@.ci/check-imports
	@swift format lint --strict --configuration .swift-format -r Sources Tests Package.swift
	@echo "format: clean"

bench: build
	@Benchmarks/run $(ARGS)

# The peers are what Debian packages; what is not installed is left out and named.
lab: build
	@swift build -c release --product holdfast-lab
	@Benchmarks/laboratory $(ARGS)

clean:
	@swift package clean
