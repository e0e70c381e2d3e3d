# Tidemark: every command a person or CI needs. `make` alone lists them.
#
# `make demo` and `make test` set up what they need on a bare Debian with Rust; see scripts/setup.

SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test ui captures bench fmt doc clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## replay the four incidents: anomalies in the terminal, an HTML report each in demo-out/
	@scripts/setup build
	@scripts/demo

test: ## the whole truth: format, lints, documentation, tests, doc tests, licences
	@scripts/setup build test ui
	@scripts/test

ui: ## build the dashboard's page into ui/dist; the next build of the program takes it in
	@scripts/setup ui
	@scripts/ui-build

captures: ## write captures/ and their goldens anew; look at the difference before you commit it
	@scripts/setup build
	@scripts/captures

bench: ## measure the hot stages (criterion; results under target/criterion)
	@scripts/setup build
	cargo bench --locked

fmt: ## bring every source file into shape
	cargo fmt

doc: ## build the library's documentation, and the user guide where mdbook is installed
	cargo doc --locked --no-deps
	@if command -v mdbook >/dev/null; then mdbook build docs; \
	else echo "==> the user guide stays as Markdown in docs/src (for HTML: cargo install --locked mdbook)"; fi

clean: ## remove everything that was made
	cargo clean
	rm -rf demo-out docs/book ui/dist ui/node_modules ui/test-results
