//! The TLV areas behind the payload: found, bounded, walked, and the hash taken out.
//!
//! Everything read here comes from an uploaded file, so every number is checked before it is
//! used, and the walk is bounded.

use super::Header;
use crate::flash::{Area, Flash, Result};
use crate::Error;

const INFO_PROTECTED: u16 = 0x6908;
const INFO_PLAIN: u16 = 0x6907;
const SHA256: u16 = 0x10;
const HASH_LEN: u16 = 32;
/// More TLVs than any signed, encrypted and compressed image has; bounds the work.
const MAX_TLVS: u8 = 64;

/// What `inspect` found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

struct Walk<'a, F> {
    flash: &'a mut F,
    area: &'a Area,
    limit: u32,
    left: u8,
    hash_at: Option<u32>,
}

impl<F: Flash> Walk<'_, F> {
    /// Two numbers: what every info header and every TLV begins with.
    fn pair(&mut self, at: u32) -> Result<(u16, u16)> {
        let mut bytes = [0; 4];
        self.area.read(self.flash, at, &mut bytes)?;
        let [k0, k1, l0, l1] = bytes;
        Ok((u16::from_le_bytes([k0, k1]), u16::from_le_bytes([l0, l1])))
    }

    /// `at + len`, or `BADIMAGE` if that is behind `end`.
    fn within(at: u32, len: u32, end: u32) -> Result<u32> {
        match at.checked_add(len) {
            Some(sum) if sum <= end => Ok(sum),
            _ => Err(Error::BADIMAGE),
        }
    }

    /// Walk one area; returns where it ends.
    fn area(&mut self, start: u32, magic: u16) -> Result<u32> {
        let mut at = Self::within(start, 4, self.limit)?;
        let (found, total) = self.pair(start)?;
        let end = Self::within(start, u32::from(total), self.limit)?;
        if found != magic {
            return Err(Error::BADIMAGE);
        }
        // A total below 4 ends before the first TLV: the first step is refused.
        while at != end {
            let value = Self::within(at, 4, end)?;
            let (kind, len) = self.pair(at)?;
            at = Self::within(value, u32::from(len), end)?;
            self.left = self.left.checked_sub(1).ok_or(Error::BADIMAGE)?;
            if kind == SHA256 {
                // A second one, one of another length, or one that would have to cover itself.
                let wrong = len != HASH_LEN || magic != INFO_PLAIN;
                if wrong || self.hash_at.replace(value).is_some() {
                    return Err(Error::BADIMAGE);
                }
            }
        }
        Ok(end)
    }
}

/// Read the header and walk the TLVs of the image in `area`.
///
/// `limit` is where the trailer begins. `Error::NOENT` means that there is no image,
/// `Error::BADIMAGE` that there is one which cannot be whole. The hash itself is not computed.
pub fn inspect<F: Flash>(flash: &mut F, area: &Area, limit: u32) -> Result<Info> {
    let mut bytes = [0; Header::SIZE as usize];
    area.read(flash, 0, &mut bytes)?;
    let header = Header::parse(&bytes).ok_or(Error::NOENT)?;
    let payload_end = header.payload_end().ok_or(Error::BADIMAGE)?;
    let hashed = header.hashed_len().ok_or(Error::BADIMAGE)?;
    let mut walk = Walk {
        flash,
        area,
        limit: limit.min(area.size),
        left: MAX_TLVS,
        hash_at: None,
    };
    let protected = header.protect_tlv_size != 0;
    if u32::from(header.hdr_size) < Header::SIZE
        || (protected && walk.area(payload_end, INFO_PROTECTED)? != hashed)
    {
        return Err(Error::BADIMAGE);
    }
    let end = walk.area(hashed, INFO_PLAIN)?;
    let mut hash = [0; HASH_LEN as usize];
    let hash_at = walk.hash_at.ok_or(Error::BADIMAGE)?;
    area.read(flash, hash_at, &mut hash)?;
    Ok(Info {
        header,
        hashed,
        end,
        hash,
    })
}
