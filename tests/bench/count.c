/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QEMU plugin: counts instructions per address between marks, and how deep calls reach into the
 * stack. The marks are described in ../replay/mark.h. Built with the host's gcc; the few functions
 * of QEMU's plugin interface (version 1) that are needed are declared here.
 *
 * Arguments: out=FILE, stack=LOW-HIGH, harness=LOW-HIGH (code whose stores do not count).
 * Output, one item per line:
 *   begin <row> <times>                 a row was entered that often
 *   at <row> <address> <instructions>   instructions executed there
 *   stack <function> <calls> <bytes of the kit> <bytes with callbacks>
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;

typedef void (*tb_callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_callback)(unsigned cpu, void *data);
typedef void (*store_callback)(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t at, void *data);
typedef void (*exit_callback)(qemu_plugin_id_t id, void *data);

enum { NO_REGISTERS = 0, STORES = 2 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_callback call);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                                   exec_callback call, int flags, void *data);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, store_callback call,
                                             int flags, int kind, void *data);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_callback call, void *data);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = 1;
EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
                                 char **argv);

#define MARK_ROWS 0x21F00000u
#define MARK_STOP 0x21F00100u
#define MARK_CALL 0x21F00200u
#define MARK_RETURN 0x21F00300u
#define ROWS 64u
#define FUNCTIONS 2u
#define CODE 0x80000u /* bytes, from address 0 */

struct range {
    uint64_t low, high;
};

struct depth {
    uint64_t calls, kit, all;
};

static uint32_t *counts; /* ROWS x CODE / 2 */
static uint64_t begun[ROWS];
static uint32_t *row; /* of counts; NULL while nothing is counted */
static struct depth depths[FUNCTIONS];
static struct depth *call;       /* NULL outside a marked call */
static uint64_t stack_at_call;   /* 0 until the store that shows it */
static struct range stack, harness;
static FILE *out;

static bool within(struct range range, uint64_t at)
{
    return at >= range.low && at < range.high;
}

static void on_exec(unsigned cpu, void *data)
{
    (void)cpu;
    if (row != NULL) {
        row[(uintptr_t)data / 2]++;
    }
}

static void on_mark(uint64_t at)
{
    if (at < MARK_STOP) {
        size_t number = (size_t)(at - MARK_ROWS) / 4;
        begun[number]++;
        row = counts + number * (CODE / 2);
    } else if (at < MARK_CALL) {
        row = NULL;
    } else if (at < MARK_RETURN) {
        call = &depths[(at - MARK_CALL) / 4 % FUNCTIONS];
        call->calls++;
        stack_at_call = 0;
    } else {
        call = NULL;
    }
}

static void on_stack(uint64_t at, uint64_t code)
{
    if (stack_at_call == 0) {
        stack_at_call = at + 4; /* the word below it was pushed */
        return;
    }
    if (at < stack_at_call) {
        uint64_t depth = stack_at_call - at;
        if (depth > call->all) {
            call->all = depth;
        }
        if (depth > call->kit && !within(harness, code)) {
            call->kit = depth;
        }
    }
}

static void on_store(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t at, void *data)
{
    (void)cpu;
    (void)info;
    if (at >= MARK_ROWS && at <= MARK_RETURN) {
        on_mark(at);
    } else if (call != NULL && within(stack, at)) {
        on_stack(at, (uintptr_t)data);
    }
}

static void on_tb(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t at = qemu_plugin_insn_vaddr(insn);
        if (at < CODE) {
            void *data = (void *)(uintptr_t)at;
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_exec, NO_REGISTERS, data);
            qemu_plugin_register_vcpu_mem_cb(insn, on_store, NO_REGISTERS, STORES, data);
        }
    }
}

static void print_row(unsigned number)
{
    const uint32_t *from = counts + (size_t)number * (CODE / 2);

    (void)fprintf(out, "begin %u %llu\n", number, (unsigned long long)begun[number]);
    for (size_t i = 0; i < CODE / 2; i++) {
        if (from[i] != 0) {
            (void)fprintf(out, "at %u %zu %lu\n", number, 2 * i, (unsigned long)from[i]);
        }
    }
}

static void on_exit_of_machine(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    for (unsigned number = 0; number < ROWS; number++) {
        if (begun[number] != 0) {
            print_row(number);
        }
    }
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        (void)fprintf(out, "stack %u %llu %llu %llu\n", i, (unsigned long long)depths[i].calls,
                      (unsigned long long)depths[i].kit, (unsigned long long)depths[i].all);
    }
    (void)fclose(out);
}

static struct range parse_range(const char *text)
{
    struct range range = {0, 0};
    char *end;

    range.low = strtoull(text, &end, 0);
    if (*end == '-') {
        range.high = strtoull(end + 1, NULL, 0);
    }
    return range;
}

static void parse(const char *argument)
{
    if (strncmp(argument, "out=", 4) == 0) {
        out = fopen(argument + 4, "w");
    } else if (strncmp(argument, "stack=", 6) == 0) {
        stack = parse_range(argument + 6);
    } else if (strncmp(argument, "harness=", 8) == 0) {
        harness = parse_range(argument + 8);
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        parse(argv[i]);
    }
    counts = calloc((size_t)ROWS * (CODE / 2), sizeof *counts);
    if (out == NULL || counts == NULL || stack.high == 0 || harness.high == 0) {
        (void)fprintf(stderr, "count: needs out=, stack= and harness=\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_tb);
    qemu_plugin_register_atexit_cb(id, on_exit_of_machine, NULL);
    return 0;
}
