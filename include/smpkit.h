/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SMPKIT_H
#define SMPKIT_H

/* Generated from rust/capi/src/api.rs, calls.rs by cargo xtask headers. Do not edit. */

#include <stddef.h>
#include <stdint.h>
#include "smpkit_port.h"

/**
 * Words of struct smpkit. Opaque: only the size is part of the ABI.
 */
#define SMPKIT_WORDS 160u

/**
 * Words of struct smpkit_link. Opaque: only the size is part of the ABI.
 */
#define SMPKIT_LINK_WORDS 40u

/**
 * Smallest work buffer: one page of 256 bytes and a reply of 384.
 */
#define SMPKIT_BUFFER_MIN 640u

/**
 * Smallest ring of a link.
 */
#define SMPKIT_RING_MIN 64u

/**
 * What smpkit_poll() returns when only new input can bring work.
 */
#define SMPKIT_IDLE 2147483647

/**
 * smpkit_config.bootloader: current MCUboot (2.2 and later).
 */
#define SMPKIT_BOOTLOADER_CURRENT 0u

/**
 * smpkit_config.bootloader: MCUboot 1.5.0, which PineTime ships.
 */
#define SMPKIT_BOOTLOADER_1_5_0 1u

/**
 * smpkit_config.flags: refuse an image whose reset vector does not lie in the primary slot.
 */
#define SMPKIT_CHECK_VECTORS 1u

/**
 * smpkit_config.flags: accept files that are not MCUboot images; only the client's SHA-256 of the
 * file is checked. Such a file can never be marked pending.
 */
#define SMPKIT_ACCEPT_ANY_FILE 2u

/**
 * smpkit_link_config.kind: GATT writes and notifications.
 */
#define SMPKIT_LINK_BLE 0u

/**
 * smpkit_link_config.kind: one packet per datagram.
 */
#define SMPKIT_LINK_DATAGRAM 1u

/**
 * The link is encrypted.
 */
#define SMPKIT_SECURITY_ENCRYPTED 1u

/**
 * The peer was authenticated when the keys were made (passkey, out of band).
 */
#define SMPKIT_SECURITY_AUTHENTICATED 2u

/**
 * The keys are stored.
 */
#define SMPKIT_SECURITY_BONDED 4u

/**
 * smpkit_link_config.required_security: anybody may write.
 */
#define SMPKIT_SECURITY_OPEN 0x80000000u

/**
 * How the firmware stands. smpkit_image_status.state: confirmed, stays.
 */
#define SMPKIT_IMAGE_CONFIRMED 0u

/**
 * smpkit_image_status.state: on trial; the next reset goes back unless confirmed.
 */
#define SMPKIT_IMAGE_TRIAL 1u

/**
 * smpkit_image_status.next_reset: the same firmware starts again.
 */
#define SMPKIT_NEXT_SAME 0u

/**
 * smpkit_image_status.next_reset: the new image is started on trial.
 */
#define SMPKIT_NEXT_TRIAL 1u

/**
 * smpkit_image_status.next_reset: the new image is installed for good.
 */
#define SMPKIT_NEXT_PERMANENT 2u

/**
 * smpkit_image_status.next_reset: the previous image comes back.
 */
#define SMPKIT_NEXT_ROLLBACK 3u

/**
 * The kit. Allocate it statically; never copy or move it while in use.
 */
struct smpkit {
    /**
     * Opaque.
     */
    size_t words[SMPKIT_WORDS];
};

/**
 * Settings. Zero the struct, set struct_size, buffer and buffer_size; zero means default.
 */
struct smpkit_config {
    /**
     * sizeof(struct smpkit_config). Anything shorter is refused.
     */
    uint32_t struct_size;
    /**
     * SMPKIT_CHECK_VECTORS, SMPKIT_ACCEPT_ANY_FILE.
     */
    uint32_t flags;
    /**
     * Work buffer: a page followed by a reply. Stays in use as long as the kit.
     */
    void *buffer;
    /**
     * At least SMPKIT_BUFFER_MIN; a larger one allows longer replies.
     */
    uint32_t buffer_size;
    /**
     * Bytes programmed at once: a power of two, 256 to 4096. 0: 256.
     */
    uint32_t page_size;
    /**
     * Flash areas; NULL takes the table of the PineTime bootloader. Stays in use.
     */
    const struct smpkit_area *areas;
    /**
     * Entries of areas.
     */
    uint32_t area_count;
    /**
     * SMPKIT_BOOTLOADER_*.
     */
    uint32_t bootloader;
    /**
     * BOOT_MAX_ALIGN of the bootloader: 8, 16 or 32. 0: 8.
     */
    uint32_t max_align;
    /**
     * Largest SMP packet told to clients. 0: 4096.
     */
    uint32_t frame_size;
    /**
     * Packets a client may have outstanding. 0: 1.
     */
    uint32_t frame_count;
    /**
     * Longest erase that may delay a reply, in ms. 0: 500.
     */
    uint32_t erase_step_ms;
    /**
     * Address the primary slot has for the CPU, for SMPKIT_CHECK_VECTORS.
     */
    uint32_t exec_base;
    /**
     * MCUboot's swap mode as clients number it. 0: 1, swap using scratch.
     */
    uint32_t bootloader_mode;
    /**
     * NULL: "MCUboot".
     */
    const char *bootloader_name;
    /**
     * Kernel name for "os info", such as "FreeRTOS". NULL: "unknown".
     */
    const char *kernel_name;
    /**
     * Host name. NULL: "unknown".
     */
    const char *node_name;
    /**
     * Kernel release, such as "11.2.0". NULL: "unknown".
     */
    const char *kernel_release;
    /**
     * Kernel version. NULL: "unknown".
     */
    const char *kernel_version;
    /**
     * Build date and time. NULL: "unknown".
     */
    const char *build_date;
    /**
     * Machine, such as "arm". NULL: "unknown".
     */
    const char *machine;
    /**
     * Processor, such as "cortex-m4". NULL: "unknown".
     */
    const char *processor;
    /**
     * Board, such as "pinetime". NULL: "unknown".
     */
    const char *board;
};

/**
 * What is wrong with a flash layout.
 */
struct smpkit_layout_fault {
    /**
     * Number of the rule that is broken, 0 for none.
     */
    uint32_t kind;
    /**
     * Area it was found at.
     */
    uint32_t area;
    /**
     * The other area, for an overlap.
     */
    uint32_t other;
    /**
     * One line that explains it. Not NUL-terminated.
     */
    const char *text;
    /**
     * Bytes of text.
     */
    uint32_t text_len;
};

/**
 * One connection to a client. Allocate one for each that can be open at once.
 */
struct smpkit_link {
    /**
     * Opaque.
     */
    size_t words[SMPKIT_LINK_WORDS];
};

/**
 * Settings of one link. Zero means default.
 */
struct smpkit_link_config {
    /**
     * sizeof(struct smpkit_link_config). Anything shorter is refused.
     */
    uint32_t struct_size;
    /**
     * SMPKIT_LINK_*; not looked at by smpkit_serial_open().
     */
    uint32_t kind;
    /**
     * Handed to the callbacks.
     */
    void *ctx;
    /**
     * Send len bytes: one notification, a piece of a serial line, or one datagram. Mandatory.
     *
     * Called from smpkit_poll(). Must not block for the peer.
     *
     * @return 0; SMPKIT_ERR_AGAIN when no buffer is free now, the kit tries again; any other
     * negative number drops the rest of the reply.
     */
    int32_t (*tx)(void *ctx, const void *data, uint32_t len);
    /**
     * Security of the link at this moment: SMPKIT_SECURITY_* bits. Asked for every request that
     * writes. NULL: none.
     */
    uint32_t (*security)(void *ctx);
    /**
     * Bits a writing request needs. 0: encrypted and authenticated on BLE, nothing elsewhere.
     * SMPKIT_SECURITY_OPEN: anybody may write.
     */
    uint32_t required_security;
    /**
     * Largest len for tx: ATT_MTU - 3 on BLE (0: 20), largest datagram (0: 1472). Lines of a
     * serial link have at most 127 bytes.
     */
    uint32_t mtu;
    /**
     * Input ring; stays in use until smpkit_link_close().
     */
    void *ring;
    /**
     * Bytes of ring: at least SMPKIT_RING_MIN. Two ATT packets (512) suit BLE.
     */
    uint32_t ring_size;
};

/**
 * An image version.
 */
struct smpkit_version {
    /**
     * Major.
     */
    uint8_t major;
    /**
     * Minor.
     */
    uint8_t minor;
    /**
     * Revision.
     */
    uint16_t revision;
    /**
     * Build number.
     */
    uint32_t build;
};

/**
 * What a user interface wants to show.
 */
struct smpkit_image_status {
    /**
     * Version that runs. All zero when the primary slot holds no image header.
     */
    struct smpkit_version running;
    /**
     * Version in the secondary slot; only when has_other is 1.
     */
    struct smpkit_version other;
    /**
     * 1 when the secondary slot holds a whole image.
     */
    uint32_t has_other;
    /**
     * SMPKIT_IMAGE_CONFIRMED or SMPKIT_IMAGE_TRIAL.
     */
    uint32_t state;
    /**
     * SMPKIT_NEXT_*.
     */
    uint32_t next_reset;
    /**
     * Bytes received of an update in progress.
     */
    uint32_t upload_done;
    /**
     * Bytes of the update in progress; 0 when there is none.
     */
    uint32_t upload_total;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Prepare the kit. Call once, before anything else.
 *
 * Checks every struct_size, every mandatory callback and the whole flash layout. Reads nothing
 * but geometry, writes nothing. port and config must stay valid as long as the kit is in use.
 * Zero the kit first, or allocate it statically.
 *
 * @return 0, SMPKIT_ERR_INVAL (NULL, short struct, a number out of range), SMPKIT_ERR_NOSYS (a
 * mandatory callback is missing), SMPKIT_ERR_LAYOUT (see smpkit_check_layout), SMPKIT_ERR_NOMEM
 * (buffer too small).
 */
int32_t smpkit_init(struct smpkit *kit,
                    const struct smpkit_port *port,
                    const struct smpkit_config *config);

/**
 * Say what is wrong with a flash layout.
 *
 * For start-up logs and for tools: smpkit_init() makes the same check.
 *
 * @return 0 when the layout is usable; SMPKIT_ERR_LAYOUT with the first fault in out;
 * SMPKIT_ERR_INVAL or SMPKIT_ERR_NOSYS as for smpkit_init().
 */
int32_t smpkit_check_layout(const struct smpkit_port *port,
                            const struct smpkit_config *config,
                            struct smpkit_layout_fault *out);

/**
 * Answer the SMP command that reads and sets date and time, through port.datetime_get and
 * port.datetime_set. Without this call it is not supported, and its code is not linked.
 *
 * @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE.
 */
int32_t smpkit_enable_datetime(struct smpkit *kit);

/**
 * Answer the SMP commands for task and memory statistics, through port.task_info and
 * port.pool_info. Without this call they are not supported, and their code is not linked.
 *
 * @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE.
 */
int32_t smpkit_enable_statistics(struct smpkit *kit);

/**
 * Do one bounded step of work.
 *
 * Call from one task, in a loop: again after the time it returns, or when port.wake was called.
 * A step is at most one flash operation or 4 KB of reading.
 *
 * @return milliseconds until the next call is wanted: 0 at once, SMPKIT_IDLE when only new input
 * can bring work; SMPKIT_ERR_INVAL or SMPKIT_ERR_BADSTATE on misuse.
 */
int32_t smpkit_poll(struct smpkit *kit);

/**
 * Open a link.
 *
 * Call from the task that runs smpkit_poll(), before data can arrive. config is copied, except
 * the ring, which stays in use until smpkit_link_close(). Zero the link first.
 *
 * @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_NOSYS (no tx), SMPKIT_ERR_NOMEM (ring too small),
 * SMPKIT_ERR_BADSTATE (the kit is not initialised, or the link is open).
 */
int32_t smpkit_link_open(struct smpkit *kit,
                         struct smpkit_link *link,
                         const struct smpkit_link_config *config);

/**
 * Open a link over a serial line with console framing (06 09 / 04 14, base64, CRC).
 *
 * As smpkit_link_open(); log text on the same line is skipped on input. Nothing else may write to
 * the line while a reply is being sent.
 *
 * @return as smpkit_link_open().
 */
int32_t smpkit_serial_open(struct smpkit *kit,
                           struct smpkit_link *link,
                           const struct smpkit_link_config *config);

/**
 * Hand in what arrived on a link: one GATT write, some bytes of a serial line, or one datagram.
 *
 * Copies into the ring and returns: no flash, no waiting, no lock. Callable from a task or an ISR,
 * one caller at a time for each link. Wakes the poll task through port.wake.
 *
 * @return 0; SMPKIT_ERR_NOMEM when there was no room and a packet was cut: its sender gets an
 * answer that makes it send again; SMPKIT_ERR_INVAL; SMPKIT_ERR_BADSTATE when the link is closed.
 */
int32_t smpkit_link_rx(struct smpkit_link *link, const void *data, uint32_t len);

/**
 * Tell the payload size of a notification after an MTU exchange: ATT_MTU - 3.
 *
 * Call from the task that runs smpkit_poll().
 *
 * @return 0, SMPKIT_ERR_INVAL (below 8), SMPKIT_ERR_BADSTATE.
 */
int32_t smpkit_link_set_mtu(struct smpkit_link *link, uint32_t mtu);

/**
 * Close a link: the peer is gone.
 *
 * Call from the task that runs smpkit_poll(), after the last smpkit_link_rx() of the link. Frees
 * the upload session, which any client may then continue; drops a reply that waits.
 *
 * @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE when it is not open.
 */
int32_t smpkit_link_close(struct smpkit_link *link);

/**
 * What to show to the user: versions, trial or confirmed, what the next reset will do.
 *
 * Reads flash. Call from the task that runs smpkit_poll().
 *
 * @return 0 with out filled, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE.
 */
int32_t smpkit_image_status(struct smpkit *kit, struct smpkit_image_status *out);

/**
 * Keep the firmware that runs now. Call it when your own self-test has passed, or the user said so.
 *
 * Writes one byte of the primary trailer, or nothing when there is nothing to confirm. Call from
 * the task that runs smpkit_poll().
 *
 * @return 0, SMPKIT_ERR_BADVECT (damaged trailer), SMPKIT_ERR_FLASH, or an error of the port.
 */
int32_t smpkit_confirm(struct smpkit *kit);

/**
 * Go back to the other image at the next reset.
 *
 * On trial there is nothing to do. Else the image in the secondary slot is read and hashed, 4 KB
 * per call, and scheduled on trial. Call from the task that runs smpkit_poll().
 *
 * @return 0 when the next reset changes the image; SMPKIT_ERR_AGAIN: call again;
 * SMPKIT_ERR_NOENT or SMPKIT_ERR_BADIMAGE: there is no image to go back to; SMPKIT_ERR_BUSY
 * during an update.
 */
int32_t smpkit_request_rollback(struct smpkit *kit);

/**
 * Schedule the image in the secondary slot: on trial, or for good when permanent is not 0.
 *
 * The image is read and hashed first, 4 KB per call, unless it was checked since start.
 *
 * @return 0, SMPKIT_ERR_AGAIN: call again; SMPKIT_ERR_BADSTATE while on trial; else as for
 * smpkit_request_rollback().
 */
int32_t smpkit_schedule(struct smpkit *kit, int32_t permanent);

/**
 * Begin an update from another source: a modem, USB, a file.
 *
 * total is the length of the image file, sha256 its 32-byte SHA-256 or NULL. Nothing is erased
 * yet. SMP clients are told "busy" while the session is in use; 30 s without a call free it.
 *
 * @return 0, SMPKIT_ERR_BUSY, SMPKIT_ERR_BADSTATE (the running image is on trial: confirm it
 * first), SMPKIT_ERR_TOOBIG, SMPKIT_ERR_DENIED (port.may_start), SMPKIT_ERR_INVAL.
 */
int32_t smpkit_writer_begin(struct smpkit *kit, uint32_t total, const uint8_t *sha256);

/**
 * Give len bytes of the file, which begin at offset. One bounded step.
 *
 * The bytes at offset 0 are at least the 32 of the image header. transform may be NULL; else it
 * changes bytes in place before they are written, for instance to decrypt them. It may be called
 * again for an offset it has seen. An error ends the session.
 *
 * @return the offset wanted next. The same as before: call again. A larger one than offset + len:
 * the slot holds the beginning already, go on from there. Negative: an error of transform, of the
 * port, SMPKIT_ERR_BADSTATE (no session), SMPKIT_ERR_BADIMAGE, SMPKIT_ERR_UNSUPPORTED.
 */
int32_t smpkit_writer_write(struct smpkit *kit,
                            uint32_t offset,
                            const void *data,
                            uint32_t len,
                            int32_t (*transform)(void *ctx,
                                                 uint32_t offset,
                                                 void *data,
                                                 uint32_t len),
                            void *ctx);

/**
 * All bytes were given: read them back and hash them, 4 KB per call.
 *
 * @return 0 when the slot holds a checked image, which smpkit_schedule() can then schedule;
 * SMPKIT_ERR_AGAIN: call again; SMPKIT_ERR_BADIMAGE: it was erased; SMPKIT_ERR_BADSTATE.
 */
int32_t smpkit_writer_finish(struct smpkit *kit);

/**
 * Give up an update begun with smpkit_writer_begin().
 *
 * @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE.
 */
int32_t smpkit_writer_abort(struct smpkit *kit);

/**
 * One line about an error number, for a log.
 *
 * @return a static, NUL-terminated text; never NULL.
 */
const char *smpkit_error_text(int32_t error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMPKIT_H */
