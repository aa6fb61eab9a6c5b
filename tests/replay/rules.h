/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of requests, and which replies count as right. */
#ifndef RULES_H
#define RULES_H

#include <stdint.h>

/* The order is known to rust/xtask/src/bench. */
enum kind {
    KIND_ECHO,
    KIND_PARAMS,
    KIND_LIST,
    KIND_CONFIRM,
    KIND_ERASE,
    KIND_UPLOAD_FIRST,
    KIND_UPLOAD_MID,
    KIND_UPLOAD_LAST,
    KIND_TEST,
    KIND_RESET,
    KIND_OTHER,
    KIND_COUNT
};

struct packet {
    const uint8_t *data;
    uint32_t len;
};

extern const char *const kind_names[KIND_COUNT];

/* uploads_seen: upload requests before this one; next: the request after it, empty at the end. */
enum kind kind_of(struct packet request, struct packet next, uint32_t uploads_seen);

/* 1 when the reply is the recorded one, or differs from it as the table in rules.c allows. */
int reply_is_right(enum kind kind, struct packet recorded, struct packet reply);

/* Why replies of this kind may differ; NULL when they may not. */
const char *reply_differs_because(enum kind kind);

/* First place of a key (CBOR text, key_len < 24) in a packet's body; 0 when absent. */
uint32_t find_key(struct packet packet, uint32_t from, const char *key);

#endif
