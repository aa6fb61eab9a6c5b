//! Reading longer ranges piece by piece through a buffer of the caller.

use super::Digest;
use crate::flash::{Area, Flash, Result};
use crate::Error;

/// Read `len` bytes from `at`, as large pieces as `scratch` allows: into `digest`, or, without
/// one, to see whether they are erased (`Error::BADSTATE` if not).
fn scan<F: Flash>(
    flash: &mut F,
    area: &Area,
    (mut at, len): (u32, u32),
    scratch: &mut [u8],
    mut digest: Option<&mut Digest>,
) -> Result<()> {
    area.locate(at, len)?;
    let erased = area.erased(flash);
    let mut left = len as usize;
    while left != 0 {
        let n = scratch.len().min(left);
        let piece = scratch.get_mut(..n).filter(|piece| !piece.is_empty());
        let piece = piece.ok_or(Error::NOMEM)?;
        area.read(flash, at, piece)?;
        match &mut digest {
            Some(digest) => digest.update(piece),
            None if all_equal(piece, erased) => {}
            None => return Err(Error::BADSTATE),
        }
        at += n as u32;
        left -= n;
    }
    Ok(())
}

/// Hash the bytes `from..to` of an area.
pub fn hash_range<F: Flash>(
    flash: &mut F,
    area: &Area,
    from: u32,
    to: u32,
    digest: &mut Digest,
    scratch: &mut [u8],
) -> Result<()> {
    let len = to.checked_sub(from).ok_or(Error::INVAL)?;
    scan(flash, area, (from, len), scratch, Some(digest))
}

/// Whether these bytes are all erased: `Error::BADSTATE` if not, which keeps the result in one
/// register.
#[inline(never)]
pub fn blank<F: Flash>(
    flash: &mut F,
    area: &Area,
    offset: u32,
    len: u32,
    scratch: &mut [u8],
) -> Result<()> {
    scan(flash, area, (offset, len), scratch, None)
}

/// Are these bytes all erased?
pub fn is_blank<F: Flash>(
    flash: &mut F,
    area: &Area,
    offset: u32,
    len: u32,
    scratch: &mut [u8],
) -> Result<bool> {
    match blank(flash, area, offset, len, scratch) {
        Ok(()) => Ok(true),
        Err(Error::BADSTATE) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Four bytes at a time: a slot has half a million of them.
#[inline(never)]
pub(super) fn all_equal(bytes: &[u8], value: u8) -> bool {
    let pattern = u32::from_ne_bytes([value; 4]);
    let (words, rest) = bytes.as_chunks();
    let mut differs = 0;
    for &word in words {
        differs |= u32::from_ne_bytes(word) ^ pattern;
    }
    for &byte in rest {
        differs |= u32::from(byte ^ value);
    }
    differs == 0
}

#[cfg(test)]
mod tests {
    use super::all_equal;

    #[test]
    fn one_different_byte_is_found_anywhere() {
        for len in 0..40 {
            let mut bytes = [0xFFu8; 40];
            let part = bytes.get_mut(..len).unwrap_or_default();
            assert!(all_equal(part, 0xFF));
            for at in 0..len {
                if let Some(byte) = part.get_mut(at) {
                    *byte = 0x7F;
                }
                assert!(!all_equal(part, 0xFF), "{at} of {len}");
                if let Some(byte) = part.get_mut(at) {
                    *byte = 0xFF;
                }
            }
        }
    }
}
