# Chariot. `make` alone prints the targets. Everything that is made stands in build/<mode>, .venv and python/chariot/*.so.
#
#     make MODE=release|debug|asan|tsan TARGET     V=1 prints the commands
#     make PYTHON=path TARGET                      another Python than .venv's; its packages are then yours to see to
SHELL := /bin/bash
.DEFAULT_GOAL := help
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
SOVERSION := 0

ifeq ($(origin CC),default)
CC := gcc
endif
MODE ?= release
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DEMO_PICTURE ?= examples/data/evening.png
PYTHON := .venv/bin/python
B := build/$(MODE)
Q := $(if $(V),,@)
SETUP := $(if $(filter .venv/bin/python,$(PYTHON)),.venv/.setup-done)
SETUP_CHECK := $(SETUP:.setup-done=.setup-check-done)

CFLAGS_release := -O2 -g
CFLAGS_debug := -O0 -g
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# For greenlets, whose stacks are copied away and back: no red zones on the stack.
CFLAGS_pyasan := $(CFLAGS_asan) --param=asan-stack=0
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-unused-parameter
CFLAGS += -std=c11 -D_GNU_SOURCE -fPIC $(CFLAGS_$(MODE)) $(WARN) -I. -I$(B)/gen -I$(B)/gen/rpc/proto \
	-DCHARIOT_VERSION='"$(VERSION)"' -DCHARIOT_SOVERSION='"$(SOVERSION)"'
LDFLAGS += -Wl,--as-needed
LDLIBS := -lprotobuf-c -lev -lpthread -lm
GRPC_LIBS := -lgrpc -lgpr -lcrypto

# ---------------------------------------------------------------- what is made from what

PROTOS := $(wildcard rpc/proto/chariot/v1/*.proto)
GEN_C := $(PROTOS:rpc/proto/%.proto=$(B)/gen/rpc/proto/%.pb-c.c)
LIB_SRC := $(wildcard rpc/*.c objects/*.c sections/*.c lb/*.c)
# What reflection tells of the public service (objects/public.h): its protos, as bytes.
PUBLIC_PROTOS := $(addprefix rpc/proto/,chariot/v1/object_service.proto grpc/health/v1/health.proto grpc/reflection/v1/reflection.proto)
PUBLIC_C := $(B)/gen/objects/public_protos.c
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(GEN_C:%.c=%.o) $(PUBLIC_C:%.c=%.o)
LIB_A := $(B)/libchariot.a
LIB_SO := $(B)/libchariot.so.$(SOVERSION)
# What calls gRPC is a library of its own, loaded where a PE opens gRPC (rpc/module.h); libchariot.a has it too.
GRPC_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard rpc/grpc_*.c))
GRPC_SO := $(B)/libchariot-grpc.so.$(SOVERSION)
LIBS := $(LIB_A) $(LIB_SO) $(GRPC_SO)
PUBLIC_H := objects/chariot.h lb/lb.h lb/plan.h objects/args.h objects/value.h objects/tree.h rpc/error.h sections/sections.h sections/tree.h

DEPLOY_SRC := $(wildcard deploy/*.c)
AUTHORITY_LIBS := -lssl -lcrypto
DEPLOY_MAIN := $(if $(DEPLOY_SRC),$(shell grep -l '^int main\b' $(DEPLOY_SRC)))
DEPLOY_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out $(DEPLOY_MAIN),$(DEPLOY_SRC)))
LAUNCHER := $(if $(DEPLOY_MAIN),$(B)/bin/chariot $(B)/bin/charmrun)

# The laboratory for balancers: a command of its own, which `chariot lb-lab` becomes.
LAB_SRC := $(wildcard lb/lab/*.c)
LAB := $(B)/bin/chariot-lb-lab
LAB_LIBS := -ljansson -lz

# The client of etcd: a program of its own beside the launcher, so that the launcher links no gRPC.
ETCD_SRC := $(wildcard rpc/etcd/*.c)
ETCD := $(B)/bin/chariot-etcd
ETCD_PROTOS := $(wildcard rpc/proto/etcd/v3/*.proto)
ETCD_GEN := $(ETCD_PROTOS:rpc/proto/%.proto=$(B)/gen/rpc/proto/%.pb-c.c)
# gRPC calls for commands of the launcher, in a program beside it for the same reason.
DIAL_SRC := $(wildcard rpc/dial/*.c)
DIAL := $(B)/bin/chariot-dial
GEN_H := $(GEN_C:.c=.h) $(ETCD_GEN:.c=.h)
ETCD_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out rpc/etcd/main.c,$(ETCD_SRC))) $(ETCD_GEN:%.c=%.o)

# What speaks PMIx for members of a job under mpirun: where PMIx is (libpmix-dev).
PMIX_SRC := $(if $(shell pkg-config --exists pmix && echo yes),$(wildcard deploy/pmix/*.c))
PMIX := $(if $(PMIX_SRC),$(B)/bin/chariot-pmix)
PMIX_CFLAGS := $(if $(PMIX_SRC),$(shell pkg-config --cflags pmix))
PMIX_LIBS := $(if $(PMIX_SRC),$(shell pkg-config --libs pmix))

PY_SRC := $(wildcard python/*.c)
PY_BUILD := $(B)/python
PY_OBJ := $(PY_SRC:python/%.c=$(PY_BUILD)/%.o)

# Every directory of test/ may hold helpers (any .c that is not *_test.c); a test is linked with those that it uses.
UNIT_SRC := $(wildcard test/unit/*/*_test.c test/transport/*_test.c test/scenarios/*_test.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
HELP_SRC := $(filter-out $(UNIT_SRC),$(wildcard test/unit/*.c test/unit/*/*.c test/transport/*.c test/scenarios/*.c))
HELP_A := $(if $(HELP_SRC),$(B)/test/libhelp.a)

EXAMPLE_SRC := $(wildcard examples/c/*.c)
EXAMPLE_BIN := $(EXAMPLE_SRC:examples/c/%.c=$(B)/examples/%)
BENCH_SRC := $(wildcard test/bench/c/*.c)
BENCH_PY_SRC := $(wildcard test/bench/python/*.c)
BENCH_BIN := $(BENCH_SRC:test/bench/c/%.c=$(B)/bench/%) $(BENCH_PY_SRC:test/bench/python/%.c=$(B)/bench/%.so)
# Measures of simulated PEs, on the helpers of the tests.
SCALE_SRC := $(wildcard test/bench/scale/*.c)

# Clients of the public service, for test/doors.
DOORS_SRC := $(wildcard test/doors/*.c)
DOORS_BIN := $(DOORS_SRC:%.c=$(B)/%)

C_SRC := $(LIB_SRC) $(LAB_SRC) $(ETCD_SRC) $(DIAL_SRC) $(PMIX_SRC) $(DEPLOY_SRC) $(PY_SRC) $(UNIT_SRC) $(HELP_SRC) $(EXAMPLE_SRC) $(BENCH_SRC) $(BENCH_PY_SRC) \
	$(SCALE_SRC) $(DOORS_SRC)
C_FILES := $(C_SRC) $(wildcard */*.h lb/*/*.h rpc/etcd/*.h test/*/*.h test/*/*/*.h examples/c/*.h examples/clients/c/*.[ch])

# ---------------------------------------------------------------- for people

help: ## this text
	@echo "Chariot $(VERSION): distributed objects over gRPC, in Python and C. Targets:"
	@sed -nE 's/^([a-z% -]+):.*## (.*)/\1@\2/p' Makefile | while IFS=@ read -r name text; do \
		printf '  %-16s %s\n' "$$name" "$$text"; done

setup: ## install what building and checking needs (apt-get as root), make .venv
	tools/setup.sh check

all: lib launcher py examples ## library, launcher, Python extension, C examples

demo: $(SETUP) all ## heat conduction on 4 PEs, compared with numpy
	.venv/bin/chariot run -n 4 examples/heat.py $(DEMO_PICTURE)

check: ## every test, and lint; under 20 minutes on 2 cores
	tools/setup.sh check
	.venv/bin/python test/check.py

bench: $(SETUP) all benches ## measure, and print the table
	$(PYTHON) test/bench/run.py

bench-instr: $(SETUP) all benches ## instructions per operation by callgrind; fails where one grew by 5 %
	tools/setup.sh check-more
	$(PYTHON) test/bench/instr.py $(if $(ACCEPT),--accept)

bench-peers: $(SETUP) all ## the same work on mpi4py, Ray and Dask (installed into build/peers), beside Chariot
	$(PYTHON) test/bench/peers.py

bench-compare: $(SETUP) ## what the last make bench changed beyond error bars; or FILES="A.json B.json"
	$(PYTHON) test/bench/compare.py $(FILES)

lb-bench: $(SETUP) launcher ## judge the balancers on recorded traces, and print the table
	$(PYTHON) test/bench/lb_bench.py $(if $(TRACES),--traces $(TRACES))

bench-scale: $(SETUP) all $(B)/bench/scale ## steps, messages, memory of 1 to 100,000 simulated PEs, into docs/scaling.md
	$(PYTHON) test/bench/scale/scale.py

asan tsan: ## the C suites under address and undefined-behaviour, or thread, sanitizer
	@tools/setup.sh check
	$(MAKE) MODE=$@ tests
	.venv/bin/python test/check.py --mode $@ suites

check-memory: $(SETUP) ## no PE grows over a million calls, futures, messages, coroutines
	tools/setup.sh check
	$(MAKE) all
	CHARIOT_TEST_FULL=1 .venv/bin/python -m pytest -q test/conformance/test_memory.py

check-soak: $(SETUP) ## the contract's suites ROUNDS (10) times on each of 1, 2, 3, 4 and 7 PEs, until a run fails; takes hours
	tools/setup.sh check
	for round in $$(seq $(or $(ROUNDS),10)); do for pes in 1 2 3 4 7; do \
		echo "round $$round on $$pes PEs, $$(date -u +%T)" && CHARIOT_TEST_PES=$$pes \
		.venv/bin/python test/check.py contract leftovers || exit; done; done

check-python-asan: $(SETUP) ## the Python suite under address sanitizer, in Debian's debug interpreter; takes half an hour
	tools/setup.sh check-more
	$(MAKE) all
	$(MAKE) MODE=pyasan ext
	test/asan_python.sh -k 'not grows and not memory and not nothing_is_left and not launcher' test/conformance

check-%: ## one part of check: lint, rpc, objects, lb, deploy, python, examples, clients, docs, install or bench
	@tools/setup.sh check
	.venv/bin/python test/check.py $*

WANDERED := basic create future end sparse place busy pool pieces grow
check-migration: ## 10,000 simulated runs in which elements move under all that happens to them, and under other suites; some minutes
	@tools/setup.sh check
	$(MAKE) $(patsubst %,$(B)/test/scenarios/%_test,migrate migrate_channel section reduce broadcast quiet $(WANDERED))
	CHARIOT_SEEDS=8500 $(B)/test/scenarios/migrate_test
	CHARIOT_SEEDS=8500 $(B)/test/scenarios/migrate_channel_test
	CHARIOT_PROGRAMS=10000 $(B)/test/scenarios/section_test elements_move
	for suite in reduce broadcast quiet; do CHARIOT_SEEDS=1500 $(B)/test/scenarios/$${suite}_test elements_move || exit 1; done
	for suite in $(WANDERED); do CHARIOT_WANDER=200 CHARIOT_SEEDS=500 $(B)/test/scenarios/$${suite}_test || exit 1; done

check-migration-python: $(SETUP) ## 100,000 migrations of Python objects on 1 to 4 PEs under all traffic; some minutes
	tools/setup.sh check
	$(MAKE) all
	CHARIOT_MIGRATIONS=$(or $(COUNT),100000) .venv/bin/python -m pytest -q --timeout=3600 test/conformance/test_migration_traffic.py

check-balancing: ## 5,000 simulated runs with balancers: every step ends, every element goes on once; a minute
	@tools/setup.sh check
	$(MAKE) $(B)/test/scenarios/balance_test
	CHARIOT_SEEDS=3400 $(B)/test/scenarios/balance_test steps_end

check-quiescence: ## 10,000 simulated runs of 64 PEs: quiescence is never early, never missed
	@tools/setup.sh check
	$(MAKE) $(B)/test/scenarios/quiet_test
	CHARIOT_SEEDS=3334 $(B)/test/scenarios/quiet_test detections_are_never_early

check-section-programs: $(SETUP) ## 200 random programs of sections on real PEs, against a model
	tools/setup.sh check
	$(MAKE) all
	CHARIOT_SECTION_PROGRAMS=$(or $(COUNT),200) .venv/bin/python -m pytest -q test/conformance/test_section_programs.py

check-sections: ## PROGRAMS (10,000) random programs of sections against a model, from seed FIRST (1); trees of every size
	@tools/setup.sh check
	$(MAKE) $(B)/test/scenarios/section_test $(B)/test/unit/sections/tree_test
	CHARIOT_PROGRAMS=$(or $(PROGRAMS),10000) CHARIOT_FIRST=$(or $(FIRST),1) $(B)/test/scenarios/section_test model_says
	$(if $(FIRST),,CHARIOT_SEEDS=1300 $(B)/test/unit/sections/tree_test)

check-cluster: $(SETUP) ## jobs on hosts of namespaces, cut off, slowed, killed; FAULTS (10) seeded faults; needs root
	tools/setup.sh check-more
	$(MAKE) all
	CHARIOT_CLUSTER_FAULTS=$(or $(FAULTS),10) CHARIOT_CLUSTER_FIRST=$(or $(FIRST),1) \
		.venv/bin/python -m pytest -v --timeout=900 test/cluster

check-clients: $(SETUP) ## foreign clients of all languages against a live job; CLIENTS="go rust": those
	tools/setup.sh check-more
	$(MAKE) all
	CHARIOT_CLIENTS="$(or $(CLIENTS),all)" CHARIOT_CLIENT_EXAMPLES=$(or $(EXAMPLES),25) \
		.venv/bin/python -m pytest -v --timeout=1800 test/clients

check-doors: $(SETUP) ## 1,000 clients and 1,000,000 calls beside clients who do all that they should not; some minutes
	tools/setup.sh check
	$(MAKE) all doors
	CHARIOT_DOORS_CLIENTS=$(or $(CLIENTS),1000) CHARIOT_DOORS_CALLS=$(or $(CALLS),1000000) \
		.venv/bin/python -m pytest -v --timeout=7200 test/doors

check-bare-root: ## make demo and make check on a fresh Debian 12 with git and make only
	test/bare_root.sh

check-containers: $(SETUP) ## the image, jobs in containers, compose, pods; needs root. BARE=1: from a fresh Debian on
	tools/setup.sh check-more
	$(MAKE) all
	.venv/bin/python -m pytest -v --timeout=1800 test/containers
	$(if $(BARE),test/containers/bare.sh)

lint: ## layers, globals, formatting, both compilers, protocol files, types of the stubs
	@tools/setup.sh check
	.venv/bin/python test/check.py lint

release-protos: $(SETUP) ## at a release: what later versions of the public protocol are held against
	.venv/bin/buf breaking --against test/lint/released
	cp rpc/proto/chariot/v1/{object_service,value}.proto test/lint/released/chariot/v1/
	sed -i 's/as version [0-9.]* /as version $(VERSION) /' test/lint/released/README.md

format: ## clang-format every C file
	clang-format -i $(C_FILES)

clean: ## remove what was made, but .venv
	rm -rf build dist python/chariot/include python/chariot/*.so python/chariot/*.so.* $(CLIENT_PROTOS) python/*.egg-info examples/out examples/clients/*/out examples/*.so
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

install: lib launcher ## C library, headers, pkg-config file and commands to DESTDIR/PREFIX
	install -d $(DESTDIR)$(PREFIX)/{bin,lib/pkgconfig}
	$(call headers,$(DESTDIR)$(PREFIX)/include/chariot)
	install -m 644 $(LIB_A) $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(LIB_SO) $(GRPC_SO) $(DESTDIR)$(PREFIX)/lib/
	ln -sf $(notdir $(LIB_SO)) $(DESTDIR)$(PREFIX)/lib/libchariot.so
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(LDLIBS)|' tools/chariot.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/chariot.pc
	install -m 755 $(B)/bin/chariot $(LAB) $(ETCD) $(DIAL) $(PMIX) $(DESTDIR)$(PREFIX)/bin/
	ln -sf chariot $(DESTDIR)$(PREFIX)/bin/charmrun

# ---------------------------------------------------------------- parts of the build

lib: $(LIBS)
tests: $(UNIT_BIN)
launcher: $(LAUNCHER) $(LAB) $(ETCD) $(DIAL) $(PMIX)
examples: $(EXAMPLE_BIN)
benches: $(BENCH_BIN)
doors: $(DOORS_BIN)

# .venv is made by whoever needs it first; a PYTHON of one's own means that its packages are there.
ifneq ($(SETUP),)
$(SETUP): requirements.txt tools/setup.sh
	tools/setup.sh build
$(SETUP_CHECK): $(SETUP)
	tools/setup.sh check
endif

$(B)/gen/rpc/proto/%.pb-c.c $(B)/gen/rpc/proto/%.pb-c.h: rpc/proto/%.proto | $(SETUP)
	@mkdir -p $(B)/gen/rpc/proto
	@echo "  GEN $<"
	$(Q)protoc-c -Irpc/proto --c_out=$(B)/gen/rpc/proto $<

$(PUBLIC_C): $(PUBLIC_PROTOS) rpc/proto/chariot/v1/value.proto | $(SETUP)
	@mkdir -p $(@D)
	@echo "  GEN $@"
	$(Q)protoc-c -Irpc/proto --include_imports --descriptor_set_out=$(@:.c=.pb) $(PUBLIC_PROTOS)
	$(Q){ echo 'extern const unsigned char obj_public_protos[];'; echo 'extern const unsigned long obj_public_protos_size;'; \
	  echo 'const unsigned char obj_public_protos[] = {'; od -An -v -tu1 $(@:.c=.pb) | sed 's/  */,/g;s/^,//;s/$$/,/'; echo '};'; \
	  echo 'const unsigned long obj_public_protos_size = sizeof obj_public_protos;'; } >$@

# Generated code is hidden in the shared library: it is no part of its interface.
$(B)/gen/%.o: $(B)/gen/%.c
	@echo "  CC $<"
	$(Q)$(CC) $(filter-out -Wmissing-prototypes -Wshadow,$(CFLAGS)) -fvisibility=hidden -c -o $@ $<

$(B)/%.o: %.c $(GEN_H) $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIB_A): $(LIB_OBJ)
	@echo "  AR $@"
	$(Q)rm -f $@ && ar rcs $@ $^

SHARED = $(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(notdir $@) -Wl,-z,defs

$(LIB_SO): $(filter-out $(GRPC_OBJ),$(LIB_OBJ)) tools/libchariot.map
	@echo "  LD $@"
	$(Q)$(SHARED) -Wl,--version-script=tools/libchariot.map -Wl,-rpath,'$$ORIGIN' -o $@ $(filter %.o,$^) $(LDLIBS)
	@ln -sf $(notdir $@) $(B)/libchariot.so

$(GRPC_SO): $(GRPC_OBJ) $(LIB_A) tools/libchariot-grpc.map
	@echo "  LD $@"
	$(Q)$(SHARED) -Wl,--version-script=tools/libchariot-grpc.map -o $@ $(filter %.o,$^) $(LIB_A) $(GRPC_LIBS) $(LDLIBS)

$(B)/bin/chariot: $(DEPLOY_MAIN:%.c=$(B)/%.o) $(DEPLOY_OBJ) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(AUTHORITY_LIBS) $(LDLIBS)

$(B)/bin/charmrun: $(B)/bin/chariot
	@ln -sf chariot $@

$(LAB): $(LAB_SRC:%.c=$(B)/%.o) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LAB_LIBS) $(LDLIBS)

$(ETCD): $(B)/rpc/etcd/main.o $(ETCD_OBJ) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(GRPC_LIBS) $(LDLIBS)

$(DIAL): $(DIAL_SRC:%.c=$(B)/%.o) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(GRPC_LIBS) $(LDLIBS)

$(B)/deploy/pmix/%.o: CFLAGS += $(PMIX_CFLAGS)
syntax/deploy/pmix/%: CFLAGS += $(PMIX_CFLAGS)
$(PMIX): $(PMIX_SRC:%.c=$(B)/%.o)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PMIX_LIBS)

# As for a program that is no launcher, but for tests of TLS, which make certificates as the launcher does.
$(B)/test/%_test: $(B)/test/%_test.o $(HELP_A) $(B)/deploy/authority.o $(B)/deploy/reason.o $(LIB_A)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(GRPC_LIBS) $(AUTHORITY_LIBS) $(LDLIBS) -lcunit

$(B)/test/unit/deploy/%_test: $(B)/test/unit/deploy/%_test.o $(DEPLOY_OBJ) $(HELP_A) $(LIB_A)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(GRPC_LIBS) $(AUTHORITY_LIBS) $(LDLIBS) -lcunit

$(B)/test/unit/etcd/%_test: $(B)/test/unit/etcd/%_test.o $(ETCD_OBJ) $(HELP_A) $(LIB_A)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(GRPC_LIBS) $(LDLIBS) -lcunit

$(UNIT_SRC:%.c=$(B)/%.o): | $(SETUP_CHECK)

$(B)/test/libhelp.a: $(HELP_SRC:%.c=$(B)/%.o)
	@echo "  AR $@"
	$(Q)rm -f $@ && ar rcs $@ $^

# They find the gRPC module where it was built.
$(B)/examples/%: $(B)/examples/c/%.o $(LIB_A) | $(GRPC_SO)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..' -o $@ $^ $(LDLIBS)

# The floor speaks TLS with certificates of the launcher's kind.
$(B)/bench/floor_grpc: $(B)/deploy/authority.o $(B)/deploy/reason.o
$(B)/bench/floor_grpc: LDLIBS += $(AUTHORITY_LIBS)
$(B)/bench/%: $(B)/test/bench/c/%.o $(LIB_A) | $(GRPC_SO)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..' -o $@ $^ $(GRPC_LIBS) $(LDLIBS)

$(DOORS_BIN): %: %.o
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(GRPC_LIBS)

$(B)/bench/scale: $(SCALE_SRC:%.c=$(B)/%.o) $(HELP_A) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# ---------------------------------------------------------------- the Python extension

# Asked of the Python that will load it, once, and only when something is compiled for it.
PY_ASK = import sysconfig, numpy, greenlet, os; g = os.path.dirname(greenlet.__file__); print( \
	"-I" + sysconfig.get_path("include"), "-isystem", numpy.get_include(), "-isystem", g, "-isystem", os.path.dirname(g))
PY_CFLAGS = $(eval PY_CFLAGS := $$(shell $(PYTHON) -c '$(PY_ASK)'))$(PY_CFLAGS)
PY_SUFFIX = $(eval PY_SUFFIX := $$(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))'))$(PY_SUFFIX)

$(PY_BUILD)/%.o: python/%.c $(GEN_H) $(B)/flags | $(SETUP)
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CFLAGS) $(PY_CFLAGS) -MMD -MP -c -o $@ $<

# The extension finds libchariot.so.0 beside itself, and that the gRPC module, the same in a checkout (links) and
# installed (copies).
$(PY_BUILD)/_core.so: $(PY_OBJ) $(LIB_SO)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-rpath,'$$ORIGIN' -o $@ $^ $(LDLIBS)

ext: $(if $(PY_SRC),$(PY_BUILD)/_core.so $(GRPC_SO))

# What chariot_client makes its messages of: descriptors of the public service.
CLIENT_PROTOS := python/chariot_client/protos.pb
$(CLIENT_PROTOS): rpc/proto/chariot/v1/object_service.proto rpc/proto/chariot/v1/value.proto | $(SETUP)
	@echo "  GEN $@"
	$(Q)protoc-c -Irpc/proto --include_imports --descriptor_set_out=$@ $<

py: ext $(CLIENT_PROTOS) | $(SETUP) ## the Python extension, into python/chariot
	@cmp -s $(PY_BUILD)/_core.so python/chariot/_core$(PY_SUFFIX) || cp --remove-destination $(PY_BUILD)/_core.so python/chariot/_core$(PY_SUFFIX)
	@for so in $(LIB_SO) $(GRPC_SO); do ln -sfn ../../$$so python/chariot/$${so##*/}; done
	@$(call headers,$(B)/include)
	@ln -sfn ../../$(B)/include python/chariot/include

C_FILES += $(wildcard examples/*.c test/conformance/c/*.c)

# What a library of chares is compiled against (python -m chariot.cflags); copies, where they have changed.
headers = for h in $(PUBLIC_H); do cmp -s $$h $(1)/$$h || install -D -m 644 $$h $(1)/$$h || exit; done; \
	cmp -s objects/chariot.h $(1)/chariot.h || install -m 644 objects/chariot.h $(1)/
.PHONY: headers-into
headers-into:
	@$(call headers,$(TO))

# What CPython itself costs, for the bench: an extension too, beside the bench's programs.
$(B)/test/bench/python/%.o: test/bench/python/%.c $(B)/flags | $(SETUP)
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CFLAGS) $(PY_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/bench/%.so: $(B)/test/bench/python/%.o
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $<

# ---------------------------------------------------------------- parts of lint

syntax: $(GEN_H) $(C_SRC:%=syntax/%)
syntax/%: % | $(GEN_H) $(SETUP)
	@clang -fsyntax-only $(CFLAGS) $(if $(filter python/% test/bench/python/%,$<),$(PY_CFLAGS)) $<

format-check:
	@clang-format --dry-run -Werror $(C_FILES)

print-%:
	@echo $($*)

# Objects are made anew when the compiler or its flags change.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(CFLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(CC) $(CFLAGS))' >$@

-include $(shell find $(B) -name '*.d' 2>/dev/null)
MAKEFLAGS += -j$(JOBS)
.PHONY: help setup all demo check bench bench-instr bench-compare bench-peers bench-scale lb-bench asan tsan lint format clean install lib \
	tests launcher examples benches doors ext py \
	check-bare-root check-doors check-clients check-cluster check-containers check-balancing check-quiescence check-sections check-migration check-migration-python check-memory check-python-asan check-soak release-protos syntax format-check FORCE
.SECONDARY:
