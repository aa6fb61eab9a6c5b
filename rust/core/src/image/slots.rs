//! The pair of slots: what will be started next, and the three trailer operations of an app.
//!
//! Every write is ordered so that a cut at any point leaves "not scheduled" or the old state,
//! never something MCUboot would act on by mistake: the magic is written last.

use super::trailer::is_part_of;
use super::{blank, inspect, swap_type, Bootloader, Flag, Magic, SwapState, SwapType, Trailer};
use crate::flash::layout::{find, ID_PRIMARY, ID_SECONDARY};
use crate::flash::{check_areas, Area, Flash, Result};
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
        check_areas(flash, areas).map_err(|_| Error::LAYOUT)?;
        let primary = find(areas, ID_PRIMARY).ok_or(Error::LAYOUT)?;
        let secondary = find(areas, ID_SECONDARY).ok_or(Error::LAYOUT)?;
        let (one, _) = trailer_start(flash, &primary, max_align)?;
        let (two, sector) = trailer_start(flash, &secondary, max_align)?;
        Ok(Slots {
            primary,
            secondary,
            limit: one.min(two),
            max_align,
            bootloader,
            // Sectors are powers of two.
            trailer_sector: two & !sector.saturating_sub(1),
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
        let Ok(primary) = trailer.read_state(flash, &self.primary) else {
            return SwapType::Panic;
        };
        let secondary = match trailer.read_state(flash, &self.secondary) {
            Ok(state) => state,
            Err(_) if self.bootloader == Bootloader::Current => SwapState::UNSET,
            Err(_) => return SwapType::Panic,
        };
        swap_type(&primary, &secondary, self.bootloader)
    }

    /// Schedule the image in the secondary slot for the next start.
    ///
    /// A trailer in the way is erased first, unless the image shares its sector or is not whole:
    /// then `Error::BADVECT`, and only a new upload helps. `Error::AGAIN` comes from the erase.
    pub fn set_pending<F: Flash>(&self, flash: &mut F, permanent: bool) -> Result<()> {
        let trailer = self.trailer();
        let slot = &self.secondary;
        let state = trailer.read_state(flash, slot)?;
        let asked = if permanent { Flag::Set } else { Flag::Unset };
        if state.magic == Magic::Good && state.image_ok == asked {
            return Ok(());
        }
        let erased = flash.erased(slot.device);
        let (ok, kind) = if permanent {
            (Flag::Set as u8, SwapType::Perm)
        } else {
            (erased, SwapType::Test)
        };
        let magic = trailer.magic_bytes();
        let fields: [(u32, &[u8]); 4] = [
            (trailer.copy_done_offset(), &[erased]),
            (trailer.image_ok_offset(), &[ok]),
            (trailer.swap_info_offset(), &[kind as u8]),
            (trailer.magic_offset(), &magic),
        ];
        // A good magic must go before anything under it changes.
        let mut fits = Err(Error::BADSTATE);
        if state.magic != Magic::Good {
            fits = put_all(flash, slot, &fields, false);
        }
        if fits == Err(Error::BADSTATE) {
            self.erase_for_repair(flash)?;
            fits = match put_all(flash, slot, &fields, false) {
                Err(Error::BADSTATE) => Err(Error::FLASH),
                other => other,
            };
        }
        fits?;
        put_all(flash, slot, &fields, true)
    }

    /// Erase the last sector of the secondary, if the image there does not reach into it. Where no
    /// whole image is found its end is unknown, and there is nothing worth scheduling.
    fn erase_for_repair<F: Flash>(&self, flash: &mut F) -> Result<()> {
        let last = self.secondary.size.saturating_sub(self.sector);
        match inspect(flash, &self.secondary, self.limit) {
            Ok(info) if info.end <= last => self.secondary.erase(flash, last, self.sector),
            Ok(_) | Err(Error::NOENT | Error::BADIMAGE) => Err(Error::BADVECT),
            Err(error) => Err(error),
        }
    }

    /// Keep the running image. Nothing to do if it never was on trial.
    pub fn confirm<F: Flash>(&self, flash: &mut F) -> Result<()> {
        let trailer = self.trailer();
        let slot = &self.primary;
        let state = trailer.read_state(flash, slot)?;
        match (state.magic, state.image_ok) {
            (Magic::Bad, _) => Err(Error::BADVECT),
            (Magic::Unset, _) | (_, Flag::Set) => Ok(()),
            (Magic::Good, flag) => self.write_image_ok(flash, flag),
        }
    }

    /// A byte on the way from erased to 1 is a confirm that was cut: it is finished. Any other
    /// value already keeps MCUboot from rolling back, and cannot be made 1 without an erase.
    fn write_image_ok<F: Flash>(&self, flash: &mut F, flag: Flag) -> Result<()> {
        let slot = &self.primary;
        let offset = self.trailer().image_ok_offset();
        let erased = flash.erased(slot.device);
        let mut found = [0];
        slot.read(flash, slot.size.saturating_sub(offset), &mut found)?;
        let [found] = found;
        if flag == Flag::Bad && !is_part_of(found, 1, erased) {
            return Ok(());
        }
        Trailer::put(flash, slot, offset, &[Flag::Set as u8], true)
    }

    /// Erase the trailer of the secondary: one sector per call, the one with the magic first.
    /// `Error::AGAIN` until all are blank. What is blank already is not erased again.
    pub fn erase_trailer<F: Flash>(&self, flash: &mut F) -> Result<()> {
        let slot = &self.secondary;
        let mut scratch = [0; PIECE];
        let mut start = slot.size;
        while start > self.trailer_sector {
            start -= self.sector;
            match blank(flash, slot, start, self.sector, &mut scratch) {
                Err(Error::BADSTATE) => {}
                Err(error) => return Err(error),
                Ok(()) => continue,
            }
            slot.erase(flash, start, self.sector)?;
            // An erase that does nothing must not be tried for ever.
            match blank(flash, slot, start, self.sector, &mut scratch) {
                Err(Error::BADSTATE) => return Err(Error::FLASH),
                Err(error) => return Err(error),
                Ok(()) if start > self.trailer_sector => return Err(Error::AGAIN),
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

/// Where the trailer of a slot begins, and the sector size there.
fn trailer_start<F: Flash>(flash: &F, slot: &Area, max_align: u8) -> Result<(u32, u32)> {
    let geometry = slot.geometry(flash)?;
    let sectors = slot.size.checked_div(geometry.sector());
    let size = Trailer { max_align }.size(geometry.write_unit, sectors.ok_or(Error::LAYOUT)?);
    let known = matches!(max_align, 8 | 16 | 32) && geometry.write_unit <= u32::from(max_align);
    match slot.size.checked_sub(size) {
        Some(start) if known && start > super::Header::SIZE => Ok((start, geometry.sector())),
        _ => Err(Error::LAYOUT),
    }
}

/// The fields in order. Stops at the first that cannot be written (or, with `write` false, could
/// not be).
fn put_all<F: Flash>(
    flash: &mut F,
    slot: &Area,
    fields: &[(u32, &[u8])],
    write: bool,
) -> Result<()> {
    for (offset, value) in fields {
        Trailer::put(flash, slot, *offset, value, write)?;
    }
    Ok(())
}
