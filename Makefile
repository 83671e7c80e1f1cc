# The front door of Pressroom. `make` alone lists what there is.
# PRESSROOM_ROOT is the folder that holds all state (./var by default), PORT and HTTPS_PORT are where nginx listens.

PRESSROOM_ROOT ?= var
PORT ?=
HTTPS_PORT ?=
# How many seconds to wait for another program that holds the lock of apt.
WAIT ?= 60
# Where `make bench` writes its figures (JSON) and charts (SVG).
RESULTS ?= bench-results
# What the repository may not contain, for `make bench`: --wordpress DIR, --plugin DIR (each), --theme DIR.
GUESTS ?=
BIN := .venv/bin
# A node has Unix users of its own, so its commands run as root; the environment is kept.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E)
LINT := $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && \
	$(BIN)/mypy --strict bootstrap.py && $(BIN)/lint-imports --no-cache
PRESSROOM := $(SUDO) $(BIN)/pressroom --root "$(PRESSROOM_ROOT)"

.DEFAULT_GOAL := help
.PHONY: help bootstrap demo stop clean test test-attacks test-freshness walls bench bench-freshness bench-neighbour bench-overhead bench-quick bench-sites lint lock

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "make demo PORT=8090 PRESSROOM_ROOT=/srv/a takes another port and folder."

demo: bootstrap ## A running newspaper, from nothing
	@$(PRESSROOM) demo $(if $(PORT),--port "$(PORT)") $(if $(HTTPS_PORT),--https-port "$(HTTPS_PORT)")

stop: ## End all processes of the node; `make demo` brings it back
	@if [ -x $(BIN)/pressroom ]; then $(PRESSROOM) down; else echo "Nothing is installed here, so nothing runs."; fi

clean: ## Remove the node with its sites, and .venv; Debian's packages stay
	@if [ -e "$(PRESSROOM_ROOT)" ] && [ ! -x $(BIN)/pressroom ]; then python3 bootstrap.py --wait $(WAIT); fi
	@if [ -x $(BIN)/pressroom ]; then $(PRESSROOM) clean --yes; fi
	@if [ -e .venv ]; then rm -rf .venv && echo "Removed .venv."; fi

bootstrap: ## Install what is missing: Debian's packages and .venv
	@python3 bootstrap.py --wait $(WAIT)

# The tests run even when a linter complains, so that one run shows everything; either makes it fail.
test: ## All linters, then all tests
	@python3 bootstrap.py --test --wait $(WAIT)
	@status=0; { $(LINT); } || status=1; \
	$(SUDO) $(BIN)/python -m pytest -n 2 || status=$$?; \
	exit $$status

test-freshness: bootstrap ## Changes of every kind, in random order, at once, under faults: stored pages against fresh renders
	@python3 bootstrap.py --test --wait $(WAIT)
	@$(SUDO) $(BIN)/python -m pytest -m long -s --ignore tests/functional/test_poisoning.py

test-attacks: bootstrap ## A hostile tenant and hostile visitors: each attempt fails, and comes through without its wall
	@python3 bootstrap.py --test --wait $(WAIT)
	@$(SUDO) $(BIN)/python -m pytest -m "long or not long" tests/functional tests/wordpress -k "attacks or poisoning or firewall"

walls: bootstrap ## What each wall keeps out: attack, wall, with it, and once it was taken away (5 min)
	@python3 bootstrap.py --test --wait $(WAIT)
	@$(SUDO) $(BIN)/python -m pytest -q --walls

bench: demo ## By stock PHP-FPM, fastcgi_cache, Varnish, Pressroom, bare files; in Chromium; logged in; edits; floods (45 min)
	@python3 bootstrap.py --bench --wait $(WAIT)
	@mkdir -p "$(RESULTS)"
	@$(SUDO) $(BIN)/python -m bench.side_by_side --root "$(PRESSROOM_ROOT)" --json "$(RESULTS)/side-by-side.json" --charts "$(RESULTS)"
	@$(SUDO) $(BIN)/python -m bench.browser --root "$(PRESSROOM_ROOT)" --json "$(RESULTS)/browser.json" --charts "$(RESULTS)"
	@$(SUDO) $(BIN)/python -m bench.logged_in --root "$(PRESSROOM_ROOT)" --json "$(RESULTS)/logged-in.json" $(GUESTS)
	@$(SUDO) $(BIN)/python -m bench.storm --root "$(PRESSROOM_ROOT)" --json "$(RESULTS)/storm.json"
	@$(SUDO) $(BIN)/python -m bench.floods --root "$(PRESSROOM_ROOT)" --json "$(RESULTS)/floods.json"
	@echo "Figures and charts are in $(RESULTS)."

bench-freshness: demo ## What freshness costs: SQL, edits, recording, a neighbour, an import; the index (75 min)
	@$(SUDO) $(BIN)/python -m bench.freshness --root "$(PRESSROOM_ROOT)" sql edits all recording neighbour
	@$(SUDO) $(BIN)/python -m bench.crowd --root "$(PRESSROOM_ROOT)" --rounds 3
	@$(SUDO) $(BIN)/python -m bench.freshness --root "$(PRESSROOM_ROOT)" import
	@$(BIN)/python -m bench.invalidation

bench-sites: bootstrap ## Many sites on one machine, up to SITES=1000: memory, disk, times
	@mkdir -p "$(RESULTS)"
	@$(SUDO) $(BIN)/python -m bench.many_sites --sites $(or $(SITES),1000) --json "$(RESULTS)/sites.json" --charts "$(RESULTS)"

bench-neighbour: demo ## A site at its worst, and what its neighbour feels of it (10 min)
	@mkdir -p "$(RESULTS)"
	@$(SUDO) $(BIN)/python -m bench.worst_neighbour --root "$(PRESSROOM_ROOT)" --seconds 20 --json "$(RESULTS)/worst-neighbour.json"

bench-overhead: demo ## What a site's walls and its firewall cost a page by PHP, and a hit (6 min)
	@python3 bootstrap.py --test --bench --wait $(WAIT)
	@mkdir -p "$(RESULTS)"
	@$(SUDO) $(BIN)/python -m bench.overhead --root "$(PRESSROOM_ROOT)" --json "$(RESULTS)/overhead.json"

bench-quick: demo ## Side by side alone, in two minutes
	@python3 bootstrap.py --bench --wait $(WAIT)
	@$(SUDO) $(BIN)/python -m bench.side_by_side --root "$(PRESSROOM_ROOT)" --rounds 1 --seconds 2

lint: ## Style, formatting, types, and which part may import which
	@$(LINT)

lock: ## Write requirements.lock anew from pyproject.toml
	@[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--extra dev --extra build pyproject.toml -o requirements.lock
