//! The functions a firmware calls: the second half of `include/smpkit.h`.

use crate::api::*;
use crate::check;
use crate::host::Devices;
use crate::kit::Kit;
use crate::link::{is_usable, Link};
use crate::port::*;
use crate::serial::{self, Codec};
use core::ffi::{c_char, c_void};
use smpkit_core::flash::check_areas;
use smpkit_core::image::{SwapType, Version};
use smpkit_core::Error;

/// A kit that was initialised.
///
/// # Safety
/// `kit` is NULL or points to a struct smpkit that nothing else uses meanwhile.
unsafe fn ready<'k>(kit: *mut smpkit) -> Result<&'k mut Kit, Error> {
    // SAFETY: the caller's promise.
    unsafe { Kit::check(kit.cast_const().cast())? };
    // SAFETY: just checked.
    Ok(unsafe { &mut *kit.cast::<Kit>() })
}

/// # Safety
/// As for `ready`, with a struct smpkit_link.
unsafe fn opened<'l>(link: *mut smpkit_link) -> Result<&'l mut Link, Error> {
    // SAFETY: the caller's promise.
    unsafe { Link::check(link.cast_const().cast())? };
    // SAFETY: just checked.
    Ok(unsafe { &mut *link.cast::<Link>() })
}

fn code(result: Result<(), Error>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => error.code(),
    }
}

/// Prepare the kit. Call once, before anything else.
///
/// Checks every struct_size, every mandatory callback and the whole flash layout. Reads nothing
/// but geometry, writes nothing. port and config must stay valid as long as the kit is in use.
/// Zero the kit first, or allocate it statically.
///
/// @return 0, SMPKIT_ERR_INVAL (NULL, short struct, a number out of range), SMPKIT_ERR_NOSYS (a
/// mandatory callback is missing), SMPKIT_ERR_LAYOUT (see smpkit_check_layout), SMPKIT_ERR_NOMEM
/// (buffer too small).
#[no_mangle]
pub unsafe extern "C" fn smpkit_init(
    kit: *mut smpkit,
    port: *const smpkit_port,
    config: *const smpkit_config,
) -> i32 {
    if kit.is_null() || !kit.is_aligned() {
        return SMPKIT_ERR_INVAL;
    }
    // SAFETY: the size of Kit is asserted in kit.rs.
    code(unsafe { Kit::init(kit.cast(), port, config) })
}

/// Say what is wrong with a flash layout.
///
/// For start-up logs and for tools: smpkit_init() makes the same check.
///
/// @return 0 when the layout is usable; SMPKIT_ERR_LAYOUT with the first fault in out;
/// SMPKIT_ERR_INVAL or SMPKIT_ERR_NOSYS as for smpkit_init().
#[no_mangle]
pub unsafe extern "C" fn smpkit_check_layout(
    port: *const smpkit_port,
    config: *const smpkit_config,
    out: *mut smpkit_layout_fault,
) -> i32 {
    if out.is_null() || !out.is_aligned() {
        return SMPKIT_ERR_INVAL;
    }
    // SAFETY: the caller's promise; out was checked.
    let checked = unsafe { check::port(port).and_then(|_| check::checked(config)) };
    let config = match checked {
        Ok(config) => config,
        Err(error) => return error.code(),
    };
    let (devices, areas) = unsafe { (Devices::new(port), check::areas(config)) };
    let Err(fault) = check_areas(&devices, areas) else {
        return 0;
    };
    let found = smpkit_layout_fault {
        kind: fault.kind as u32,
        area: u32::from(fault.area),
        other: u32::from(fault.other),
        text: fault.explain().as_ptr().cast(),
        text_len: fault.explain().len() as u32,
    };
    unsafe { out.write(found) };
    SMPKIT_ERR_LAYOUT
}

/// Answer the SMP command that reads and sets date and time, through port.datetime_get and
/// port.datetime_set. Without this call it is not supported, and its code is not linked.
///
/// @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE.
#[no_mangle]
pub unsafe extern "C" fn smpkit_enable_datetime(kit: *mut smpkit) -> i32 {
    code(unsafe { ready(kit) }.map(Kit::enable_datetime))
}

/// Answer the SMP commands for task and memory statistics, through port.task_info and
/// port.pool_info. Without this call they are not supported, and their code is not linked.
///
/// @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE.
#[no_mangle]
pub unsafe extern "C" fn smpkit_enable_statistics(kit: *mut smpkit) -> i32 {
    code(unsafe { ready(kit) }.map(Kit::enable_statistics))
}

/// Do one bounded step of work.
///
/// Call from one task, in a loop: again after the time it returns, or when port.wake was called.
/// A step is at most one flash operation or 4 KB of reading.
///
/// @return milliseconds until the next call is wanted: 0 at once, SMPKIT_IDLE when only new input
/// can bring work; SMPKIT_ERR_INVAL or SMPKIT_ERR_BADSTATE on misuse.
#[no_mangle]
pub unsafe extern "C" fn smpkit_poll(kit: *mut smpkit) -> i32 {
    match unsafe { ready(kit) } {
        Ok(kit) => kit.poll() as i32,
        Err(error) => error.code(),
    }
}

/// Open a link.
///
/// Call from the task that runs smpkit_poll(), before data can arrive. config is copied, except
/// the ring, which stays in use until smpkit_link_close(). Zero the link first.
///
/// @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_NOSYS (no tx), SMPKIT_ERR_NOMEM (ring too small),
/// SMPKIT_ERR_BADSTATE (the kit is not initialised, or the link is open).
#[no_mangle]
pub unsafe extern "C" fn smpkit_link_open(
    kit: *mut smpkit,
    link: *mut smpkit_link,
    config: *const smpkit_link_config,
) -> i32 {
    code(unsafe { open(kit, link, config, None) })
}

/// Open a link over a serial line with console framing (06 09 / 04 14, base64, CRC).
///
/// As smpkit_link_open(); log text on the same line is skipped on input. Nothing else may write to
/// the line while a reply is being sent.
///
/// @return as smpkit_link_open().
#[no_mangle]
pub unsafe extern "C" fn smpkit_serial_open(
    kit: *mut smpkit,
    link: *mut smpkit_link,
    config: *const smpkit_link_config,
) -> i32 {
    code(unsafe { open(kit, link, config, Some(&serial::CODEC)) })
}

/// # Safety
/// As the two functions above demand.
#[inline(never)]
unsafe fn open(
    kit: *mut smpkit,
    link: *mut smpkit_link,
    config: *const smpkit_link_config,
    codec: Option<&'static Codec>,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    let owner = unsafe { ready(kit)? };
    match unsafe { Link::check(link.cast_const().cast()) } {
        Err(Error::BADSTATE) => {}
        Err(error) => return Err(error),
        Ok(()) => return Err(Error::BADSTATE),
    }
    let config = unsafe { check::checked(config)? };
    if codec.is_none() && config.kind > SMPKIT_LINK_DATAGRAM {
        return Err(Error::INVAL);
    }
    is_usable(config)?;
    let id = owner.free_id()?;
    let links = owner.links();
    // SAFETY: the size of Link is asserted in kit.rs.
    let new = unsafe { Link::open(link.cast(), config, id, kit.cast(), *links) };
    *links = new;
    if codec.is_some() {
        new.codec = codec;
        new.config.kind = serial::KIND;
    }
    new.settle();
    Ok(())
}

/// Hand in what arrived on a link: one GATT write, some bytes of a serial line, or one datagram.
///
/// Copies into the ring and returns: no flash, no waiting, no lock. Callable from a task or an ISR,
/// one caller at a time for each link. Wakes the poll task through port.wake.
///
/// @return 0; SMPKIT_ERR_NOMEM when there was no room and a packet was cut: its sender gets an
/// answer that makes it send again; SMPKIT_ERR_INVAL; SMPKIT_ERR_BADSTATE when the link is closed.
#[no_mangle]
pub unsafe extern "C" fn smpkit_link_rx(
    link: *mut smpkit_link,
    data: *const c_void,
    len: u32,
) -> i32 {
    if data.is_null() && len != 0 {
        return SMPKIT_ERR_INVAL;
    }
    if let Err(error) = unsafe { Link::check(link.cast_const().cast()) } {
        return error.code();
    }
    if len == 0 {
        return 0;
    }
    // SAFETY: just checked.
    let link = unsafe { &mut *link.cast::<Link>() };
    // SAFETY: not NULL; the caller says how long.
    let result = link.receive(unsafe { core::slice::from_raw_parts(data.cast(), len as usize) });
    // SAFETY: a link in the list has a kit; only the port, which never changes, is read.
    let port = unsafe { (*link.kit).port() };
    if let Some(wake) = port.wake {
        // SAFETY: plain pointer of the caller.
        unsafe { wake(port.ctx) }
    }
    code(result)
}

/// Tell the payload size of a notification after an MTU exchange: ATT_MTU - 3.
///
/// Call from the task that runs smpkit_poll().
///
/// @return 0, SMPKIT_ERR_INVAL (below 8), SMPKIT_ERR_BADSTATE.
#[no_mangle]
pub unsafe extern "C" fn smpkit_link_set_mtu(link: *mut smpkit_link, mtu: u32) -> i32 {
    match unsafe { opened(link) } {
        Ok(_) if mtu < 8 => SMPKIT_ERR_INVAL,
        Ok(link) => {
            link.config.mtu = mtu;
            0
        }
        Err(error) => error.code(),
    }
}

/// Close a link: the peer is gone.
///
/// Call from the task that runs smpkit_poll(), after the last smpkit_link_rx() of the link. Frees
/// the upload session, which any client may then continue; drops a reply that waits.
///
/// @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE when it is not open.
#[no_mangle]
pub unsafe extern "C" fn smpkit_link_close(link: *mut smpkit_link) -> i32 {
    let closing = match unsafe { opened(link) } {
        Ok(closing) => closing,
        Err(error) => return error.code(),
    };
    closing.close();
    // SAFETY: the kit outlives its links.
    let kit = unsafe { &mut *closing.kit };
    kit.drop_link(closing);
    0
}

fn version(version: Option<Version>) -> smpkit_version {
    let version = version.unwrap_or_default();
    smpkit_version {
        major: version.major,
        minor: version.minor,
        revision: version.revision,
        build: version.build,
    }
}

/// What to show to the user: versions, trial or confirmed, what the next reset will do.
///
/// Reads flash. Call from the task that runs smpkit_poll().
///
/// @return 0 with out filled, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE.
#[no_mangle]
pub unsafe extern "C" fn smpkit_image_status(
    kit: *mut smpkit,
    out: *mut smpkit_image_status,
) -> i32 {
    if out.is_null() || !out.is_aligned() {
        return SMPKIT_ERR_INVAL;
    }
    let kit = match unsafe { ready(kit) } {
        Ok(kit) => kit,
        Err(error) => return error.code(),
    };
    let (server, world) = kit.parts();
    let status = server.status(world);
    let (upload_done, upload_total) = server.progress();
    let trial = status.next == SwapType::Revert;
    let found = smpkit_image_status {
        running: version(status.running),
        other: version(status.other),
        has_other: u32::from(status.other.is_some()),
        state: if trial {
            SMPKIT_IMAGE_TRIAL
        } else {
            SMPKIT_IMAGE_CONFIRMED
        },
        next_reset: match status.next {
            SwapType::Test => SMPKIT_NEXT_TRIAL,
            SwapType::Perm => SMPKIT_NEXT_PERMANENT,
            SwapType::Revert => SMPKIT_NEXT_ROLLBACK,
            _ => SMPKIT_NEXT_SAME,
        },
        upload_done,
        upload_total,
    };
    // SAFETY: checked above.
    unsafe { out.write(found) };
    0
}

/// Keep the firmware that runs now. Call it when your own self-test has passed, or the user said so.
///
/// Writes one byte of the primary trailer, or nothing when there is nothing to confirm. Call from
/// the task that runs smpkit_poll().
///
/// @return 0, SMPKIT_ERR_BADVECT (damaged trailer), SMPKIT_ERR_FLASH, or an error of the port.
#[no_mangle]
pub unsafe extern "C" fn smpkit_confirm(kit: *mut smpkit) -> i32 {
    let result = unsafe { ready(kit) }.and_then(|kit| {
        let (server, world) = kit.parts();
        server.confirm_running(world)
    });
    code(result)
}

/// Go back to the other image at the next reset.
///
/// On trial there is nothing to do. Else the image in the secondary slot is read and hashed, 4 KB
/// per call, and scheduled on trial. Call from the task that runs smpkit_poll().
///
/// @return 0 when the next reset changes the image; SMPKIT_ERR_AGAIN: call again;
/// SMPKIT_ERR_NOENT or SMPKIT_ERR_BADIMAGE: there is no image to go back to; SMPKIT_ERR_BUSY
/// during an update.
#[no_mangle]
pub unsafe extern "C" fn smpkit_request_rollback(kit: *mut smpkit) -> i32 {
    let result = unsafe { ready(kit) }.and_then(|kit| {
        let (server, world) = kit.parts();
        server.request_rollback(world)
    });
    code(result)
}

/// Schedule the image in the secondary slot: on trial, or for good when permanent is not 0.
///
/// The image is read and hashed first, 4 KB per call, unless it was checked since start.
///
/// @return 0, SMPKIT_ERR_AGAIN: call again; SMPKIT_ERR_BADSTATE while on trial; else as for
/// smpkit_request_rollback().
#[no_mangle]
pub unsafe extern "C" fn smpkit_schedule(kit: *mut smpkit, permanent: i32) -> i32 {
    let result = unsafe { ready(kit) }.and_then(|kit| {
        let (server, world) = kit.parts();
        server.schedule_other(world, permanent != 0)
    });
    code(result)
}

/// Begin an update from another source: a modem, USB, a file.
///
/// total is the length of the image file, sha256 its 32-byte SHA-256 or NULL. Nothing is erased
/// yet. SMP clients are told "busy" while the session is in use; 30 s without a call free it.
///
/// @return 0, SMPKIT_ERR_BUSY, SMPKIT_ERR_BADSTATE (the running image is on trial: confirm it
/// first), SMPKIT_ERR_TOOBIG, SMPKIT_ERR_DENIED (port.may_start), SMPKIT_ERR_INVAL.
#[no_mangle]
pub unsafe extern "C" fn smpkit_writer_begin(
    kit: *mut smpkit,
    total: u32,
    sha256: *const u8,
) -> i32 {
    let result = unsafe { ready(kit) }.and_then(|kit| {
        let now = kit.now();
        // SAFETY: NULL or 32 bytes.
        let sha = unsafe { sha256.cast::<[u8; 32]>().as_ref() };
        let (server, world) = kit.parts();
        server.local_begin(world, total, sha, now)
    });
    code(result)
}

/// Give len bytes of the file, which begin at offset. One bounded step.
///
/// The bytes at offset 0 are at least the 32 of the image header. transform may be NULL; else it
/// changes bytes in place before they are written, for instance to decrypt them. It may be called
/// again for an offset it has seen. An error ends the session.
///
/// @return the offset wanted next. The same as before: call again. A larger one than offset + len:
/// the slot holds the beginning already, go on from there. Negative: an error of transform, of the
/// port, SMPKIT_ERR_BADSTATE (no session), SMPKIT_ERR_BADIMAGE, SMPKIT_ERR_UNSUPPORTED.
#[no_mangle]
pub unsafe extern "C" fn smpkit_writer_write(
    kit: *mut smpkit,
    offset: u32,
    data: *const c_void,
    len: u32,
    transform: Option<
        unsafe extern "C" fn(ctx: *mut c_void, offset: u32, data: *mut c_void, len: u32) -> i32,
    >,
    ctx: *mut c_void,
) -> i32 {
    if data.is_null() || len == 0 {
        return SMPKIT_ERR_INVAL;
    }
    let kit = match unsafe { ready(kit) } {
        Ok(kit) => kit,
        Err(error) => return error.code(),
    };
    let now = kit.now();
    // SAFETY: not NULL; the caller says how long.
    let bytes = unsafe { core::slice::from_raw_parts(data.cast(), len as usize) };
    let mut change = |offset: u32, part: &mut [u8]| match transform {
        // SAFETY: the callback gets a buffer of exactly the length it is told.
        Some(transform) => Error::check(unsafe {
            transform(ctx, offset, part.as_mut_ptr().cast(), part.len() as u32)
        }),
        None => Ok(()),
    };
    let (server, world) = kit.parts();
    match server.local_write(world, offset, bytes, now, &mut change) {
        Ok(next) => next as i32,
        Err(error) => error.code(),
    }
}

/// All bytes were given: read them back and hash them, 4 KB per call.
///
/// @return 0 when the slot holds a checked image, which smpkit_schedule() can then schedule;
/// SMPKIT_ERR_AGAIN: call again; SMPKIT_ERR_BADIMAGE: it was erased; SMPKIT_ERR_BADSTATE.
#[no_mangle]
pub unsafe extern "C" fn smpkit_writer_finish(kit: *mut smpkit) -> i32 {
    let result = unsafe { ready(kit) }.and_then(|kit| {
        let (server, world) = kit.parts();
        server.local_finish(world)
    });
    code(result)
}

/// Give up an update begun with smpkit_writer_begin().
///
/// @return 0, SMPKIT_ERR_INVAL, SMPKIT_ERR_BADSTATE.
#[no_mangle]
pub unsafe extern "C" fn smpkit_writer_abort(kit: *mut smpkit) -> i32 {
    let result = unsafe { ready(kit) }.map(|kit| kit.server.local_abort());
    code(result)
}

/// One line about an error number, for a log.
///
/// @return a static, NUL-terminated text; never NULL.
#[no_mangle]
pub extern "C" fn smpkit_error_text(error: i32) -> *const c_char {
    match Error::check(error) {
        Ok(()) => "success\0.".as_ptr().cast(),
        Err(error) => error.text().as_ptr(),
    }
}
