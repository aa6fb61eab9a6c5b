/* SPDX-License-Identifier: Apache-2.0 */
#include "narrate.h"

#include <stdio.h>

#include "device.h"
#include "ramflash.h"

static uint32_t image_len;

/* The unsigned number behind a key of a packet; 0 when absent. */
static uint32_t number_of(struct packet packet, const char *key, uint32_t key_len)
{
    uint32_t at = find_key(packet, 8, key);
    uint32_t value = 0, bytes;
    uint8_t head;

    if (at == 0) {
        return 0;
    }
    at += 1 + key_len;
    head = packet.data[at] & 31u;
    if (head < 24) {
        return head;
    }
    bytes = 1u << (head - 24);
    for (uint32_t i = 1; i <= bytes && at + i < packet.len; i++) {
        value = value << 8 | packet.data[at + i];
    }
    return value;
}

static int flag(struct packet packet, uint32_t from, const char *key, uint32_t key_len)
{
    uint32_t at = find_key(packet, from, key);

    return at != 0 && packet.data[at + 1 + key_len] == 0xF5;
}

static void print_list(struct packet reply)
{
    uint32_t at = 8;

    while ((at = find_key(reply, at, "slot")) != 0) {
        uint32_t version = find_key(reply, at, "version");
        uint32_t len = reply.data[version + 8] & 31u;

        (void)printf("    slot %u  %-10.*s", reply.data[at + 5], (int)len,
                     (const char *)reply.data + version + 9);
        (void)printf("%s%s%s\n", flag(reply, at, "active", 6) ? " running" : "",
                     flag(reply, at, "confirmed", 9) ? " confirmed" : "",
                     flag(reply, at, "pending", 7) ? " pending" : "");
        at++;
    }
}

static void print_progress(struct packet reply)
{
    static uint32_t shown;
    uint32_t done = number_of(reply, "off", 3);
    uint32_t tenth = image_len == 0 ? 0 : done * 10u / image_len;

    if (tenth > shown) {
        shown = tenth;
        (void)printf("    [%-20.*s] %3lu %%  %lu of %lu bytes\n", (int)(2 * tenth),
                     "####################", (unsigned long)tenth * 10, (unsigned long)done,
                     (unsigned long)image_len);
    }
}

void narrate_request(enum kind kind, struct packet request, struct packet reply)
{
    static int lists;

    switch (kind) {
    case KIND_ECHO: (void)printf("echo: the watch answers\n"); break;
    case KIND_PARAMS:
        (void)printf("parameters: frames of %lu bytes, %lu at once\n",
                     (unsigned long)number_of(reply, "buf_size", 8),
                     (unsigned long)number_of(reply, "buf_count", 9));
        break;
    case KIND_LIST:
        (void)printf("%s\n", lists++ == 0 ? "images before:" : "images now:");
        print_list(reply);
        break;
    case KIND_CONFIRM: (void)printf("confirm: the running image stays\n"); break;
    case KIND_ERASE: (void)printf("erase: the secondary slot is given free\n"); break;
    case KIND_UPLOAD_FIRST:
        image_len = number_of(request, "len", 3);
        (void)printf("upload: %lu bytes in pieces of 200\n", (unsigned long)image_len);
        break;
    case KIND_UPLOAD_MID: print_progress(reply); break;
    case KIND_UPLOAD_LAST:
        print_progress(reply);
        (void)printf("    read back and hashed: %s\n",
                     flag(reply, 8, "match", 5) ? "match" : "no answer about the hash");
        break;
    case KIND_TEST: (void)printf("test: the new image is tried at the next start\n"); break;
    case KIND_RESET: (void)printf("reset asked for\n"); break;
    default: break;
    }
}

void narrate_end(uint32_t wrong)
{
    const struct ramflash_count *c = &ramflash_count;

    (void)printf("flash: %lu sectors erased, %lu writes of %lu bytes in all, %lu bytes read\n",
                 (unsigned long)c->sectors_erased, (unsigned long)c->writes,
                 (unsigned long)c->write_bytes, (unsigned long)c->read_bytes);
    (void)printf("watch: %lu reset, power lock taken %lu and given back %lu times\n",
                 (unsigned long)device_events.resets, (unsigned long)device_events.power_on,
                 (unsigned long)device_events.power_off);
    if (wrong == 0) {
        (void)printf("\nOK: the new image is in the secondary slot, byte for byte, and pending.\n");
    } else {
        (void)printf("\nFAILED: %lu things were not as recorded.\n", (unsigned long)wrong);
    }
}
