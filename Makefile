# The everyday verbs. CMake is the build; see CMakePresets.json for the other configurations.
#
#   make              the release build, in build/release
#   make run          builds, then walks a directory        DIR=/usr
#   make test         builds, then runs the tests
#   make stress       builds, then runs the long stress tests
#   make bench        measures weft and its peers           BENCH=switch,walk QUICK=1
#   make tidy         checks the rules that a machine can
#   make install      PREFIX=/usr/local DESTDIR=
#   make clean        removes build/
#   make help         this text
#
# CC chooses the compiler.

DIR ?= /usr
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
OUT = build/release
CHOSEN_CC = $(if $(filter default,$(origin CC)),,$(CC))

# The build under CMake is a world of its own: it inherits no flags or variables of this make.
CLEAN_ENV = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL CC='$(CHOSEN_CC)'
CMAKE = $(CLEAN_ENV) cmake
CTEST = cd $(OUT) && $(CLEAN_ENV) ctest --output-on-failure

build: configure
	@$(CMAKE) --build $(OUT) --parallel $(JOBS) $(if $(TARGETS),--target $(TARGETS))

# CMake keeps the compiler it once found; another CC starts afresh.
configure:
	@mkdir -p $(OUT)
	@if [ "$$(cat $(OUT)/chosen-cc 2>/dev/null)" != '$(CHOSEN_CC)' ]; then \
		rm -rf $(OUT)/CMakeCache.txt $(OUT)/CMakeFiles; \
	fi
	@echo '$(CHOSEN_CC)' >$(OUT)/chosen-cc
	@$(CMAKE) -S . -B $(OUT) -DCMAKE_BUILD_TYPE=Release -DWEFT_WERROR=ON $(CONFIGURE)

# Status 1 says that some entries could not be read; they are named.
run: TARGETS = weft_cli
run: build
	$(OUT)/weft walk $(DIR) || [ $$? -eq 1 ]

test: build
	@$(CTEST) -LE stress -j $(JOBS)

stress: build
	@$(CTEST) -L stress

bench: CONFIGURE = -DWEFT_BUILD_BENCH=ON
bench: TARGETS = weft_bench
bench: build
	BENCH='$(BENCH)' QUICK='$(QUICK)' bench/run $(OUT) build/bench

tidy:
	@sh test/tidy.sh $(OUT) .

install: CONFIGURE = -DCMAKE_INSTALL_PREFIX='$(PREFIX)'
install: TARGETS = weft weft_static weft_cli
install: build
	@$(CLEAN_ENV) DESTDIR='$(DESTDIR)' cmake --install $(OUT)

clean:
	rm -rf build

help:
	@sed -n '/^$$/q;s/^# \{0,1\}//p' Makefile

.PHONY: build configure run test stress bench tidy install clean help
