# Everframe's commands. Each installs what it needs, builds what changed, and is safe to repeat.
.PHONY: help deps test asan tsan bench lint format
JOBS ?= $(shell nproc)

help:            ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*##/  make \1  /'

deps:            ## installs the Debian packages that building and testing need
	@tools/install_deps.sh test

define check     # configures, builds and runs every test of one preset
	@tools/install_deps.sh test
	cmake --preset $(1)
	cmake --build --preset $(1) -j $(JOBS)
	ctest --test-dir build/$(1) --output-on-failure -j $(JOBS)
endef

test:            ## builds and runs every test (debug)
	$(call check,debug)

asan:            ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(call check,asan-ubsan)

tsan:            ## the tests under ThreadSanitizer
	$(call check,tsan)

bench:           ## the store against its floors (a few minutes; figures to bench.json)
	@tools/install_deps.sh run
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target store_bench
	build/release/bin/store_bench --json bench.json

format:          ## formats every source file
	git ls-files 'src/*.h' 'src/*.cpp' 'tests/*.h' 'tests/*.cpp' 'bench/*.h' 'bench/*.cpp' | xargs clang-format -i

lint:            ## formatting as .clang-format says
	git ls-files 'src/*.h' 'src/*.cpp' 'tests/*.h' 'tests/*.cpp' 'bench/*.h' 'bench/*.cpp' | xargs clang-format --dry-run -Werror
