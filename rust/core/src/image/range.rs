//! Reading longer ranges piece by piece through a buffer of the caller.

use super::Digest;
use crate::flash::{Area, Flash, Result};
use crate::Error;

/// Hand `len` bytes from `offset` to `each`, as large pieces as `scratch` allows, until it
/// answers false. Returns false if it did.
fn scan<F: Flash>(
    flash: &mut F,
    area: &Area,
    offset: u32,
    len: u32,
    scratch: &mut [u8],
    mut each: impl FnMut(&[u8]) -> bool,
) -> Result<bool> {
    if scratch.is_empty() {
        return Err(Error::NOMEM);
    }
    area.locate(offset, len)?;
    let (mut at, mut left) = (offset, len as usize);
    while left != 0 {
        let wanted = scratch.len().min(left);
        let piece = scratch.get_mut(..wanted).ok_or(Error::NOMEM)?;
        area.read(flash, at, piece)?;
        if !each(piece) {
            return Ok(false);
        }
        at = at.saturating_add(wanted as u32);
        left = left.saturating_sub(wanted);
    }
    Ok(true)
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
    scan(flash, area, from, len, scratch, |piece| {
        digest.update(piece);
        true
    })?;
    Ok(())
}

/// Are these bytes all erased?
pub fn is_blank<F: Flash>(
    flash: &mut F,
    area: &Area,
    offset: u32,
    len: u32,
    scratch: &mut [u8],
) -> Result<bool> {
    let erased = area.geometry(flash)?.erased;
    scan(flash, area, offset, len, scratch, |piece| {
        all_equal(piece, erased)
    })
}

/// Four bytes at a time: a slot has half a million of them.
fn all_equal(bytes: &[u8], value: u8) -> bool {
    let pattern = u32::from_ne_bytes([value; 4]);
    let words = bytes.chunks_exact(4);
    let mut differs = 0;
    for &byte in words.remainder() {
        differs |= u32::from(byte ^ value);
    }
    for word in words {
        if let Some(&word) = word.first_chunk() {
            differs |= u32::from_ne_bytes(word) ^ pattern;
        }
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
