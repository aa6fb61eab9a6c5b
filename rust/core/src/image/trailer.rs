//! The trailer at the end of a slot: where its fields are, reading them, writing one of them.

use super::range::all_equal;
use super::{Flag, Magic, SwapState, SwapType};
use crate::flash::{trailer_size, Area, Flash, Result};
use crate::Error;
use core::slice::from_mut;

/// MCUboot's magic for 8-byte fields, and the one for larger fields. The first byte is in the code:
/// the latter begins with their size.
#[rustfmt::skip]
const MAGIC: [[u8; 16]; 2] = [
    [0, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80],
    [0, 0x00, 0x2D, 0xE1, 0x5D, 0x29, 0x41, 0x0B, 0x8D, 0x77, 0x67, 0x9C, 0x11, 0x0F, 0x1F, 0x8A],
];
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
        align * number + Self::MAGIC_LEN.max(align)
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
        trailer_size(self.max_align.into(), write_unit, sectors)
    }

    /// The bytes of a good magic.
    #[inline(never)]
    pub fn magic_bytes(&self) -> [u8; 16] {
        let [eight, any] = &MAGIC;
        let (magic, first) = match self.max_align {
            8 => (eight, 0x77),
            align => (any, align),
        };
        let mut magic = *magic;
        magic[0] = first;
        magic
    }

    /// Read what MCUboot's boot_read_swap_state reads, in its order.
    pub fn read_state<F: Flash>(&self, flash: &mut F, area: &Area) -> Result<SwapState> {
        let [magic, image_ok, copy_done, info] = self.state(flash, area)?.to_le_bytes();
        let flag = |byte| match byte {
            1 => Flag::Set,
            2 => Flag::Bad,
            _ => Flag::Unset,
        };
        let mut state = SwapState {
            magic: match magic {
                1 => Magic::Good,
                2 => Magic::Bad,
                _ => Magic::Unset,
            },
            copy_done: flag(copy_done),
            image_ok: flag(image_ok),
            ..SwapState::UNSET
        };
        if info != area.erased(flash) && info & 0xF <= SwapType::Revert as u8 {
            state.swap_type = info & 0xF;
            state.image_num = info >> 4;
        }
        Ok(state)
    }

    /// The same, packed, and the byte with the kind of swap on top as it was read: it decides
    /// nothing.
    #[inline(never)]
    pub(super) fn state<F: Flash>(&self, flash: &mut F, area: &Area) -> Result<u32> {
        let erased = area.erased(flash);
        let mut found = [0; 16];
        read_back(flash, area, self.magic_offset(), &mut found)?;
        let mut state = 0;
        for number in (1..4).rev() {
            let byte = self.byte(flash, area, number)?;
            state = state << 8
                | if number == 3 {
                    byte
                } else {
                    flag(byte as u8, erased) as u32
                };
        }
        let magic = if found == self.magic_bytes() {
            Magic::Good
        } else if all_equal(&found, erased) {
            Magic::Unset
        } else {
            Magic::Bad
        };
        Ok(state << 8 | magic as u32)
    }

    /// A field of one byte, as it is; as a word, which is returned in registers.
    #[inline(never)]
    pub(super) fn byte<F: Flash>(&self, flash: &mut F, area: &Area, number: u32) -> Result<u32> {
        let mut byte = 0;
        read_back(flash, area, self.field(number), from_mut(&mut byte))?;
        Ok(byte.into())
    }

    /// Bring one field to its value, padded to the write unit with erased bytes, and read it back.
    /// A field that has this value already is left alone.
    ///
    /// With `write` false nothing is written; `Error::BADSTATE` says that a write needs an erase
    /// first. That is not so if the field is erased, or, with bytewise writes, if a cut left only a
    /// part of the bits programmed: programming it again finishes the job. Larger write units may
    /// carry check bits, which allow a unit to be written only once.
    pub(super) fn put<F: Flash>(flash: &mut F, area: &Area, field: Field) -> Result<()> {
        let (unit, erased) = (flash.write_unit(area.device), area.erased(flash));
        let trailer = Trailer {
            max_align: field.max_align,
        };
        // Fields are whole write units, and those of one byte begin with it. The magic ends the
        // slot, and so its write unit.
        let mut wanted = [erased; MAX_UNIT];
        let mut len = unit;
        let mut offset = trailer.field(field.number.into());
        if field.number == 0 {
            if let Some(end) = wanted.last_chunk_mut() {
                *end = trailer.magic_bytes();
            }
            len = unit.max(Self::MAGIC_LEN);
            offset = len;
        }
        let skip = MAX_UNIT.wrapping_sub(len as usize);
        let mut found = [0; MAX_UNIT];
        let (Some(wanted), Some(found)) = (wanted.get_mut(skip..), found.get_mut(skip..)) else {
            return Err(Error::LAYOUT);
        };
        if let Some(first) = wanted.first_mut().filter(|_| field.number != 0) {
            *first = field.value;
        }
        let at = area.size.wrapping_sub(offset);
        let mut written = false;
        loop {
            area.read(flash, at, found)?;
            if found == wanted {
                return Ok(());
            }
            if !field.write {
                break;
            }
            if written {
                return Err(Error::FLASH);
            }
            area.write(flash, at, wanted)?;
            written = true;
        }
        for (have, want) in found.iter().zip(wanted) {
            let want = if unit == 1 { *want } else { erased };
            if !is_part_of(*have, want, erased) {
                return Err(Error::BADSTATE);
            }
        }
        Ok(())
    }
}

/// A field and what is to be in it; small enough for a register.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Field {
    /// Of the trailer.
    pub max_align: u8,
    /// Counted from the end; 0 is the magic.
    pub number: u8,
    /// Unless it is the magic.
    pub value: u8,
    pub write: bool,
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
