//! What a firmware provides: becomes `include/smpkit_port.h`.
//!
//! Only plain C types here, in C's names. Comments are the contract a porter reads; they are copied
//! into the header, so they use no Rust notation.

use core::ffi::{c_char, c_void};

/// An argument is NULL, out of range or contradicts another.
pub const SMPKIT_ERR_INVAL: i32 = -1;
/// A mandatory callback is missing, or the function is not in this build.
pub const SMPKIT_ERR_NOSYS: i32 = -2;
/// Offset and length do not lie inside the area or device.
pub const SMPKIT_ERR_RANGE: i32 = -3;
/// The flash layout cannot work; smpkit_check_layout() says why.
pub const SMPKIT_ERR_LAYOUT: i32 = -4;
/// No such device, area, slot or image.
pub const SMPKIT_ERR_NOENT: i32 = -5;
/// Somebody else is using it.
pub const SMPKIT_ERR_BUSY: i32 = -6;
/// Not finished yet: call again with the same arguments.
pub const SMPKIT_ERR_AGAIN: i32 = -7;
/// The flash device reported a failure, or read back other bytes than were written.
pub const SMPKIT_ERR_FLASH: i32 = -8;
/// The image is not whole, or its hash does not match.
pub const SMPKIT_ERR_BADIMAGE: i32 = -9;
/// Not possible in the present state of the slots.
pub const SMPKIT_ERR_BADSTATE: i32 = -10;
/// A buffer is too small.
pub const SMPKIT_ERR_NOMEM: i32 = -11;
/// The image does not fit into slot minus trailer.
pub const SMPKIT_ERR_TOOBIG: i32 = -12;
/// The hardware did not answer within its deadline.
pub const SMPKIT_ERR_TIMEOUT: i32 = -13;
/// The security policy or the port forbids it.
pub const SMPKIT_ERR_DENIED: i32 = -14;
/// Trailer magic is neither erased nor good.
pub const SMPKIT_ERR_BADVECT: i32 = -15;
/// A kind of image this bootloader cannot run.
pub const SMPKIT_ERR_UNSUPPORTED: i32 = -16;
/// The port's own errors are this or lower; the kit passes them through unchanged.
pub const SMPKIT_ERR_PORT: i32 = -100;

/// smpkit_flash.flags: erased bytes of this device read as 0x00, not 0xFF.
pub const SMPKIT_FLASH_ERASED_ZERO: u32 = 1;

/// One erase command of a flash device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_erase_size {
    /// Bytes erased at once; a power of two, and the alignment of its start. 0: unused entry.
    pub size: u32,
    /// Longest time the device may need for it, in ms. The kit uses a larger erase only when this
    /// is not above smpkit_config.erase_step_ms. 0: unknown, taken as short.
    pub max_ms: u32,
}

/// One flash device.
///
/// The kit calls read, write and erase from the task that runs smpkit_poll() and from the tasks
/// that call the other smpkit functions, never from an ISR, and never from smpkit_link_rx().
/// It never calls two at once for one kit. The struct is copied by nobody: it must stay valid and
/// unchanged as long as the kit is in use.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_flash {
    /// sizeof(struct smpkit_flash). Anything shorter is refused.
    pub struct_size: u32,
    /// SMPKIT_FLASH_* bits.
    pub flags: u32,
    /// Handed to each callback.
    pub ctx: *mut c_void,
    /// Bytes of the device.
    pub size: u32,
    /// Offset and length of a write are multiples of this: 1, 2, 4, 8, 16 or 32. 0 means 1.
    pub write_unit: u32,
    /// Erase commands, smallest first. The first one is what is called a sector.
    pub erase_sizes: [smpkit_erase_size; 3],
    /// Read len bytes at offset, any alignment.
    ///
    /// May block for the time of the transfer, at most 4 KB per call. While a split erase is
    /// running, wait for it or fail.
    ///
    /// @return 0, or an error of the port, which the kit passes on.
    pub read: Option<
        unsafe extern "C" fn(ctx: *mut c_void, offset: u32, dst: *mut c_void, len: u32) -> i32,
    >,
    /// Program len bytes at offset into erased flash.
    ///
    /// May block for one page program. offset and len are multiples of write_unit; a call stays
    /// inside one aligned range of smpkit_config.page_size bytes. The source is RAM.
    ///
    /// @return 0, or an error of the port.
    pub write: Option<
        unsafe extern "C" fn(ctx: *mut c_void, offset: u32, src: *const c_void, len: u32) -> i32,
    >,
    /// Erase len bytes at offset: exactly one entry of erase_sizes, aligned to its size.
    ///
    /// May block for max_ms. A driver that can split the operation starts it, returns
    /// SMPKIT_ERR_AGAIN at once, and is called again with the same arguments until it returns
    /// something else; so the task never blocks.
    ///
    /// @return 0 when erased, SMPKIT_ERR_AGAIN, or an error of the port.
    pub erase: Option<unsafe extern "C" fn(ctx: *mut c_void, offset: u32, len: u32) -> i32>,
}

/// A named range of a flash device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_area {
    /// SMPKIT_AREA_*, or 16 and up for areas of your own.
    pub id: u8,
    /// Index into smpkit_port.flash.
    pub device: u8,
    /// 0.
    pub reserved: u16,
    /// First byte on the device.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

/// Area id of the bootloader.
pub const SMPKIT_AREA_BOOT: u8 = 0;
/// Area id of the slot the firmware runs from. The kit writes only the confirmation byte there.
pub const SMPKIT_AREA_PRIMARY: u8 = 1;
/// Area id of the slot that receives a new image.
pub const SMPKIT_AREA_SECONDARY: u8 = 2;
/// Area id of the bootloader's swap area.
pub const SMPKIT_AREA_SCRATCH: u8 = 3;

/// Date and time, as the SMP datetime command carries them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_datetime {
    /// 1900 and later.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// 1 when offset_minutes was given by the client, else 0.
    pub has_offset: u8,
    /// Milliseconds, 0 to 999.
    pub millisecond: u16,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
}

/// One row of the task statistics.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_task_info {
    /// Name, NUL-terminated; longer names are cut.
    pub name: [c_char; 16],
    /// Priority.
    pub priority: u32,
    /// Task number.
    pub id: u32,
    /// State, as the OS numbers them.
    pub state: u32,
    /// Stack used, in words of 4 bytes.
    pub stack_used: u32,
    /// Stack size, in words of 4 bytes.
    pub stack_size: u32,
    /// Context switches.
    pub context_switches: u32,
    /// Run time in ticks.
    pub run_time: u32,
}

/// One row of the memory pool statistics.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_pool_info {
    /// Name, NUL-terminated; longer names are cut.
    pub name: [c_char; 16],
    /// Bytes of a block.
    pub block_size: u32,
    /// Blocks.
    pub blocks: u32,
    /// Blocks free now.
    pub free: u32,
    /// Fewest blocks that were ever free.
    pub min_free: u32,
}

/// What your board provides.
///
/// Zero the struct, set struct_size, flash, flash_count, now_ms and reset; all else is optional.
/// A missing mandatory member is an error of smpkit_init(), never a default that pretends. The
/// struct is not copied: it must stay valid and unchanged as long as the kit is in use.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_port {
    /// sizeof(struct smpkit_port). Anything shorter is refused.
    pub struct_size: u32,
    /// Entries of flash, at most 255.
    pub flash_count: u32,
    /// Flash devices; areas name them by index. Mandatory.
    pub flash: *const smpkit_flash,
    /// Handed to each callback below.
    pub ctx: *mut c_void,
    /// Milliseconds since any start, wrapping at 32 bits. Mandatory.
    ///
    /// Called from the task that runs smpkit_poll(). Must not block and must not step back.
    pub now_ms: Option<unsafe extern "C" fn(ctx: *mut c_void) -> u32>,
    /// Restart the device. Mandatory.
    ///
    /// Called from smpkit_poll() a quarter of a second after the reply to a reset request was
    /// handed to the link. boot_mode is the client's wish: 0 normal, 1 stay in the bootloader.
    /// May return: then the kit goes on serving.
    pub reset: Option<unsafe extern "C" fn(ctx: *mut c_void, boot_mode: u32)>,
    /// May a reset asked for by a client happen now? Optional; absent means yes.
    ///
    /// @return 0 to allow; anything negative answers "busy" unless the client forces it.
    pub may_reset: Option<unsafe extern "C" fn(ctx: *mut c_void) -> i32>,
    /// May an update of len bytes start now (battery, activity)? Optional; absent means yes.
    ///
    /// Called from smpkit_poll() before anything is erased.
    ///
    /// @return 0 to allow; anything negative refuses with "bad state".
    pub may_start: Option<unsafe extern "C" fn(ctx: *mut c_void, len: u32) -> i32>,
    /// A second look at each request after the link's security check. Optional.
    ///
    /// link_ctx is the ctx of the link, op is 0 to read and 2 to write.
    ///
    /// @return 0 to allow; anything negative answers "access denied".
    pub authorize: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            link_ctx: *mut c_void,
            op: u32,
            group: u32,
            command: u32,
        ) -> i32,
    >,
    /// Keep flash and bus powered: 1 at the start of an update, an erase or a check, 0 when it has
    /// ended. Optional. Single reads, as for a list of images, come without it.
    pub power_lock: Option<unsafe extern "C" fn(ctx: *mut c_void, on: i32)>,
    /// Feed the watchdog; called before each flash operation of an update. Optional.
    pub watchdog_feed: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
    /// Progress of an update in bytes, for the display. Optional.
    pub progress: Option<unsafe extern "C" fn(ctx: *mut c_void, done: u32, total: u32)>,
    /// An update, an erase or a check ended in an error, for the log. Optional.
    ///
    /// error is SMPKIT_ERR_* or the port's own; smpkit_error_text() has words for it. The client is
    /// told in its own terms.
    pub failed: Option<unsafe extern "C" fn(ctx: *mut c_void, error: i32)>,
    /// Wake the task that runs smpkit_poll(). Optional.
    ///
    /// Called from smpkit_link_rx(), so in the context of its caller, ISRs included.
    pub wake: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
    /// Read the clock; see smpkit_enable_datetime(). Optional; absent answers "not supported".
    ///
    /// @return 0, SMPKIT_ERR_NOENT when the clock was never set, or an error of the port.
    pub datetime_get:
        Option<unsafe extern "C" fn(ctx: *mut c_void, out: *mut smpkit_datetime) -> i32>,
    /// Set the clock; see smpkit_enable_datetime(). When has_offset is set the time is local to that offset. Optional.
    ///
    /// @return 0 or an error of the port.
    pub datetime_set:
        Option<unsafe extern "C" fn(ctx: *mut c_void, time: *const smpkit_datetime) -> i32>,
    /// Row number index of the task statistics; see smpkit_enable_statistics(). Optional.
    ///
    /// @return 0, or SMPKIT_ERR_NOENT when index is behind the last row.
    pub task_info: Option<
        unsafe extern "C" fn(ctx: *mut c_void, index: u32, out: *mut smpkit_task_info) -> i32,
    >,
    /// Row number index of the memory pool statistics; see smpkit_enable_statistics(). Optional.
    ///
    /// @return 0, or SMPKIT_ERR_NOENT when index is behind the last row.
    pub pool_info: Option<
        unsafe extern "C" fn(ctx: *mut c_void, index: u32, out: *mut smpkit_pool_info) -> i32,
    >,
}
