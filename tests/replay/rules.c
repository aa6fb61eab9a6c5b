/* SPDX-License-Identifier: Apache-2.0 */
#include "rules.h"

#include <stddef.h>
#include <string.h>

#define HEADER 8u

const char *const kind_names[KIND_COUNT] = {
    "echo",       "params",      "list", "confirm", "erase", "upload_first",
    "upload_mid", "upload_last", "test", "reset",   "other",
};

static int is_upload(struct packet p)
{
    return p.len >= HEADER && p.data[5] == 1 && p.data[7] == 1;
}

static enum kind kind_of_os(uint8_t command)
{
    switch (command) {
    case 0: return KIND_ECHO;
    case 5: return KIND_RESET;
    case 6: return KIND_PARAMS;
    default: return KIND_OTHER;
    }
}

static enum kind kind_of_state(struct packet request)
{
    if (request.data[0] % 8 == 0) {
        return KIND_LIST;
    }
    return find_key(request, HEADER, "hash") != 0 ? KIND_TEST : KIND_CONFIRM;
}

enum kind kind_of(struct packet request, struct packet next, uint32_t uploads_seen)
{
    if (request.len < HEADER) {
        return KIND_OTHER;
    }
    if (request.data[5] == 0) {
        return kind_of_os(request.data[7]);
    }
    if (is_upload(request)) {
        if (uploads_seen == 0) {
            return KIND_UPLOAD_FIRST;
        }
        return is_upload(next) ? KIND_UPLOAD_MID : KIND_UPLOAD_LAST;
    }
    return request.data[7] == 5 ? KIND_ERASE : kind_of_state(request);
}

uint32_t find_key(struct packet packet, uint32_t from, const char *key)
{
    uint32_t len = (uint32_t)strlen(key);

    for (uint32_t at = from; at + 1 + len < packet.len; at++) {
        if (packet.data[at] == 0x60u + len && memcmp(packet.data + at + 1, key, len) == 0) {
            return at;
        }
    }
    return 0;
}

static int same(struct packet a, struct packet b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Length field aside, the header is the recorded one. */
static int same_header(struct packet a, struct packet b)
{
    return a.len >= HEADER && b.len >= HEADER && memcmp(a.data, b.data, 2) == 0 &&
           memcmp(a.data + 4, b.data + 4, 4) == 0;
}

static int names_its_buffers(struct packet recorded, struct packet reply)
{
    return same_header(recorded, reply) && find_key(reply, HEADER, "buf_size") != 0 &&
           find_key(reply, HEADER, "buf_count") != 0;
}

static int same_or_match_added(struct packet recorded, struct packet reply)
{
    static const uint8_t match_true[] = {0x65, 'm', 'a', 't', 'c', 'h', 0xF5, 0xFF};
    uint32_t body = recorded.len - HEADER - 1;

    if (same(recorded, reply)) {
        return 1;
    }
    return same_header(recorded, reply) && reply.len == recorded.len + sizeof match_true - 1 &&
           memcmp(reply.data + HEADER, recorded.data + HEADER, body) == 0 &&
           memcmp(reply.data + HEADER + body, match_true, sizeof match_true) == 0;
}

/* Everything not listed here must be byte for byte what Zephyr answered. */
static const struct rule {
    enum kind kind;
    int (*right)(struct packet recorded, struct packet reply);
    const char *reason;
} differs_by_design[] = {
    {KIND_PARAMS, names_its_buffers, "the kit tells its own frame size and count"},
    {KIND_UPLOAD_LAST, same_or_match_added, "the kit hashes what it received and says \"match\""},
};

static const struct rule *rule_of(enum kind kind)
{
    for (size_t i = 0; i < sizeof differs_by_design / sizeof differs_by_design[0]; i++) {
        if (differs_by_design[i].kind == kind) {
            return &differs_by_design[i];
        }
    }
    return NULL;
}

int reply_is_right(enum kind kind, struct packet recorded, struct packet reply)
{
    const struct rule *rule = rule_of(kind);

    return rule != NULL ? rule->right(recorded, reply) : same(recorded, reply);
}

const char *reply_differs_because(enum kind kind)
{
    const struct rule *rule = rule_of(kind);

    return rule != NULL ? rule->reason : NULL;
}
