/* SPDX-License-Identifier: Apache-2.0 */
/* One flash device in RAM, with the geometry of ../vectors/upload_200.md. */
#ifndef RAMFLASH_H
#define RAMFLASH_H

#include <stdint.h>

#include "smpkit_port.h"

#define RAMFLASH_SIZE 0x100000u
#define RAMFLASH_SECTOR 4096u
#define RAMFLASH_WRITE_UNIT 4u
#define RAMFLASH_PRIMARY 0x8000u
#define RAMFLASH_SECONDARY 0x80000u
#define RAMFLASH_SLOT_SIZE 0x74000u

/* What was done to the device, and what should not have been. */
struct ramflash_count {
    uint32_t reads;
    uint32_t read_bytes;
    uint32_t writes;
    uint32_t write_bytes;
    uint32_t sectors_erased;
    uint32_t violations; /* out of range, misaligned, or a write over bytes that are not erased */
};

extern uint8_t ramflash_bytes[RAMFLASH_SIZE];
extern struct ramflash_count ramflash_count;

/* The device for struct smpkit_port. */
extern const struct smpkit_flash ramflash_device;

#endif
