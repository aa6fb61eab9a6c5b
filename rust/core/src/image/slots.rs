//! The pair of slots: what will be started next, and the three trailer operations of an app.
//!
//! Every write is ordered so that a cut at any point leaves "not scheduled" or the old state,
//! never something MCUboot would act on by mistake: the magic is written last.

use super::swap::{decide, packed};
use super::trailer::{is_part_of, Field};
use super::{blank, inspect, Bootloader, Flag, Header, Magic, SwapType, Trailer};
use crate::flash::{check, trailer_size, Area, Flash, Result, NO_PLACES};
use crate::Error;

/// Both slots and the bootloader that swaps them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slots {
    /// The running image.
    pub primary: Area,
    /// Where updates are staged.
    pub secondary: Area,
    /// Largest image file: slot minus trailer. A larger one would be destroyed by the swap.
    pub limit: u32,
    /// MCUboot's BOOT_MAX_ALIGN: 8, 16 or 32.
    pub max_align: u8,
    /// What is installed.
    pub bootloader: Bootloader,
    trailer_sector: u32,
    sector: u32,
}

/// Bytes read at once when a trailer sector is checked; on the stack.
const PIECE: usize = 64;

impl Slots {
    /// Find the slots in a layout. `Error::LAYOUT` if the layout check finds a fault, or if a
    /// write unit is larger than `max_align`.
    pub fn new<F: Flash>(
        flash: &F,
        areas: &[Area],
        max_align: u8,
        bootloader: Bootloader,
    ) -> Result<Slots> {
        let mut places = NO_PLACES;
        check(flash, areas, &mut places).map_err(|_| Error::LAYOUT)?;
        let [_, slots @ .., _] = &places;
        let [primary, secondary] = slots;
        let align = u32::from(max_align);
        let (mut limit, mut start) = (u32::MAX, 0);
        for place in slots {
            let (size, unit) = (place.area.size, place.write_unit);
            // Sectors are powers of two, and not smaller than the write unit: no overflow. A status
            // entry is a write unit; with the first condition three of each sector do not overflow
            // either, and without it they do not fit.
            let sectors = size >> place.sector.trailing_zeros();
            if unit > align || sectors.max(128) * unit >= size / 2 {
                return Err(Error::LAYOUT);
            }
            let trailer = trailer_size(align, unit, sectors);
            if trailer + Header::SIZE >= size {
                return Err(Error::LAYOUT);
            }
            start = size - trailer;
            limit = start.min(limit);
        }
        // Only 8, 16 or 32.
        if align | 56 != 56 || !align.is_power_of_two() {
            return Err(Error::LAYOUT);
        }
        let sector = secondary.sector;
        Ok(Slots {
            primary: primary.area,
            secondary: secondary.area,
            limit,
            max_align,
            bootloader,
            trailer_sector: start & sector.wrapping_neg(),
            sector,
        })
    }

    /// Layout of the trailers.
    pub fn trailer(&self) -> Trailer {
        Trailer {
            max_align: self.max_align,
        }
    }

    /// Offset of the lowest sector of the secondary slot that its trailer touches.
    pub fn trailer_sector_start(&self) -> u32 {
        self.trailer_sector
    }

    /// What the bootloader will do at the next start.
    pub fn swap_type<F: Flash>(&self, flash: &mut F) -> SwapType {
        let trailer = self.trailer();
        let Ok(primary) = trailer.state(flash, &self.primary) else {
            return SwapType::Panic;
        };
        let secondary = match trailer.state(flash, &self.secondary) {
            Ok(state) => state,
            Err(_) if self.bootloader == Bootloader::Current => {
                packed(Magic::Unset, Flag::Unset, Flag::Unset)
            }
            Err(_) => return SwapType::Panic,
        };
        decide(primary, secondary, self.bootloader)
    }

    /// Whether the running image is on trial, whatever the trailer of the secondary says: if that
    /// were erased now, the bootloader would swap back without looking at the image (I2). What
    /// cannot be read counts as a trial.
    #[inline(never)]
    pub fn is_on_trial<F: Flash>(&self, flash: &mut F) -> bool {
        let unset = packed(Magic::Unset, Flag::Unset, Flag::Unset);
        match self.trailer().state(flash, &self.primary) {
            Ok(primary) => decide(primary, unset, self.bootloader) == SwapType::Revert,
            Err(_) => true,
        }
    }

    /// Schedule the image in the secondary slot for the next start.
    ///
    /// A trailer in the way is erased first, unless the image shares its sector or is not whole:
    /// then `Error::BADVECT`, and only a new upload helps. `Error::AGAIN` comes from the erase.
    pub fn set_pending<F: Flash>(&self, flash: &mut F, permanent: bool) -> Result<()> {
        let state = self.trailer().state(flash, &self.secondary)?;
        let asked = if permanent { Flag::Set } else { Flag::Unset };
        // A good magic must go before anything under it changes.
        let mut repair = state as u8 == Magic::Good as u8;
        if repair && (state >> 8) as u8 == asked as u8 {
            return Ok(());
        }
        let mut repaired = false;
        loop {
            if repair {
                self.erase_for_repair(flash)?;
                repaired = true;
            }
            match self.put_all(flash, permanent, false) {
                Err(Error::BADSTATE) if repaired => return Err(Error::FLASH),
                Err(Error::BADSTATE) => repair = true,
                Err(error) => return Err(error),
                Ok(()) => return self.put_all(flash, permanent, true),
            }
        }
    }

    /// The fields of the secondary in order. Stops at the first that cannot be written (or, with
    /// `write` false, could not be).
    #[inline(never)]
    fn put_all<F: Flash>(&self, flash: &mut F, permanent: bool, write: bool) -> Result<()> {
        let slot = &self.secondary;
        let erased = slot.erased(flash);
        let (ok, kind) = if permanent {
            (Flag::Set as u8, SwapType::Perm)
        } else {
            (erased, SwapType::Test)
        };
        // copy_done, image_ok, the kind of swap, and last the magic: one after another from the lowest
        // byte.
        let mut numbers = 0x03_01_02;
        let mut values = u32::from_le_bytes([erased, ok, kind as u8, 0]);
        loop {
            let field = Field {
                max_align: self.max_align,
                number: numbers as u8,
                value: values as u8,
                write,
            };
            Trailer::put(flash, slot, field)?;
            if numbers == 0 {
                return Ok(());
            }
            (numbers, values) = (numbers >> 8, values >> 8);
        }
    }

    /// Erase the last sector of the secondary, if the image there does not reach into it. Where no
    /// whole image is found its end is unknown, and there is nothing worth scheduling.
    fn erase_for_repair<F: Flash>(&self, flash: &mut F) -> Result<()> {
        let last = self.secondary.size - self.sector;
        match inspect(flash, &self.secondary, self.limit) {
            Ok(info) if info.end <= last => self.secondary.erase(flash, last, self.sector),
            Ok(_) | Err(Error::NOENT | Error::BADIMAGE) => Err(Error::BADVECT),
            Err(error) => Err(error),
        }
    }

    /// Keep the running image. Nothing to do if it never was on trial.
    pub fn confirm<F: Flash>(&self, flash: &mut F) -> Result<()> {
        let slot = &self.primary;
        let state = self.trailer().state(flash, slot)?;
        let (magic, image_ok) = (state as u8, (state >> 8) as u8);
        if magic == Magic::Bad as u8 {
            return Err(Error::BADVECT);
        }
        if magic == Magic::Unset as u8 || image_ok == Flag::Set as u8 {
            return Ok(());
        }
        // A byte on the way from erased to 1 is a confirm that was cut: it is finished. Any other
        // value already keeps MCUboot from rolling back, and cannot be made 1 without an erase.
        let found = self.trailer().byte(flash, slot, 1)? as u8;
        if !is_part_of(found, Flag::Set as u8, slot.erased(flash)) {
            return Ok(());
        }
        let field = Field {
            max_align: self.max_align,
            number: 1,
            value: Flag::Set as u8,
            write: true,
        };
        Trailer::put(flash, slot, field)
    }

    /// Erase the trailer of the secondary: one sector per call, the one with the magic first.
    /// `Error::AGAIN` until all are blank. What is blank already is not erased again.
    pub fn erase_trailer<F: Flash>(&self, flash: &mut F) -> Result<()> {
        let slot = &self.secondary;
        let mut scratch = [0; PIECE];
        let mut start = slot.size;
        let mut done = false;
        while start > self.trailer_sector {
            // Only one that was erased is looked at again.
            let at = start - self.sector;
            match blank(flash, slot, at, self.sector, &mut scratch) {
                // An erase that does nothing must not be tried for ever.
                Err(Error::BADSTATE) if done => return Err(Error::FLASH),
                Err(Error::BADSTATE) => {
                    slot.erase(flash, at, self.sector)?;
                    done = true;
                }
                Err(error) => return Err(error),
                Ok(()) if done && at > self.trailer_sector => return Err(Error::AGAIN),
                Ok(()) => start = at,
            }
        }
        Ok(())
    }
}
