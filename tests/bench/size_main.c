/* SPDX-License-Identifier: Apache-2.0 */
/* What a watch with BLE and one external flash uses of the kit. Linked, never run. */
#include <stddef.h>

#include "smpkit.h"

struct smpkit watch_kit;
struct smpkit_link watch_link;
uint32_t watch_buffer[SMPKIT_BUFFER_MIN / 4];
uint8_t watch_ring[512];

int32_t board_read(void *ctx, uint32_t offset, void *dst, uint32_t len);
int32_t board_write(void *ctx, uint32_t offset, const void *src, uint32_t len);
int32_t board_erase(void *ctx, uint32_t offset, uint32_t len);
uint32_t board_now_ms(void *ctx);
void board_reset(void *ctx, uint32_t boot_mode);
int32_t board_notify(void *ctx, const void *data, uint32_t len);
uint32_t board_security(void *ctx);
void board_received(const void *data, uint32_t len);
void board_disconnected(void);
void watch(void);

/* As small as a function can be: the same in both images. */
void board_reset(void *ctx, uint32_t boot_mode)
{
    (void)ctx;
    (void)boot_mode;
}

int32_t board_read(void *ctx, uint32_t offset, void *dst, uint32_t len)
{
    (void)ctx; (void)offset; (void)dst; (void)len;
    return 0;
}

int32_t board_write(void *ctx, uint32_t offset, const void *src, uint32_t len)
{
    (void)ctx; (void)offset; (void)src; (void)len;
    return 0;
}

int32_t board_erase(void *ctx, uint32_t offset, uint32_t len)
{
    (void)ctx; (void)offset; (void)len;
    return 0;
}

uint32_t board_now_ms(void *ctx)
{
    (void)ctx;
    return 0;
}

int32_t board_notify(void *ctx, const void *data, uint32_t len)
{
    (void)ctx; (void)data; (void)len;
    return 0;
}

uint32_t board_security(void *ctx)
{
    (void)ctx;
    return SMPKIT_SECURITY_ENCRYPTED | SMPKIT_SECURITY_AUTHENTICATED;
}

static const struct smpkit_flash flash[] = {{
    .struct_size = sizeof(struct smpkit_flash),
    .size = 0x400000,
    .write_unit = 1,
    .erase_sizes = {{4096, 300}},
    .read = board_read,
    .write = board_write,
    .erase = board_erase,
}};

static const struct smpkit_area areas[] = {
    {SMPKIT_AREA_PRIMARY, 0, 0, 0x8000, 0x74000},
    {SMPKIT_AREA_SECONDARY, 0, 0, 0x80000, 0x74000},
};

static const struct smpkit_port port = {
    .struct_size = sizeof(struct smpkit_port),
    .flash_count = 1,
    .flash = flash,
    .now_ms = board_now_ms,
    .reset = board_reset,
};

static const struct smpkit_config config = {
    .struct_size = sizeof(struct smpkit_config),
    .buffer = watch_buffer,
    .buffer_size = sizeof watch_buffer,
    .areas = areas,
    .area_count = 2,
};

static const struct smpkit_link_config ble = {
    .struct_size = sizeof(struct smpkit_link_config),
    .kind = SMPKIT_LINK_BLE,
    .tx = board_notify,
    .security = board_security,
    .mtu = 244,
    .ring = watch_ring,
    .ring_size = sizeof watch_ring,
};

void board_received(const void *data, uint32_t len)
{
    (void)smpkit_link_rx(&watch_link, data, len);
}

void board_disconnected(void)
{
    (void)smpkit_link_close(&watch_link);
}

void watch(void)
{
    (void)smpkit_init(&watch_kit, &port, &config);
    (void)smpkit_link_open(&watch_kit, &watch_link, &ble);
    board_received(watch_ring, 1);
    while (smpkit_poll(&watch_kit) >= 0) {
    }
    board_disconnected();
}
