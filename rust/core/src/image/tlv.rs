//! The TLV areas behind the payload: found, bounded, walked, and the hash taken out.
//!
//! Everything read here comes from an uploaded file, so every number is checked before it is
//! used, and the walk is bounded.

use super::Header;
use crate::flash::{Area, Flash, Result};
use crate::Error;

/// Magic of the unprotected area; that of the protected one is the next number.
const INFO: u32 = 0x6907;
const SHA256: u32 = 0x10;
const HASH_LEN: u32 = 32;
/// More TLVs than any signed, encrypted and compressed image has; bounds the work.
const MAX_TLVS: u32 = 64;

/// What `inspect` found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Info {
    /// The header.
    pub header: Header,
    /// Bytes that the hash covers, from the start of the slot.
    pub hashed: u32,
    /// End of the unprotected TLVs: the length of the image file.
    pub end: u32,
    /// Value of the SHA-256 TLV. Not compared with anything yet.
    pub hash: [u8; 32],
}

/// `at + len`, or `BADIMAGE` if that is behind `end`.
fn within(at: u32, len: u32, end: u32) -> Result<u32> {
    match at.checked_add(len) {
        Some(sum) if sum <= end => Ok(sum),
        _ => Err(Error::BADIMAGE),
    }
}

/// Read the header and walk the TLVs of the image in `area`.
///
/// `limit` is where the trailer begins. `Error::NOENT` means that there is no image,
/// `Error::BADIMAGE` that there is one which cannot be whole. The hash itself is not computed.
pub fn inspect<F: Flash>(flash: &mut F, area: &Area, limit: u32) -> Result<Info> {
    let mut info = Info::default();
    inspect_into(flash, area, limit, &mut info)?;
    Ok(info)
}

/// The same into a place of the caller, which is less code than handing 72 bytes around. What it
/// holds after an error is no image.
pub fn inspect_into<F: Flash>(
    flash: &mut F,
    area: &Area,
    limit: u32,
    info: &mut Info,
) -> Result<()> {
    // The header has the size of the hash, which takes its place in the end.
    area.read(flash, 0, &mut info.hash)?;
    info.header = Header::parse(&info.hash).ok_or(Error::NOENT)?;
    let header = &info.header;
    let limit = limit.min(area.size);
    let mut at = header.payload_end().ok_or(Error::BADIMAGE)?;
    let hashed = header.hashed_len().ok_or(Error::BADIMAGE)?;
    if u32::from(header.hdr_size) < Header::SIZE {
        return Err(Error::BADIMAGE);
    }
    let mut protected = u32::from(at != hashed);
    let (mut end, mut left, mut hash_at) = (at, MAX_TLVS, 0);
    loop {
        // Where an area ends, the info header of the next one begins. Both it and a TLV are two
        // numbers: a kind, and a length.
        let is_info = at == end;
        let value = within(at, 4, if is_info { limit } else { end })?;
        let mut pair = [0; 4];
        area.read(flash, at, &mut pair)?;
        let pair = u32::from_le_bytes(pair);
        let (kind, len) = (pair & 0xFFFF, pair >> 16);
        if is_info {
            // A length below 4 ends before the first TLV: the next step is refused.
            end = within(at, len, limit)?;
            at = value;
            if kind != INFO + protected {
                return Err(Error::BADIMAGE);
            }
        } else {
            at = within(value, len, end)?;
            if left == 0 {
                return Err(Error::BADIMAGE);
            }
            left -= 1;
            // A second one, one of another length, or one that would have to cover itself.
            if kind == SHA256 {
                if (len ^ HASH_LEN) | protected | hash_at != 0 {
                    return Err(Error::BADIMAGE);
                }
                hash_at = value;
            }
        }
        if at == end {
            if protected == 0 {
                break;
            }
            if at != hashed {
                return Err(Error::BADIMAGE);
            }
            protected = 0;
        }
    }
    if hash_at == 0 {
        return Err(Error::BADIMAGE);
    }
    info.hashed = hashed;
    info.end = end;
    area.read(flash, hash_at, &mut info.hash)
}
