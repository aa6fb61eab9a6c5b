//! What a swap costs the flash of the primary slot.
//!
//! MCUboot records its progress in the trailer, which on an nRF52832 lies in one block of 512 bytes
//! that may be written 181 times between erases. No app can change that; it can only be told.

/// Writes an nRF52832 allows to one block of 512 bytes between two erases.
pub const NRF52_BLOCK_WRITES: u32 = 181;

/// Writes to the trailer of the primary slot when an image of `len` bytes is swapped in through a
/// scratch area: three for each sector, and size, kind, end and magic; one more when the swap is
/// permanent or is confirmed.
pub fn swap_writes(len: u32, sector: u32) -> u32 {
    let sectors = match sector {
        0 => 0,
        sector => len.div_ceil(sector),
    };
    sectors.saturating_mul(3).saturating_add(7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    // failure case 30
    #[test]
    fn case_30_images_above_57_sectors_wear_the_trailer_block_too_much() {
        for (sectors, writes) in [(51, 161), (57, 179), (58, 182), (113, 347)] {
            assert_eq!(swap_writes(sectors * 4096, 4096), writes);
            assert_eq!(swap_writes(sectors * 4096 - 4095, 4096), writes);
        }
        assert!(swap_writes(57 * 4096, 4096) <= NRF52_BLOCK_WRITES);
        assert!(swap_writes(57 * 4096 + 1, 4096) > NRF52_BLOCK_WRITES);
        assert_eq!(swap_writes(u32::MAX, 1), u32::MAX);
        assert_eq!(swap_writes(4096, 0), 8);
    }
}
