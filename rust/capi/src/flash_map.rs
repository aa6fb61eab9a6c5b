//! The flash map, as far as both dialects agree: becomes `include/smpkit_flash_map.h`.
//!
//! `mynewt` and `mcuboot` hold what differs; one of them is in a build.
// What C has to keep to stands in the comments, in C's words.
#![allow(clippy::missing_safety_doc)]

use crate::compat::Board;
use core::ffi::{c_int, c_void};
use core::mem::{offset_of, size_of};
use smpkit_core::flash::{Area, Flash};
use smpkit_core::image::is_blank;
use smpkit_core::Error;

#[cfg(all(feature = "dialect-mynewt", feature = "dialect-mcuboot"))]
compile_error!("dialect-mynewt and dialect-mcuboot define the same C symbols: choose one");

#[cfg(feature = "dialect-mcuboot")]
pub mod mcuboot;
#[cfg(not(feature = "dialect-mcuboot"))]
pub mod mynewt;
mod sectors;
#[cfg(test)]
mod tests;

/// A range of a flash device, as Mynewt and MCUboot lay it out.
///
/// The functions take any such struct, also one that the caller filled in; only devices of the
/// port can be reached with it, and only inside fa_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flash_area {
    /// Flash-map id.
    pub fa_id: u8,
    /// Device number.
    pub fa_device_id: u8,
    /// 0.
    pub pad16: u16,
    /// First byte on the device.
    pub fa_off: u32,
    /// Bytes.
    pub fa_size: u32,
}

// An area of the configuration is handed out as it is.
const _: () = {
    assert!(size_of::<flash_area>() == 12 && size_of::<Area>() == 12);
    assert!(offset_of!(flash_area, fa_device_id) == 1 && offset_of!(Area, device) == 1);
    assert!(offset_of!(flash_area, fa_off) == 4 && offset_of!(Area, offset) == 4);
    assert!(offset_of!(flash_area, fa_size) == 8 && offset_of!(Area, size) == 8);
};

#[cfg(feature = "dialect-mcuboot")]
const SYS_ENOMEM: c_int = -1;
const SYS_EINVAL: c_int = -2;
const SYS_ETIMEOUT: c_int = -3;
const SYS_ENOENT: c_int = -4;
const SYS_EIO: c_int = -5;
const SYS_EACCES: c_int = -7;
/// Offset and length are not inside the area. The number is what Mynewt answers.
const OUTSIDE: c_int = -1;

type Outcome<T> = Result<T, c_int>;

/// Errors of the kit in the numbers of this dialect; the port's own stay what they are.
fn sys(error: Error) -> c_int {
    match error {
        Error::INVAL | Error::RANGE | Error::NOSYS => SYS_EINVAL,
        Error::NOENT => SYS_ENOENT,
        Error::TIMEOUT => SYS_ETIMEOUT,
        Error::DENIED => SYS_EACCES,
        other if other.code() <= crate::port::SMPKIT_ERR_PORT => other.code(),
        _ => SYS_EIO,
    }
}

fn code(outcome: Outcome<()>) -> c_int {
    match outcome {
        Ok(()) => 0,
        Err(code) => code,
    }
}

fn board() -> Outcome<&'static Board> {
    Board::get().ok_or(SYS_EACCES)
}

fn find(id: c_int) -> Outcome<&'static Area> {
    let mut areas = board()?.areas.iter();
    let found = areas.find(|area| c_int::from(area.id) == id);
    found.ok_or(SYS_ENOENT)
}

/// An area of the caller.
///
/// # Safety
/// NULL, or readable.
unsafe fn area(fa: *const flash_area) -> Outcome<(&'static Board, Area)> {
    let board = board()?;
    if fa.is_null() || !fa.is_aligned() {
        return Err(SYS_EINVAL);
    }
    // SAFETY: the caller's promise.
    let fa = unsafe { fa.read() };
    let area = Area::new(fa.fa_id, fa.fa_device_id, fa.fa_off, fa.fa_size);
    Ok((board, area))
}

/// The same, with a range inside of it that is on the device and not wider than a slice may be.
unsafe fn range(fa: *const flash_area, off: u32, len: u32) -> Outcome<(&'static Board, Area)> {
    // SAFETY: the caller's promise.
    let (board, area) = unsafe { area(fa)? };
    match area.locate(off, len) {
        Ok(at) if len <= i32::MAX as u32 => {
            board
                .check_range(area.device, at, len as usize)
                .map_err(sys)?;
            Ok((board, area))
        }
        _ => Err(OUTSIDE),
    }
}

unsafe fn read(fa: *const flash_area, off: u32, dst: *mut c_void, len: u32) -> Outcome<bool> {
    // SAFETY: the caller's promise.
    let (mut board, area) = unsafe { range(fa, off, len)? };
    if len == 0 {
        return Ok(true);
    }
    if dst.is_null() {
        return Err(SYS_EINVAL);
    }
    // SAFETY: not NULL, and the caller promises `len` bytes.
    let dst = unsafe { core::slice::from_raw_parts_mut(dst.cast::<u8>(), len as usize) };
    area.read(&mut board, off, dst).map_err(sys)?;
    let erased = area.geometry(&board).map_err(sys)?.erased;
    Ok(dst.iter().all(|byte| *byte == erased))
}

unsafe fn write(fa: *const flash_area, off: u32, src: *const c_void, len: u32) -> Outcome<()> {
    // SAFETY: the caller's promise.
    let (mut board, area) = unsafe { range(fa, off, len)? };
    let unit = area.geometry(&board).map_err(sys)?.write_unit;
    // Nothing is written of what cannot be written whole.
    if (len != 0 && src.is_null()) || (off | len) & unit.wrapping_sub(1) != 0 {
        return Err(SYS_EINVAL);
    }
    // The port may rely on a source in RAM, and callers hand in constants too.
    let mut bounce = [0u8; 256];
    let mut at = 0;
    while at < len {
        let room = 256u32.wrapping_sub(area.offset.wrapping_add(off).wrapping_add(at) & 255);
        let n = room.min(len.wrapping_sub(at));
        let piece = bounce.get_mut(..n as usize).ok_or(SYS_EINVAL)?;
        // SAFETY: bytes `at..at + n` of the caller's `len`; the bounce buffer is our own.
        unsafe {
            let from = src.cast::<u8>().add(at as usize);
            core::ptr::copy_nonoverlapping(from, piece.as_mut_ptr(), n as usize);
        }
        let to = off.wrapping_add(at);
        area.write(&mut board, to, piece).map_err(sys)?;
        at = at.wrapping_add(n);
    }
    Ok(())
}

/// Find an area by its flash-map id. Nothing is locked; it may be opened any number of times.
///
/// @return 0; SYS_EACCES (-7) before smpkit_compat_init(); SYS_ENOENT (-4) if there is none;
/// SYS_EINVAL (-2) if fa is NULL.
#[no_mangle]
pub unsafe extern "C" fn flash_area_open(id: u8, fa: *mut *const flash_area) -> c_int {
    let found = match find(c_int::from(id)) {
        Ok(found) => found,
        Err(code) => return code,
    };
    if fa.is_null() {
        return SYS_EINVAL;
    }
    // SAFETY: not NULL; an Area is laid out as a flash_area.
    unsafe { fa.write(core::ptr::from_ref(found).cast()) };
    0
}

/// Does nothing. Code compiled against Mynewt's header, where this is a macro, never calls it.
#[no_mangle]
pub extern "C" fn flash_area_close(fa: *const flash_area) {
    let _ = fa;
}

/// Read len bytes at off of an area. Blocks for the transfer.
///
/// @return 0; -1 if the range is not inside the area, also when off + len exceeds 32 bits; SYS_*
/// for other faults of the kit; an error of the port as it is. Errors are negative; dst may then
/// hold a part of the bytes.
#[no_mangle]
pub unsafe extern "C" fn flash_area_read(
    fa: *const flash_area,
    off: u32,
    dst: *mut c_void,
    len: u32,
) -> c_int {
    // SAFETY: C promises a readable fa and len writable bytes.
    code(unsafe { read(fa, off, dst, len) }.map(|_| ()))
}

/// Read, and tell whether all of it is erased. Blocks for the transfer.
///
/// @return 1 if erased, 0 if not, and the errors of flash_area_read(). A range outside the area is
/// one of them, which Mynewt does not check here.
#[no_mangle]
pub unsafe extern "C" fn flash_area_read_is_empty(
    fa: *const flash_area,
    off: u32,
    dst: *mut c_void,
    len: u32,
) -> c_int {
    // SAFETY: as for flash_area_read.
    match unsafe { read(fa, off, dst, len) } {
        Ok(empty) => c_int::from(empty),
        Err(code) => code,
    }
}

/// Write len bytes at off of an area into erased flash, page by page. Blocks for that long.
///
/// src may lie in flash: it is copied on the way. What was written is not read back, as upstream.
///
/// @return as flash_area_read(); SYS_EINVAL also when off or len is no multiple of
/// flash_area_align(). A fault may leave a part written.
#[no_mangle]
pub unsafe extern "C" fn flash_area_write(
    fa: *const flash_area,
    off: u32,
    src: *const c_void,
    len: u32,
) -> c_int {
    // SAFETY: C promises a readable fa and len readable bytes.
    code(unsafe { write(fa, off, src, len) })
}

/// Tell whether the whole area is erased. Blocks for reading it.
///
/// @return 0 and the answer in empty, or a negative error and empty untouched.
#[no_mangle]
pub unsafe extern "C" fn flash_area_is_empty(fa: *const flash_area, empty: *mut bool) -> c_int {
    // SAFETY: C promises a readable fa.
    let found = unsafe { area(fa) }.and_then(|(mut board, area)| {
        if empty.is_null() {
            return Err(SYS_EINVAL);
        }
        let mut scratch = [0; 64];
        is_blank(&mut board, &area, 0, area.size, &mut scratch).map_err(sys)
    });
    match found {
        Ok(found) => {
            // SAFETY: not NULL.
            unsafe { empty.write(found) };
            0
        }
        Err(code) => code,
    }
}

/// The write unit: offsets and lengths of writes are multiples of it. 1 if the area is not usable.
#[no_mangle]
pub unsafe extern "C" fn flash_area_align(fa: *const flash_area) -> u32 {
    // SAFETY: C promises a readable fa.
    unsafe { area(fa) }.map_or(1, |(board, area)| {
        board.geometry(area.device).map_or(1, |g| g.write_unit)
    })
}

/// What an erased byte reads as; 0xFF if the area is not usable.
unsafe fn erased_val(fa: *const flash_area) -> u8 {
    // SAFETY: the caller's promise.
    unsafe { area(fa) }.map_or(0xFF, |(board, area)| {
        board.geometry(area.device).map_or(0xFF, |g| g.erased)
    })
}

/// Id of a slot of the one pair of images there is; `unknown` for anything else.
fn multi_image_id(image: c_int, slot: c_int, unknown: c_int) -> c_int {
    match (image, slot) {
        (0, 0) => 1,
        (0, 1) => 2,
        (0, 2) => 3,
        _ => unknown,
    }
}

/// The inverse.
fn multi_image_slot(image: c_int, id: c_int, unknown: c_int) -> c_int {
    match (image, id) {
        (0, 1..=3) => id.wrapping_sub(1),
        _ => unknown,
    }
}
