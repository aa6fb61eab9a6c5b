/* SPDX-License-Identifier: Apache-2.0 */
/* On a Cortex-M4 in QEMU (mps2-an386): start-up, semihosting, and blobs put into RAM by QEMU. */
#include <stddef.h>
#include <stdint.h>

#include "replay.h"

/* Known to rust/xtask/src/replay.rs. */
#define BLOB_FLASH 0x21200000u
#define BLOB_TRACE 0x21400000u
#define BLOB_SECONDARY 0x21600000u

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define SYS_WRITE0 0x04u
#define SYS_EXIT_EXTENDED 0x20u
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static void leave(uint32_t code)
{
    uint32_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, code};

    for (;;) {
        semihost(SYS_EXIT_EXTENDED, block);
    }
}

void replay_say(const char *text)
{
    semihost(SYS_WRITE0, text);
}

void replay_say_number(uint32_t number)
{
    char text[11];
    size_t at = sizeof text - 1;

    text[at] = 0;
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    replay_say(text + at);
}

void reset_handler(void);
void reset_handler(void)
{
    struct replay_input input = {
        .flash = (const uint8_t *)BLOB_FLASH,
        .trace = (const uint8_t *)BLOB_TRACE,
        .secondary = (const uint8_t *)BLOB_SECONDARY,
    };
    const uint32_t *from = data_load;

    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    CPACR |= 0xFu << 20;
    leave(replay_run(&input) == 0 ? 0 : 1);
}

static void fault(void)
{
    replay_say("FAULT\n");
    leave(3);
}

struct vector {
    const void *stack;
    void (*handlers[15])(void);
};

__attribute__((section(".vectors"), used)) static const struct vector vectors = {
    stack_top,
    {reset_handler, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault, fault, fault},
};
