# Everframe's commands. Each installs what it needs, builds what changed, and is safe to repeat.
.PHONY: help deps run test bench sim sim-soak spec fuzz asan tsan format lint
JOBS ?= $(shell nproc)
# of make run
HTTP ?= 127.0.0.1:8080
UDP ?= 127.0.0.1:8081
STORE ?= embedded:./data
# of make sim: how many times the usual number of seeds; of make fuzz: for each target
TIMES ?= 10
MINUTES ?= 10
SCENARIO ?= all
SECONDS ?= 30

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*##/\1/' | \
	  while read -r name what; do printf '  make %-9s %s\n' "$$name" "$$what"; done

deps:            ## installs the packages that building and testing need (Debian's and npm's)
	@tools/install_deps.sh test
	@tools/build_web.sh packages

run:             ## builds and starts a server with its playground; HTTP=ADDR:PORT UDP=ADDR:PORT STORE=embedded:DIR
	@tools/install_deps.sh run
	@tools/build.sh release $(JOBS) everframed everframe
	@tools/build_web.sh site
	@exec build/release/bin/everframed --http $(HTTP) --udp $(UDP) --store $(STORE)

define check     # builds one preset and runs every test
	@tools/install_deps.sh test
	@tools/build.sh $(1) $(JOBS)
	@tools/build_web.sh e2e
	@ctest --test-dir build/$(1) --output-on-failure --no-tests=error -j $(JOBS)
endef

test:            ## builds and runs every test: C++, the web SDK, players in Node and in Chromium (debug)
	$(call check,debug)

bench:           ## builds (release) and runs every benchmark
	@tools/install_deps.sh bench
	@tools/build.sh release $(JOBS)
	@set -e; for bench in build/release/bin/*_bench; do echo "== $$(basename $$bench)"; $$bench; done

sim:             ## the whole server, simulated: SCENARIO (all), SEED prints one run; then disks and histories, TIMES (10)
	@tools/install_deps.sh test
	@tools/build.sh debug $(JOBS) everframe_simulator embedded_test embedded_engine_test
ifdef SEED
	@build/debug/bin/everframe_simulator --scenario $(SCENARIO) --seed $(SEED) --print
else
	@build/debug/bin/everframe_simulator --scenario $(SCENARIO) --seed 5000 --seeds $$((3 * $(TIMES)))
	@EVERFRAME_CRASH_LIVES=$$((20000 * $(TIMES))) build/debug/bin/embedded_engine_test --gtest_filter='StorageCrash.*'
	@EVERFRAME_HISTORIES=$$((3000 * $(TIMES))) build/debug/bin/embedded_test --gtest_filter='HistoryTest.*'
endif

sim-soak:        ## the simulated server for MINUTES (10), with ever new seeds
	@tools/install_deps.sh test
	@tools/build.sh debug $(JOBS) everframe_simulator
	@build/debug/bin/everframe_simulator --minutes $(MINUTES)

spec:            ## the formal model under TLC, where that is installed (TLC_JAR=FILE): spec/README.md
	@tools/check_spec.sh $(JOBS)

fuzz:            ## fuzzes each parser of bytes from outside for SECONDS (30); what it finds goes to build/fuzz/found
	@tools/install_deps.sh fuzz
	@tools/build.sh fuzz $(JOBS) fuzzers
	@tests/fuzz/run.sh build/fuzz/bin $(SECONDS)

asan:            ## every test under AddressSanitizer and UndefinedBehaviorSanitizer
	$(call check,asan-ubsan)

tsan: export TSAN_OPTIONS := suppressions=$(CURDIR)/tests/tsan.txt
tsan:            ## every test under ThreadSanitizer
	$(call check,tsan)

format:          ## formats every C++ file
	@tools/install_deps.sh lint
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

lint:            ## C++ is formatted as .clang-format says, rooms keep their rules, scripts parse
	@tools/install_deps.sh lint
	@git ls-files '*.h' '*.cpp' | xargs -P $(JOBS) -n 16 clang-format --dry-run -Werror
	@tests/rooms/check_rooms.sh
	@git ls-files '*.sh' .ci/run | xargs -n 1 bash -n
