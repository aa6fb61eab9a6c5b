/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "smpkit.h"

static uint8_t chip[0x100000], ring[512], work[SMPKIT_BUFFER_MIN];
static struct smpkit kit;
static struct smpkit_link ble;

/* Your flash driver. */
static int32_t rd(void *c, uint32_t at, void *to, uint32_t n) { memcpy(to, (uint8_t *)c + at, n); return 0; }
static int32_t wr(void *c, uint32_t at, const void *from, uint32_t n) { memcpy((uint8_t *)c + at, from, n); return 0; }
static int32_t er(void *c, uint32_t at, uint32_t n) { memset((uint8_t *)c + at, 0xFF, n); return 0; }
static uint32_t now_ms(void *c) { static uint32_t ms; (void)c; return ms++; }
static void restart(void *c, uint32_t boot_mode) { (void)c; (void)boot_mode; }
/* Your notification: 0, or SMPKIT_ERR_AGAIN while the BLE stack has no buffer. */
static int32_t notify(void *c, const void *data, uint32_t len)
{
    (void)c;
    return fwrite(data, 1, len, stdout) == len ? 0 : SMPKIT_ERR_PORT;
}

static const struct smpkit_flash flash = { .struct_size = sizeof flash, .ctx = chip, .size = sizeof chip,
    .erase_sizes = {{4096, 400}}, .read = rd, .write = wr, .erase = er };
static const struct smpkit_port port = { .struct_size = sizeof port, .flash = &flash, .flash_count = 1,
    .now_ms = now_ms, .reset = restart };
static const struct smpkit_area areas[] = {
    {SMPKIT_AREA_PRIMARY, 0, 0, 0x8000, 0x74000}, {SMPKIT_AREA_SECONDARY, 0, 0, 0x80000, 0x74000} };
static const struct smpkit_config config = { .struct_size = sizeof config, .buffer = work,
    .buffer_size = sizeof work, .areas = areas, .area_count = 2 };
static const struct smpkit_link_config link_config = { .struct_size = sizeof link_config,
    .kind = SMPKIT_LINK_BLE, .tx = notify, .mtu = 244, .ring = ring, .ring_size = sizeof ring };

int main(void)
{
    static const uint8_t echo[] = {2, 0, 0, 6, 0, 0, 0, 0, 0xA1, 0x61, 'd', 0x62, 'h', 'i'};
    memset(chip, 0xFF, sizeof chip);
    if (smpkit_init(&kit, &port, &config) < 0 || smpkit_link_open(&kit, &ble, &link_config) < 0) {
        return 1;
    }
    (void)smpkit_link_rx(&ble, echo, sizeof echo); /* From the GATT write callback. */
    while (smpkit_poll(&kit) != SMPKIT_IDLE) { }   /* Your task; sleep for what it returns. */
    return smpkit_link_close(&ble) < 0;
}
