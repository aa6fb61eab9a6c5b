//! What a firmware calls: becomes `include/smpkit.h`.

use crate::port::*;
use core::ffi::{c_char, c_void};

/// Words of struct smpkit. Opaque: only the size is part of the ABI.
pub const SMPKIT_WORDS: usize = 160;
/// Words of struct smpkit_link. Opaque: only the size is part of the ABI.
pub const SMPKIT_LINK_WORDS: usize = 40;
/// Smallest work buffer: one page of 256 bytes and a reply of 384.
pub const SMPKIT_BUFFER_MIN: u32 = 640;
/// Smallest ring of a link.
pub const SMPKIT_RING_MIN: u32 = 64;

/// What smpkit_poll() returns when only new input can bring work.
pub const SMPKIT_IDLE: i32 = 0x7FFF_FFFF;

/// smpkit_config.bootloader: current MCUboot (2.2 and later).
pub const SMPKIT_BOOTLOADER_CURRENT: u32 = 0;
/// smpkit_config.bootloader: MCUboot 1.5.0, which PineTime ships.
pub const SMPKIT_BOOTLOADER_1_5_0: u32 = 1;

/// smpkit_config.flags: refuse an image whose reset vector does not lie in the primary slot.
pub const SMPKIT_CHECK_VECTORS: u32 = 1;
/// smpkit_config.flags: accept files that are not MCUboot images; only the client's SHA-256 of the
/// file is checked. Such a file can never be marked pending.
pub const SMPKIT_ACCEPT_ANY_FILE: u32 = 2;

/// smpkit_link_config.kind: GATT writes and notifications.
pub const SMPKIT_LINK_BLE: u32 = 0;
/// smpkit_link_config.kind: one packet per datagram.
pub const SMPKIT_LINK_DATAGRAM: u32 = 1;

/// The link is encrypted.
pub const SMPKIT_SECURITY_ENCRYPTED: u32 = 1;
/// The peer was authenticated when the keys were made (passkey, out of band).
pub const SMPKIT_SECURITY_AUTHENTICATED: u32 = 2;
/// The keys are stored.
pub const SMPKIT_SECURITY_BONDED: u32 = 4;
/// smpkit_link_config.required_security: anybody may write.
pub const SMPKIT_SECURITY_OPEN: u32 = 0x8000_0000;

/// How the firmware stands. smpkit_image_status.state: confirmed, stays.
pub const SMPKIT_IMAGE_CONFIRMED: u32 = 0;
/// smpkit_image_status.state: on trial; the next reset goes back unless confirmed.
pub const SMPKIT_IMAGE_TRIAL: u32 = 1;

/// smpkit_image_status.next_reset: the same firmware starts again.
pub const SMPKIT_NEXT_SAME: u32 = 0;
/// smpkit_image_status.next_reset: the new image is started on trial.
pub const SMPKIT_NEXT_TRIAL: u32 = 1;
/// smpkit_image_status.next_reset: the new image is installed for good.
pub const SMPKIT_NEXT_PERMANENT: u32 = 2;
/// smpkit_image_status.next_reset: the previous image comes back.
pub const SMPKIT_NEXT_ROLLBACK: u32 = 3;

/// The kit. Allocate it statically; never copy or move it while in use.
#[repr(C)]
pub struct smpkit {
    /// Opaque.
    pub words: [usize; SMPKIT_WORDS],
}

/// One connection to a client. Allocate one for each that can be open at once.
#[repr(C)]
pub struct smpkit_link {
    /// Opaque.
    pub words: [usize; SMPKIT_LINK_WORDS],
}

/// Settings. Zero the struct, set struct_size, buffer and buffer_size; zero means default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_config {
    /// sizeof(struct smpkit_config). Anything shorter is refused.
    pub struct_size: u32,
    /// SMPKIT_CHECK_VECTORS, SMPKIT_ACCEPT_ANY_FILE.
    pub flags: u32,
    /// Work buffer: a page followed by a reply. Stays in use as long as the kit.
    pub buffer: *mut c_void,
    /// At least SMPKIT_BUFFER_MIN; a larger one allows longer replies.
    pub buffer_size: u32,
    /// Bytes programmed at once: a power of two, 256 to 4096. 0: 256.
    pub page_size: u32,
    /// Flash areas; NULL takes the table of the PineTime bootloader. Stays in use.
    pub areas: *const smpkit_area,
    /// Entries of areas.
    pub area_count: u32,
    /// SMPKIT_BOOTLOADER_*.
    pub bootloader: u32,
    /// BOOT_MAX_ALIGN of the bootloader: 8, 16 or 32. 0: 8.
    pub max_align: u32,
    /// Largest SMP packet told to clients. 0: 4096.
    pub frame_size: u32,
    /// Packets a client may have outstanding. 0: 1.
    pub frame_count: u32,
    /// Longest erase that may delay a reply, in ms. 0: 500.
    pub erase_step_ms: u32,
    /// Address the primary slot has for the CPU, for SMPKIT_CHECK_VECTORS.
    pub exec_base: u32,
    /// MCUboot's swap mode as clients number it. 0: 1, swap using scratch.
    pub bootloader_mode: u32,
    /// NULL: "MCUboot".
    pub bootloader_name: *const c_char,
    /// Kernel name for "os info", such as "FreeRTOS". NULL: "unknown".
    pub kernel_name: *const c_char,
    /// Host name. NULL: "unknown".
    pub node_name: *const c_char,
    /// Kernel release, such as "11.2.0". NULL: "unknown".
    pub kernel_release: *const c_char,
    /// Kernel version. NULL: "unknown".
    pub kernel_version: *const c_char,
    /// Build date and time. NULL: "unknown".
    pub build_date: *const c_char,
    /// Machine, such as "arm". NULL: "unknown".
    pub machine: *const c_char,
    /// Processor, such as "cortex-m4". NULL: "unknown".
    pub processor: *const c_char,
    /// Board, such as "pinetime". NULL: "unknown".
    pub board: *const c_char,
}

/// Settings of one link. Zero means default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_link_config {
    /// sizeof(struct smpkit_link_config). Anything shorter is refused.
    pub struct_size: u32,
    /// SMPKIT_LINK_*; not looked at by smpkit_serial_open().
    pub kind: u32,
    /// Handed to the callbacks.
    pub ctx: *mut c_void,
    /// Send len bytes: one notification, a piece of a serial line, or one datagram. Mandatory.
    ///
    /// Called from smpkit_poll(). Must not block for the peer.
    ///
    /// @return 0; SMPKIT_ERR_AGAIN when no buffer is free now, the kit tries again; any other
    /// negative number drops the rest of the reply.
    pub tx: Option<unsafe extern "C" fn(ctx: *mut c_void, data: *const c_void, len: u32) -> i32>,
    /// Security of the link at this moment: SMPKIT_SECURITY_* bits. Asked for every request that
    /// writes. NULL: none.
    pub security: Option<unsafe extern "C" fn(ctx: *mut c_void) -> u32>,
    /// Bits a writing request needs. 0: encrypted and authenticated on BLE, nothing elsewhere.
    /// SMPKIT_SECURITY_OPEN: anybody may write.
    pub required_security: u32,
    /// Largest len for tx: ATT_MTU - 3 on BLE (0: 20), largest datagram (0: 1472). Lines of a
    /// serial link have at most 127 bytes.
    pub mtu: u32,
    /// Input ring; stays in use until smpkit_link_close().
    pub ring: *mut c_void,
    /// Bytes of ring: at least SMPKIT_RING_MIN. Two ATT packets (512) suit BLE.
    pub ring_size: u32,
}

/// An image version.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_version {
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u8,
    /// Revision.
    pub revision: u16,
    /// Build number.
    pub build: u32,
}

/// What a user interface wants to show.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_image_status {
    /// Version that runs. All zero when the primary slot holds no image header.
    pub running: smpkit_version,
    /// Version in the secondary slot; only when has_other is 1.
    pub other: smpkit_version,
    /// 1 when the secondary slot holds a whole image.
    pub has_other: u32,
    /// SMPKIT_IMAGE_CONFIRMED or SMPKIT_IMAGE_TRIAL.
    pub state: u32,
    /// SMPKIT_NEXT_*.
    pub next_reset: u32,
    /// Bytes received of an update in progress.
    pub upload_done: u32,
    /// Bytes of the update in progress; 0 when there is none.
    pub upload_total: u32,
}

/// What is wrong with a flash layout.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct smpkit_layout_fault {
    /// Number of the rule that is broken, 0 for none.
    pub kind: u32,
    /// Area it was found at.
    pub area: u32,
    /// The other area, for an overlap.
    pub other: u32,
    /// One line that explains it. Not NUL-terminated.
    pub text: *const c_char,
    /// Bytes of text.
    pub text_len: u32,
}
