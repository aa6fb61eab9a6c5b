/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded upload through the public C API: the portable part. */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdint.h>

#include "rules.h"

/*
 * What a main hands in. The trace is a row of { u16 request length, u16 reply length, request,
 * reply }, little-endian, ended by a request length of 0.
 */
struct replay_input {
    const uint8_t *flash;     /* RAMFLASH_SIZE bytes, before */
    const uint8_t *trace;
    const uint8_t *secondary; /* RAMFLASH_SLOT_SIZE bytes, after */
    /* Called after each request; NULL when nobody watches. */
    void (*watch)(enum kind kind, struct packet request, struct packet reply);
};

/* Returns the number of things that were wrong; says each of them (the first ten) on replay_say. */
uint32_t replay_run(const struct replay_input *input);

/* A piece of text for the reader; given by the main. */
void replay_say(const char *text);
void replay_say_number(uint32_t number);

#endif
