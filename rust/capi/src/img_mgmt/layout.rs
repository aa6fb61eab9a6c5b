//! mcumgr's structs. The size of the data field is the firmware's choice, so an upload request is
//! read by offsets: those in front of the data are fixed, those behind it depend on the size told.

use super::CHUNK;
use core::ffi::{c_int, c_ulonglong};
use core::mem::{align_of, offset_of};
use core::ptr::addr_of;
use core::sync::atomic::Ordering;
use smpkit_core::Error;

/// A decoded upload request. `C` is IMG_MGMT_UL_CHUNK_SIZE; with 0 it is what all have in common.
#[repr(C)]
pub struct img_mgmt_upload_req<const C: usize> {
    /// Image number; 0 by default.
    pub image: c_ulonglong,
    /// Offset; all ones if absent.
    pub off: c_ulonglong,
    /// Length of the file; all ones if absent.
    pub size: c_ulonglong,
    /// Bytes used of `img_data`.
    pub data_len: usize,
    /// Bytes used of `data_sha`.
    pub data_sha_len: usize,
    /// Data.
    pub img_data: [u8; C],
    /// Hash the client gave.
    pub data_sha: [u8; 32],
    /// Only if newer.
    pub upgrade: bool,
}

/// What inspect tells the handler.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct img_mgmt_upload_action {
    /// Length of the file.
    pub size: c_ulonglong,
    /// Bytes of this chunk to write.
    pub write_bytes: c_int,
    /// Flash-map id to write to.
    pub area_id: c_int,
    /// False: only answer with the offset.
    pub proceed: bool,
    /// Erase first.
    pub erase: bool,
}

/// mcumgr's state of an upload. With lazy erase two more fields follow, which are not used here.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct img_mgmt_state {
    /// Flash-map id written to; -1 without an upload, but 0 at start.
    pub area_id: c_int,
    /// Next offset.
    pub off: u32,
    /// Length of the file.
    pub size: u32,
    /// Bytes used of `data_sha`.
    pub data_sha_len: u8,
    /// Hash the client gave.
    pub data_sha: [u8; 32],
}

/// The layout measured from the C headers, for the ABI of 32-bit ARM.
#[cfg(target_pointer_width = "32")]
mod measured {
    use super::*;
    use core::mem::size_of;

    #[repr(C)]
    struct Lazy {
        state: img_mgmt_state,
        sector_id: c_int,
        sector_end: u32,
    }

    macro_rules! request {
        ($($chunk:literal is $size:literal;)*) => { $(const _: () = {
            type Request = img_mgmt_upload_req<$chunk>;
            assert!(size_of::<Request>() == $size && align_of::<Request>() == 8);
            assert!(request_size($chunk) == $size);
            assert!(offset_of!(Request, image) == 0 && offset_of!(Request, off) == 8);
            assert!(offset_of!(Request, size) == 16 && offset_of!(Request, data_len) == 24);
            assert!(offset_of!(Request, data_sha_len) == 28);
            assert!(offset_of!(Request, img_data) == 32);
            assert!(offset_of!(Request, data_sha) == 32 + $chunk);
            assert!(offset_of!(Request, upgrade) == 64 + $chunk);
        };)* };
    }
    request! { 200 is 272; 244 is 312; 256 is 328; 497 is 568; 512 is 584; }

    const _: () = {
        type Action = img_mgmt_upload_action;
        assert!(size_of::<Action>() == 24 && align_of::<Action>() == 8);
        assert!(offset_of!(Action, size) == 0 && offset_of!(Action, write_bytes) == 8);
        assert!(offset_of!(Action, area_id) == 12 && offset_of!(Action, proceed) == 16);
        assert!(offset_of!(Action, erase) == 17);
        assert!(size_of::<img_mgmt_state>() == 48 && size_of::<Lazy>() == 56);
        assert!(offset_of!(img_mgmt_state, area_id) == 0 && offset_of!(img_mgmt_state, off) == 4);
        assert!(offset_of!(img_mgmt_state, size) == 8);
        assert!(offset_of!(img_mgmt_state, data_sha_len) == 12);
        assert!(offset_of!(img_mgmt_state, data_sha) == 13);
        assert!(offset_of!(Lazy, sector_id) == 48 && offset_of!(Lazy, sector_end) == 52);
    };
}

type Front = img_mgmt_upload_req<0>;

/// sizeof(struct img_mgmt_upload_req) for a chunk size.
pub(super) const fn request_size(chunk: u32) -> u32 {
    let used = (offset_of!(Front, img_data) as u32)
        .wrapping_add(chunk)
        .wrapping_add(33);
    let mask = (align_of::<Front>() as u32).wrapping_sub(1);
    used.wrapping_add(mask) & !mask
}

extern "C" {
    /// Defined by mcumgr.
    static g_img_mgmt_state: img_mgmt_state;
}

// Weak, so that a program without mcumgr links even where unused sections are kept.
#[cfg(not(test))]
core::arch::global_asm!(".weak g_img_mgmt_state");

/// A copy of mcumgr's state.
pub(super) fn upload_state() -> img_mgmt_state {
    // SAFETY: mcumgr defines it, and its handlers do not run beside the functions they call.
    unsafe { addr_of!(g_img_mgmt_state).read() }
}

/// The fields of a request.
pub(super) struct Request<'a> {
    pub(super) image: c_ulonglong,
    pub(super) off: c_ulonglong,
    pub(super) size: c_ulonglong,
    pub(super) data: &'a [u8],
    /// As the client sent it: longer than 32 is possible.
    pub(super) sha_len: usize,
    pub(super) sha: &'a [u8; 32],
    pub(super) upgrade: bool,
}

impl<'a> Request<'a> {
    /// `Error::NOSYS` before the chunk size was told, `Error::INVAL` for NULL and for a length that
    /// the struct cannot hold.
    ///
    /// # Safety
    /// `from` is NULL or a request of the chunk size that was told.
    pub(super) unsafe fn read(from: *const Front) -> Result<Request<'a>, Error> {
        let chunk = CHUNK.load(Ordering::Relaxed) as usize;
        if chunk == 0 {
            return Err(Error::NOSYS);
        }
        if from.is_null() {
            return Err(Error::INVAL);
        }
        // SAFETY: all offsets lie inside the request.
        unsafe {
            let data_len = addr_of!((*from).data_len).read();
            if data_len > chunk {
                return Err(Error::INVAL);
            }
            let data = from.cast::<u8>().add(offset_of!(Front, img_data));
            let sha = data.add(chunk);
            Ok(Request {
                image: addr_of!((*from).image).read(),
                off: addr_of!((*from).off).read(),
                size: addr_of!((*from).size).read(),
                data: core::slice::from_raw_parts(data, data_len),
                sha_len: addr_of!((*from).data_sha_len).read(),
                sha: &*sha.cast::<[u8; 32]>(),
                upgrade: sha.add(32).read() != 0,
            })
        }
    }
}
