//! The trailer at the end of a slot: where its fields are, reading them, writing one of them.

use super::{Flag, Magic, SwapState, SwapType};
use crate::flash::{Area, Flash, Result};
use crate::Error;

/// MCUboot's magic for 8-byte fields; larger fields have another one, which begins with their size.
const MAGIC_8: [u8; 16] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];
const MAGIC_ANY: [u8; 16] = [
    0x00, 0x00, 0x2D, 0xE1, 0x5D, 0x29, 0x41, 0x0B, 0x8D, 0x77, 0x67, 0x9C, 0x11, 0x0F, 0x1F, 0x8A,
];
/// MCUboot's default for the sectors of a slot, used by every PineTime bootloader.
const MAX_IMG_SECTORS: u32 = 128;
/// Swap status entries of each sector.
const STATUS_PER_SECTOR: u32 = 3;
/// Largest write unit, and so the largest piece a field is padded to.
const MAX_UNIT: usize = 32;

/// Layout of a trailer. All field offsets count back from the end of the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trailer {
    /// MCUboot's BOOT_MAX_ALIGN: 8, 16 or 32.
    pub max_align: u8,
}

impl Trailer {
    /// Bytes of the magic, the last field.
    pub const MAGIC_LEN: u32 = 16;

    fn field(&self, number: u32) -> u32 {
        let align = u32::from(self.max_align);
        // The magic takes 16 bytes, rounded up to whole fields.
        let magic = Self::MAGIC_LEN.max(align);
        magic.saturating_add(align.saturating_mul(number))
    }

    /// Of the 16 bytes of magic.
    pub fn magic_offset(&self) -> u32 {
        Self::MAGIC_LEN
    }

    /// Of the byte that confirms.
    pub fn image_ok_offset(&self) -> u32 {
        self.field(1)
    }

    /// Of the byte that ends a swap.
    pub fn copy_done_offset(&self) -> u32 {
        self.field(2)
    }

    /// Of the byte with the kind of swap.
    pub fn swap_info_offset(&self) -> u32 {
        self.field(3)
    }

    /// Of the 4 bytes with the swapped length.
    pub fn swap_size_offset(&self) -> u32 {
        self.field(4)
    }

    /// Bytes of the whole trailer of a slot with so many sectors.
    pub fn size(&self, write_unit: u32, sectors: u32) -> u32 {
        sectors
            .max(MAX_IMG_SECTORS)
            .saturating_mul(STATUS_PER_SECTOR)
            .saturating_mul(write_unit)
            .saturating_add(self.swap_size_offset())
    }

    /// The bytes of a good magic.
    pub fn magic_bytes(&self) -> [u8; 16] {
        if self.max_align == 8 {
            return MAGIC_8;
        }
        let mut magic = MAGIC_ANY;
        magic[0] = self.max_align;
        magic
    }

    /// Read what MCUboot's boot_read_swap_state reads, in its order.
    pub fn read_state<F: Flash>(&self, flash: &mut F, area: &Area) -> Result<SwapState> {
        let erased = area.geometry(flash)?.erased;
        let mut magic = [0; 16];
        read_back(flash, area, self.magic_offset(), &mut magic)?;
        let mut bytes = [0; 3];
        for (number, byte) in [3, 2, 1].into_iter().zip(bytes.chunks_exact_mut(1)) {
            read_back(flash, area, self.field(number), byte)?;
        }
        let [info, copy_done, image_ok] = bytes;
        let known = info != erased && info & 0xF <= SwapType::Revert as u8;
        let (swap_type, image_num) = if known {
            (info & 0xF, info >> 4)
        } else {
            (SwapType::None as u8, 0)
        };
        Ok(SwapState {
            magic: self.magic_state(&magic, erased),
            swap_type,
            copy_done: flag(copy_done, erased),
            image_ok: flag(image_ok, erased),
            image_num,
        })
    }

    fn magic_state(&self, magic: &[u8; 16], erased: u8) -> Magic {
        if *magic == self.magic_bytes() {
            Magic::Good
        } else if *magic == [erased; 16] {
            Magic::Unset
        } else {
            Magic::Bad
        }
    }

    /// Bring one field to `value`, padded to the write unit with erased bytes, and read it back.
    /// A field that has this value already is left alone.
    ///
    /// With `write` false nothing is written; the result says whether a write can succeed without
    /// an erase. That is so if the field is erased, or, with bytewise writes, if a cut left only a
    /// part of the bits programmed: programming it again finishes the job. Larger write units may
    /// carry check bits, which allow a unit to be written only once.
    pub(super) fn put<F: Flash>(
        flash: &mut F,
        area: &Area,
        offset: u32,
        value: &[u8],
        write: bool,
    ) -> Result<bool> {
        let geometry = area.geometry(flash)?;
        let unit = geometry.write_unit;
        // Counted back from the end of the slot, so the start rounds up and the end down.
        let first = offset.checked_next_multiple_of(unit).ok_or(Error::LAYOUT)?;
        let end = offset.saturating_sub(value.len() as u32);
        let last = end.saturating_sub(end.checked_rem(unit).ok_or(Error::LAYOUT)?);
        let len = first.saturating_sub(last) as usize;

        let mut wanted = [geometry.erased; MAX_UNIT];
        let padding = first.saturating_sub(offset) as usize;
        for (to, from) in wanted.iter_mut().skip(padding).zip(value) {
            *to = *from;
        }
        let wanted = wanted.get(..len).ok_or(Error::LAYOUT)?;
        let mut found = [0; MAX_UNIT];
        let found = found.get_mut(..len).ok_or(Error::LAYOUT)?;
        read_back(flash, area, first, found)?;
        if found == wanted {
            return Ok(true);
        }
        if !write {
            let mut pairs = found.iter().zip(wanted);
            return Ok(pairs.all(|(have, want)| {
                *have == geometry.erased || (unit == 1 && is_part_of(*have, *want, geometry.erased))
            }));
        }
        let start = area.size.checked_sub(first).ok_or(Error::RANGE)?;
        area.write(flash, start, wanted)?;
        read_back(flash, area, first, found)?;
        if found != wanted {
            return Err(Error::FLASH);
        }
        Ok(true)
    }
}

/// Read `dst.len()` bytes, `offset` back from the end of the area.
fn read_back<F: Flash>(flash: &mut F, area: &Area, offset: u32, dst: &mut [u8]) -> Result<()> {
    let start = area.size.checked_sub(offset).ok_or(Error::RANGE)?;
    area.read(flash, start, dst)
}

fn flag(byte: u8, erased: u8) -> Flag {
    if byte == erased {
        Flag::Unset
    } else if byte == 1 {
        Flag::Set
    } else {
        Flag::Bad
    }
}

/// Programming only moves bits away from the erased level: `have` lies on the way to `want` if
/// it has moved no bit that `want` has not.
pub(super) fn is_part_of(have: u8, want: u8, erased: u8) -> bool {
    (have ^ erased) & !(want ^ erased) == 0
}
