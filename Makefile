# Belfry. `make help` lists the targets; README.md says where to begin.

comma := ,
BUILD ?= build
CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
Q = $(if $(V),,@)
export BUILD

VERSION := 0.1.0
LAYERS := base core store http xmpp serve work cli

# What each layer may use, itself included, in link order. scripts/lint-layers holds the
# #includes to the same table.
uses_base  := base
uses_core  := core base
uses_store := store core base
uses_http  := http core base
uses_xmpp  := xmpp core base
uses_serve := serve http store core base
uses_work  := work xmpp http store core base
uses_cli   := cli work serve xmpp http store core base

PACKAGES := libuv jansson libidn libsodium inih hiredis libmicrohttpd libstrophe libpng zlib libqrencode
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

compiler := $(shell $(CC) --version 2>/dev/null | head -n 1)
is_clang := $(findstring clang,$(compiler))
# Asked only when something is compiled.
ready = $(if $(and $(compiler),$(PKG_LIBS)),,$(error the compiler or a library is missing: \
	run scripts/setup, which installs them))

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wundef -Wvla -Wconversion -Wnull-dereference -Wcast-qual \
	-Wwrite-strings -Wpointer-arith \
	$(if $(is_clang),,-Wduplicated-cond -Wduplicated-branches -Wlogical-op)
hardening := -fstack-protector-strong -fstack-clash-protection -fPIE \
	$(if $(SAN)$(FUZZ),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
sanitize := $(if $(SAN)$(FUZZ),-fno-omit-frame-pointer -fno-sanitize-recover=undefined \
	-fsanitize=$(if $(FUZZ),fuzzer-no-link$(comma))address$(comma)undefined)

OPT ?= $(if $(SAN)$(FUZZ),-O1,-O2)

CFLAGS ?= -g $(OPT)
override CFLAGS += -std=c11 -D_GNU_SOURCE -DBELFRY_VERSION='"$(VERSION)"' $(warnings) \
	$(if $(WERROR),-Werror) $(hardening) $(sanitize) $(EXTRA_CFLAGS)
override CPPFLAGS += -Iinclude -Ihub -I$(BUILD)/gen $(PKG_CFLAGS)
override LDFLAGS += -pie -Wl,-z,relro,-z,now $(sanitize) $(EXTRA_LDFLAGS)

sources = $(sort $(wildcard hub/$(1)/*.c))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
libs = $(patsubst %,$(BUILD)/lib%.a,$(1))

all: $(BUILD)/belfry

help:
	@echo 'make                the program: build/belfry'
	@echo 'make demo           shows it at work on a private Redis and XMPP server'
	@echo 'make run            the same, left running; SERVER=ejabberd instead of prosody'
	@echo 'make test           all tests; make unit, make unit-LAYER, make integration: a part'
	@echo 'make lint           format, tidy, layers, sizes, headers, warnings, scripts'
	@echo 'make format         formats the C files'
	@echo 'make fuzz           the fuzzers, in BUILD-fuzz; FUZZ_SECONDS=60 runs each so long'
	@echo 'make bench          the benchmarks; ONLY=idle,start: some of them'
	@echo 'make faults         the fault table; FAULTS="kill-work poison": some of its rows'
	@echo 'make pictures       docs/pictures again, with real clients; installs those'
	@echo 'make bench-guard    instructions of ingest and fan-out, against those recorded'
	@echo 'make install        to DESTDIR and PREFIX (/usr/local)'
	@echo 'make clean'
	@echo
	@echo 'BUILD=dir           where everything goes (build)'
	@echo 'SAN=1               AddressSanitizer and UndefinedBehaviorSanitizer (another BUILD)'
	@echo 'WERROR=1            warnings are errors'
	@echo 'V=1                 shows the commands'

# $(BUILD)/NAME is touched when the value of NAME_text is not what it was.
flags_text := $(strip $(compiler) $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(PKG_LIBS))
sources_text := $(strip $(wildcard hub/*/*.c hub/store/scripts/*.lua))
changed = $(if $(subst x$($(1)_text),,x$(file <$(BUILD)/$(1))),force)
$(BUILD)/flags: $(call changed,flags)
$(BUILD)/sources: $(call changed,sources)
$(BUILD)/flags $(BUILD)/sources:
	$(shell mkdir -p $(@D))$(file >$@,$($(@F)_text))@:
force:

$(BUILD)/belfry: $(call objects,hub/main.c) $(call libs,$(uses_cli))
	@echo "  LINK $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

define layer_rules
$(BUILD)/lib$(1).a: $(call objects,$(call sources,$(1))) $(BUILD)/sources
	@echo "  AR   $$@"
	$(Q)rm -f $$@ && $(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(ready)@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The Lua scripts, as C arrays.
lua_scripts := $(sort $(wildcard hub/store/scripts/*.lua))
lua_parts := $(sort $(wildcard hub/store/scripts/lib/*.lua))
$(BUILD)/gen/scripts_lua.h: scripts/embed $(lua_scripts) $(lua_parts) $(BUILD)/sources
	@mkdir -p $(@D)
	@echo "  GEN  $@"
	$(Q)scripts/embed $(lua_scripts) >$@.tmp && mv $@.tmp $@
$(call objects,$(call sources,store)): | $(BUILD)/gen/scripts_lua.h
$(BUILD)/obj/hub/store/scripts.o: $(BUILD)/gen/scripts_lua.h

# $(call program,MAIN.c,OTHER.c...,LAYERS,FLAGS): a program beside the product.
define program
$(BUILD)/$(1:.c=): $(call objects,$(1) $(2)) $(call libs,$(3))
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $$@ $$^ $(PKG_LIBS) $(4)
endef

# Unit tests: tests/unit/LAYER/test_*.c is a program each; the other .c files of the folder
# and of tests/lib/LAYER are linked into all of them.
test_mains := $(sort $(wildcard tests/unit/*/test_*.c))
test_programs := $(patsubst %.c,$(BUILD)/%,$(test_mains))
layer_of = $(word 3,$(subst /, ,$(1)))
test_others = $(filter-out $(test_mains),$(wildcard $(dir $(1))*.c)) \
	$(wildcard tests/lib/$(call layer_of,$(1))/*.c)
$(foreach t,$(test_mains),$(eval $(call program,$(t),$(call test_others,$(t)),$(uses_$(call \
	layer_of,$(t))),$(CMOCKA_LIBS))))

# Fuzzers: tests/fuzz/fuzz_NAME.c each, over all layers.
fuzz_mains := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz_programs := $(patsubst %.c,$(BUILD)/%,$(fuzz_mains))
fuzz_others := $(filter-out $(fuzz_mains),$(wildcard tests/fuzz/*.c))
$(foreach t,$(fuzz_mains),$(eval $(call program,$(t),$(fuzz_others),$(uses_cli),-fsanitize=fuzzer)))

# Benchmarks: tests/bench/NAME.c each, over all layers, with what they share.
bench_mains := $(sort $(wildcard tests/bench/*.c))
bench_programs := $(patsubst %.c,$(BUILD)/%,$(bench_mains))
bench_others := $(wildcard tests/bench/common/*.c)
$(foreach t,$(bench_mains),$(eval $(call program,$(t),$(bench_others),$(uses_cli))))

unit-programs: $(test_programs)
fuzz-programs: $(fuzz_programs)
bench-programs: $(bench_programs)
unit-%: ; $(Q)$(MAKE) --no-print-directory $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/$*/test_*.c)) \
	&& for t in $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/$*/test_*.c))); do $$t || exit 1; done

# What needs more than a compiler sees to its own set-up, and then starts over in a make of
# its own, which asks pkg-config again.
two_jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j2)
again = --no-print-directory $(two_jobs)
setup := scripts/setup --quiet

test:
	$(Q)$(setup) && $(MAKE) $(again) all unit-programs
	$(Q)scripts/test
unit:
	$(Q)$(setup) && $(MAKE) $(again) unit-programs
	$(Q)scripts/test unit
integration:
	$(Q)$(setup) && $(MAKE) $(again) all
	$(Q)scripts/test integration
demo:
	$(Q)$(setup) && $(MAKE) $(again) all
	$(Q)scripts/demo
run:
	$(Q)$(setup) && $(MAKE) $(again) all
	$(Q)SERVER=$(SERVER) scripts/run
pictures:
	$(Q)$(setup) && $(MAKE) $(again) all
	$(Q)scripts/pictures --setup && scripts/pictures
bench:
	$(Q)$(setup) && $(MAKE) $(again) all bench-programs
	$(Q)tests/bench/run
# The names of the rows: tests/faults/rows.
faults:
	$(Q)$(setup) --with libfaketime && $(MAKE) $(again) all
	$(Q)tests/faults/run
# GUARD=record: what is counted now is what to expect from now on.
bench-guard:
	$(Q)$(setup) --with valgrind && $(MAKE) $(again) \
		$(BUILD)/tests/bench/guard_ingest $(BUILD)/tests/bench/guard_fanout
	$(Q)CC='$(CC)' tests/bench/guard $(GUARD)
fuzz:
	$(Q)$(MAKE) $(again) CC=clang FUZZ=1 BUILD=$(BUILD)-fuzz fuzz-programs
	$(Q)$(if $(FUZZ_SECONDS),BUILD=$(BUILD)-fuzz scripts/fuzz $(FUZZ_SECONDS))
lint:
	$(Q)scripts/lint
format:
	clang-format -i $(wildcard hub/*.[ch] hub/*/*.[ch] include/belfry/*/*.h) \
		$(wildcard tests/*/*.[ch] tests/*/*/*.[ch])

units := $(wildcard deploy/*.service deploy/*.target deploy/*.socket)
pages := $(wildcard docs/*.[1-8])
examples := $(filter-out $(units),$(wildcard deploy/*.*))
install: all
	install -D -m 755 $(BUILD)/belfry $(DESTDIR)$(PREFIX)/bin/belfry
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in $(notdir $(units)); do \
		sed 's|/usr/local/|$(PREFIX)/|g' deploy/$$unit \
			>$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit 1; done
	for page in $(pages); do install -D -m 644 -t \
		$(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/share/doc/belfry/examples
	install -m 644 $(examples) $(DESTDIR)$(PREFIX)/share/doc/belfry/examples

# For the scripts that call the compiler themselves.
print-flags:
	@echo '$(subst ','"'"',$(CPPFLAGS) $(CFLAGS))'

clean:
	rm -rf $(BUILD)

.PHONY: all help force unit-programs fuzz-programs bench-programs test unit integration demo \
	run pictures bench faults bench-guard fuzz lint format install print-flags clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
