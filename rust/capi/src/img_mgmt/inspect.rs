//! May an upload request go on? Nothing is written here.

use super::layout::{img_mgmt_upload_action, img_mgmt_upload_req, upload_state, Request};
use super::*;
use crate::compat::Board;
use core::ffi::{c_char, c_ulonglong, CStr};
use smpkit_core::flash::Flash;
use smpkit_core::image::{inspect, Header, SwapType};

/// Smallest TLV area: its header and one SHA-256 entry.
const TLV_MIN: u32 = 4 + 4 + 32;

/// Code and text for the client.
struct Refusal(c_int, &'static CStr);

type Verdict<T> = Result<T, Refusal>;

fn invalid(text: &'static CStr) -> Refusal {
    Refusal(MGMT_ERR_EINVAL, text)
}

/// A C string. The byte behind its NUL keeps it out of the linker's string section, which is linked
/// as a whole.
macro_rules! text {
    ($text:literal) => {
        const {
            match CStr::from_bytes_until_nul(concat!($text, "\0.").as_bytes()) {
                Ok(text) => text,
                Err(_) => c"",
            }
        }
    };
}

const MALFORMED: Refusal = Refusal(MGMT_ERR_EINVAL, text!("header malformed"));
const NO_SLOT: Refusal = Refusal(MGMT_ERR_ENOMEM, text!("no slot"));
const FLASH: Refusal = Refusal(MGMT_ERR_EUNKNOWN, text!("fa read fail"));

/// May this upload request go on, and what is to be done for it?
///
/// `errstr` may be NULL. `action` and `errstr` are written only on success and on refusal.
#[no_mangle]
pub unsafe extern "C" fn img_mgmt_impl_upload_inspect(
    req: *const img_mgmt_upload_req<0>,
    action: *mut img_mgmt_upload_action,
    errstr: *mut *const c_char,
) -> c_int {
    if action.is_null() {
        return MGMT_ERR_EINVAL;
    }
    // SAFETY: the handler passes its own request, of the chunk size the firmware told.
    match unsafe { Request::read(req) }
        .map_err(unreadable)
        .and_then(|request| examine(&request))
    {
        Ok(found) => {
            // SAFETY: not NULL.
            unsafe { action.write(found) };
            0
        }
        Err(Refusal(code, text)) => {
            if !errstr.is_null() {
                // SAFETY: not NULL; the text is static.
                unsafe { errstr.write(text.as_ptr()) };
            }
            code
        }
    }
}

fn unreadable(error: Error) -> Refusal {
    match error {
        Error::NOSYS => Refusal(MGMT_ERR_EUNKNOWN, text!("smpkit_img_mgmt_init missing")),
        _ => MALFORMED,
    }
}

fn examine(request: &Request) -> Verdict<img_mgmt_upload_action> {
    let Some(board) = Board::get() else {
        return Err(Refusal(
            MGMT_ERR_EUNKNOWN,
            text!("smpkit_compat_init missing"),
        ));
    };
    let (first, state) = (request.off == 0, upload_state());
    let area_id = c_int::from(board.slots.secondary.id);
    let active = is_prepared() && state.area_id == area_id;
    let mut action = img_mgmt_upload_action {
        size: state.size.into(),
        write_bytes: 0,
        area_id,
        proceed: false,
        erase: false,
    };
    if first {
        let header = arguments(request)?;
        // At offset 0 there is nothing to resume, and what was erased may have failed.
        let sha = state.data_sha.get(..request.sha_len);
        let same = request.sha_len == usize::from(state.data_sha_len)
            && sha == request.sha.get(..request.sha_len);
        if active && request.sha_len != 0 && state.off != 0 && same {
            return Ok(action);
        }
        action.size = target(board, request, &header)?.into();
        // Blank sectors are not erased again, so nothing is lost if all of them are.
        action.erase = true;
    } else if request.off == c_ulonglong::MAX {
        return Err(MALFORMED);
    } else if request.off != state.off.into() {
        return Ok(action);
    } else if !active {
        return Err(invalid(text!("no upload")));
    }
    action.write_bytes = write_bytes(board, request, action.size)?;
    action.proceed = true;
    Ok(action)
}

/// What the request alone tells about a first chunk.
fn arguments(request: &Request) -> Verdict<Header> {
    if (request.data.len() as u32) < Header::SIZE || request.size == c_ulonglong::MAX {
        return Err(MALFORMED);
    }
    let header = Header::parse(request.data).ok_or(invalid(text!("magic mismatch")))?;
    if request.sha_len > 32 {
        return Err(invalid(text!("sha too long")));
    }
    if request.image != 0 {
        return Err(Refusal(MGMT_ERR_ENOENT, text!("no such image")));
    }
    Ok(header)
}

/// What depends on the slots and on the image's own header. Returns the length of the file.
fn target(board: &'static Board, request: &Request, header: &Header) -> Verdict<u32> {
    let slots = &board.slots;
    let size = u32::try_from(request.size).unwrap_or(u32::MAX);
    if size > slots.limit {
        return Err(invalid(text!("image too large")));
    }
    let hashed = header.hashed_len().unwrap_or(u32::MAX);
    let whole = hashed.checked_add(TLV_MIN).is_some_and(|need| need <= size);
    if u32::from(header.hdr_size) < Header::SIZE || !whole {
        return Err(invalid(text!("header and length differ")));
    }
    let start = match board.base {
        0 => slots.primary.offset,
        base => base,
    };
    if header.runs_from(start).is_err() {
        return Err(Refusal(MGMT_ERR_ENOTSUP, text!("image type not supported")));
    }
    check_vectors(board, request, header)?;
    if is_in_use(board)? {
        return Err(NO_SLOT);
    }
    if request.upgrade && !is_upgrade(board, header)? {
        return Err(Refusal(MGMT_ERR_EBADSTATE, text!("downgrade")));
    }
    let port = board.port();
    // SAFETY: a callback of the port with its own context.
    let allowed = port
        .may_start
        .is_none_or(|ask| unsafe { ask(port.ctx, size) } >= 0);
    if !allowed {
        return Err(Refusal(MGMT_ERR_EBADSTATE, text!("not now")));
    }
    Ok(size)
}

/// The secondary holds something that must stay: an image that is scheduled, or the one to fall
/// back to. A schedule without an image is none: that would lock uploads out for good.
fn is_in_use(mut board: &'static Board) -> Verdict<bool> {
    let slots = &board.slots;
    if slots.is_on_trial(&mut board) {
        return Ok(true);
    }
    match slots.swap_type(&mut board) {
        SwapType::Test | SwapType::Perm => {
            match inspect(&mut board, &slots.secondary, slots.limit) {
                Ok(_) => Ok(true),
                Err(Error::NOENT | Error::BADIMAGE) => Ok(false),
                Err(_) => Err(FLASH),
            }
        }
        _ => Ok(false),
    }
}

fn is_upgrade(mut board: &'static Board, new: &Header) -> Verdict<bool> {
    let mut bytes = [0; Header::SIZE as usize];
    let primary = &board.slots.primary;
    let read = primary.read(&mut board, 0, &mut bytes);
    match (read, Header::parse(&bytes)) {
        (Ok(()), Some(running)) => Ok(new.version.is_newer_than(&running.version)),
        _ => Err(FLASH),
    }
}

/// If the configuration asks for it and the vectors are in this chunk: linked for this slot?
fn check_vectors(board: &Board, request: &Request, header: &Header) -> Verdict<()> {
    let payload = request.data.get(usize::from(header.hdr_size)..);
    let (Some(base), Some(payload)) = (board.exec_base, payload) else {
        return Ok(());
    };
    let Some(&[_, _, _, ram, r0, r1, r2, r3]) = payload.first_chunk() else {
        return Ok(());
    };
    let reset = u32::from_le_bytes([r0, r1, r2, r3]);
    let start = base.saturating_add(u32::from(header.hdr_size));
    let end = base.saturating_add(board.slots.limit);
    if ram == 0x20 && reset & 1 == 1 && (start..end).contains(&reset) {
        Ok(())
    } else {
        Err(invalid(text!("wrong address")))
    }
}

/// How much of this chunk can be written now: all of the last one, whole write units of others.
fn write_bytes(board: &'static Board, request: &Request, size: c_ulonglong) -> Verdict<c_int> {
    let len = request.data.len() as u32;
    let geometry = board.geometry(board.slots.secondary.device);
    let unit = geometry.ok_or(FLASH)?.write_unit;
    let end = request.off.saturating_add(len.into());
    let whole = match end {
        end if end > size => return Err(invalid(text!("too much data"))),
        end if end == size => len,
        // A power of two, as the layout check made sure.
        _ => len & !unit.wrapping_sub(1),
    };
    if whole == 0 {
        return Err(invalid(text!("chunk too small")));
    }
    Ok(whole as c_int)
}
