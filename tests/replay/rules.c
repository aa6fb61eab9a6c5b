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

/* The length field says what came. */
static int honest_length(struct packet p)
{
    return p.len == HEADER + ((uint32_t)p.data[2] << 8 | p.data[3]);
}

/* The recorded reply less its leading "rc":0, then `extra` in front of the closing break. */
static int same_without_rc(struct packet recorded, struct packet reply, struct packet extra)
{
    static const uint8_t map_rc_0[] = {0xBF, 0x62, 'r', 'c', 0x00};
    uint32_t cut = sizeof map_rc_0 - 1;
    uint32_t kept = recorded.len - HEADER - 1 - cut; /* map head and members */

    return same_header(recorded, reply) && honest_length(reply) &&
           memcmp(recorded.data + HEADER, map_rc_0, sizeof map_rc_0) == 0 &&
           reply.len == HEADER + kept + extra.len + 1 && reply.data[HEADER] == 0xBF &&
           memcmp(reply.data + HEADER + 1, recorded.data + HEADER + 1 + cut, kept - 1) == 0 &&
           memcmp(reply.data + HEADER + kept, extra.data, extra.len) == 0 &&
           reply.data[reply.len - 1] == 0xFF;
}

static int without_rc(struct packet recorded, struct packet reply)
{
    struct packet nothing = {reply.data, 0};

    return same(recorded, reply) || same_without_rc(recorded, reply, nothing);
}

static int without_rc_with_match(struct packet recorded, struct packet reply)
{
    static const uint8_t match_true[] = {0x65, 'm', 'a', 't', 'c', 'h', 0xF5};
    struct packet match = {match_true, sizeof match_true};

    return same_without_rc(recorded, reply, match);
}

#define NO_RC "no \"rc\":0 in a success, as Zephyr's default; the recording has the older habit"

/* Everything not listed here must be byte for byte what Zephyr answered. */
static const struct rule {
    enum kind kind;
    int (*right)(struct packet recorded, struct packet reply);
    const char *reason;
} differs_by_design[] = {
    {KIND_PARAMS, names_its_buffers, "the kit tells its own frame size and count"},
    {KIND_ERASE, without_rc, NO_RC},
    {KIND_UPLOAD_FIRST, without_rc, NO_RC},
    {KIND_UPLOAD_MID, without_rc, NO_RC},
    {KIND_UPLOAD_LAST, without_rc_with_match,
     NO_RC "; the kit has hashed the flash and says \"match\""},
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
