/* SPDX-License-Identifier: Apache-2.0 */
/* The watch: the kit, its flash, one BLE link and a clock that only moves when asked to. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdint.h>

#include "rules.h"

struct device_events {
    uint32_t power_on;
    uint32_t power_off;
    uint32_t progress;
    uint32_t resets;
    uint32_t oversized; /* pieces longer than the link takes */
};

extern struct device_events device_events;

/* Prepare the kit and open the link. Returns 0 or the kit's error. */
int32_t device_start(void);

/*
 * One request, then polling until its reply is complete, then until the kit is idle.
 * Returns an empty packet when no whole reply came in a bounded number of polls.
 */
struct packet device_exchange(enum kind kind, struct packet request);

/* Let time pass until the kit has nothing more to do. Returns 0, or the kit's error. */
int32_t device_settle(void);

/* Close the link. Returns 0 or the kit's error. */
int32_t device_stop(void);

#endif
