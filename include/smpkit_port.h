/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SMPKIT_PORT_H
#define SMPKIT_PORT_H

/* Generated from rust/capi/src/port.rs by cargo xtask headers. Do not edit. */

#include <stddef.h>
#include <stdint.h>

/**
 * An argument is NULL, out of range or contradicts another.
 */
#define SMPKIT_ERR_INVAL (-1)

/**
 * A mandatory callback is missing, or the function is not in this build.
 */
#define SMPKIT_ERR_NOSYS (-2)

/**
 * Offset and length do not lie inside the area or device.
 */
#define SMPKIT_ERR_RANGE (-3)

/**
 * The flash layout cannot work; smpkit_check_layout() says why.
 */
#define SMPKIT_ERR_LAYOUT (-4)

/**
 * No such device, area, slot or image.
 */
#define SMPKIT_ERR_NOENT (-5)

/**
 * Somebody else is using it.
 */
#define SMPKIT_ERR_BUSY (-6)

/**
 * Not finished yet: call again with the same arguments.
 */
#define SMPKIT_ERR_AGAIN (-7)

/**
 * The flash device reported a failure, or read back other bytes than were written.
 */
#define SMPKIT_ERR_FLASH (-8)

/**
 * The image is not whole, or its hash does not match.
 */
#define SMPKIT_ERR_BADIMAGE (-9)

/**
 * Not possible in the present state of the slots.
 */
#define SMPKIT_ERR_BADSTATE (-10)

/**
 * A buffer is too small.
 */
#define SMPKIT_ERR_NOMEM (-11)

/**
 * The image does not fit into slot minus trailer.
 */
#define SMPKIT_ERR_TOOBIG (-12)

/**
 * The hardware did not answer within its deadline.
 */
#define SMPKIT_ERR_TIMEOUT (-13)

/**
 * The security policy or the port forbids it.
 */
#define SMPKIT_ERR_DENIED (-14)

/**
 * Trailer magic is neither erased nor good.
 */
#define SMPKIT_ERR_BADVECT (-15)

/**
 * A kind of image this bootloader cannot run.
 */
#define SMPKIT_ERR_UNSUPPORTED (-16)

/**
 * The port's own errors are this or lower; the kit passes them through unchanged.
 */
#define SMPKIT_ERR_PORT (-100)

/**
 * smpkit_flash.flags: erased bytes of this device read as 0x00, not 0xFF.
 */
#define SMPKIT_FLASH_ERASED_ZERO 1u

/**
 * Area id of the bootloader.
 */
#define SMPKIT_AREA_BOOT 0u

/**
 * Area id of the slot the firmware runs from. The kit writes only the confirmation byte there.
 */
#define SMPKIT_AREA_PRIMARY 1u

/**
 * Area id of the slot that receives a new image.
 */
#define SMPKIT_AREA_SECONDARY 2u

/**
 * Area id of the bootloader's swap area.
 */
#define SMPKIT_AREA_SCRATCH 3u

/**
 * One erase command of a flash device.
 */
struct smpkit_erase_size {
    /**
     * Bytes erased at once; a power of two, and the alignment of its start. 0: unused entry.
     */
    uint32_t size;
    /**
     * Longest time the device may need for it, in ms. The kit uses a larger erase only when this
     * is not above smpkit_config.erase_step_ms. 0: unknown, taken as short.
     */
    uint32_t max_ms;
};

/**
 * One flash device.
 *
 * The kit calls read, write and erase from the task that runs smpkit_poll() and from the tasks
 * that call the other smpkit functions, never from an ISR, and never from smpkit_link_rx().
 * It never calls two at once for one kit. The struct is copied by nobody: it must stay valid and
 * unchanged as long as the kit is in use.
 */
struct smpkit_flash {
    /**
     * sizeof(struct smpkit_flash). Anything shorter is refused.
     */
    uint32_t struct_size;
    /**
     * SMPKIT_FLASH_* bits.
     */
    uint32_t flags;
    /**
     * Handed to each callback.
     */
    void *ctx;
    /**
     * Bytes of the device.
     */
    uint32_t size;
    /**
     * Offset and length of a write are multiples of this: 1, 2, 4, 8, 16 or 32. 0 means 1.
     */
    uint32_t write_unit;
    /**
     * Erase commands, smallest first. The first one is what is called a sector.
     */
    struct smpkit_erase_size erase_sizes[3];
    /**
     * Read len bytes at offset, any alignment.
     *
     * May block for the time of the transfer, at most 4 KB per call. While a split erase is
     * running, wait for it or fail.
     *
     * @return 0, or an error of the port, which the kit passes on.
     */
    int32_t (*read)(void *ctx, uint32_t offset, void *dst, uint32_t len);
    /**
     * Program len bytes at offset into erased flash.
     *
     * May block for one page program. offset and len are multiples of write_unit; a call stays
     * inside one aligned range of smpkit_config.page_size bytes. The source is RAM.
     *
     * @return 0, or an error of the port.
     */
    int32_t (*write)(void *ctx, uint32_t offset, const void *src, uint32_t len);
    /**
     * Erase len bytes at offset: exactly one entry of erase_sizes, aligned to its size.
     *
     * May block for max_ms. A driver that can split the operation starts it, returns
     * SMPKIT_ERR_AGAIN at once, and is called again with the same arguments until it returns
     * something else; so the task never blocks.
     *
     * @return 0 when erased, SMPKIT_ERR_AGAIN, or an error of the port.
     */
    int32_t (*erase)(void *ctx, uint32_t offset, uint32_t len);
};

/**
 * A named range of a flash device.
 */
struct smpkit_area {
    /**
     * SMPKIT_AREA_*, or 16 and up for areas of your own.
     */
    uint8_t id;
    /**
     * Index into smpkit_port.flash.
     */
    uint8_t device;
    /**
     * 0.
     */
    uint16_t reserved;
    /**
     * First byte on the device.
     */
    uint32_t offset;
    /**
     * Bytes.
     */
    uint32_t size;
};

/**
 * Date and time, as the SMP datetime command carries them.
 */
struct smpkit_datetime {
    /**
     * 1900 and later.
     */
    uint16_t year;
    /**
     * 1 to 12.
     */
    uint8_t month;
    /**
     * 1 to 31.
     */
    uint8_t day;
    /**
     * 0 to 23.
     */
    uint8_t hour;
    /**
     * 0 to 59.
     */
    uint8_t minute;
    /**
     * 0 to 60.
     */
    uint8_t second;
    /**
     * 1 when offset_minutes was given by the client, else 0.
     */
    uint8_t has_offset;
    /**
     * Milliseconds, 0 to 999.
     */
    uint16_t millisecond;
    /**
     * Minutes east of UTC.
     */
    int16_t offset_minutes;
};

/**
 * One row of the task statistics.
 */
struct smpkit_task_info {
    /**
     * Name, NUL-terminated; longer names are cut.
     */
    char name[16];
    /**
     * Priority.
     */
    uint32_t priority;
    /**
     * Task number.
     */
    uint32_t id;
    /**
     * State, as the OS numbers them.
     */
    uint32_t state;
    /**
     * Stack used, in words of 4 bytes.
     */
    uint32_t stack_used;
    /**
     * Stack size, in words of 4 bytes.
     */
    uint32_t stack_size;
    /**
     * Context switches.
     */
    uint32_t context_switches;
    /**
     * Run time in ticks.
     */
    uint32_t run_time;
};

/**
 * One row of the memory pool statistics.
 */
struct smpkit_pool_info {
    /**
     * Name, NUL-terminated; longer names are cut.
     */
    char name[16];
    /**
     * Bytes of a block.
     */
    uint32_t block_size;
    /**
     * Blocks.
     */
    uint32_t blocks;
    /**
     * Blocks free now.
     */
    uint32_t free;
    /**
     * Fewest blocks that were ever free.
     */
    uint32_t min_free;
};

/**
 * What your board provides.
 *
 * Zero the struct, set struct_size, flash, flash_count, now_ms and reset; all else is optional.
 * A missing mandatory member is an error of smpkit_init(), never a default that pretends. The
 * struct is not copied: it must stay valid and unchanged as long as the kit is in use.
 */
struct smpkit_port {
    /**
     * sizeof(struct smpkit_port). Anything shorter is refused.
     */
    uint32_t struct_size;
    /**
     * Entries of flash, at most 255.
     */
    uint32_t flash_count;
    /**
     * Flash devices; areas name them by index. Mandatory.
     */
    const struct smpkit_flash *flash;
    /**
     * Handed to each callback below.
     */
    void *ctx;
    /**
     * Milliseconds since any start, wrapping at 32 bits. Mandatory.
     *
     * Called from the task that runs smpkit_poll(). Must not block and must not step back.
     */
    uint32_t (*now_ms)(void *ctx);
    /**
     * Restart the device. Mandatory.
     *
     * Called from smpkit_poll() a quarter of a second after the reply to a reset request was
     * handed to the link. boot_mode is the client's wish: 0 normal, 1 stay in the bootloader.
     * May return: then the kit goes on serving.
     */
    void (*reset)(void *ctx, uint32_t boot_mode);
    /**
     * May a reset asked for by a client happen now? Optional; absent means yes.
     *
     * @return 0 to allow; anything negative answers "busy" unless the client forces it.
     */
    int32_t (*may_reset)(void *ctx);
    /**
     * May an update of len bytes start now (battery, activity)? Optional; absent means yes.
     *
     * Called from smpkit_poll() before anything is erased.
     *
     * @return 0 to allow; anything negative refuses with "bad state".
     */
    int32_t (*may_start)(void *ctx, uint32_t len);
    /**
     * A second look at each request after the link's security check. Optional.
     *
     * link_ctx is the ctx of the link, op is 0 to read and 2 to write.
     *
     * @return 0 to allow; anything negative answers "access denied".
     */
    int32_t (*authorize)(void *ctx, void *link_ctx, uint32_t op, uint32_t group, uint32_t command);
    /**
     * Keep flash and bus powered: 1 at the start of an update, an erase or a check, 0 when it has
     * ended. Optional. Single reads, as for a list of images, come without it.
     */
    void (*power_lock)(void *ctx, int32_t on);
    /**
     * Feed the watchdog; called before each flash operation of an update. Optional.
     */
    void (*watchdog_feed)(void *ctx);
    /**
     * Progress of an update in bytes, for the display. Optional.
     */
    void (*progress)(void *ctx, uint32_t done, uint32_t total);
    /**
     * An update, an erase or a check ended in an error, for the log. Optional.
     *
     * error is SMPKIT_ERR_* or the port's own; smpkit_error_text() has words for it. The client is
     * told in its own terms.
     */
    void (*failed)(void *ctx, int32_t error);
    /**
     * Wake the task that runs smpkit_poll(). Optional.
     *
     * Called from smpkit_link_rx(), so in the context of its caller, ISRs included.
     */
    void (*wake)(void *ctx);
    /**
     * Read the clock; see smpkit_enable_datetime(). Optional; absent answers "not supported".
     *
     * @return 0, SMPKIT_ERR_NOENT when the clock was never set, or an error of the port.
     */
    int32_t (*datetime_get)(void *ctx, struct smpkit_datetime *out);
    /**
     * Set the clock; see smpkit_enable_datetime(). When has_offset is set the time is local to that offset. Optional.
     *
     * @return 0 or an error of the port.
     */
    int32_t (*datetime_set)(void *ctx, const struct smpkit_datetime *time);
    /**
     * Row number index of the task statistics; see smpkit_enable_statistics(). Optional.
     *
     * @return 0, or SMPKIT_ERR_NOENT when index is behind the last row.
     */
    int32_t (*task_info)(void *ctx, uint32_t index, struct smpkit_task_info *out);
    /**
     * Row number index of the memory pool statistics; see smpkit_enable_statistics(). Optional.
     *
     * @return 0, or SMPKIT_ERR_NOENT when index is behind the last row.
     */
    int32_t (*pool_info)(void *ctx, uint32_t index, struct smpkit_pool_info *out);
};

#endif  /* SMPKIT_PORT_H */
