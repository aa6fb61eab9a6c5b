/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <string.h>

#include "device.h"
#include "ramflash.h"

#define SAID_AT_MOST 10u

static uint32_t wrong;

static uint32_t u16(const uint8_t *at)
{
    return (uint32_t)(at[0] | at[1] << 8);
}

static void complain(const char *what, uint32_t number, const char *detail)
{
    wrong++;
    if (wrong <= SAID_AT_MOST) {
        replay_say("WRONG: ");
        replay_say(what);
        replay_say_number(number);
        replay_say(detail);
        replay_say("\n");
    }
}

static void say_hex(const char *title, struct packet packet)
{
    static const char digits[] = "0123456789abcdef";
    char two[3] = {0};

    replay_say(title);
    for (uint32_t i = 0; i < packet.len; i++) {
        two[0] = digits[packet.data[i] >> 4];
        two[1] = digits[packet.data[i] & 15];
        replay_say(two);
    }
    replay_say("\n");
}

static void check_reply(enum kind kind, uint32_t number, struct packet recorded, struct packet reply)
{
    if (reply_is_right(kind, recorded, reply)) {
        return;
    }
    complain("reply to request ", number, reply.len == 0 ? ": none came, " : ": ");
    if (wrong <= SAID_AT_MOST) {
        replay_say(kind_names[kind]);
        say_hex("\n  recorded ", recorded);
        say_hex("  got      ", reply);
    }
}

static uint32_t replay_requests(const struct replay_input *input)
{
    const uint8_t *at = input->trace;
    uint32_t number = 0, uploads = 0;

    while (u16(at) != 0) {
        struct packet request = {at + 4, u16(at)};
        struct packet recorded = {at + 4 + u16(at), u16(at + 2)};
        const uint8_t *after = recorded.data + recorded.len;
        struct packet next = {after + 4, u16(after)};
        enum kind kind = kind_of(request, next, uploads);
        struct packet reply = device_exchange(kind, request);

        check_reply(kind, number, recorded, reply);
        if (reply.len == 0) {
            break;
        }
        uploads += kind >= KIND_UPLOAD_FIRST && kind <= KIND_UPLOAD_LAST;
        if (input->watch != NULL) {
            input->watch(kind, request, reply);
        }
        number++;
        at = after;
    }
    return number;
}

static void check_flash(const struct replay_input *input)
{
    for (uint32_t i = 0; i < RAMFLASH_SLOT_SIZE; i++) {
        if (ramflash_bytes[RAMFLASH_SECONDARY + i] != input->secondary[i]) {
            complain("secondary slot differs from the recorded one at byte ", i, "");
            break;
        }
    }
    if (memcmp(ramflash_bytes, input->flash, RAMFLASH_SECONDARY) != 0) {
        complain("bytes before the secondary slot changed", 0, "");
    }
    if (ramflash_count.violations != 0) {
        complain("flash calls that break the rules: ", ramflash_count.violations, "");
    }
}

static void check_events(void)
{
    const struct device_events *e = &device_events;

    if (e->resets != 1) {
        complain("resets: ", e->resets, ", one was asked for");
    }
    if (e->power_on == 0 || e->power_off != e->power_on) {
        complain("power lock given back ", e->power_off, " times, taken more or less often");
    }
    if (e->oversized != 0) {
        complain("pieces longer than the MTU: ", e->oversized, "");
    }
}

uint32_t replay_run(const struct replay_input *input)
{
    uint32_t requests;
    int32_t rc;

    memcpy(ramflash_bytes, input->flash, RAMFLASH_SIZE);
    rc = device_start();
    if (rc < 0) {
        complain("smpkit_init or smpkit_link_open answers -", (uint32_t)-rc, "");
        return wrong;
    }
    requests = replay_requests(input);
    if (device_settle() < 0 || device_stop() < 0) {
        complain("the kit does not come to rest", 0, "");
    }
    check_flash(input);
    check_events();
    replay_say_number(requests);
    replay_say(" requests, ");
    replay_say_number(wrong);
    replay_say(" wrong\n");
    return wrong;
}
