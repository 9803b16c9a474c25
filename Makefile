# Every command of the project in one list. `make demo` and `make test` work on a fresh Debian 12.
PRESET ?= release
BUILD  := build/$(PRESET)
JOBS   ?= $(shell nproc)

.PHONY: all build programs demo test bench fuzz format lint check tidy clean install help

all: build

help:
	@echo "make demo    show the main job: one file brings up a capsule, a machine and their network"
	@echo "make test    build, and pass every test (LABEL=unit|kernel|machine|system|check for a part)"
	@echo "make bench   measure against the peers; prints ratios"
	@echo "make fuzz    feed every parser of foreign bytes, ten minutes each (SECONDS_EACH=n)"
	@echo "make build   build build/$(PRESET), without the tests (PRESET=dev|release|asan|tsan|fuzz)"
	@echo "make format  put the sources into form;  make lint  what CI checks of the sources"
	@echo "make tidy    clang-tidy over the sources that differ from main (FILES=\"\$$(git ls-files 'src/*.cpp')\": all of them)"
	@echo "make install PREFIX=/usr/local  install nova, nb, completions and units"

$(BUILD)/build.ninja: CMakePresets.json
	@tools/install build
	@cmake --preset $(PRESET) >/dev/null

build: $(BUILD)/build.ninja
	@cmake --build --preset $(PRESET) -j $(JOBS)

# What the demo needs of it.
programs: $(BUILD)/build.ninja
	@cmake --build --preset $(PRESET) -j $(JOBS) --target nova nb

demo:
	@tools/install build
	@$(MAKE) --no-print-directory programs
	@tools/demo $(BUILD)

test:
	@tools/install build test
	@$(MAKE) --no-print-directory build
	@cmake --build --preset $(PRESET) -j $(JOBS) --target tests
	@tools/run-tests $(BUILD) $(LABEL)

bench:
	@tools/install build test bench
	@$(MAKE) --no-print-directory build
	@tests/benchmark/run $(BUILD)

fuzz:
	@tools/install build fuzz
	@tools/fuzz -s $(or $(SECONDS_EACH),600)

format:
	@git ls-files 'src/*.cpp' 'src/*.h' 'tests/*.cpp' | xargs clang-format -i

lint check:
	@tools/lint

tidy: build
	@tools/install tidy
	@tools/tidy $(BUILD) $(FILES)

install: build
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --prefix $(or $(PREFIX),/usr/local)

clean:
	@rm -rf build
