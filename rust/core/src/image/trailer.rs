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
        let erased = flash.erased(area.device);
        let mut magic = [0; 16];
        read_back(flash, area, self.magic_offset(), &mut magic)?;
        let info = self.read_flag(flash, area, 3)? as u8;
        let copy_done = self.read_flag(flash, area, 2)? as u8;
        let image_ok = self.read_flag(flash, area, 1)? as u8;
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

    /// One of the fields of one byte; as a word, which is returned in registers.
    #[inline(never)]
    fn read_flag<F: Flash>(&self, flash: &mut F, area: &Area, number: u32) -> Result<u32> {
        let mut bytes = [0];
        read_back(flash, area, self.field(number), &mut bytes)?;
        let [byte] = bytes;
        Ok(byte.into())
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
    /// With `write` false nothing is written; `Error::BADSTATE` says that a write needs an erase
    /// first. That is not so if the field is erased, or, with bytewise writes, if a cut left only a
    /// part of the bits programmed: programming it again finishes the job. Larger write units may
    /// carry check bits, which allow a unit to be written only once.
    pub(super) fn put<F: Flash>(
        flash: &mut F,
        area: &Area,
        offset: u32,
        value: &[u8],
        write: bool,
    ) -> Result<()> {
        let (unit, erased) = (flash.write_unit(area.device), flash.erased(area.device));
        // Counted back from the end of the slot, so the start rounds up and the end down.
        let mask = unit.wrapping_neg();
        let first = (offset + unit - 1) & mask;
        let last = (offset - value.len() as u32) & mask;
        let len = (first - last) as usize;

        let mut wanted = [erased; MAX_UNIT];
        let padding = (first - offset) as usize;
        for (to, from) in wanted.iter_mut().skip(padding).zip(value) {
            *to = *from;
        }
        let mut found = [0; MAX_UNIT];
        let (Some(wanted), Some(found)) = (wanted.get(..len), found.get_mut(..len)) else {
            return Err(Error::LAYOUT);
        };
        read_back(flash, area, first, found)?;
        if found == wanted {
            return Ok(());
        }
        if write {
            area.write(flash, area.size.wrapping_sub(first), wanted)?;
            read_back(flash, area, first, found)?;
            return if found == wanted {
                Ok(())
            } else {
                Err(Error::FLASH)
            };
        }
        for (have, want) in found.iter().zip(wanted) {
            if *have != erased && !(unit == 1 && is_part_of(*have, *want, erased)) {
                return Err(Error::BADSTATE);
            }
        }
        Ok(())
    }
}

/// Read `dst.len()` bytes, `offset` back from the end of the area.
fn read_back<F: Flash>(flash: &mut F, area: &Area, offset: u32, dst: &mut [u8]) -> Result<()> {
    area.read(flash, area.size.wrapping_sub(offset), dst)
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
