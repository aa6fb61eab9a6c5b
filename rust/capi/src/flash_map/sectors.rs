//! The sectors of an area, by their number on the device.

use super::{sys, Outcome, SYS_EINVAL};
use crate::compat::Board;
use smpkit_core::flash::Area;

/// All of one size, as the kit sees a device.
pub(super) struct Sectors {
    /// Number of the first one that starts inside the area.
    pub(super) first: u32,
    /// How many start inside the area.
    pub(super) count: u32,
    /// Bytes: a power of two.
    pub(super) size: u32,
}

impl Sectors {
    pub(super) fn of(board: &Board, area: &Area) -> Outcome<Sectors> {
        let size = area.geometry(&board).map_err(sys)?.sector();
        if !size.is_power_of_two() {
            return Err(SYS_EINVAL);
        }
        let number = |offset: u32| -> Outcome<u32> {
            let up = offset.checked_add(size.wrapping_sub(1)).ok_or(SYS_EINVAL)?;
            Ok(up.wrapping_shr(size.trailing_zeros()))
        };
        let first = number(area.offset)?;
        let end = number(area.offset.checked_add(area.size).ok_or(SYS_EINVAL)?)?;
        Ok(Sectors {
            first,
            count: end.wrapping_sub(first),
            size,
        })
    }

    /// Device offset of a sector by its number on the device.
    pub(super) fn start(&self, number: u32) -> u32 {
        number.wrapping_mul(self.size)
    }
}
