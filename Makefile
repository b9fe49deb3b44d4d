# Chariot. `make` alone prints the targets.
SHELL := /bin/bash
CC ?= gcc
MODE ?= release
B := build/$(MODE)
PYTHON := .venv/bin/python
PKGS := grpc gpr libprotobuf-c
CFLAGS_release := -O2 -g
CFLAGS_debug := -O0 -g
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-unused-parameter
CFLAGS += -std=c11 -D_GNU_SOURCE -fPIC $(CFLAGS_$(MODE)) $(WARN) -I. -I$(B)/gen
LDLIBS := -lgrpc -lgpr -lprotobuf-c -lev -lpthread -lm

PROTOS := $(wildcard rpc/proto/chariot/v1/*.proto)
GEN_C := $(PROTOS:rpc/proto/%.proto=$(B)/gen/rpc/proto/%.pb-c.c)
GEN_H := $(GEN_C:.c=.h)
LIB_SRC := $(wildcard rpc/*.c objects/*.c sections/*.c lb/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(GEN_C:%.c=%.o)
LIB_A := $(B)/libchariot.a
UNIT_SRC := $(wildcard test/unit/*/*_test.c test/transport/*_test.c test/scenarios/*_test.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)

help:
	@echo "lib: build libchariot.a    tests: build the C suites    (draft)"

$(B)/gen/rpc/proto/%.pb-c.c $(B)/gen/rpc/proto/%.pb-c.h: rpc/proto/%.proto
	@mkdir -p $(B)/gen/rpc/proto
	protoc-c -Irpc/proto --c_out=$(B)/gen/rpc/proto $<

$(B)/gen/%.o: $(B)/gen/%.c
	$(CC) $(filter-out -Wmissing-prototypes -Wshadow,$(CFLAGS)) -I$(B)/gen/rpc/proto -c -o $@ $<

$(B)/%.o: %.c $(GEN_H)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -I$(B)/gen/rpc/proto -MMD -MP -c -o $@ $<

$(LIB_A): $(LIB_OBJ)
	rm -f $@ && ar rcs $@ $^

$(B)/test/%_test: test/%_test.c $(LIB_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -I$(B)/gen/rpc/proto -MMD -MP -o $@ $< $(LIB_A) $(LDLIBS) -lcunit

lib: $(LIB_A)
tests: $(UNIT_BIN)
-include $(shell find build -name '*.d' 2>/dev/null)
.PHONY: help lib tests
.SECONDARY:
