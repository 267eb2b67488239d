# Meridian: `make run` starts it, `make test` tests it. Both set up what they need, once.
# Tools, build output and databases live in MERIDIAN_CACHE, so that a second clone starts warm.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export MERIDIAN_CACHE ?= $(HOME)/.cache/meridian
export CARGO_TARGET_DIR ?= $(MERIDIAN_CACHE)/target
export PATH := $(MERIDIAN_CACHE)/tools/bin:$(MERIDIAN_CACHE)/build-tools/node_modules/.bin:$(PATH)

MERIDIAN := $(CARGO_TARGET_DIR)/release/meridian
SSR := --no-default-features --features ssr
FUZZ_SECONDS ?= 1200
HYDRATE := --no-default-features --features hydrate --target wasm32-unknown-unknown

.PHONY: help run demo build test rust-test lint browser-test bench fuzz measure format base-map setup setup-build setup-geolocation setup-test clean

help:  ## List the commands.
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

run: build setup-geolocation  ## Set up, build and start Meridian; the map is at http://127.0.0.1:3000/.
	exec $(MERIDIAN) run

demo: build setup-geolocation  ## The same with synthetic traffic.
	exec $(MERIDIAN) run --demo

build: setup-build  ## Build the server and the browser bundle for release.
	cargo leptos build --release --precompress

test: setup-test rust-test lint build setup-geolocation browser-test  ## Run every test and lint.

rust-test: setup-build  ## Rust tests of the server, and of the shared code as WebAssembly.
	cargo test $(SSR)
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner cargo test $(HYDRATE) --test browser_side

lint: setup-build  ## Formatting, clippy for both targets, licences and sources, documentation links.
	cargo fmt --check
	cargo clippy $(SSR) --all-targets -- --deny warnings
	cargo clippy $(HYDRATE) --lib -- --deny warnings
	cargo deny --log-level error check licenses bans sources
	RUSTDOCFLAGS="--deny warnings" cargo doc $(SSR) --no-deps --lib --quiet

browser-test:  ## Browser tests in a real Chromium, with real exporters, against the release build.
	cd end2end && node --experimental-websocket --test --test-concurrency=1 --test-reporter=spec

bench: setup-build setup-geolocation  ## Benchmarks; each prints its peer or limit from the same run.
	cargo bench $(SSR)

fuzz: setup-build  ## Fuzz every decoder for FUZZ_SECONDS each (1,200), one after the other; needs a C++ compiler.
	setup/fuzz_tools.sh
	cd fuzz && for target in $$(cargo fuzz list); do \
		cargo fuzz run --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -rss_limit_mb=2048; done

measure: build setup-geolocation setup-test  ## What a first visit of the page costs: bytes, first paint, first arc.
	node end2end/measure.js

format:  ## Format the Rust code.
	cargo fmt

base-map: setup-build  ## Prepare public/base_map.bin from Natural Earth anew.
	setup/base_map.sh

setup: setup-build setup-geolocation setup-test  ## Everything that the other commands need.

setup-build:
	@setup/build_tools.sh

setup-geolocation:
	@setup/geolocation.sh data/geolocation

setup-test: setup-build
	@setup/test_tools.sh

clean:  ## Remove the build output (not the tools, not the data).
	cargo clean
	rm -rf target
