/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks for the counting plugin (tests/bench/count.c): stores to addresses nobody else uses.
 * They cost two instructions and change nothing. Elsewhere than on the emulated board: nothing.
 *
 *   MARK_BASE + 4 * (2 * class + phase)   counting goes to that row from here on
 *   MARK_STOP                             counting stops
 *   MARK_CALL + 4 * function              the next store to the stack shows where it stands
 *   MARK_RETURN                           the call is over
 */
#ifndef MARK_H
#define MARK_H

#include <stdint.h>

#define MARK_BASE 0x21F00000u
#define MARK_STOP 0x21F00100u
#define MARK_CALL 0x21F00200u
#define MARK_RETURN 0x21F00300u

enum mark_phase { MARK_REQUEST, MARK_BACKGROUND };
enum mark_function { MARK_RX, MARK_POLL };

#if defined(__arm__)
static inline void mark(uint32_t address)
{
    __asm__ volatile("str %0, [%0]" : : "r"(address) : "memory");
}

static inline void mark_call(enum mark_function function)
{
    mark(MARK_CALL + 4u * (uint32_t)function);
    __asm__ volatile("push {r0}\n\tpop {r0}" : : : "memory");
}
#else
static inline void mark(uint32_t address)
{
    (void)address;
}

static inline void mark_call(enum mark_function function)
{
    (void)function;
}
#endif

static inline void mark_begin(unsigned kind, enum mark_phase phase)
{
    mark(MARK_BASE + 4u * (2u * kind + (unsigned)phase));
}

#endif
