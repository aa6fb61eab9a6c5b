/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <stddef.h>

#include "mark.h"
#include "ramflash.h"
#include "smpkit.h"

#define MTU 244u
#define MAX_POLLS 20000u

struct device_events device_events;

static struct smpkit kit;
static struct smpkit_link link_state;
static uint32_t work[640 / 4];
static uint8_t ring[512];
static uint8_t reply[1024];
static uint32_t reply_len;
static uint32_t now;

static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return now;
}

static void reset(void *ctx, uint32_t boot_mode)
{
    (void)ctx;
    (void)boot_mode;
    device_events.resets++;
}

static void power_lock(void *ctx, int32_t on)
{
    (void)ctx;
    if (on != 0) {
        device_events.power_on++;
    } else {
        device_events.power_off++;
    }
}

static void progress(void *ctx, uint32_t done, uint32_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    device_events.progress++;
}

static int32_t tx(void *ctx, const void *data, uint32_t len)
{
    const uint8_t *from = data;

    (void)ctx;
    if (len > MTU || len > sizeof reply - reply_len) {
        device_events.oversized++;
        return SMPKIT_ERR_RANGE;
    }
    for (uint32_t i = 0; i < len; i++) {
        reply[reply_len + i] = from[i];
    }
    reply_len += len;
    return 0;
}

static const struct smpkit_area areas[] = {
    {SMPKIT_AREA_PRIMARY, 0, 0, RAMFLASH_PRIMARY, RAMFLASH_SLOT_SIZE},
    {SMPKIT_AREA_SECONDARY, 0, 0, RAMFLASH_SECONDARY, RAMFLASH_SLOT_SIZE},
};

static const struct smpkit_port port = {
    .struct_size = sizeof(struct smpkit_port),
    .flash_count = 1,
    .flash = &ramflash_device,
    .now_ms = now_ms,
    .reset = reset,
    .power_lock = power_lock,
    .progress = progress,
};

static const struct smpkit_config config = {
    .struct_size = sizeof(struct smpkit_config),
    .buffer = work,
    .buffer_size = sizeof work,
    .page_size = 256,
    .areas = areas,
    .area_count = 2,
    .frame_size = 4096,
};

static const struct smpkit_link_config link_config = {
    .struct_size = sizeof(struct smpkit_link_config),
    .kind = SMPKIT_LINK_BLE,
    .tx = tx,
    .required_security = SMPKIT_SECURITY_OPEN,
    .mtu = MTU,
    .ring = ring,
    .ring_size = sizeof ring,
};

int32_t device_start(void)
{
    int32_t rc = smpkit_init(&kit, &port, &config);

    return rc < 0 ? rc : smpkit_link_open(&kit, &link_state, &link_config);
}

static int32_t rx(struct packet request)
{
    int32_t rc;

    mark_call(MARK_RX);
    rc = smpkit_link_rx(&link_state, request.data, request.len);
    mark(MARK_RETURN);
    return rc;
}

static int32_t poll(void)
{
    int32_t delay;

    mark_call(MARK_POLL);
    delay = smpkit_poll(&kit);
    mark(MARK_RETURN);
    return delay;
}

static int complete(void)
{
    return reply_len >= 8 && reply_len == 8u + ((uint32_t)reply[2] << 8 | reply[3]);
}

static int poll_until_replied(void)
{
    for (uint32_t polls = 0; polls < MAX_POLLS; polls++) {
        int32_t delay = poll();
        if (complete()) {
            return 1;
        }
        if (delay < 0 || delay == SMPKIT_IDLE) {
            return 0;
        }
        now += (uint32_t)delay;
    }
    return 0;
}

static int poll_until_idle(void)
{
    for (uint32_t polls = 0; polls < MAX_POLLS; polls++) {
        int32_t delay = poll();
        if (delay != 0) {
            return delay > 0;
        }
    }
    return 0;
}

struct packet device_exchange(enum kind kind, struct packet request)
{
    struct packet got = {reply, 0};
    int ok;

    reply_len = 0;
    mark_begin(kind, MARK_REQUEST);
    ok = rx(request) >= 0 && poll_until_replied();
    mark_begin(kind, MARK_BACKGROUND);
    ok = ok && poll_until_idle();
    mark(MARK_STOP);
    if (ok && complete()) {
        got.len = reply_len;
    }
    return got;
}

int32_t device_settle(void)
{
    for (uint32_t polls = 0; polls < MAX_POLLS; polls++) {
        int32_t delay = poll();
        if (delay < 0 || delay == SMPKIT_IDLE) {
            return delay < 0 ? delay : 0;
        }
        now += (uint32_t)delay;
    }
    return SMPKIT_ERR_TIMEOUT;
}

int32_t device_stop(void)
{
    return smpkit_link_close(&link_state);
}
